"""The supervisor's end of one worker process: what it is handed, asked and told, and what it counted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Self

from weirkeeper_server.counted import Counted
from weirkeeper_server.workers.messages import LONGEST, heard, say
from weirkeeper_server.workers.worker import Ends

LOOK_SECONDS: Final = 1.0
"""A worker that has not said by then what it counted is taken at its word of the look before."""


class Loss(NamedTuple):
    """What workers counted that ended without telling, as the operator reckons it of pods.

    `seconds` is for how long nobody had looked, `rows` how many were answered in as much time just before.
    """

    workers: int = 0
    seconds: float = 0.0
    rows: float = 0.0

    def plus(self, other: Loss) -> Loss:
        """Add another loss."""
        return Loss(self.workers + other.workers, self.seconds + other.seconds, self.rows + other.rows)


class Link:
    """One worker process. `hello` is what it said of its model; `counted` what it said last that it had counted."""

    def __init__(self, place: int, now: float) -> None:
        self.place = place
        self.began = now
        self.pid = 0
        self.hello: dict[str, Any] = {}
        self.counted: Counted | None = None
        self.finished = False
        self._looked = now
        self._pace = 0.0
        self._control, control = socket.socketpair()
        self._connections, connections = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connections.settimeout(0)
        self.theirs = Ends(control, connections)
        self._to: asyncio.StreamWriter
        self._looks: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._posts: set[asyncio.Task[None]] = set()

    async def listen(
        self,
        clock: Callable[[], float],
        arrived: Callable[[Self], None],
        count: Callable[[list[Any]], Awaitable[dict[str, Any]]],
    ) -> None:
        """Hear what the worker says until it ends; `arrived` is called at its first word, `count` counts labels."""
        reader, self._to = await asyncio.open_unix_connection(sock=self._control, limit=LONGEST)
        # Where it ended in the middle of a line, it has said nothing with it.
        with contextlib.suppress(ConnectionError, ValueError):
            async for message in heard(reader):
                match message:
                    case {"hello": hello}:
                        self.hello, self.pid = hello, hello["pid"]
                        arrived(self)
                    case {"failed": told}:
                        self.hello = told
                        arrived(self)
                    case {"counts": number, "counted": counted}:
                        self._take(clock(), Counted.read(counted))
                        if (waiting := self._looks.pop(number, None)) and not waiting.done():
                            waiting.set_result(None)
                    case {"last": counted}:
                        self._take(clock(), Counted.read(counted))
                        self.finished = True
                    case {"post": number, "items": items}:
                        posting = asyncio.create_task(self._answer(number, count(items)))
                        self._posts.add(posting)
                        posting.add_done_callback(self._posts.discard)
        self._to.close()
        self._connections.close()
        for waiting in self._looks.values():
            if not waiting.done():
                waiting.set_result(None)

    async def _answer(self, number: int, counting: Awaitable[dict[str, Any]]) -> None:
        say(self._to, receipt=number, told=await counting)

    def _take(self, now: float, counted: Counted) -> None:
        before = self.counted.rows if self.counted else 0
        if now > self._looked:
            self._pace = (counted.rows - before) / (now - self._looked)
        self.counted, self._looked = counted, now

    def hand(self, door: bytes, connection: socket.socket) -> bool:
        """Give the worker a connection; tells whether it could be given. It stays open here."""
        try:
            socket.send_fds(self._connections, [door], [connection.fileno()])
        except OSError:
            return False
        return True

    def tell(self, state: str) -> None:
        """Say which state the server is in."""
        say(self._to, state=state)

    def stop(self) -> None:
        """Say that it is time to answer what is under way, and to end."""
        say(self._to, stop=True)

    async def look(self) -> None:
        """Ask what it has counted, for a limited time."""
        self._number += 1
        waiting = self._looks[self._number] = asyncio.get_running_loop().create_future()
        say(self._to, counts=self._number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await waiting

    def lost(self, now: float) -> Loss:
        """Tell what it may have counted that it did not say."""
        if self.finished:
            return Loss()
        seconds = max(0.0, now - self._looked)
        return Loss(1, seconds, self._pace * seconds)

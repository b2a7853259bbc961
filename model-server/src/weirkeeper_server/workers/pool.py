"""The workers of one server: who gets which connection, what they counted together, and who follows one that ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from weirkeeper_server.counted import Counted
from weirkeeper_server.workers.link import Link, Loss
from weirkeeper_server.workers.nursery import Nursery
from weirkeeper_server.workers.places import Places

SOUND_SECONDS: Final = 10.0
"""A worker that ends sooner is followed by another only after a pause: what ended it may end that one too."""

LONGEST_PAUSE: Final = 30.0

log = logging.getLogger(__name__)


class Nurseries(NamedTuple):
    """Where workers come from: one that loads the model for them, and one whose workers load it themselves."""

    loading: Nursery
    plain: Nursery


class Pool:
    """All workers.

    `changed` is called whenever a worker is there that was not, or the reverse; `count` counts labels that they were
    posted. `lost` is what was counted by workers that ended without telling.
    """

    def __init__(
        self,
        nurseries: Nurseries,
        places: Places,
        clock: Callable[[], float],
        changed: Callable[[], None],
        count: Callable[[list[Any]], Awaitable[dict[str, Any]]],
    ) -> None:
        self._nurseries = nurseries
        self._nursery = nurseries.loading
        self._places = places
        self._clock = clock
        self._changed = changed
        self._count = count
        self._links: dict[int, Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._first: asyncio.Future[dict[str, Any]]
        self._former: Counted | None = None
        self._pauses = dict.fromkeys(range(len(places)), 0.0)
        self._state = "Loading"
        self._failed = False
        self._stopping = False
        self.lost = Loss()

    async def load(self) -> dict[str, Any]:
        """Have the model loaded and every worker started; give what they say of it, or why there is none."""
        told = await self._nurseries.loading.load()
        if "reason" in told:
            for nursery in self._nurseries:
                nursery.close()
            return told
        if told["threads"] > 1:
            log.info("the model has %d threads: each worker loads one of its own", told["threads"])
            self._nursery = self._nurseries.plain
            self._nurseries.loading.close()
        else:
            self._nurseries.plain.close()
        self._start_task(self._nursery.watch())
        self._first = asyncio.get_running_loop().create_future()
        for place in range(len(self._places)):
            self._start_task(self._keep(place))
        return await self._first

    def _start_task(self, running: Awaitable[None]) -> None:
        task = asyncio.ensure_future(running)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() and not self._stopping:
            log.critical("the workers cannot be kept", exc_info=task.exception())
            signal.raise_signal(signal.SIGTERM)

    async def _keep(self, place: int) -> None:
        """Have a worker in a place, as long as there is to be one."""
        while not self._stopping:
            link = Link(place, self._clock())
            self._places.begin(place)
            self._nursery.fork(place, link.theirs)
            await link.listen(self._clock, self._arrived, self._count)
            self._links.pop(place, None)
            self._settle(link)
            if self._failed:
                return  # The model cannot be loaded; the next worker could not do it either.
            await self._pause(link)

    def _arrived(self, link: Link) -> None:
        if "reason" not in link.hello:
            self._links[link.place] = link
            link.tell(self._state)
        if not self._first.done() and ("reason" in link.hello or self.complete):
            self._failed = "reason" in link.hello
            self._first.set_result(link.hello)
        self._changed()

    def _settle(self, link: Link) -> None:
        """Keep what a worker counted that has ended."""
        now = self._clock()
        if link.counted is not None:
            ended = link.counted.ended()
            self._former = self._former.plus(ended) if self._former else ended
        self.lost = self.lost.plus(link.lost(now))

    async def _pause(self, link: Link) -> None:
        """Wait before the next worker where this one was there for a moment only; not at all at the first time."""
        if self._stopping:
            return
        lived = self._clock() - link.began
        pause = self._pauses[link.place]
        self._pauses[link.place] = min(LONGEST_PAUSE, max(0.5, 2 * pause)) if lived < SOUND_SECONDS else 0.0
        if lived < SOUND_SECONDS and pause:
            log.error("worker %d ended after %.1f s; the next one starts in %g s", link.place, lived, pause)
            self._changed()
            await asyncio.sleep(pause)

    @property
    def complete(self) -> bool:
        """Whether there is a worker in each place."""
        return len(self._links) == len(self._places)

    def hand(self, door: bytes, connection: socket.socket) -> bool:
        """Give a connection to the worker that has fewest; tells whether there was one that could take it."""
        for place in self._places.order():
            link = self._links.get(place)
            if link is not None and link.hand(door, connection):
                self._places.handed(place)
                return True
        return False

    def tell(self, state: str) -> None:
        """Say to all, and to those that come, which state the server is in."""
        self._state = state
        for link in self._links.values():
            link.tell(state)

    async def look(self) -> None:
        """Ask all what they have counted."""
        await asyncio.gather(*(link.look() for link in self._links.values()))

    def counted(self) -> Counted | None:
        """Add up what workers counted, those that there are and those that there were; None before the first."""
        found = [link.counted for link in self._links.values() if link.counted]
        total = self._former
        for one in found:
            total = total.plus(one) if total else one
        return total

    async def stop(self, seconds: float) -> None:
        """Let all answer what is under way, and end; those that have not after `seconds` are ended."""
        self._stopping = True
        for link in self._links.values():
            link.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._links:  # noqa: ASYNC110  each removes itself
                    await asyncio.sleep(0.05)
        for link in self._links.values():
            log.error("worker %d did not end, and is ended", link.place)
            os.kill(link.pid, signal.SIGKILL)
        for task in tuple(self._tasks):
            task.cancel()

"""The process that workers are forked from, so that they share the memory of what it has loaded.

It has neither threads nor an event loop, and is forked itself before the supervisor has any: what forks beside a thread
copies locks that nobody will open.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.core import load
from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import LoadedModel
from weirkeeper_server.settings import Settings
from weirkeeper_server.workers.messages import failure_of
from weirkeeper_server.workers.places import Places
from weirkeeper_server.workers.worker import Ends, work

LOAD: Final = b"load"
_LONGEST: Final = 2**16

log = logging.getLogger(__name__)


class NurseryGone(RuntimeError):
    """The nursery has ended, so no worker can be started any more."""


class Nursery:
    """The supervisor's end of a nursery."""

    def __init__(self, settings: Settings, places: Places, beside: Sequence[Nursery] = ()) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        self._process = os.fork()
        if self._process == 0:
            for other in (self, *beside):
                # Else a nursery would not see that its supervisor has gone.
                other.let_go()
            tend(settings, theirs, places)
        theirs.close()
        self._channel.settimeout(0)

    async def load(self) -> dict[str, Any]:
        """Have the model loaded in the nursery; give why it failed, or `threads`, how many it has since then.

        Raises:
            NurseryGone: it ended over it.
        """
        self._channel.send(LOAD)
        return dict(json.loads(await self._heard()))

    def fork(self, place: int, ends: Ends) -> None:
        """Start a worker for a place; its ends of the sockets are closed here.

        Raises:
            NurseryGone: there is nobody to do it.
        """
        try:
            socket.send_fds(self._channel, [b"%d" % place], [end.fileno() for end in ends])
        except OSError as error:
            raise NurseryGone(f"no worker can be started: {error}") from error
        finally:
            for end in ends:
                end.close()

    async def watch(self) -> NoReturn:
        """Wait until it ends, which it does not by itself.

        Raises:
            NurseryGone: it did.
        """
        while True:
            await self._heard()

    async def _heard(self) -> bytes:
        said = await asyncio.get_running_loop().sock_recv(self._channel, _LONGEST)
        if not said:
            raise NurseryGone("the process that workers are forked from has ended")
        return said

    def let_go(self) -> None:
        """Close the supervisor's end in this process."""
        self._channel.close()

    def close(self) -> None:
        """Let it end; workers stay."""
        self.let_go()
        asyncio.get_running_loop().run_in_executor(None, os.waitpid, self._process, 0)


def tend(settings: Settings, channel: socket.socket, places: Places) -> NoReturn:
    """Do as the supervisor says until it has gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # A terminal signals every process; the supervisor says when it is time.
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _reap)
    loaded: LoadedModel | None = None
    try:
        while True:
            said, descriptors, _, _ = socket.recv_fds(channel, _LONGEST, len(Ends._fields))
            if said == LOAD:
                loaded, told = _loaded(settings)
                channel.send(json.dumps(told).encode()[:_LONGEST])
            elif said:
                ends = Ends(*(socket.socket(fileno=descriptor) for descriptor in descriptors))
                _fork(settings, channel, places, loaded, int(said), ends)
            else:
                os._exit(0)
    except BaseException:
        log.exception("the process that workers are forked from ended with a bug")
        os._exit(1)


def _loaded(settings: Settings) -> tuple[LoadedModel | None, dict[str, Any]]:
    try:
        loaded = load(read_bundle(settings.bundle), settings)
    except BundleError as error:
        return None, failure_of(error)
    loaded = replace(loaded, bundle=loaded.bundle.without_files())
    # What is there now is not looked at by the collector any more: looking would write to pages that are shared.
    gc.collect()
    gc.freeze()
    return loaded, {"threads": threads()}


def _fork(
    settings: Settings, channel: socket.socket, places: Places, loaded: LoadedModel | None, place: int, ends: Ends
) -> None:
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel.close()
        work(settings, loaded, ends, lambda: places.ended(place))
    for end in ends:
        end.close()


def threads() -> int:
    """Count the threads of this process, also those that Python knows nothing of."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.is_dir() else threading.active_count()


def _reap(*_: object) -> None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        if status:
            code = os.waitstatus_to_exitcode(status)
            log.warning("worker process %d ended by %s", process, f"signal {-code}" if code < 0 else f"code {code}")

"""The server as its supervisor sees it: one state, and the counts of all workers."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from weirkeeper_server.bundle import Bundle
from weirkeeper_server.core import ModelServer
from weirkeeper_server.counted import Counted
from weirkeeper_server.errors import BundleError
from weirkeeper_server.settings import Settings
from weirkeeper_server.workers.messages import probed_of
from weirkeeper_server.workers.places import Places
from weirkeeper_server.workers.pool import Nurseries, Pool
from weirkeeper_server.workers.posting import counted_by

MISSING: Final = "a worker ended, more than once; the server is ready again when the next one is there"


class PooledServer(ModelServer):
    """Predicts nothing itself. What it is asked before its workers are there it answers as a server that loads."""

    def __init__(self, settings: Settings, nurseries: Nurseries, places: Places) -> None:
        super().__init__(settings)
        self.pool = Pool(nurseries, places, self.clock, self._changed, partial(counted_by, self.feedback))
        self._remark = ""

    async def _load(self, bundle: Bundle) -> None:
        # Workers have the bytes of the model; there is no need of another copy.
        self.bundle = bundle.without_files()
        told = await self.pool.load()
        self.probed = probed_of(told)
        if "reason" in told:
            raise BundleError(told["reason"], told["message"])
        self.message = self._remark = told["remark"]
        self.parameters = told["parameters"]

    async def start(self) -> None:
        """Load as a single process does; the server is ready when all workers are."""
        await super().start()
        self.pool.tell(self.state)
        self._changed()

    def _changed(self) -> None:
        """Be ready only with all workers, once the model is loaded."""
        if self.state == "Ready" and not self.pool.complete:
            self.state, self.message = "Loading", MISSING
        elif self.state == "Loading" and self.message == MISSING and self.pool.complete:
            self.state, self.message = "Ready", self._remark
        else:
            return
        self.pool.tell(self.state)

    def drain(self) -> None:
        """Be ready no more, and let the workers know."""
        super().drain()
        self.pool.tell(self.state)

    def counted(self, latency_from: float = 0.0) -> Counted:
        """Give what all workers had counted when they were asked last, and what was answered before they were there."""
        own, others = super().counted(), self.pool.counted()
        return (own.plus(others) if others else own).since(latency_from)

    def evidence(self, known_profile: str = "", latency_from: float = 0.0, labels_cursor: str = "") -> dict[str, Any]:
        """Tell what a server of one process does, and what was lost with workers that ended."""
        return {**super().evidence(known_profile, latency_from, labels_cursor), "lost": self.pool.lost._asdict()}

"""Who may write: one process holds a Lease. What others hold is judged by our own monotonic clock alone."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.errors import Conflict, Deposed, KubeError, NotFound
from weirkeeper.kube.resources import LEASE
from weirkeeper.plan.snapshot import Object

DURATION: Final = 15.0
"""For so many seconds others leave a lease alone that was not renewed."""
DEADLINE: Final = 10.0
"""For so many seconds after the last renewal we write; less than DURATION, so that two never write at once."""
PERIOD: Final = 3.0
"""Seconds between two renewals."""

log = logging.getLogger(__name__)


class Leader:
    """This process among those that may lead; `identity` must be its own, also after a restart in the same pod.

    `on_gain` is called whenever this process may write that could not just before.
    """

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        on_gain: Callable[[], None] = lambda: None,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._renewed: float | None = None
        self._seen: tuple[str, float] = ("", clock())
        self._on_gain = on_gain

    def holds(self) -> bool:
        """Whether this process may write now."""
        return self._renewed is not None and self._clock() < self._renewed + DEADLINE

    async def run(self) -> None:
        """Try to lead, and go on leading. While the API server is away nothing is given up but the right to write.

        Raises:
            Deposed: this process led, and another does now.
        """
        while True:
            try:
                await self.attempt()
            except Deposed:
                raise
            except KubeError as error:
                log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            await asyncio.sleep(PERIOD * random.uniform(0.9, 1.1))  # noqa: S311 - jitter

    async def attempt(self) -> None:
        """Gain or renew the lease, if nobody else holds it.

        Raises:
            Deposed: this process led, and another does now.
            KubeError: the API server did not answer, or refused.
        """
        began = self._clock()
        try:
            lease = await self._api.get(LEASE, self._namespace, self._name)
        except NotFound:
            await self._api.create(self._lease({}, 0))
        else:
            if not self._free(lease):
                return
            taken = int(lease["spec"].get("leaseTransitions") or 0) + (self._holder(lease) != self._identity)
            try:
                await self._api.replace(self._lease(lease, taken))
            except Conflict:
                # Somebody was faster, or the write before arrived after all; the next look tells which.
                return
        led, self._renewed = self.holds(), began
        if not led:
            log.info("leading as %s", self._identity)
            self._on_gain()

    async def release(self) -> None:
        """Let another lead at once; done when this process ends in order.

        Raises:
            KubeError: the API server did not take it; the lease runs out by itself.
        """
        if self._renewed is None:
            return
        self._renewed = None
        lease = await self._api.get(LEASE, self._namespace, self._name)
        if self._holder(lease) == self._identity:
            await self._api.replace({**lease, "spec": {**lease["spec"], "holderIdentity": ""}})

    def _free(self, lease: Object) -> bool:
        """Whether the lease is ours, nobody's, or has not been renewed for as long as we watched it."""
        holder = self._holder(lease)
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        if holder in {"", self._identity}:
            return True
        if self._renewed is not None:
            self._renewed = None
            raise Deposed(f"lease {self._namespace}/{self._name} is held by {holder} now; this process ends")
        return self._clock() >= self._seen[1] + DURATION

    @staticmethod
    def _holder(lease: Object) -> str:
        return lease.get("spec", {}).get("holderIdentity") or ""

    def _lease(self, before: Object, transitions: int) -> dict[str, Any]:
        now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        gained = self._holder(before) != self._identity
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": before.get("metadata") or {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": now if gained else before["spec"].get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

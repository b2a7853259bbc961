"""Kopf as a feed of events: it watches, in a thread and an event loop of its own, and does nothing else.

Kopf ends on watch errors other than 410, on long outages and on refused lists, and at its end it cancels every task of
its event loop: so the loop must be its own, and what ends is started again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import kopf

from weirkeeper.kube.login import find_login
from weirkeeper.kube.resources import SELECTORS, WATCHED

LONGEST_PAUSE: Final = 10.0
LISTENING: Final = 60.0
"""A run of at least so many seconds was a good one: the next pause is short again."""

Deliver = Callable[[str | None, dict[str, Any]], None]
"""Given each event: its type (None: from a list) and the raw object."""

log = logging.getLogger(__name__)


class EndlessBackoffs:
    """Pauses between attempts at one request: doubling up to a limit, without an end."""

    def __iter__(self) -> Iterator[float]:
        """Begin anew for each request."""
        pause = 0.5
        while True:
            yield pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE)


def pinned_settings() -> kopf.OperatorSettings:
    """Kopf's settings, where its defaults would end the process, write, or wait for too long."""
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.networking.enforce_retry_after = True
    settings.networking.request_timeout = 30.0
    settings.networking.connect_timeout = 5.0
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.reconnect_backoff = 0.5
    settings.persistence.consistency_timeout = 30.0
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.process.ultimate_exiting_timeout = None
    # Kopf annotates this mapping with a type that it does not export.
    selectors: Any = settings.watching.label_selectors
    for resource in WATCHED:
        if selector := SELECTORS[resource]:
            group, _, version = resource.api_version.rpartition("/")
            selectors[group, version, resource.plural] = selector
    return settings


def registry_of(deliver: Deliver) -> kopf.OperatorRegistry:
    """Kopf's handlers: one for each watched kind, and one that says how to reach the API server."""
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        access = await (await find_login()).access()
        scheme, _space, token = (access.authorization or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.ca_path,
            insecure=access.insecure,
            scheme=scheme or None,
            token=token or None,
            certificate_path=access.certificate_path,
            private_key_path=access.private_key_path,
        )

    async def heard(event: Any, **_: Any) -> None:
        deliver(event["type"], event["object"])

    kopf.on.login(id="login", registry=registry)(login)
    for resource in WATCHED:
        group, _, version = resource.api_version.rpartition("/")
        kopf.on.event(group, version, resource.plural, id=f"feed-{resource.plural}", registry=registry)(heard)
    return registry


class Feed:
    """Runs Kopf for as long as it is wanted. `deliver` and `restarted` are called in the loop that started the feed.

    `namespaces` are those to watch; none means all. `restarted` is told when watching begins again after it broke off,
    since what was deleted meanwhile is not delivered.
    """

    def __init__(self, namespaces: Sequence[str], deliver: Deliver, restarted: Callable[[], None]) -> None:
        self._namespaces = tuple(namespaces)
        self._deliver = deliver
        self._restarted = restarted
        self._ending = threading.Event()
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def run(self) -> None:
        """Feed until cancelled."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._run, args=(loop,), name="kopf", daemon=True)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._ending.set()
            self.restart()

    def restart(self) -> None:
        """End the watching that goes on; it begins anew by itself."""
        stop = self._stop
        if stop is not None and not stop[0].is_closed():
            stop[0].call_soon_threadsafe(stop[1].set)

    def _run(self, home: asyncio.AbstractEventLoop) -> None:
        pause = 0.5
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                asyncio.run(self._watch(home))
            except Exception as error:  # noqa: BLE001 - Kopf raises whatever went wrong, and all of it is survived
                log.warning("watching broke off: %r; it begins again", error)
            pause = 0.5 if time.monotonic() - began > LISTENING else min(2 * pause, LONGEST_PAUSE)
            if self._ending.wait(pause):
                return
            _call(home, self._restarted)

    async def _watch(self, home: asyncio.AbstractEventLoop) -> None:
        stop = asyncio.Event()
        self._stop = (asyncio.get_running_loop(), stop)

        def deliver(kind: str | None, found: dict[str, Any]) -> None:
            _call(home, self._deliver, kind, found)

        await kopf.operator(
            registry=registry_of(deliver),
            settings=pinned_settings(),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            standalone=True,
            # Nobody is told it, but without one Kopf asks for a user name, and a pod's user has none.
            identity=cast("Any", "weirkeeper"),
            stop_flag=stop,
        )


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *given: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *given)

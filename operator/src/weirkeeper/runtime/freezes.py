"""Reads whether namespaces are frozen. Never watched: where there are Roles alone, nobody may list Namespaces."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from weirkeeper.api.names import FREEZE_ANNOTATION
from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.errors import Forbidden, NotFound
from weirkeeper.kube.resources import NAMESPACE
from weirkeeper.plan.freezing import freeze_of

IN_ATTEMPT: Final = 10.0
"""Seconds after which a namespace is read again while something in it may be promoted."""
AT_REST: Final = 300.0

log = logging.getLogger(__name__)


class Freezes:
    """What each namespace said when it was read last; its Models share one reading."""

    def __init__(self, api: KubeApi, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._read: dict[str, tuple[float, str]] = {}

    def of(self, namespace: str) -> str:
        """Why nothing may be promoted in `namespace`; empty where it may."""
        return self._read.get(namespace, (0.0, ""))[1]

    async def refresh(self, namespace: str, *, moving: bool) -> float:
        """Read the namespace where that is too long ago, which is sooner in an attempt; give when to do it again.

        Raises:
            KubeError: the API server did not answer.
        """
        every = IN_ATTEMPT if moving else AT_REST
        read_at = self._read.get(namespace, (float("-inf"), ""))[0]
        if self._clock() >= read_at + every:
            said = await self._look(namespace)
            read_at = self._clock()
            self._read[namespace] = read_at, said
        return read_at + every - self._clock()

    async def _look(self, namespace: str) -> str:
        try:
            return freeze_of(await self._api.get(NAMESPACE, None, namespace))
        except NotFound:
            return ""
        except Forbidden as error:
            # Whoever froze it cannot be heard: what must not happen in a freeze waits until that is mended.
            log.warning("namespace %s cannot be read: %s", namespace, error)
            return (
                f"the operator may not read namespace {namespace} and so not its annotation {FREEZE_ANNOTATION}:"
                " let it `get` namespaces, as the chart's roles do"
            )

"""Follows one kind for ever: a full list first, then each change, and a full list again whenever some were missed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.errors import Expired, KubeError, Transient
from weirkeeper.kube.resources import Resource
from weirkeeper.plan.snapshot import Object

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replaced:
    """These are all objects; what is not among them is gone."""

    objects: tuple[Object, ...]


@dataclass(frozen=True)
class Changed:
    """This object is new, or is another than before."""

    object: Object


@dataclass(frozen=True)
class Removed:
    """This object is gone."""

    object: Object


WatchEvent = Replaced | Changed | Removed


async def list_and_watch(
    api: KubeApi,
    resource: Resource,
    namespace: str | None,
    label_selector: str = "",
) -> AsyncIterator[WatchEvent]:
    """Yield everything that happens to a kind. Never ends: while the API server is away it waits and tries again."""
    pause = FIRST_PAUSE
    version = ""
    while True:
        try:
            if not version:
                listing = await api.list(resource, namespace, label_selector)
                version = listing.resource_version
                yield Replaced(listing.items)
            async for raw in api.watch(resource, namespace, label_selector, version):
                pause = FIRST_PAUSE
                version = raw["object"]["metadata"]["resourceVersion"]
                if event := _event(raw["type"], raw["object"]):
                    yield event
        except Expired:
            version = ""
        except KubeError as error:
            log.warning("watching %s: %s; again in %.1f s", resource.plural, error, pause)
            # A broken stream goes on where it broke off; whatever else is wrong, a full list puts it right.
            version = version if isinstance(error, Transient) else ""
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE)


def _event(kind: str, found: Object) -> WatchEvent | None:
    if kind in {"ADDED", "MODIFIED"}:
        return Changed(found)
    return Removed(found) if kind == "DELETED" else None

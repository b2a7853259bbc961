"""The keys of the work queue, and to whose work an object belongs."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from weirkeeper.api import names
from weirkeeper.plan.snapshot import Object


class Key(NamedTuple):
    """One piece of work: a Model, or the routers of a namespace (whose name is empty)."""

    kind: Literal["Model", "Router"]
    namespace: str
    name: str = ""


REFERRING: Final = (names.ROLLOUT_KIND, names.MONITOR_KIND)


def model_of(item: Object) -> str | None:
    """The Model that an object belongs to: itself, the one it refers to, or the one its label names."""
    kind = item["kind"]
    if kind == names.MODEL_KIND:
        return str(item["metadata"]["name"])
    if kind in REFERRING:
        referred = (item.get("spec") or {}).get("modelRef", {}).get("name")
        return str(referred) if referred else None
    labels = item["metadata"].get("labels") or {}
    return labels.get(names.LABEL_MODEL)


def is_router(item: Object) -> bool:
    """Whether an object is part of a namespace's routers."""
    labels = item["metadata"].get("labels") or {}
    return bool(labels.get(names.LABEL_COMPONENT) == names.COMPONENT_ROUTER)

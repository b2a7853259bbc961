"""What a planner wants done: data for the executor, in the order in which it is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class StatusWrite:
    """A whole new status for one of our kinds, written only if the object still has `resource_version`."""

    kind: str
    namespace: str
    name: str
    resource_version: str
    status: Mapping[str, Any]


@dataclass(frozen=True)
class Delete:
    """An object to delete, guarded by the UID (and the resourceVersion where given) that the planner saw."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str | None = None


@dataclass(frozen=True)
class Notice:
    """An Event for people, about one object."""

    regarding: Mapping[str, Any]
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str = "Reconcile"


@dataclass(frozen=True)
class Create:
    """A Secret that is made unless it exists, and that nobody looks at again.

    `manifest` has no data: each of `keys` gets `size` random bytes, which no plan, log or cache ever holds.
    """

    manifest: Mapping[str, Any]
    keys: tuple[str, ...]
    size: int = 32


@dataclass(frozen=True)
class Plan:
    """What the executor does, in this order.

    First `creates`, then `applies` (server-side apply), then `statuses` (compare and swap; the Model's first, a
    conflict ends the plan), then `starts` (made unless they exist, and only once what asks for them is written), then
    `deletes`, then `notices`. `wake_at` is when to plan again if nothing happens.
    `list_pods_of` names the revisions whose pods must be listed before the next plan. `fast` asks the collector to
    poll routers twice a second until they acknowledge. `queries` are those of the gates, to be put to Prometheus, and
    `sides` of the rows, "inputs" and "outputs", are those that the gates of the running attempt judge.
    """

    creates: tuple[Create, ...] = ()
    applies: tuple[Mapping[str, Any], ...] = ()
    statuses: tuple[StatusWrite, ...] = ()
    starts: tuple[Mapping[str, Any], ...] = ()
    deletes: tuple[Delete, ...] = ()
    notices: tuple[Notice, ...] = ()
    wake_at: float | None = None
    list_pods_of: tuple[str, ...] = ()
    fast: bool = False
    queries: tuple[str, ...] = ()
    sides: frozenset[str] = frozenset()

"""What is routed beside the split: copies of requests, callers told by their headers, and callers who stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from weirkeeper.api import names
from weirkeeper.api.steps import Callers, Sticky


@dataclass(frozen=True)
class Beside:
    """What a decision asks for beside its split.

    `mirrored` gets a copy of `percent` of the split's requests. `matched` alone answers callers that any of `callers`
    describes. Where `sticky` tells callers, those of `first` are the ones of the lowest buckets, so that more weight
    only adds callers to it. The first two are arms (names.arm): they have clusters and counters of their own.
    """

    mirrored: str = ""
    percent: int = 0
    matched: str = ""
    callers: tuple[Callers, ...] = ()
    sticky: Sticky | None = None
    first: str = ""

    @property
    def arms(self) -> AbstractSet[str]:
        """The arms that get requests."""
        return {self.mirrored, self.matched} - {""}

    def relieved(self, wanted: Beside) -> Beside:
        """Take away what `wanted` takes away, and add nothing."""
        mirrored = self.mirrored if self.mirrored == wanted.mirrored else ""
        callers = tuple(one for one in self.callers if one in wanted.callers) if self.matched == wanted.matched else ()
        return replace(
            self,
            mirrored=mirrored,
            percent=min(self.percent, wanted.percent) if mirrored else 0,
            matched=self.matched if callers else "",
            callers=callers,
        )


NOTHING = Beside()


def read_beside(traffic: Iterable[Mapping[str, Any]], sticky: Mapping[str, Any] | None) -> Beside:
    """Understand what a Model's status asks for beside the weights.

    Raises:
        ValueError: something is damaged; pydantic says what.
    """
    found = NOTHING
    for share in traffic:
        percent = int(share.get("mirror") or 0)
        callers = tuple(Callers.model_validate(one) for one in share.get("match") or ())
        if percent:
            found = replace(found, mirrored=names.arm(share["revision"], names.MIRROR), percent=percent)
        if callers:
            found = replace(found, matched=names.arm(share["revision"], names.MATCH), callers=callers)
    if sticky:
        known = {key: sticky[key] for key in ("header", "cookie") if key in sticky}
        found = replace(found, sticky=Sticky.model_validate(known), first=str(sticky.get("revision", "")))
    return found


def to_json(beside: Beside) -> dict[str, Any]:
    """Write it as JSON."""
    return {
        "mirrored": beside.mirrored,
        "percent": beside.percent,
        "matched": beside.matched,
        "callers": [one.to_json() for one in beside.callers],
        "sticky": beside.sticky.to_json() if beside.sticky else None,
        "first": beside.first,
    }


def from_json(found: Mapping[str, Any]) -> Beside:
    """Read what `to_json` wrote."""
    return Beside(
        found["mirrored"],
        found["percent"],
        found["matched"],
        tuple(Callers.model_validate(one) for one in found["callers"]),
        Sticky.model_validate(found["sticky"]) if found["sticky"] else None,
        found["first"],
    )

"""Whose decision is obeyed, and what is routed meanwhile: (former routes, status, ready clusters) -> routes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from weirkeeper.api import names
from weirkeeper.router.beside import NOTHING, Beside, read_beside
from weirkeeper.router.errors import InvalidTraffic

Weights: TypeAlias = tuple[tuple[str, int], ...]
"""(revision, weight); the weights sum to 100, or there is none at all."""

WHOLE: Final = 100

_REVISION: Final = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Wanted:
    """What a Model's status asks for. `uid` and `created` tell a Model from an earlier one of the same name."""

    uid: str
    created: str
    decision: int
    traffic: Weights
    beside: Beside = NOTHING

    @property
    def arms(self) -> AbstractSet[str]:
        """All that are to be kept warm, revisions at weight 0 too."""
        return frozenset(revision for revision, _ in self.traffic) | self.beside.arms

    @property
    def asked(self) -> AbstractSet[str]:
        """All that are to get requests."""
        return frozenset(revision for revision, _ in self.split) | self.beside.arms

    @property
    def split(self) -> Weights:
        """Those that are to get requests."""
        return tuple((revision, weight) for revision, weight in self.traffic if weight)


@dataclass(frozen=True)
class Applied:
    """What is routed for a Model: `split`, which carries out `decision` whole; `seen` is the latest decision seen."""

    uid: str
    created: str
    decision: int
    seen: int
    split: Weights
    beside: Beside = NOTHING

    @property
    def arms(self) -> AbstractSet[str]:
        """All that get requests."""
        return frozenset(revision for revision, _ in self.split) | self.beside.arms


def carrying(applied: Mapping[str, Applied]) -> AbstractSet[str]:
    """Name the revisions, and what they get apart from the split, that get requests."""
    return {arm for one in applied.values() for arm in one.arms}


def read_wanted(model: Mapping[str, Any]) -> Wanted:
    """Understand the status of a Model; one without a status has decision 0 and no traffic.

    Raises:
        InvalidTraffic: the weights do not sum to 100, a revision's name is none, or callers are told by no rule.
    """
    metadata, status = model["metadata"], model.get("status") or {}
    try:
        beside = read_beside(status.get("traffic") or (), status.get("sticky"))
    except ValueError as error:
        raise InvalidTraffic(f"model {metadata['name']}: callers cannot be told apart: {error}") from error
    wanted = Wanted(
        uid=metadata.get("uid", ""),
        created=metadata.get("creationTimestamp", ""),
        decision=int(status.get("decision") or 0),
        traffic=tuple((entry["revision"], int(entry.get("weight") or 0)) for entry in status.get("traffic") or ()),
        beside=beside,
    )
    revisions = {names.revision_of(arm) for arm in wanted.arms}
    for revision in revisions:
        # It becomes the name of a file.
        if not _REVISION.fullmatch(revision):
            raise InvalidTraffic(f"model {metadata['name']}: {revision!r:.80} is no revision's name; status is damaged")
    weights = [weight for _, weight in wanted.traffic]
    if len(revisions) != len(weights) or min(weights, default=0) < 0 or sum(weights) not in {0, WHOLE}:
        raise InvalidTraffic(f"model {metadata['name']}: traffic is {wanted.traffic}; weights must sum to {WHOLE}")
    return wanted


def is_stale(former: Applied | None, wanted: Wanted) -> bool:
    """Whether what was asked for was overtaken: an earlier decision, or an earlier Model of the same name."""
    if former is None:
        return False
    if former.uid == wanted.uid:
        return wanted.decision < former.seen
    return wanted.created < former.created


def all_applied(
    former: Mapping[str, Applied], wanted: Mapping[str, Wanted | None], ready: AbstractSet[str]
) -> dict[str, Applied]:
    """Do it for all Models that exist; one whose status is damaged (None) keeps what it has."""
    following = {
        model: former.get(model) if asked is None else next_applied(former.get(model), asked, ready)
        for model, asked in wanted.items()
    }
    return {model: applied for model, applied in following.items() if applied is not None}


def next_applied(former: Applied | None, wanted: Wanted, ready: AbstractSet[str]) -> Applied:
    """Obey `wanted`, unless it is stale, as far as its new revisions are `ready`.

    A revision that gets requests already is not waited for. While another is, the rest of the decision waits with it;
    only what takes weight away is done at once, and no decision is acknowledged for that.
    """
    if former is not None and is_stale(former, wanted):
        return former
    routed = former.arms if former else frozenset()
    if wanted.asked <= routed | ready:
        return Applied(wanted.uid, wanted.created, wanted.decision, wanted.decision, wanted.split, wanted.beside)
    if former is None or former.uid != wanted.uid:
        kept = (former.split, former.beside) if former else ((), NOTHING)
        return Applied(wanted.uid, wanted.created, 0, wanted.decision, *kept)
    return replace(
        former,
        seen=wanted.decision,
        split=_relieved(former.split, wanted.split),
        beside=former.beside.relieved(wanted.beside),
    )


def _relieved(former: Weights, wanted: Weights) -> Weights:
    """Take away what `wanted` takes away; the largest wanted one of those that have a route gets it."""
    goals = dict(wanted)
    kept = {revision: min(weight, goals[revision]) for revision, weight in former if revision in goals}
    if not kept:
        return former
    heir = max(kept, key=lambda revision: (goals[revision], revision))
    kept[heir] += WHOLE - sum(kept.values())
    return tuple(kept.items())

"""What an agent must know after a restart, so that it neither goes back nor forgets what is routed. Pure.

It lies beside Envoy's files and is written before the routes that it describes.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final

from weirkeeper.router import beside as besides
from weirkeeper.router.counters import Counts
from weirkeeper.router.errors import BrokenMemory
from weirkeeper.router.traffic import Applied

SCHEMA: Final = 2

VERSIONS_KEPT: Final = 16
"""Envoy takes a new version within a second or refuses it; an older one than these is not in force."""


@dataclass(frozen=True)
class Series:
    """The counters of one revision, or of one of its arms, since its clusters were made.

    `epoch` differs whenever the clusters are made anew. `base` is what Envoy, which started at `started` (Unix
    seconds), had counted under these names before; None until that was read. `unused_since` is when the last route to
    it went, None while it is wanted.
    """

    epoch: int
    base: Counts | None = None
    started: float = 0.0
    unused_since: float | None = None


@dataclass(frozen=True)
class Memory:
    """The agent's memory.

    `version` counts the route configurations, `versions` maps the last of them to the decision of each Model that it
    carries out. `applied` is what the latest one has, `series` are the revisions that have clusters.
    """

    version: int = 0
    versions: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    applied: Mapping[str, Applied] = field(default_factory=dict)
    series: Mapping[str, Series] = field(default_factory=dict)
    epochs: int = 0

    def with_applied(self, applied: Mapping[str, Applied]) -> Memory:
        """Remember that other routes are to be written, under the next version."""
        version = self.version + 1
        versions = {**self.versions, version: {model: one.decision for model, one in applied.items()}}
        kept = dict(sorted(versions.items())[-VERSIONS_KEPT:])
        return replace(self, version=version, versions=kept, applied=dict(applied))

    def with_wanted(self, wanted: AbstractSet[str], now: float) -> Memory:
        """Remember which revisions are to have clusters; one that is not wanted any more stays until it is dropped."""
        series, epochs = {}, self.epochs
        for revision, one in self.series.items():
            since = None if revision in wanted else one.unused_since or now
            series[revision] = replace(one, unused_since=since)
        for revision in sorted(wanted - self.series.keys()):
            epochs += 1
            series[revision] = Series(epochs)
        return replace(self, series=series, epochs=epochs)

    def with_bases(self, started: float, counts: Mapping[str, Counts]) -> Memory:
        """Remember what was counted before under the names of these revisions."""
        based = {
            revision: replace(self.series[revision], base=base, started=started) for revision, base in counts.items()
        }
        return replace(self, series={**self.series, **based})

    def without(self, dropped: AbstractSet[str]) -> Memory:
        """Forget revisions whose clusters go."""
        return replace(self, series={revision: one for revision, one in self.series.items() if revision not in dropped})


def to_json(memory: Memory) -> dict[str, Any]:
    """Write the memory as JSON."""
    return {
        "schema": SCHEMA,
        "version": memory.version,
        "epochs": memory.epochs,
        "versions": {str(version): dict(decisions) for version, decisions in memory.versions.items()},
        "applied": {
            model: [one.uid, one.created, one.decision, one.seen, list(one.split), besides.to_json(one.beside)]
            for model, one in memory.applied.items()
        },
        "series": {
            revision: [one.epoch, _counts_to_json(one.base), one.started, one.unused_since]
            for revision, one in memory.series.items()
        },
    }


def from_json(given: Any) -> Memory:
    """Read the memory.

    Raises:
        BrokenMemory: it is not what `to_json` writes.
    """
    try:
        if given["schema"] != SCHEMA:
            raise BrokenMemory(f"the agent's memory has schema {given['schema']!r:.40}; expected {SCHEMA}")
        return Memory(
            version=int(given["version"]),
            epochs=int(given["epochs"]),
            versions={int(version): dict(decisions) for version, decisions in given["versions"].items()},
            applied={model: _applied(*one) for model, one in given["applied"].items()},
            series={revision: _series(*one) for revision, one in given["series"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BrokenMemory(f"the agent's memory cannot be read ({error!r}); expected what an agent wrote") from error


def _applied(
    uid: str, created: str, decision: int, seen: int, split: list[tuple[str, int]], beside: dict[str, Any]
) -> Applied:
    weights = tuple((revision, weight) for revision, weight in split)
    return Applied(uid, created, decision, seen, weights, besides.from_json(beside))


def _series(epoch: int, base: list[int] | None, started: float, unused_since: float | None) -> Series:
    return Series(epoch, None if base is None else Counts(*base), started, unused_since)


def _counts_to_json(counts: Counts | None) -> list[int] | None:
    return None if counts is None else [counts.total, counts.bad, counts.failed, counts.retries]

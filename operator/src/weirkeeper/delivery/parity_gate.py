"""The parity gate asks whether groups of people fare alike with the candidate, by labels that came back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Final

from weirkeeper.delivery.feedback_gate import LEAST_POSTS, WEIGHTED
from weirkeeper.delivery.gate_kind import Look, NothingBefore, Tally
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict
from weirkeeper.statistics.groups import log_e_of_ratio
from weirkeeper.statistics.intervals import Share
from weirkeeper.statistics.labels import LabelCounts

if TYPE_CHECKING:
    from weirkeeper.api.gates import ParityGate

GROUPS_LIMIT: Final = 12
"""The largest groups are compared."""

NAME_LIMIT: Final = 40
"""Characters of the name of a group or a segment that are kept and told."""


@dataclass(frozen=True)
class ParityMemory(NothingBefore):
    """The gate's settings and the groups as they were seen last.

    `least` is how many times the highest share the lowest must be. `since` is the first slot of the attempt in which
    no weight changed (Unix seconds). `groups` maps a group's name to (chosen, rows); the evidence follows from them.
    `others` are segments that are counted where `segment` is not.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    metric: str
    segment: str
    least: float
    min_labels: int
    since: int = 0
    groups: tuple[tuple[str, int, int], ...] = ()
    posts: int = 0
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, settings: ParityGate, steps: int) -> ParityMemory:  # noqa: ARG003  one process for all
        """Take the settings of a Rollout's gate."""
        return cls(name, settings.metric, settings.segment, settings.min.number, settings.min_labels)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": [self.metric, self.segment, self.least, self.min_labels], "since": self.since,
            "groups": [list(group) for group in self.groups], "posts": self.posts, "others": list(self.others),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ParityMemory:
        """Read what `to_json` wrote."""
        metric, segment, least, labels = found["set"]
        groups = tuple((str(name), chosen, rows) for name, chosen, rows in found["groups"])
        others = tuple(found["others"])
        return cls(found["n"], metric, segment, float(least), labels, found["since"], groups, found["posts"], others)

    @property
    def modes(self) -> frozenset[Mode]:
        """Copies are answered to nobody, and chosen callers are not everyone."""
        return WEIGHTED

    @property
    def seen(self) -> bool:
        """Whether a label of the candidate's predictions came back for any group."""
        return bool(self.groups)

    def fold(self, look: Look) -> ParityMemory:
        """Take the counts of the attempt's slots as they are now: what came before is in them."""
        since = self.since or look.comparison.clean_from
        slots = look.evidence.labels.revisions.get(look.comparison.candidate, {})
        counted: dict[str, LabelCounts] = {}
        for start in slots:
            if start >= since:
                _merge(counted, slots[start])
        named = {name.partition("=")[0] for name in counted} - {""}
        found = {name.partition("=")[2]: one for name, one in counted.items() if name.startswith(f"{self.segment}=")}
        groups = sorted(_groups(found, self.metric), key=lambda group: -group[2])[:GROUPS_LIMIT]
        others = (get_close_matches(self.segment, sorted(named)) or sorted(named)[:3]) if not found else ()
        posts = counted[""].posts if "" in counted else 0
        told = tuple((name[:NAME_LIMIT], chosen, rows) for name, chosen, rows in sorted(groups))
        return replace(self, since=since, groups=told, posts=posts, others=tuple(name[:NAME_LIMIT] for name in others))

    @property
    def compared(self) -> list[tuple[str, Share]]:
        """The groups with enough rows."""
        return [(name, Share(chosen, rows)) for name, chosen, rows in self.groups if rows >= self.min_labels]

    @property
    def asked(self) -> str:
        """Which labels nothing is decided without."""
        return f"{self.min_labels} labelled rows in each of two groups, in {LEAST_POSTS} posts or more"

    @property
    def lacking(self) -> str:
        """What must still come before anything is decided; empty when nothing."""
        if not self.groups:
            told = f"; labels are counted by {', '.join(self.others)}" if self.others else ""
            return f"no label is counted by {self.segment!r}{told}: the Model's parameter `segments` must name it"
        if len(self.compared) < 2:  # noqa: PLR2004  a pair
            return f"waits for two groups of {self.min_labels} labelled rows"
        return f"waits for {LEAST_POSTS} posts, {self.posts} came" if self.posts < LEAST_POSTS else ""

    def evidence(self) -> tuple[float, float]:
        """The log e-values of Fail (one pair lies too far apart, all pairs sharing it) and Pass (no pair does)."""
        return log_e_of_ratio([share for _, share in self.compared], self.least)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge the counts."""
        fails, passes = self.evidence()
        rows = sum(rows for _, _, rows in self.groups)
        told = f"{self.name}: {self.metric} by {self.segment}: {self._told()}"
        return GateResult(
            self.name, self._verdict(fails, passes, levels), ArmCounts(rows), ArmCounts(), fails, passes, *levels, None,
            self._ratio(), "; ".join(part for part in (told, self.lacking) if part),
            needs=self.asked if self.lacking else "",
        )  # fmt: skip

    def _verdict(self, fails: float, passes: float, levels: Levels) -> Verdict:
        return "Inconclusive" if self.lacking else levels.verdict(fails, passes)

    def _told(self) -> str:
        told = [
            f"{name[:NAME_LIMIT]} {chosen / rows:.1%} of {rows}".replace("%", " %")
            for name, chosen, rows in self.groups
        ]
        return f"{', '.join(told)}, at least {self.least:g} of the highest allowed" if told else "no groups"

    def _ratio(self) -> float | None:
        shares = [share.value for _, share in self.compared]
        return min(shares) / max(shares) if len(shares) > 1 and max(shares) > 0.0 else None


def _merge(counted: dict[str, LabelCounts], segments: Mapping[str, LabelCounts]) -> None:
    for name, counts in segments.items():
        counted.setdefault(name, LabelCounts()).merge(counts)


def _groups(found: Mapping[str, LabelCounts], metric: str) -> Iterator[tuple[str, int, int]]:
    """Give of each group how many of its rows were given the favourable class, and of how many."""
    for name, counts in found.items():
        positive, cells = counts.positive, counts.confusion
        if not positive:
            continue
        if metric == "EqualOpportunity":
            rows = sum(count for (_, actual), count in cells.items() if actual == positive)
            chosen = cells[positive, positive]
        else:
            rows = counts.rows
            chosen = sum(count for (predicted, _), count in cells.items() if predicted == positive)
        if rows:
            yield name, chosen, rows

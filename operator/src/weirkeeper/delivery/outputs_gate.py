"""The outputs gate asks whether the candidate answers otherwise than stable does, on the same live traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import numpy as np

from weirkeeper.api.names import kept_name
from weirkeeper.delivery.evidence import AnswerSlot
from weirkeeper.delivery.gate_kind import SAME_REQUESTS, Look, NothingBefore, Tally, floats
from weirkeeper.delivery.inputs_gate import profile_of
from weirkeeper.delivery.psi_evidence import (
    NO_SUMS,
    BlockEvidence,
    Sums,
    added,
    block_evidence,
    log_e_of_fail,
    log_e_of_least,
    log_e_of_worst,
)
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode
from weirkeeper.statistics.bracketed import between, cuts_of, nearest_and_furthest
from weirkeeper.statistics.distances import effective_size, pooled
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import Counts, FeatureProfile

if TYPE_CHECKING:
    from weirkeeper.api.gates import OutputsGate

LEAST_ROWS: Final = 100
"""Rows of each arm that make a block."""

OUTPUTS_LIMIT: Final = 32
NAME_LIMIT: Final = 60
BY_PARTS: Final = ", by a few bins,"


class Table(NamedTuple):
    """Counts of candidate and stable by the same bins.

    Where the bundles count a number by unlike edges, `candidate` is the least different that it can be from `stable`
    and `furthest` the most different.
    """

    candidate: Sequence[float]
    stable: Sequence[float]
    furthest: Sequence[float] | None = None


@dataclass(frozen=True)
class OutputsMemory(NothingBefore):
    """The gate's settings and what it has learned.

    `most` is the PSI that is allowed. `sums` are those of each output by its name as it is kept; `candidate` and
    `stable` are the rows of all blocks up to `cursor` (the end of the last, Unix seconds). `worst` is the output that
    fails most, with the PSI in its last block. `problem` says why nothing can be compared. The first `limit` outputs
    are.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    most: float
    sums: tuple[tuple[str, Sums], ...] = ()
    candidate: int = 0
    stable: int = 0
    cursor: int = 0
    worst: tuple[str, float] = ("", 0.0)
    problem: str = ""
    limit: int = OUTPUTS_LIMIT

    @classmethod
    def of(cls, name: str, settings: OutputsGate, steps: int) -> OutputsMemory:  # noqa: ARG003  one process for all
        """Take the settings of a Rollout's gate."""
        return cls(name, settings.max_psi.number)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": self.most, "sums": [[name, *sums] for name, sums in self.sums],
            "of": [self.candidate, self.stable], "at": self.cursor, "worst": list(self.worst), "why": self.problem,
            "first": self.limit,
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> OutputsMemory:
        """Read what `to_json` wrote."""
        sums = tuple((kept_name(name, NAME_LIMIT), floats(one)) for name, *one in found["sums"])
        (candidate, stable), (worst, value) = found["of"], found["worst"]
        return cls(
            found["n"],
            float(found["set"]),
            sums,
            candidate,
            stable,
            found["at"],
            (worst, float(value)),
            found["why"],
            found.get("first", OUTPUTS_LIMIT),
        )

    def sharing(self, gates: int) -> OutputsMemory:
        """Leave room for so many gates of this kind in all."""
        return replace(self, limit=OUTPUTS_LIMIT // gates)

    @property
    def modes(self) -> frozenset[Mode]:
        """Chosen callers are answered otherwise than others."""
        return SAME_REQUESTS

    @property
    def seen(self) -> bool:
        """Whether a block of rows was compared."""
        return self.candidate > 0

    def fold(self, look: Look) -> OutputsMemory:
        """Add the slots of both arms since the last block, once there are enough rows of each."""
        comparison = look.comparison
        arms = [
            {slot.start: slot for slot in look.evidence.answers.get(arm or "", ())}
            for arm in (comparison.candidate, comparison.stable)
        ]
        first = max(self.cursor, comparison.clean_from)
        starts = sorted(start for start in arms[0].keys() & arms[1].keys() if start >= first)
        slots = [[arm[start] for start in starts] for arm in arms]
        if not starts or min(sum(slot.rows for slot in arm) for arm in slots) < LEAST_ROWS:
            return self
        try:
            profiles = [profile_of(look.evidence, str(arm)) for arm in (comparison.candidate, comparison.stable)]
        except ProfileError as error:
            return replace(self, problem=str(error)[:300])
        outputs = [{one.name: one for one in profile.outputs} if profile else {} for profile in profiles]
        memory = replace(self, cursor=max(slot.end for arm in slots for slot in arm))
        return memory.with_block(tables_of(outputs, slots), same_rows=comparison.mode == "Mirror")

    def with_block(self, tables: Mapping[str, Table], *, same_rows: bool = False) -> OutputsMemory:
        """Add one block: the counts of each output that can be compared, of copies by the `same_rows`."""
        tables = dict(list(tables.items())[: self.limit])
        if not tables:
            told = "no output is of the same kind in both bundles"
            return replace(self, problem=told)
        found = {name: _compared(table, self.most, same_rows=same_rows) for name, table in tables.items()}
        known = dict(self.sums)
        kept = {name: kept_name(name, NAME_LIMIT) for name in found}
        sums = known | {kept[name]: added(known.get(kept[name], NO_SUMS), one.gained) for name, one in found.items()}
        name = max(found, key=lambda one: log_e_of_fail(sums[kept[one]]))
        rows = [
            max(int(sum(arm)) for arm in arms) for arms in zip(*(table[:2] for table in tables.values()), strict=True)
        ]
        return replace(
            self,
            sums=tuple(sums.items())[: self.limit],
            candidate=self.candidate + rows[0],
            stable=self.stable + rows[1],
            worst=(name[:NAME_LIMIT] + (BY_PARTS if tables[name].furthest else ""), round(found[name].psi, 4)),
            problem="",
        )

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge what was folded."""
        columns = [sums for _, sums in self.sums]
        fails, passes = log_e_of_worst(columns), log_e_of_least(columns)
        verdict = levels.verdict(fails, passes)
        return GateResult(
            self.name, verdict, ArmCounts(self.candidate), ArmCounts(self.stable), fails, passes, *levels, None, None,
            f"{self.name}: {self._told()}",
        )  # fmt: skip

    def _told(self) -> str:
        if self.problem:
            return f"outputs cannot be compared: {self.problem}"
        if not self.seen:
            return f"waits for {LEAST_ROWS} rows of both arms in the same slots; it takes the built-in server"
        name, value = self.worst
        return (
            f"{name} is furthest of {len(self.sums)} outputs from stable's, PSI {value:.2f} in its last block,"
            f" at most {self.most:g} allowed; {self.candidate} rows of the candidate"
        )


def _compared(table: Table, most: float, *, same_rows: bool) -> BlockEvidence:
    """Judge one block: by brackets, Fail by the least that the PSI can be and Pass by the most."""
    nearest = _judged(table.stable, table.candidate, most, same_rows=same_rows)
    if table.furthest is None:
        return nearest
    furthest = _judged(table.stable, table.furthest, most, same_rows=same_rows)
    return replace(nearest, gained=(*nearest.gained[:-1], furthest.gained[-1]))


def _judged(stable: Sequence[float], candidate: Sequence[float], most: float, *, same_rows: bool) -> BlockEvidence:
    reference, live = pooled(np.asarray(stable, dtype=np.float64), np.asarray(candidate, dtype=np.float64))
    size = effective_size(float(reference.sum()), float(live.sum()))
    return block_evidence(reference, live, size, most, most, same_rows=same_rows)


def tables_of(
    outputs: Sequence[Mapping[str, FeatureProfile]], slots: Sequence[Sequence[AnswerSlot]]
) -> dict[str, Table]:
    """Put the counts of both arms side by side, of outputs that both bundles have."""
    tables: dict[str, Table] = {}
    for name in sorted(outputs[0].keys() & outputs[1].keys()):
        candidate, stable = (arm[name] for arm in outputs)
        counted = [[slot.outputs[name] for slot in arm if name in slot.outputs] for arm in slots]
        if not all(counted) or candidate.enumerated != stable.enumerated:
            continue
        if candidate.enumerated:
            tables[name] = _by_value([_values(candidate, counted[0]), _values(stable, counted[1])])
            continue
        arms = _bins(counted[0]), _bins(counted[1])
        alike = (candidate.edges, candidate.atoms) == (stable.edges, stable.atoms)
        tables[name] = Table(*arms) if alike else _by_parts((candidate, stable), arms)
    return tables


def _by_parts(outputs: tuple[FeatureProfile, FeatureProfile], arms: tuple[list[float], list[float]]) -> Table:
    """Cut both at edges of stable's, where the candidate's counts are known up to a bin."""
    cuts = cuts_of(*outputs)
    (low, high), (below, _) = (between(feature, arm, cuts) for feature, arm in zip(outputs, arms, strict=True))
    stable = np.diff([0.0, *below, sum(arms[1])])
    nearest, furthest = nearest_and_furthest(stable, low, high, sum(arms[0]))
    return Table(nearest.tolist(), stable.tolist(), furthest.tolist())


def _values(feature: FeatureProfile, counted: Sequence[Counts]) -> dict[str, float]:
    names = [*map(str, feature.values), ""]
    found = dict.fromkeys(names, 0.0)
    for counts in counted:
        for name, count in zip(names, counts["counts"], strict=True):
            found[name] += count
        found[""] += counts["unseen"]
    return found


def _by_value(arms: Sequence[Mapping[str, float]]) -> Table:
    """Classes that one arm does not know are none of its answers."""
    names = sorted({*arms[0], *arms[1]})
    candidate, stable = ([arm.get(name, 0.0) for name in names] for arm in arms)
    return Table(candidate, stable)


def _bins(counted: Sequence[Counts]) -> list[float]:
    return [float(sum(bins)) for bins in zip(*(counts["counts"] for counts in counted), strict=True)]

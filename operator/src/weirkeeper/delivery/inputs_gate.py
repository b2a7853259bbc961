"""The inputs gate asks whether the candidate is asked what it was made for: its live inputs against its own profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from weirkeeper.api import names
from weirkeeper.delivery.evidence import Evidence, ProfiledBlock
from weirkeeper.delivery.gate_kind import SAME_REQUESTS, Look, NothingBefore, Tally, floats
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
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict
from weirkeeper.statistics.detector import sustained_delta
from weirkeeper.statistics.distances import pooled
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.feature_drift import Floats, both_bins
from weirkeeper.statistics.profile import ReferenceProfile

if TYPE_CHECKING:
    from weirkeeper.api.gates import InputsGate

SKEW: Final = "TrainingServingSkew"

FEATURES_LIMIT: Final = 256
"""Features that all gates of an attempt judge together, the profile's first: what was learned lies in a status."""

NAME_LIMIT: Final = 60


@dataclass(frozen=True)
class InputsMemory(NothingBefore):
    """The gate's settings and what it has learned.

    `most` is the PSI that is allowed. `sums` are those of each feature of `profile` (its sha256), in its order; `rows`
    are the rows of all blocks up to `cursor` (the end of the last, Unix seconds). `worst` is the feature that fails
    most, with the PSI in its last block. `problem` says why nothing can be judged. Of the profile's `features` the
    first `limit` are judged.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    most: float
    profile: str = ""
    sums: tuple[Sums, ...] = ()
    rows: int = 0
    cursor: int = 0
    worst: tuple[str, float] = ("", 0.0)
    problem: str = ""
    limit: int = FEATURES_LIMIT
    features: int = 0

    @classmethod
    def of(cls, name: str, settings: InputsGate, steps: int) -> InputsMemory:  # noqa: ARG003  one process for all
        """Take the settings of a Rollout's gate."""
        return cls(name, settings.max_psi.number)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": self.most, "profile": self.profile, "sums": [list(one) for one in self.sums],
            "of": self.rows, "at": self.cursor, "worst": list(self.worst), "why": self.problem,
            "first": [self.limit, self.features],
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> InputsMemory:
        """Read what `to_json` wrote."""
        sums, (worst, value) = tuple(floats(one) for one in found["sums"]), found["worst"]
        return cls(
            found["n"], float(found["set"]), found["profile"], sums, found["of"], found["at"], (worst, float(value)),
            found["why"], *found.get("first", ()),
        )  # fmt: skip

    def sharing(self, gates: int) -> InputsMemory:
        """Leave room for so many gates of this kind in all."""
        return replace(self, limit=FEATURES_LIMIT // gates)

    @property
    def modes(self) -> frozenset[Mode]:
        """Chosen callers ask what others do not."""
        return SAME_REQUESTS

    @property
    def seen(self) -> bool:
        """Whether a block of rows was judged."""
        return self.rows > 0

    def fold(self, look: Look) -> InputsMemory:
        """Add the blocks that began after weights changed last and were not added before."""
        blocks = look.evidence.profiled.get(look.comparison.candidate, ())
        first = max(self.cursor, look.comparison.clean_from)
        new = [block for block in blocks if block.start >= first]
        if not new:
            return self
        try:
            profile = profile_of(look.evidence, look.comparison.candidate)
        except ProfileError as error:
            return replace(self, problem=str(error)[:300])
        return self if profile is None else self._with(profile, new)

    def _with(self, profile: ReferenceProfile, blocks: Iterable[ProfiledBlock]) -> InputsMemory:
        every = judged_features(profile)
        features = every[: self.limit]
        known = self.profile == profile.sha256[:16] and len(self.sums) == len(features)
        anew = replace(self, profile=profile.sha256[:16], sums=(NO_SUMS,) * len(features), features=len(every))
        memory = self if known else anew
        for block in blocks:
            memory = memory.with_block(features, block)
        return memory

    def with_block(self, features: tuple[FeatureProfile, ...], block: ProfiledBlock) -> InputsMemory:
        """Add one block of rows."""
        seen = [_seen(feature, block.inputs.get(feature.name), self.most) for feature in features]
        sums = tuple(added(one, found.gained) for one, found in zip(self.sums, seen, strict=True))
        rows = max((found.rows for found in seen), default=0)
        place = max(range(len(sums)), key=lambda i: log_e_of_fail(sums[i]), default=None)
        worst = ("", 0.0) if place is None else (features[place].name[:NAME_LIMIT], round(seen[place].psi, 4))
        return replace(self, sums=sums, rows=self.rows + rows, cursor=block.end, worst=worst, problem="")

    @property
    def log_e_fail(self) -> float:
        """That of the feature that fails most, which pays for having been chosen among all."""
        return log_e_of_worst(self.sums)

    @property
    def log_e_pass(self) -> float:
        """The least of the features': each has to pass."""
        return log_e_of_least(self.sums)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge what was folded."""
        fails, passes = self.log_e_fail, self.log_e_pass
        verdict = levels.verdict(fails, passes)
        return GateResult(
            self.name, verdict, ArmCounts(self.rows), ArmCounts(), fails, passes, *levels, None, None,
            f"{self.name}: {self._told(verdict)}",
        )  # fmt: skip

    def _told(self, verdict: Verdict) -> str:
        if self.problem:
            return f"inputs cannot be judged: {self.problem}"
        if not self.seen:
            return "no block of 200 rows counted yet by the candidate's own profile; it takes the built-in server"
        name, value = self.worst
        reason = f"{SKEW}: " if verdict == "Fail" else ""
        return (
            f"{reason}{name} is furthest of {self._judged()} from the candidate's own profile, PSI {value:.2f}"
            f" in its last block, at most {self.most:g} allowed; {self.rows} rows"
        )

    def _judged(self) -> str:
        count = len(self.sums)
        return f"the first {count} of {self.features} inputs" if self.features > count else f"{count} inputs"


def _seen(feature: FeatureProfile, counts: Counts | None, most: float) -> BlockEvidence:
    if counts is None:
        return BlockEvidence()
    reference, live = pooled(*_with_missing(feature, counts))
    # The profile is a sample itself, whose error all blocks share.
    rows = max(1.0, float(reference.sum()))
    surely = sustained_delta(reference.size, rows, most) if reference.size > 1 else most
    return block_evidence(reference, live, float(live.sum()), surely, most)


def _with_missing(feature: FeatureProfile, counts: Counts) -> tuple[Floats, Floats]:
    """Put the bins of both side by side, and those that have none: a column that is not filled any more is skew."""
    reference, live = both_bins(feature, counts)
    without = feature.missing + feature.invalid, counts["missing"] + counts["invalid"]
    return np.append(reference, without[0]), np.append(live, without[1])


def judged_features(profile: ReferenceProfile) -> tuple[FeatureProfile, ...]:
    """The features of single columns that a profile counts by bins."""
    return tuple(one for one in profile.features if len(one.columns) == 1 and one.count > 0)


def profile_of(evidence: Evidence, revision: str) -> ReferenceProfile | None:
    """Read the profile that the pods of a revision, or of an arm of it, tell; None where none does.

    Raises:
        ProfileError: it is none.
    """
    told = next((pod.profile for pod in evidence.pods.get(names.revision_of(revision), ()) if pod.profile), None)
    return None if told is None else ReferenceProfile.from_json(told)

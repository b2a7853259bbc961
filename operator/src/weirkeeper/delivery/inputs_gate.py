"""The inputs gate asks whether the candidate is asked what it was made for: its live inputs against its own profile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from weirkeeper.delivery.evidence import Evidence, ProfiledBlock
from weirkeeper.delivery.gate_kind import SAME_REQUESTS, Before, Look, Tally, floats
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict
from weirkeeper.statistics.detector import psi_log_ratios, sustained_delta
from weirkeeper.statistics.distances import pooled, psi
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.feature_drift import Floats, both_bins
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.sequential import log_e

if TYPE_CHECKING:
    from weirkeeper.api.gates import InputsGate

SKEW: Final = "TrainingServingSkew"

FEATURES_LIMIT: Final = 256
"""Features that are judged, the profile's first: what was learned of each lies in a status."""

STEPS: Final = (0.12, 0.4)
"""Alternatives of Fail: so much is the root of the PSI above that of what is allowed."""

ALIKE: Final = 0.25
"""The alternative of Pass, as a part of the PSI that is allowed."""

CAUTIOUS_FACTOR: Final = 2.0
"""By how much the evidence of a block is divided: rows of one request hang together."""

TINY: Final = 1e-9
"""Counts that agree exactly have a PSI of 0, at which a chi-square has no density."""

DIGITS: Final = 2
NAME_LIMIT: Final = 60


@dataclass(frozen=True)
class InputsMemory:
    """The gate's settings and what it has learned.

    `most` is the PSI that is allowed. `sums` holds for each feature of `profile` (its sha256), in its order, the sums
    of the log-likelihood ratios of Fail, one for each of STEPS, and of Pass; `rows` are the rows of all blocks up to
    `cursor` (the end of the last, Unix seconds). `worst` is the feature that fails most, with the PSI in its last
    block. `problem` says why nothing can be judged.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    most: float
    profile: str = ""
    sums: tuple[tuple[float, ...], ...] = ()
    rows: int = 0
    cursor: int = 0
    worst: tuple[str, float] = ("", 0.0)
    problem: str = ""

    @classmethod
    def of(cls, name: str, settings: InputsGate, steps: int) -> InputsMemory:  # noqa: ARG003  one process for all
        """Take the settings of a Rollout's gate."""
        return cls(name, settings.max_psi.number)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": self.most, "profile": self.profile, "sums": [list(one) for one in self.sums],
            "of": self.rows, "at": self.cursor, "worst": list(self.worst), "why": self.problem,
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> InputsMemory:
        """Read what `to_json` wrote."""
        sums, (worst, value) = tuple(floats(one) for one in found["sums"]), found["worst"]
        return cls(
            found["n"], float(found["set"]), found["profile"], sums, found["of"], found["at"], (worst, float(value)),
            found["why"],
        )  # fmt: skip

    @property
    def modes(self) -> frozenset[Mode]:
        """Chosen callers ask what others do not."""
        return SAME_REQUESTS

    @property
    def frozen(self) -> bool:
        """The profile came with the candidate."""
        return True

    @property
    def seen(self) -> bool:
        """Whether a block of rows was judged."""
        return self.rows > 0

    def freeze(self, before: Before) -> InputsMemory:  # noqa: ARG002  nothing is learned from stable
        """The profile came with the candidate."""
        return self

    def begin_step(self) -> InputsMemory:
        """Nothing begins anew: skew is there from the start."""
        return self

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
        features = judged_features(profile)
        known = self.profile == profile.sha256[:16] and len(self.sums) == len(features)
        memory = self if known else replace(self, profile=profile.sha256[:16], sums=((0.0,) * 3,) * len(features))
        for block in blocks:
            memory = memory.with_block(features, block)
        return memory

    def with_block(self, features: tuple[FeatureProfile, ...], block: ProfiledBlock) -> InputsMemory:
        """Add one block of rows."""
        seen = [_seen(feature, block.inputs.get(feature.name), self.most) for feature in features]
        sums = tuple(
            tuple(round(old + more, DIGITS) for old, more in zip(one, found.gained, strict=True))
            for one, found in zip(self.sums, seen, strict=True)
        )
        rows = max((found.values for found in seen), default=0)
        place = max(range(len(sums)), key=lambda i: log_e(sums[i][:2]), default=None)
        worst = ("", 0.0) if place is None else (features[place].name[:NAME_LIMIT], round(seen[place].psi, 4))
        return replace(self, sums=sums, rows=self.rows + rows, cursor=block.end, worst=worst, problem="")

    @property
    def log_e_fail(self) -> float:
        """That of the feature that fails most, which pays for having been chosen among all."""
        return max((log_e(one[:2]) for one in self.sums), default=0.0) - math.log(max(1, len(self.sums)))

    @property
    def log_e_pass(self) -> float:
        """The least of the features': each has to pass."""
        return min((one[2] for one in self.sums), default=0.0)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge what was folded."""
        fails, passes = self.log_e_fail, self.log_e_pass
        verdict: Verdict = "Fail" if fails >= levels.fail else "Pass" if passes >= levels.passing else "Inconclusive"
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
            f"{reason}{name} is furthest of {len(self.sums)} inputs from the candidate's own profile, PSI {value:.2f}"
            f" in its last block, at most {self.most:g} allowed; {self.rows} rows"
        )


@dataclass(frozen=True)
class _Seen:
    """What one block says of a feature: its PSI, of so many values, and what the sums gain."""

    psi: float = 0.0
    values: int = 0
    gained: tuple[float, ...] = (0.0, 0.0, 0.0)


def _seen(feature: FeatureProfile, counts: Counts | None, most: float) -> _Seen:
    if counts is None:
        return _Seen()
    reference, live = pooled(*_with_missing(feature, counts))
    values = int(live.sum())
    if reference.size <= 1:
        # A column that stays as it was: the likelihood ratio of a PSI of 0.
        return _Seen(0.0, values, (0.0, 0.0, values * most * (1.0 - ALIKE) / 2.0 / CAUTIOUS_FACTOR))
    found, bins = max(psi(reference, live), TINY), reference.size
    # The profile is a sample itself, whose error all blocks share.
    surely = sustained_delta(bins, max(1.0, float(reference.sum())), most)
    worse = psi_log_ratios(found, bins, values, surely, [(math.sqrt(surely) + step) ** 2 for step in STEPS])
    alike = psi_log_ratios(found, bins, values, most, [ALIKE * most])
    return _Seen(found, values, tuple(float(gain) / CAUTIOUS_FACTOR for gain in (*worse, *alike)))


def _with_missing(feature: FeatureProfile, counts: Counts) -> tuple[Floats, Floats]:
    """Put the bins of both side by side, and those that have none: a column that is not filled any more is skew."""
    reference, live = both_bins(feature, counts)
    without = feature.missing + feature.invalid, counts["missing"] + counts["invalid"]
    return np.append(reference, without[0]), np.append(live, without[1])


def judged_features(profile: ReferenceProfile) -> tuple[FeatureProfile, ...]:
    """The features of single columns that a profile counts by bins."""
    return tuple(one for one in profile.features if len(one.columns) == 1 and one.count > 0)[:FEATURES_LIMIT]


def profile_of(evidence: Evidence, revision: str) -> ReferenceProfile | None:
    """Read the profile that a revision's pods tell; None where none does.

    Raises:
        ProfileError: it is none.
    """
    told = next((pod.profile for pod in evidence.pods.get(revision, ()) if pod.profile), None)
    return None if told is None else ReferenceProfile.from_json(told)

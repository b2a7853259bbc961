"""What came of a comparison, for programs, terminals and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.comparison.conclusion import Conclusion, Side
from weirkeeper.comparison.names import listed
from weirkeeper.comparison.rule import Rule
from weirkeeper.comparison.tabular import as_html, as_text
from weirkeeper.statistics import DriftState, FeatureDrift, FeatureProfile, ReferenceProfile, change_of
from weirkeeper.statistics.feature import Counts

HEADINGS: Final = ("FEATURE", "CHANGE", "MISSING", "PSI", "THRESHOLD", "STATE")


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two sets of rows compared: `print` it, or let a notebook show it.

    `state` is OK, Drifting, or Insufficient where there are not enough rows for an answer; then `rows_needed` says how
    many more it takes, as far as that can be told. `features` are those that were judged, the worst first, `drifting`
    those that drift. `profile` is that of the reference; `counts` are those of the current rows by its bins;
    `not_compared` are columns of theirs that the reference lacks.
    """

    conclusion: Conclusion
    reference: Side
    current: Side
    rule: Rule
    profile: ReferenceProfile
    counts: Mapping[str, Counts]
    not_compared: tuple[str, ...] = ()

    @property
    def state(self) -> DriftState:
        """What is said of all features together."""
        return self.conclusion.state

    @property
    def message(self) -> str:
        """The same in a sentence."""
        return self.conclusion.message

    @property
    def rows_needed(self) -> int:
        """How many more rows an answer takes; 0 where there is one, or where nobody can tell."""
        return self.conclusion.rows_needed

    @property
    def features(self) -> tuple[FeatureDrift, ...]:
        """The features that were judged, the worst first; none where there is no answer."""
        return self.conclusion.features

    @property
    def drifting(self) -> tuple[FeatureDrift, ...]:
        """The features that drift, the worst first."""
        return tuple(feature for feature in self.features if feature.drifting)

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON has it, without the profile and the counts of each bin."""
        return {
            "state": self.state,
            "message": self.message,
            "rowsNeeded": self.rows_needed,
            "reference": {
                "name": self.reference.name,
                "rows": self.reference.rows,
                "profiledRows": self.profile.rows,
                "profileSha256": self.profile.sha256,
            },
            "current": {"name": self.current.name, "rows": self.current.rows},
            "rule": self.rule.to_dict(),
            "notCompared": list(self.not_compared),
            "features": [self._feature_dict(feature) for feature in self.features],
        }

    def _feature_dict(self, feature: FeatureDrift) -> dict[str, Any]:
        counts = self.counts[feature.name]
        return {
            "name": feature.name,
            "type": self._types[feature.name],
            "state": feature.state,
            "change": self._change(feature),
            "psi": feature.psi,
            "psiDebiased": feature.psi_debiased,
            "psiLower": feature.psi_lower,
            "threshold": feature.threshold,
            "findings": [
                {"look": found.look, "index": found.value, "threshold": found.threshold} for found in feature.findings
            ],
            "jensenShannon": feature.js,
            "kolmogorovSmirnovLower": feature.ks_lower,
            "values": feature.values,
            "invalid": counts["invalid"],
            "unseen": counts["unseen"],
            "missing": feature.missing,
            "referenceMissing": self._missing[feature.name],
        }

    def _change(self, feature: FeatureDrift) -> str:
        """Tell what changed in the feature's own unit, or why it was not judged."""
        if feature.state == "Insufficient":
            return feature.message.removeprefix(f"{feature.name}: ")
        return change_of(self._references[feature.name], self.counts[feature.name])

    @property
    def _references(self) -> dict[str, FeatureProfile]:
        return {feature.name: feature for feature in self.profile.features}

    @property
    def _types(self) -> dict[str, str]:
        return {name: feature.type for name, feature in self._references.items()}

    @property
    def _missing(self) -> dict[str, float]:
        return {one.name: one.missing / max(1, one.count + one.missing) for one in self.profile.features}

    def _lines(self) -> list[tuple[str, ...]]:
        missing = self._missing
        return [
            (
                feature.name,
                self._change(feature),
                _grown(missing[feature.name], feature.missing),
                *_index(feature),
                feature.state,
            )
            for feature in self.shown
        ]

    @property
    def shown(self) -> tuple[FeatureDrift, ...]:
        """What tables have: every column, and of what columns have to do with each other that which drifts."""
        return tuple(feature for feature in self.features if feature.drifting or not feature.joint)

    @property
    def notes(self) -> list[str]:
        """Say what the table does not show."""
        hidden = len(self.features) - len(self.shown)
        notes = [f"{hidden} correlations of columns do not drift"] if hidden else []
        notes += [
            f"{feature.name}: {count:,} values are of another type, and left out"
            for feature in self.features
            if (count := self.counts[feature.name]["invalid"])
        ]
        if self.reference.rows > self.profile.rows:
            notes.append(f"the reference is a sample of {self.profile.rows:,} of {self.reference.rows:,} rows")
        if self.not_compared:
            notes.append(f"not in the reference, and not compared: {listed(self.not_compared)}")
        return notes

    def __repr__(self) -> str:
        """Write it in a line."""
        return f"<Comparison {self.state}: {self.message}>"

    def __str__(self) -> str:
        """Write it for a terminal."""
        return as_text(HEADINGS, self._lines(), [self.message, *self.notes])

    def _repr_html_(self) -> str:
        """Write it for a notebook."""
        marked = [feature.drifting for feature in self.shown]
        return as_html(HEADINGS, self._lines(), [self.message, *self.notes], marked)


def _index(feature: FeatureDrift) -> tuple[str, str]:
    """Write the index by which a feature drifts, and its threshold; those of the PSI where it does not."""
    first = feature.findings[0] if feature.findings else None
    if first is None or first.look == "PSI" or not feature.drifting:
        return _number(feature.psi), _number(feature.threshold)
    return f"{_number(first.value)} ({first.look})", _number(first.threshold)


def _grown(before: float, now: float) -> str:
    if before == now == 0.0:
        return "0 %"
    return f"{before:.1%} → {now:.1%}".replace("%", " %")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"

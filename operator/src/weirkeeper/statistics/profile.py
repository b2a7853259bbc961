"""The reference profile: what the columns looked like that a model was made from, small enough to travel with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from weirkeeper.statistics.building import profile_input, profile_output
from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.offline import OfflineMetric

API_VERSION = "profile/v1"
SCHEMA_VERSION = 1
LARGEST_BYTES = 256 * 1024


@dataclass(frozen=True)
class ReferenceProfile:
    """The profiles of a model's input columns (`features`) and of its answers (`outputs`) on `rows` reference rows.

    `performance` is what was measured on labelled rows, if any; `held_out` counts those of them that were kept from
    the training.
    """

    rows: int
    features: tuple[FeatureProfile, ...]
    outputs: tuple[FeatureProfile, ...] = ()
    performance: tuple[OfflineMetric, ...] = ()
    held_out: HeldOut | None = None

    @classmethod
    def from_columns(
        cls,
        inputs: Mapping[str, Column],
        outputs: Mapping[str, Column],
        performance: tuple[OfflineMetric, ...] = (),
    ) -> ReferenceProfile:
        """Profile columns, one array of one value a row each.

        Raises:
            ProfileError: columns of unequal length, of more than one dimension, or that mix text and numbers; none at
                all; or so many that the profile would not fit into 256 KiB.
        """
        rows = _row_count({**inputs, **outputs})
        profile = cls(
            rows,
            tuple(profile_input(name, column) for name, column in inputs.items()),
            tuple(profile_output(name, column) for name, column in outputs.items()),
            performance,
        )
        profile.to_bytes()
        return profile

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it."""
        measured: dict[str, Any] = {}
        if self.performance:
            measured["performance"] = [metric.to_json() for metric in self.performance]
        if self.held_out is not None:
            measured["heldOut"] = self.held_out.to_json()
        return {
            "apiVersion": API_VERSION,
            "integrity": {"schemaVersion": SCHEMA_VERSION},
            "source": {"rows": self.rows},
            "features": [feature.to_json() for feature in self.features],
            "outputs": [output.to_json() for output in self.outputs],
            **measured,
        }

    @classmethod
    def from_json(cls, found: object) -> ReferenceProfile:
        """Read what `to_json` wrote; fields that it does not know are left alone.

        Raises:
            ProfileError: it is not a profile of this schema; the message says why.
        """
        if not isinstance(found, Mapping):
            raise ProfileError(f"profile is {found!r:.80}, expected an object; make the bundle anew")
        version = found.get("apiVersion")
        if version != API_VERSION:
            raise ProfileError(f"profile has apiVersion {version!r}, expected {API_VERSION!r}; make the bundle anew")
        features, outputs, measured = (found.get(name, []) for name in ("features", "outputs", "performance"))
        if not all(isinstance(part, list) for part in (features, outputs, measured)):
            raise ProfileError("profile's features, outputs and performance must be lists; make the bundle anew")
        source = found.get("source", {})
        return cls(
            int(source.get("rows", 0)) if isinstance(source, Mapping) else 0,
            tuple(FeatureProfile.from_json(item) for item in features),
            tuple(FeatureProfile.from_json(item) for item in outputs),
            tuple(OfflineMetric.from_json(item) for item in measured),
            HeldOut.from_json(found["heldOut"]) if "heldOut" in found else None,
        )

    def to_bytes(self) -> bytes:
        """Write it canonically: the same profile gives the same bytes everywhere.

        Raises:
            ProfileError: it takes more than 256 KiB.
        """
        written = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        if len(written) > LARGEST_BYTES:
            raise ProfileError(
                f"the profile of {len(self.features)} inputs and {len(self.outputs)} outputs takes {len(written)}"
                f" bytes, at most {LARGEST_BYTES} are allowed; profile fewer columns"
            )
        return written

    @cached_property
    def sha256(self) -> str:
        """The digest of its canonical bytes: counts are only merged under the same one."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def _row_count(columns: Mapping[str, Column]) -> int:
    if not columns:
        raise ProfileError("no columns were given; a profile takes at least one")
    lengths = {name: column.shape[0] if column.ndim else 0 for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ProfileError(f"columns have unequal numbers of rows: {lengths}; give the same rows of each")
    return next(iter(lengths.values()))

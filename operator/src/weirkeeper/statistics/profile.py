"""The reference profile: what the columns looked like that a model was made from, small enough to travel with it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final

from weirkeeper.statistics.building import Described, profile_input, profile_output
from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.projecting import profile_projections
from weirkeeper.statistics.references import References

API_VERSION: Final = "profile/v1"
SCHEMA_VERSION: Final = 2
"""1 had numbers and categories only, and no digest within; it is still read, and written as it was."""

LARGEST_BYTES: Final = 256 * 1024
DIGEST_BYTES: Final = 128
"""Room for the digest within."""


@dataclass(frozen=True)
class ReferenceProfile:
    """The profiles of a model's input columns (`features`) and of its answers (`outputs`) on `rows` reference rows.

    `performance` is what was measured on labelled rows, if any; `held_out` counts those of them that were kept from
    the training. `schema` is the version of the file.
    """

    rows: int
    features: tuple[FeatureProfile, ...]
    outputs: tuple[FeatureProfile, ...] = ()
    performance: tuple[OfflineMetric, ...] = ()
    held_out: HeldOut | None = None
    schema: int = SCHEMA_VERSION

    @cached_property
    def references(self) -> References:
        """The references of all features, as windows are compared with them."""
        return References(self.features)

    @classmethod
    def from_columns(
        cls,
        inputs: Mapping[str, Column],
        outputs: Mapping[str, Column],
        performance: tuple[OfflineMetric, ...] = (),
        described: Mapping[str, Described] | None = None,
    ) -> ReferenceProfile:
        """Profile columns, one array of one value a row each; `described` says more of some of them, by name.

        Beside each input, several numeric ones are profiled together (see `projecting`), as far as there is room.

        Raises:
            ProfileError: columns of unequal length, of more than one dimension, or that mix text and numbers; none at
                all; so many that the profile would not fit into 256 KiB; or something is said of a column that is not
                there.
        """
        said = dict(described or {})
        rows = _row_count({**inputs, **outputs})
        _check_described(said, (*inputs, *outputs))
        single = tuple(chain(*(profile_input(name, column, said.get(name)) for name, column in inputs.items())))
        answers = tuple(chain(*(profile_output(name, column, said.get(name)) for name, column in outputs.items())))
        together = (*single, *profile_projections(inputs, single))
        profile = cls(rows, together, answers, performance)
        if len(_canonical(profile.to_json())) > LARGEST_BYTES - DIGEST_BYTES:
            profile = cls(rows, single, answers, performance)
        _check_names(profile)
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
            "integrity": {"schemaVersion": self.schema},
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
        source, integrity = found.get("source", {}), found.get("integrity", {})
        schema = _schema_of(integrity)
        profile = cls(
            int(source.get("rows", 0)) if isinstance(source, Mapping) else 0,
            tuple(FeatureProfile.from_json(item) for item in features),
            tuple(FeatureProfile.from_json(item) for item in outputs),
            tuple(OfflineMetric.from_json(item) for item in measured),
            HeldOut.from_json(found["heldOut"]) if "heldOut" in found else None,
            schema,
        )
        _check_names(profile)
        _check_digest(profile, integrity)
        return profile

    def to_bytes(self) -> bytes:
        """Write it canonically, with its digest: the same profile gives the same bytes everywhere.

        Raises:
            ProfileError: it takes more than 256 KiB.
        """
        found = self.to_json()
        if self.schema > 1:
            found["integrity"]["sha256"] = self.sha256
        written = _canonical(found)
        if len(written) > LARGEST_BYTES:
            raise ProfileError(
                f"the profile of {len(self.features)} inputs and {len(self.outputs)} outputs takes {len(written)}"
                f" bytes, at most {LARGEST_BYTES} are allowed; profile fewer columns"
            )
        return written

    @cached_property
    def sha256(self) -> str:
        """The digest of its canonical content: counts are only merged under the same one."""
        return hashlib.sha256(_canonical(self.to_json())).hexdigest()


def _canonical(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _schema_of(integrity: object) -> int:
    found = integrity.get("schemaVersion", 1) if isinstance(integrity, Mapping) else 1
    if type(found) is not int or not 1 <= found <= SCHEMA_VERSION:
        raise ProfileError(
            f"profile has schemaVersion {found!r:.40}, expected 1 to {SCHEMA_VERSION}; read it with the version of"
            " weirkeeper that made it or a later one, or make the bundle anew with this one"
        )
    return found


def _check_digest(profile: ReferenceProfile, integrity: object) -> None:
    told = integrity.get("sha256") if isinstance(integrity, Mapping) else None
    if told is not None and told != profile.sha256:
        raise ProfileError(
            f"profile says that its sha256 is {told!r:.80}, its content has {profile.sha256}: it was changed after it"
            " was made; make the bundle anew"
        )


def _check_names(profile: ReferenceProfile) -> None:
    for side, features in (("inputs", profile.features), ("outputs", profile.outputs)):
        name, count = Counter(feature.name for feature in features).most_common(1)[0] if features else ("", 0)
        if count > 1:
            raise ProfileError(f"profile has {count} {side} of the name {name!r}, expected one; rename a column")


def _check_described(said: Mapping[str, Described], names: tuple[str, ...]) -> None:
    if unknown := [name for name in said if name not in names]:
        raise ProfileError(
            f"something is said of {unknown[0]!r}, which is no column; there are {', '.join(map(repr, names[:10]))}"
        )


def _row_count(columns: Mapping[str, Column]) -> int:
    if not columns:
        raise ProfileError("no columns were given; a profile takes at least one")
    lengths = {name: column.shape[0] if column.ndim else 0 for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ProfileError(f"columns have unequal numbers of rows: {lengths}; give the same rows of each")
    return next(iter(lengths.values()))

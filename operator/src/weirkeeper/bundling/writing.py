"""The files of a bundle beside its model: what is written of a sample and the model's answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from weirkeeper.api.bundle import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    PROFILE_FILE,
    SHORTCUT_FILE,
    BundleManifest,
    Expected,
    GoldenRequest,
    Inputs,
    Signature,
    Tensor,
)
from weirkeeper.api.values import Tolerance
from weirkeeper.bundling.errors import UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.golden import chosen_rows
from weirkeeper.bundling.held_out import Labelled, count_held_out
from weirkeeper.bundling.sample import as_request, describe, rows_of
from weirkeeper.bundling.sensitive import neutral, without
from weirkeeper.bundling.source import Source
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.counting import profile_columns
from weirkeeper_server.loading import running_versions
from weirkeeper_server.tensors import Array, datatype_of, tensor_data

MOST_ROWS_PROFILED: Final = 200_000
TOLERANCES: Final[Mapping[str, Tolerance]] = {"FP32": Tolerance("1e-5"), "FP16": Tolerance("1e-2")}
"""Sums in single or half precision depend on a processor's vector width."""


def manifest_of(source: Source, tensors: Mapping[str, Array], outputs: Mapping[str, Array]) -> BundleManifest:
    """Describe a model by a sample and its answers.

    Raises:
        UnsuitableEstimator: an answer has a type that the protocol lacks.
    """
    try:
        described = tuple(
            Tensor(name=name, datatype=datatype_of(answer.dtype), shape=(-1, *answer.shape[1:]))
            for name, answer in outputs.items()
        )
    except ValueError as error:
        raise UnsuitableEstimator(f"the model's answers cannot be sent: {error}") from error
    return BundleManifest(
        runtime=source.runtime,
        signature=Signature(inputs=tuple(describe(name, array) for name, array in tensors.items()), outputs=described),
        classes=source.classes(),
        versions=running_versions(source.runtime),
    )


def write_manifest(folder: Path, manifest: BundleManifest) -> None:
    """Write the manifest."""
    text = yaml.safe_dump(manifest.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    (folder / MANIFEST_FILE).write_text(text)


def profile_of(
    tensors: Mapping[str, Array],
    outputs: Mapping[str, Array],
    performance: tuple[OfflineMetric, ...],
    described: Mapping[str, Described],
) -> ReferenceProfile:
    """Make the reference profile of a sample and the model's answers.

    Raises:
        UnsuitableSample: none can be made.
    """
    few = np.arange(min(MOST_ROWS_PROFILED, len(next(iter(tensors.values())))))
    try:
        return ReferenceProfile.from_columns(
            profile_columns(rows_of(tensors, few)), profile_columns(rows_of(outputs, few)), performance, described
        )
    except ProfileError as error:
        raise UnsuitableSample(f"no reference profile can be made: {error}") from error


def write_profile(folder: Path, manifest: BundleManifest, profile: ReferenceProfile, held_out: Labelled | None) -> None:
    """Write the reference profile, with the counts of held-out rows where there are such."""
    (folder / PROFILE_FILE).write_bytes(_with_held_out(profile, manifest, held_out).to_bytes())


def write_golden(
    folder: Path, manifest: BundleManifest, source: Source, tensors: Mapping[str, Array], sensitive: Collection[str]
) -> None:
    """Write the golden requests, with neutral values in the place of sensitive ones.

    Raises:
        UnsuitableSample: the model does not take those.
    """
    written = [json.dumps(one.to_json(), allow_nan=False) for one in _golden(manifest, source, tensors, sensitive)]
    (folder / GOLDEN_FILE).write_text("[\n" + ",\n".join(written) + "\n]\n")


def write_shortcut(folder: Path, source: Source) -> None:
    """Write beside the other files by what servers predict without the model's own library, where there is that."""
    data = source.shortcut(read_bundle(folder))
    if data is not None:
        (folder / SHORTCUT_FILE).write_bytes(data)


def _with_held_out(profile: ReferenceProfile, manifest: BundleManifest, held_out: Labelled | None) -> ReferenceProfile:
    """Add the counts of held-out rows, as far as there is room for them."""
    counted = count_held_out(held_out, manifest, profile) if held_out else None
    whole = replace(profile, held_out=counted)
    try:
        whole.to_bytes()
    except ProfileError:
        return profile
    return whole


def _golden(
    manifest: BundleManifest, source: Source, tensors: Mapping[str, Array], sensitive: Collection[str]
) -> list[GoldenRequest]:
    tolerances = [TOLERANCES.get(tensor.datatype, Tolerance("1e-6")) for tensor in manifest.signature.outputs]
    tolerance = max(tolerances, key=lambda one: one.number)
    chosen = chosen_rows(without(tensors, sensitive) or {"row": np.zeros(len(next(iter(tensors.values()))))})
    asked = neutral(rows_of(tensors, np.array(list(chosen.values()))), sensitive)
    try:
        answered = source.answers(asked)
    except UnsuitableEstimator as error:
        raise UnsuitableSample(
            f"the model does not take neutral values for {', '.join(sorted(sensitive))}, which are asked in golden"
            f" requests instead of the sensitive ones: {error}; let it take values that it never saw"
        ) from error
    return [
        GoldenRequest(
            name=name,
            request=Inputs(inputs=tuple(as_request(rows_of(asked, np.array([row]))))),
            expect=Expected(
                outputs=tuple(_expected(manifest, rows_of(answered, np.array([row])))), tolerance=tolerance
            ),
        )
        for row, name in enumerate(chosen)
    ]


def _expected(manifest: BundleManifest, outputs: Mapping[str, Array]) -> list[dict[str, Any]]:
    return [
        {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(outputs[tensor.name].shape),
            "data": list(tensor_data(outputs[tensor.name])),
        }
        for tensor in manifest.signature.outputs
    ]

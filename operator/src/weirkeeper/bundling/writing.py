"""The files of a bundle beside its model: what is written of a sample and the model's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from weirkeeper.api.bundle import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    PROFILE_FILE,
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
from weirkeeper.bundling.source import Source
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.profile import ReferenceProfile
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


def write_described(
    folder: Path,
    manifest: BundleManifest,
    sample: tuple[Mapping[str, Array], Mapping[str, Array]],
    performance: tuple[OfflineMetric, ...],
    held_out: Labelled | None,
) -> None:
    """Write manifest, profile and golden requests; `sample` are the inputs and outputs of its rows.

    Raises:
        UnsuitableSample: no profile can be made of the sample.
    """
    tensors, outputs = sample
    text = yaml.safe_dump(manifest.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    (folder / MANIFEST_FILE).write_text(text)
    profile = _profile(tensors, outputs, performance)
    (folder / PROFILE_FILE).write_bytes(_with_held_out(profile, manifest, held_out).to_bytes())
    golden = [json.dumps(request.to_json(), allow_nan=False) for request in _golden(manifest, tensors, outputs)]
    (folder / GOLDEN_FILE).write_text("[\n" + ",\n".join(golden) + "\n]\n")


def _profile(
    tensors: Mapping[str, Array], outputs: Mapping[str, Array], performance: tuple[OfflineMetric, ...]
) -> ReferenceProfile:
    few = np.arange(min(MOST_ROWS_PROFILED, len(next(iter(tensors.values())))))
    try:
        return ReferenceProfile.from_columns(
            profile_columns(rows_of(tensors, few)), profile_columns(rows_of(outputs, few)), performance
        )
    except ProfileError as error:
        raise UnsuitableSample(f"no reference profile can be made: {error}") from error


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
    manifest: BundleManifest, tensors: Mapping[str, Array], outputs: Mapping[str, Array]
) -> list[GoldenRequest]:
    tolerances = [TOLERANCES.get(tensor.datatype, Tolerance("1e-6")) for tensor in manifest.signature.outputs]
    tolerance = max(tolerances, key=lambda one: one.number)
    return [
        GoldenRequest(
            name=name,
            request=Inputs(inputs=tuple(as_request(rows_of(tensors, np.array([row]))))),
            expect=Expected(outputs=tuple(_expected(manifest, rows_of(outputs, np.array([row])))), tolerance=tolerance),
        )
        for name, row in chosen_rows(tensors).items()
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

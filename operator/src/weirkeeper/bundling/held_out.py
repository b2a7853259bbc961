"""Held-out rows counted as a server will count labels, for the profile: what labels in production are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from weirkeeper.api.bundle import BundleManifest
from weirkeeper.bundling.sample import rows_of
from weirkeeper.statistics.error_strata import ErrorStrata, error_strata_of
from weirkeeper.statistics.held_out import MOST_CELLS, HeldOut, Strata, class_strata_of, strata_of
from weirkeeper.statistics.labels import LARGEST, LabelCounts
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.counting import profile_columns
from weirkeeper_server.feedback.labelling import count_class_scores, count_label
from weirkeeper_server.feedback.recording import Recorder, text_of
from weirkeeper_server.tensors import Array

ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True)
class Labelled:
    """A model's answers to rows that it has not learnt from, and what is true of each."""

    outputs: Mapping[str, Array]
    labels: Array


def count_held_out(labelled: Labelled, manifest: BundleManifest, profile: ReferenceProfile) -> HeldOut | None:
    """Count labelled rows; None where a server would give no tokens for the answers, or refuse a label."""
    recorder = Recorder(Bundle(manifest, b"", profile, {}, (), ""), "")
    actual = _actual(labelled.labels, manifest)
    if recorder.unfit or actual is None:
        return None
    counts = LabelCounts()
    for start in range(0, len(labelled.labels), ROWS_AT_ONCE):
        places = np.arange(start, min(start + ROWS_AT_ONCE, len(labelled.labels)))
        prediction = recorder.record({}, rows_of(labelled.outputs, places), len(places), 0)
        if prediction is None:
            return None
        for row, place in enumerate(places.tolist()):
            count_label(counts, prediction, row, actual[place])
            count_class_scores(counts, prediction, row, actual[place])
    if not manifest.classes:
        return HeldOut(counts, errors=_errors(labelled, recorder, profile))
    if len(counts.confusion) > MOST_CELLS:
        counts.confusion.clear()
        counts.unlisted = counts.rows
        return HeldOut(counts)
    named = [str(one) for one in actual]
    strata = _strata(labelled.outputs, named, recorder, profile)
    by_class = _class_strata(labelled.outputs, named, recorder.likelihoods, profile) if counts.class_scores else {}
    return HeldOut(counts, strata, class_strata=by_class)


def _actual(labels: Array, manifest: BundleManifest) -> list[str | float] | None:
    """What is true of each row: a class by its text, as far as it is one, or a number of a size that is counted."""
    found: list[str | float | None]
    if manifest.classes:
        names = {one: text_of(one) for one in manifest.classes}
        found = [names.get(label) for label in labels.tolist()]
    else:
        found = [label if abs(label) <= LARGEST else None for label in map(float, labels.tolist())]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _strata(
    outputs: Mapping[str, Array], actual: list[str], recorder: Recorder, profile: ReferenceProfile
) -> Strata | None:
    name = recorder.judged_by
    output = next((output for output in profile.outputs if output.name == name), None)
    if output is None:
        return None
    predicted = [text_of(one) for one in outputs[recorder.predicted].ravel().tolist()]
    return strata_of(output, profile_columns(outputs)[name], predicted, actual)


def _class_strata(
    outputs: Mapping[str, Array], actual: list[str], likelihoods: Mapping[str, str], profile: ReferenceProfile
) -> dict[str, Strata]:
    """Count by the probability of each class; nothing where the profile lacks one, since a mean needs all of them."""
    known, columns = {output.name: output for output in profile.outputs}, profile_columns(outputs)
    if not set(likelihoods.values()) <= known.keys():
        return {}
    return {name: class_strata_of(known[one], columns[one], name, actual) for name, one in likelihoods.items()}


def _errors(labelled: Labelled, recorder: Recorder, profile: ReferenceProfile) -> ErrorStrata | None:
    output = next((one for one in profile.outputs if one.name == recorder.predicted), None)
    if output is None or output.textual or output.view is not None:
        return None
    predicted, actual = (
        part.ravel().astype(np.float64) for part in (labelled.outputs[recorder.predicted], labelled.labels)
    )
    return error_strata_of(output, predicted, actual)

"""Held-out rows counted as a server will count labels, for the profile: what labels in production are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from weirkeeper.api.bundle import BundleManifest
from weirkeeper.bundling.sample import rows_of
from weirkeeper.statistics.held_out import MOST_CELLS, HeldOut, Strata, strata_of
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.counting import profile_columns
from weirkeeper_server.feedback.labelling import count_label
from weirkeeper_server.feedback.recording import Recorder, text_of
from weirkeeper_server.tensors import Array

ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True)
class Labelled:
    """A model's answers to rows that it has not learnt from, and what is true of each."""

    outputs: Mapping[str, Array]
    labels: Array


def count_held_out(labelled: Labelled, manifest: BundleManifest, profile: ReferenceProfile) -> HeldOut | None:
    """Count labelled rows; None where a server would give no tokens for them, or knows none of the labels."""
    recorder = Recorder(Bundle(manifest, b"", profile, {}, (), ""), "")
    if recorder.unfit:
        return None
    counts = LabelCounts()
    for start in range(0, len(labelled.labels), ROWS_AT_ONCE):
        places = np.arange(start, min(start + ROWS_AT_ONCE, len(labelled.labels)))
        prediction = recorder.record({}, rows_of(labelled.outputs, places), len(places), 0)
        if prediction is None:
            return None
        for row, label in enumerate(labelled.labels[places].tolist()):
            count_label(counts, prediction, row, text_of(label) if manifest.classes else float(label))
    if not manifest.classes:
        return HeldOut(counts)
    if len(counts.confusion) > MOST_CELLS:
        counts.confusion.clear()
        counts.unlisted = counts.rows
        return HeldOut(counts)
    return HeldOut(counts, _strata(labelled, recorder, profile))


def _strata(labelled: Labelled, recorder: Recorder, profile: ReferenceProfile) -> Strata | None:
    columns = profile_columns(labelled.outputs)
    name = recorder.judged_by
    output = next((output for output in profile.outputs if output.name == name), None)
    if output is None:
        return None
    predicted = [text_of(one) for one in labelled.outputs[recorder.predicted].ravel().tolist()]
    actual = [text_of(one) for one in labelled.labels.tolist()]
    return strata_of(output, columns[name], predicted, actual)

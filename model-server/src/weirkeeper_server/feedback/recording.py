"""From a model's answer to what a token remembers of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from weirkeeper.statistics.error_bins import MOST_ERROR_BINS
from weirkeeper.statistics.labels import LARGEST, MOST_LIKELY
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.errors import BundleError
from weirkeeper_server.feedback.prediction import (
    MOST_ROWS,
    MOST_TEXTS,
    Kind,
    Prediction,
    packed_numbers,
    packed_scores,
)
from weirkeeper_server.tensors import Array, Columns

SEGMENTS: Final = "segments"
"""The parameter that names the inputs by which labels are counted apart, with commas between them."""

PREDICT: Final = "predict"
PROBABILITIES: Final = "predict_proba"
MOST_SEGMENTED: Final = 4
MOST_VALUES: Final = 32
LONGEST_TEXT: Final = 200
"""Characters of a class or value that is counted under its own name."""

OTHER: Final = "other"
TWO_CLASSES: Final = 2
FLOATS: Final = ("FP16", "FP32", "FP64")
CLOSE: Final = 0.01
"""Probabilities in half precision add up to 1 within so much."""


def text_of(value: object) -> str:
    """Write a class, a label or a value so that JSON, CSV and numpy mean the same by it: 1, 1.0 and "1" are `1`."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value)


@dataclass(frozen=True)
class Segmented:
    """An input by which labels are counted apart: the text of each of its listed values, and of all others."""

    name: str
    texts: Mapping[str, str]
    other: str


class Recorder:
    """Remembers the answers of one bundle.

    `unfit` says why its answers cannot be remembered; it is empty where they can. `predicted` is the output that labels
    are compared with.
    """

    def __init__(self, bundle: Bundle, revision: str, segments: str = "") -> None:
        self._revision = revision
        self._classes = tuple(bundle.manifest.classes or ())
        self._texts = tuple(text_of(name) for name in self._classes)
        self._indices = {name: index for index, name in enumerate(self._classes)}
        self.predicted = _predicted(bundle)
        self._likelihood = _likelihood(bundle)
        self._kind = _kind(bundle)
        self._edges = _edges(bundle, self.predicted)
        self._segmented = segmented(bundle, segments)
        self.unfit = _unfit(bundle)

    @property
    def judged_by(self) -> str:
        """Name the profile's output by which rows are alike: the score of two classes, else what was predicted."""
        return f"{self._likelihood}[1]" if self._kind == "scored" else self.predicted

    @property
    def likelihoods(self) -> dict[str, str]:
        """Name the profile's output of each class's probability, by the class's text; none where there are none."""
        return {text: f"{self._likelihood}[{place}]" for place, text in enumerate(self._texts) if self._likelihood}

    def record(self, inputs: Columns, outputs: Columns, rows: int, slot: int) -> Prediction | None:
        """Remember an answer; None where it is too large, or holds what no label could be compared with."""
        if self.unfit or rows > MOST_ROWS:
            return None
        segments, segment_indices = self._segments(inputs)
        parts = self._parts(outputs)
        if parts is None:
            return None
        return Prediction(self._revision, slot, rows=rows, segments=segments, segment_indices=segment_indices, **parts)

    def _parts(self, outputs: Columns) -> dict[str, Any] | None:
        if self._kind == "number":
            numbers = outputs[self.predicted].ravel().astype(np.float64)
            # A NaN compares as false.
            fits = bool((np.abs(numbers) <= LARGEST).all())
            return self._numbers(numbers) if fits else None
        try:
            chosen = [self._indices[name] for name in outputs[self.predicted].ravel().tolist()]
        except KeyError:
            return None
        likely = outputs.get(self._likelihood)
        if self._kind == "likely" and likely is not None and _are_probabilities(likely):
            return {"kind": "likely", "classes": self._texts, "chosen": bytes(chosen), "scores": packed_scores(likely)}
        if self._kind in ("classes", "likely"):
            return _listed(chosen, self._texts)
        parts: dict[str, Any] = {"kind": self._kind, "classes": self._texts, "chosen": bytes(chosen)}
        if self._kind == "two":
            return parts
        scores = outputs[self._likelihood][:, 1]
        # A NaN compares as false.
        in_range = scores.size > 0 and bool(((scores >= 0) & (scores <= 1)).all())
        return {**parts, "scores": packed_scores(scores)} if in_range else None

    def _numbers(self, numbers: Array) -> dict[str, Any]:
        packed = packed_numbers(numbers)
        if not self._edges.size:
            return {"kind": "number", "numbers": packed}
        # Bins are closed on the right, as the profile's are.
        bins = np.searchsorted(self._edges, numbers, side="left").astype(np.uint8)
        return {"kind": "binned", "numbers": packed, "chosen": bins.tobytes()}

    def _segments(self, inputs: Columns) -> tuple[tuple[str, ...], bytes]:
        if not self._segmented:
            return (), b""
        named = [
            one.texts.get(text_of(value), one.other) for one in self._segmented for value in inputs[one.name].tolist()
        ]
        places = {text: index for index, text in enumerate(dict.fromkeys(named))}
        return tuple(places), bytes(places[text] for text in named)


def _listed(chosen: Sequence[int], texts: Sequence[str]) -> dict[str, Any] | None:
    """Keep the names of those classes alone that occur: there may be thousands of them."""
    places = {one: index for index, one in enumerate(dict.fromkeys(chosen))}
    if len(places) > MOST_TEXTS:
        return None
    named = tuple(texts[one] for one in places)
    return {"kind": "classes", "classes": named, "chosen": bytes(places[one] for one in chosen)}


def _are_probabilities(likely: Array) -> bool:
    """Tell whether every row's numbers are shares that make up about 1; a NaN compares as false."""
    in_range = bool(((likely >= 0) & (likely <= 1)).all())
    return in_range and bool((np.abs(likely.sum(axis=1, dtype=np.float64) - 1.0) <= CLOSE).all())


def _predicted(bundle: Bundle) -> str:
    """Name the output that labels are compared with: `predict`, else the one output of one value a row, else none."""
    outputs = bundle.manifest.signature.outputs
    single = [tensor.name for tensor in outputs if tensor.shape[1:] in ((), (1,))]
    if any(tensor.name == PREDICT for tensor in outputs):
        return PREDICT if PREDICT in single else ""
    return single[0] if len(single) == 1 else ""


def _likelihood(bundle: Bundle) -> str:
    """Name the output with the classes' probabilities: `predict_proba`, else the one output of their shape."""
    classes = bundle.manifest.classes or ()
    fitting = [
        tensor.name
        for tensor in bundle.manifest.signature.outputs
        if tensor.shape[1:] == (len(classes),) and tensor.datatype in FLOATS
    ]
    if not TWO_CLASSES <= len(classes) <= MOST_LIKELY or not fitting:
        return ""
    return PROBABILITIES if PROBABILITIES in fitting else fitting[0] if len(fitting) == 1 else ""


def _kind(bundle: Bundle) -> Kind:
    classes = bundle.manifest.classes
    if not classes:
        return "number"
    if len(classes) != TWO_CLASSES:
        return "likely" if _likelihood(bundle) else "classes"
    return "scored" if _likelihood(bundle) else "two"


def _unfit(bundle: Bundle) -> str:
    name = _predicted(bundle)
    if not name:
        return f"the model has neither an output {PREDICT!r} of one value a row, nor one output alone that is such"
    datatypes = {tensor.name: tensor.datatype for tensor in bundle.manifest.signature.outputs}
    if any(len(text_of(name)) > LONGEST_TEXT for name in bundle.manifest.classes or ()):
        return f"a class has a name of more than {LONGEST_TEXT} characters"
    if not bundle.manifest.classes and datatypes[name] in ("BYTES", "BOOL"):
        return "the model predicts classes that its bundle does not list"
    return ""


def _edges(bundle: Bundle, predicted: str) -> Array:
    """Between which values of a predicted number the profile's bins change; none where it has no such bins."""
    output = next((one for one in bundle.profile.outputs if one.name == predicted), None)
    if output is None or output.textual or output.view is not None:
        return np.zeros(0)
    edges = np.asarray(output.values[:-1] if output.enumerated else output.edges, dtype=np.float64)
    return edges if edges.size < MOST_ERROR_BINS else np.zeros(0)


def segmented(bundle: Bundle, segments: str) -> tuple[Segmented, ...]:
    """Find the inputs that the parameter `segments` names.

    Raises:
        BundleError: one of them is no input whose values the bundle's profile lists, or there are too many.
    """
    names = [name.strip() for name in segments.split(",") if name.strip()]
    listed = {
        feature.name: feature
        for feature in bundle.profile.features
        if feature.enumerated and feature.values and feature.view is None
    }
    columns = {tensor.name for tensor in bundle.manifest.signature.inputs if len(tensor.shape) == 1}
    usable = sorted(columns & listed.keys())
    if unknown := [name for name in names if name not in usable]:
        raise _wrong(segments, f"{', '.join(unknown)} cannot be one; inputs with listed values are {usable}")
    if len(names) > MOST_SEGMENTED or len(set(names)) < len(names):
        raise _wrong(segments, f"give at most {MOST_SEGMENTED} inputs, each once")
    return tuple(_segmented(name, listed[name].values) for name in names)


def _segmented(name: str, values: Sequence[str] | Sequence[float]) -> Segmented:
    texts = [text for text in map(text_of, values[:MOST_VALUES]) if len(text) <= LONGEST_TEXT]
    return Segmented(name, {text: f"{name}={text}" for text in texts}, f"{name}={OTHER}")


def _wrong(segments: str, problem: str) -> BundleError:
    return BundleError("ModelLoadFailed", f"parameter {SEGMENTS!r} is {segments!r}: {problem}")

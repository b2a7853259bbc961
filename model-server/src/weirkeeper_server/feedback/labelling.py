"""Counts a label against what was predicted."""

from __future__ import annotations

from weirkeeper.statistics.labels import LabelCounts
from weirkeeper_server.feedback.prediction import Prediction


def count_label(counts: LabelCounts, prediction: Prediction, row: int, actual: str | float) -> None:
    """Count what was true of a row: a class by its text, a number as one."""
    if isinstance(actual, float):
        counts.add_number(prediction.number_of(row), actual, prediction.bin_of(row))
        return
    predicted = prediction.class_of(row)
    positive = prediction.classes[1] if prediction.kind in ("two", "scored") else ""
    counts.add_class(predicted, actual, positive)
    if prediction.kind == "likely":
        likely = prediction.probabilities_of(row)
        squares = sum(share * share for share in likely.values())
        counts.add_probabilities(likely[predicted], likely[actual], squares, right=predicted == actual)
    if prediction.kind == "scored":
        counts.add_score(prediction.score_of(row), is_positive=actual == positive)


def count_class_scores(counts: LabelCounts, prediction: Prediction, row: int, actual: str | float) -> None:
    """Count the probability of each of several classes too: so many counts that segments go without."""
    if prediction.kind == "likely":
        counts.add_class_scores(prediction.probabilities_of(row), str(actual))

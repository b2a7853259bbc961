"""The feedback of one server: tokens for its answers, and the counts of labels that came back with any of them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.statistics.labels import LARGEST
from weirkeeper_server.arms import Arm
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.errors import NoFeedback, NotReady
from weirkeeper_server.feedback.keys import KeyRing
from weirkeeper_server.feedback.label_tables import LabelTables
from weirkeeper_server.feedback.labelling import count_class_scores, count_label
from weirkeeper_server.feedback.posts import Item
from weirkeeper_server.feedback.prediction import NUMBERS, Prediction
from weirkeeper_server.feedback.recording import Recorder, text_of
from weirkeeper_server.feedback.refusals import Reason, Refusal, Refused
from weirkeeper_server.feedback.seen import SeenRows
from weirkeeper_server.feedback.tokens import Tokens
from weirkeeper_server.settings import FeedbackSettings
from weirkeeper_server.tensors import Columns

OMITTED: Final = "omitted"
_ROWS_AT_ONCE: Final = 500
"""Rows that are counted before the event loop may do something else."""


@dataclass
class Receipt:
    """What became of a post, in rows."""

    counted: int = 0
    refused: Counter[Reason] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)


class FeedbackLedger:
    """Gives tokens and counts labels. It belongs to the event loop.

    `results` counts rows since the start, by the reason of their refusal, or as `Counted`.
    """

    def __init__(self, model: str, settings: FeedbackSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = KeyRing(settings.keys)
        self._tokens = Tokens(model, self._keys)
        self._recorder: Recorder | None = None
        self._classes: frozenset[str] = frozenset()
        self._labels_seen = SeenRows(settings.max_seen)
        self._values_seen = SeenRows(settings.max_seen)
        self.tables = LabelTables(settings.slot_seconds, clock())
        self.results: Counter[str] = Counter()

    def use(self, bundle: Bundle, revision: str, segments: str) -> None:
        """Take up the bundle whose answers get tokens from now on.

        Raises:
            BundleError: the parameter `segments` names what cannot be one.
        """
        self._recorder = Recorder(bundle, revision, segments)
        self._classes = frozenset(text_of(name) for name in bundle.manifest.classes or ())

    @property
    def problem(self) -> str:
        """Why answers carry no token; empty where they do."""
        if self._keys.current() is None:
            return self._keys.problem
        return self._recorder.unfit if self._recorder else "the model is not loaded"

    def token(self, inputs: Columns, outputs: Columns, rows: int, at: float, arm: Arm = "") -> str | None:
        """Seal what was answered at `at` (Unix seconds); `omitted` where that cannot be, None where nothing ever is.

        A copy gets none: nobody sees its answer. Labels of chosen callers are counted apart from those of the split.
        """
        if arm == "mirror" or self._recorder is None or self._recorder.unfit or self._keys.current() is None:
            return None
        prediction = self._recorder.record(inputs, outputs, rows, int(at))
        if prediction is None:
            return OMITTED
        if arm:
            prediction = replace(prediction, revision=names.arm(prediction.revision, arm))
        return self._tokens.seal(prediction)

    async def count(self, items: Sequence[Item]) -> Receipt:
        """Count the rows of a post, each by itself.

        Raises:
            NoFeedback: this server has no key to open tokens with.
            NotReady: it does not know yet which classes there are.
        """
        if self._keys.current() is None:
            raise NoFeedback(f"this server takes no feedback: {self._keys.problem}")
        if self._recorder is None:
            raise NotReady("the model is not loaded; post the labels again when it is ready")
        receipt, rows, told = Receipt(), 0, set[str]()
        for number, item in enumerate(items):
            self._count_item(number, item, receipt, told)
            rows += 1 + item.size
            if rows >= _ROWS_AT_ONCE:
                rows = 0
                await asyncio.sleep(0)
        return receipt

    def _count_item(self, number: int, item: Item, receipt: Receipt, told: set[str]) -> None:
        try:
            nonce, prediction = self._tokens.open(item.token)
            self._check_age(prediction)
            places = _places(item, prediction)
        except Refused as refused:
            self._refuse(receipt, Refusal(number, None, refused.reason, str(refused)), item.size)
            return
        for place, row in enumerate(places):
            label = item.labels[place] if item.labels else None
            value = item.values[place] if item.values else None
            try:
                counted = self._count_row((nonce, row), prediction, label, value)
            except Refused as refused:
                self._refuse(receipt, Refusal(number, row, refused.reason, str(refused)), 1)
            else:
                receipt.counted += counted
                self.results["Counted"] += counted
                if counted and prediction.revision not in told:
                    told.add(prediction.revision)
                    self.tables.count_post(prediction)

    def _refuse(self, receipt: Receipt, refusal: Refusal, rows: int) -> None:
        receipt.refused[refusal.reason] += rows
        receipt.refusals.append(refusal)
        self.results[refusal.reason] += rows

    def _check_age(self, prediction: Prediction) -> None:
        age, most = self._clock() - prediction.slot, self._settings.max_age_seconds
        if age > most:
            raise Refused("Expired", f"the prediction is {age:.0f} s old; labels count for {most} s")

    def _count_row(self, place: tuple[bytes, int], prediction: Prediction, label: Any, value: Any) -> bool:
        """Count what is given for one row, all of it or nothing; tells whether there was anything."""
        if (label is not None and place in self._labels_seen) or (value is not None and place in self._values_seen):
            raise Refused("Repeated", "this row was counted before; each label and value counts once")
        actual = None if label is None else self._actual(prediction, place[1], label)
        worth = None if value is None else _number(value, "WrongValue", "value")
        if actual is None and worth is None:
            return False
        tallies = self.tables.counts_of(prediction, place[1])
        for counts in (*tallies.all_rows, *tallies.segments):
            if actual is not None:
                count_label(counts, prediction, place[1], actual)
            if worth is not None:
                counts.add_value(worth)
        if actual is not None:
            for counts in tallies.all_rows:
                count_class_scores(counts, prediction, place[1], actual)
            self._labels_seen.add(*place)
        if worth is not None:
            self._values_seen.add(*place)
        return True

    def _actual(self, prediction: Prediction, row: int, label: Any) -> str | float:
        if prediction.kind in NUMBERS:
            if abs(prediction.number_of(row)) > LARGEST:
                raise Refused(
                    "WrongLabel", f"the model predicted a number beyond {LARGEST:g}; no label is compared with it"
                )
            return _number(label, "WrongLabel", "label")
        known = set(prediction.classes) if prediction.kind != "classes" else {*prediction.classes, *self._classes}
        text = _text(label, known)
        if text not in known:
            listed = ", ".join(sorted(known)[:20])
            raise Refused("WrongLabel", f"label {label!r:.80} is none of the classes {listed}")
        return text


def _text(label: Any, known: AbstractSet[str]) -> str:
    """Write a label as its class is written: a table may have read the classes 0 and 1 as `0.0` and `1.0`."""
    text = text_of(label)
    if text in known or not isinstance(label, str):
        return text
    try:
        return text_of(float(label))
    except ValueError:
        return text


def _places(item: Item, prediction: Prediction) -> Sequence[int]:
    """Tell which row of the prediction each entry is about."""
    if item.rows is None:
        if item.size != prediction.rows:
            raise Refused(
                "WrongRows",
                f"{item.size} entries for {prediction.rows} rows; give null where a label is not known, or give rows",
            )
        return range(prediction.rows)
    if not all(0 <= row < prediction.rows for row in item.rows):
        raise Refused("WrongRows", f"the token has rows 0 to {prediction.rows - 1}; name such rows alone")
    if len(set(item.rows)) < len(item.rows):
        raise Refused("WrongRows", "rows names a row twice; name each once")
    return item.rows


def _number(given: Any, reason: Reason, name: str) -> float:
    """Read a number, also where it stands in text, as CSV has it."""
    try:
        number = math.nan if isinstance(given, bool) else float(given)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise Refused(reason, f"{name} {given!r:.80} is no number that can be counted; give a finite number")
    return number

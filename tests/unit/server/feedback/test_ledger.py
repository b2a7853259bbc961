"""Labels are counted to the revision and slot of their prediction, each once, and every refusal has its reason."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.unit.server.churn import fitted, rows
from weirkeeper.api.bundle import Tensor
from weirkeeper.bundling import maker
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.performance import performance
from weirkeeper_server.bundle import Bundle, read_bundle
from weirkeeper_server.errors import BundleError, NoFeedback, NotReady
from weirkeeper_server.feedback import label_tables
from weirkeeper_server.feedback.ledger import OMITTED, FeedbackLedger
from weirkeeper_server.feedback.posts import Item
from weirkeeper_server.feedback.recording import Recorder, text_of
from weirkeeper_server.settings import FeedbackSettings
from weirkeeper_server.tensors import Columns

NOW = 1_800_000_000.0
KEY = bytes(range(32))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "current").write_bytes(KEY)
    return tmp_path


@pytest.fixture(scope="session")
def churn_bundle(bundle_folder: Path) -> Bundle:
    return read_bundle(bundle_folder)


@pytest.fixture
def ledger(keys: Path, clock: Clock, churn_bundle: Bundle) -> FeedbackLedger:
    return made(keys, clock, churn_bundle)


def made(keys: Path, clock: Clock, bundle: Bundle, revision: str = "churn-1", **settings: Any) -> FeedbackLedger:
    segments = settings.pop("segments", "")
    ledger = FeedbackLedger("churn", FeedbackSettings(keys=keys, **settings), clock)
    ledger.use(bundle, revision, segments)
    return ledger


def answered(*classes: str, scores: list[float] | None = None) -> tuple[Columns, Columns]:
    """Inputs and outputs of an answer by the fixture's model."""
    positive = scores or [0.9 if one == "stay" else 0.1 for one in classes]
    inputs = {"region": np.array(["north"] * len(classes), dtype=object)}
    both = np.column_stack([1 - np.array(positive), positive])
    return inputs, {"predict": np.array(classes, dtype=object), "predict_proba": both}


def token(ledger: FeedbackLedger, *classes: str, at: float = NOW, scores: list[float] | None = None) -> str:
    sealed = ledger.token(*answered(*classes, scores=scores), len(classes), at)
    assert sealed is not None
    return sealed


def item(token: str, labels: list[Any] | None, values: list[Any] | None = None, at: list[Any] | None = None) -> Item:
    return Item(token, labels, values, at)


def whole(ledger: FeedbackLedger, revision: str = "churn-1") -> LabelCounts:
    """All that was counted for a revision."""
    counts = LabelCounts()
    for told, _, table in ledger.tables.told()["slots"]:
        if told == revision:
            counts.merge(LabelCounts.from_json(table))
    return counts


async def test_labels_are_counted_to_revision_and_slot(ledger: FeedbackLedger) -> None:
    early, late = token(ledger, "stay", "leave", at=NOW - 7200), token(ledger, "stay")
    receipt = await ledger.count([item(early, ["stay", "stay"]), item(late, ["leave"])])
    assert (receipt.counted, receipt.refused) == (3, {})
    told = ledger.tables.told()
    assert [(revision, slot) for revision, slot, _ in told["slots"]] == [
        ("churn-1", NOW - 7200),
        ("churn-1", NOW),
    ]
    assert told["slots"][0][2]["confusion"] == [["leave", "stay", 1], ["stay", "stay", 1]]
    assert told["slots"][1][2]["confusion"] == [["stay", "leave", 1]]


async def test_any_replica_counts_a_token_also_of_a_revision_that_is_gone(
    keys: Path, clock: Clock, ledger: FeedbackLedger, churn_bundle: Bundle
) -> None:
    of_old = token(ledger, "stay")
    manifest = churn_bundle.manifest.model_copy(update={"classes": ("a", "b", "c")})
    other = made(keys, clock, replace(churn_bundle, manifest=manifest), revision="churn-2")
    assert (await other.count([item(of_old, ["leave"])])).counted == 1
    assert whole(other, "churn-1").confusion == {("stay", "leave"): 1}
    assert whole(other, "churn-2").rows == 0


async def test_what_is_not_known_yet_comes_later(ledger: FeedbackLedger) -> None:
    given = token(ledger, "stay", "leave")
    assert (await ledger.count([item(given, [None, "leave"])])).counted == 1
    assert (await ledger.count([item(given, ["stay"], at=[0])])).counted == 1
    assert (await ledger.count([item(given, None, [2.5, None])])).counted == 1
    counts = whole(ledger)
    assert (counts.rows, counts.correct, counts.valued, counts.total("value")) == (2, 2, 1, 2.5)


REFUSED: dict[str, tuple[dict[str, Any], str, int]] = {
    "no such class": ({"labels": ["Stay", "leave"]}, "WrongLabel", 1),
    "a number for a class": ({"labels": [1, "leave"]}, "WrongLabel", 1),
    "a text for a value": ({"labels": ["stay", "leave"], "values": ["much", None]}, "WrongValue", 1),
    "an infinite value": ({"labels": ["stay", "leave"], "values": ["inf", None]}, "WrongValue", 1),
    "a value beyond counting": ({"labels": ["stay", "leave"], "values": [1e101, None]}, "WrongValue", 1),
    "too few labels": ({"labels": ["stay"]}, "WrongRows", 0),
    "too many labels": ({"labels": ["stay"] * 3}, "WrongRows", 0),
    "a row beyond": ({"labels": ["stay"], "at": [2]}, "WrongRows", 0),
    "a row before": ({"labels": ["stay"], "at": [-1]}, "WrongRows", 0),
    "a row twice": ({"labels": ["stay", "stay"], "at": [1, 1]}, "WrongRows", 0),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_does_not_fit_is_refused_alone(ledger: FeedbackLedger, case: str) -> None:
    changes, reason, counted = REFUSED[case]
    given = token(ledger, "stay", "leave")
    receipt = await ledger.count([item(given, **changes)])
    refused = max(len(changes["labels"]) - counted, 1)
    assert (receipt.counted, receipt.refused) == (counted, {reason: refused})
    assert whole(ledger).rows == counted
    assert [refusal.reason for refusal in receipt.refusals] == [reason]


async def test_a_row_that_was_refused_can_be_corrected(ledger: FeedbackLedger) -> None:
    given = token(ledger, "stay")
    await ledger.count([item(given, ["Stay"])])
    assert (await ledger.count([item(given, ["stay"])])).counted == 1


async def test_a_repeat_is_refused_and_counts_nothing(ledger: FeedbackLedger) -> None:
    given = token(ledger, "stay", "leave")
    await ledger.count([item(given, ["stay", None])])
    receipt = await ledger.count([item(given, ["leave", "leave"]), item(given, ["stay", None])])
    assert (receipt.counted, receipt.refused) == (1, {"Repeated": 2})
    assert whole(ledger).confusion == {("stay", "stay"): 1, ("leave", "leave"): 1}


async def test_repeats_are_known_of_the_last_tokens_alone(keys: Path, clock: Clock, churn_bundle: Bundle) -> None:
    ledger = made(keys, clock, churn_bundle, max_seen=2)
    given = [token(ledger, "stay") for _ in range(3)]
    assert (await ledger.count([item(one, ["stay"]) for one in given])).counted == 3
    receipt = await ledger.count([item(one, ["stay"]) for one in reversed(given)])
    assert (receipt.counted, receipt.refused) == (1, {"Repeated": 2})


async def test_an_old_prediction_takes_no_labels_any_more(ledger: FeedbackLedger, clock: Clock) -> None:
    given = token(ledger, "stay"), token(ledger, "stay")
    clock.now += 30 * 86_400
    assert (await ledger.count([item(given[0], ["stay"])])).counted == 1
    clock.now += 1
    assert (await ledger.count([item(given[1], ["stay"])])).refused == {"Expired": 1}


async def test_each_item_is_judged_by_itself(ledger: FeedbackLedger) -> None:
    good, other = token(ledger, "stay"), token(ledger, "stay")
    receipt = await ledger.count([item(good, ["stay"]), item("x", ["stay"]), item(other[:-4] + "AAAA", ["stay"])])
    assert receipt.counted == 1
    assert receipt.refused == {"Malformed": 1, "Forged": 1}
    assert [(refusal.item, refusal.row) for refusal in receipt.refusals] == [(1, None), (2, None)]
    assert ledger.results == {"Counted": 1, "Malformed": 1, "Forged": 1}


async def test_without_a_key_nothing_is_given_and_nothing_taken(clock: Clock, churn_bundle: Bundle) -> None:
    ledger = FeedbackLedger("churn", FeedbackSettings(), clock)
    ledger.use(churn_bundle, "churn-1", "")
    assert ledger.token(*answered("stay"), 1, NOW) is None
    assert ledger.problem == "no keys are mounted"
    with pytest.raises(NoFeedback, match="no keys are mounted"):
        await ledger.count([item("x", ["stay"])])


async def test_labels_wait_for_the_model(keys: Path, clock: Clock) -> None:
    with pytest.raises(NotReady):
        await FeedbackLedger("churn", FeedbackSettings(keys=keys), clock).count([item("x", ["stay"])])


def test_an_answer_of_many_rows_has_no_token(ledger: FeedbackLedger) -> None:
    assert ledger.token(*answered(*["stay"] * 1_000), 1_000, NOW) != OMITTED
    assert ledger.token(*answered(*["stay"] * 1_001), 1_001, NOW) == OMITTED


@pytest.mark.parametrize("scores", [[float("nan")], [1.5], [-0.1]])
def test_an_answer_that_no_label_could_be_compared_with_has_no_token(
    ledger: FeedbackLedger, scores: list[float]
) -> None:
    assert token(ledger, "stay", scores=scores) == OMITTED
    assert token(ledger, "perhaps") == OMITTED


async def test_the_oldest_slots_go_first(
    monkeypatch: pytest.MonkeyPatch, keys: Path, clock: Clock, churn_bundle: Bundle
) -> None:
    monkeypatch.setattr(label_tables, "MOST_TABLES", 2)
    ledger = made(keys, clock, churn_bundle)
    for hours in (1, 3, 2, 4):
        await ledger.count([item(token(ledger, "stay", at=NOW - 3600 * hours), ["stay"])])
    assert [slot for _, slot, _ in ledger.tables.told()["slots"]] == [NOW - 3600, NOW - 7200]
    receipt = await ledger.count([item(token(ledger, "stay", at=NOW - 3600 * 3), ["stay"])])
    assert receipt.refused == {"Expired": 1}


async def test_a_look_tells_what_changed_since_the_last(
    monkeypatch: pytest.MonkeyPatch, ledger: FeedbackLedger
) -> None:
    first, second = token(ledger, "stay", at=NOW - 3600), token(ledger, "stay")
    await ledger.count([item(first, ["stay"]), item(second, ["stay"])])
    everything = ledger.tables.told()
    assert len(everything["slots"]) == 2
    assert ledger.tables.told(everything["cursor"])["slots"] == []
    await ledger.count([item(token(ledger, "leave"), ["stay"])])
    assert [slot for _, slot, _ in ledger.tables.told(everything["cursor"])["slots"]] == [NOW]
    for strange in ("", "1-1", "x", "9" * 40):
        assert len(ledger.tables.told(strange)["slots"]) == 2
    monkeypatch.setattr(label_tables, "MOST_TOLD", 400)
    told: list[int] = []
    cursor = ""
    for _ in range(4):
        look = ledger.tables.told(cursor)
        told, cursor = told + [slot for _, slot, _ in look["slots"]], look["cursor"]
    assert told == [NOW - 3600, NOW]
    assert ledger.tables.told(cursor) == {"slotSeconds": 3600, "cursor": cursor, "totals": [], "slots": []}


async def test_segments_are_counted_apart(keys: Path, clock: Clock, churn_bundle: Bundle) -> None:
    ledger = made(keys, clock, churn_bundle, segments="region")
    inputs, outputs = answered("stay", "stay", "leave")
    inputs = {"region": np.array(["south", "north", "moon"], dtype=object)}
    sealed = ledger.token(inputs, outputs, 3, NOW)
    assert sealed is not None
    await ledger.count([item(sealed, ["leave", "stay", "leave"], [1, 2, 4])])
    ((_, _, told),) = ledger.tables.told()["slots"]
    assert told["rows"] == 3
    assert {
        name: (one["rows"], one.get("correct", 0), one["sums"]["value"]) for name, one in told["segments"].items()
    } == {
        "region=south": (1, 0, 1),
        "region=north": (1, 1, 2),
        "region=other": (1, 1, 4),
    }


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ("income", r"income cannot be one; inputs with listed values are \['region'"),
        ("region,nothing", "nothing cannot be one"),
        ("region,region", "each once"),
    ],
)
def test_segments_that_cannot_be_are_named(churn_bundle: Bundle, segments: str, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        Recorder(churn_bundle, "churn-1", segments)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (np.bool_(0), "false"), (1, "1"), (1.0, "1"), (np.int64(3), "3"), (0.5, "0.5"), ("x", "x")],
)
def test_a_class_is_written_in_one_way(value: object, text: str) -> None:
    assert text_of(value) == text


async def test_labels_of_numbers_may_be_read_from_a_table(keys: Path, clock: Clock, churn_bundle: Bundle) -> None:
    manifest = churn_bundle.manifest.model_copy(update={"classes": (0, 1)})
    ledger = made(keys, clock, replace(churn_bundle, manifest=manifest))
    outputs = {"predict": np.array([1, 1, 1, 0]), "predict_proba": np.array([[0.2, 0.8]] * 3 + [[0.9, 0.1]])}
    sealed = ledger.token({}, outputs, 4, NOW)
    assert sealed is not None
    receipt = await ledger.count([item(sealed, [1, "1", "1.0", 0.0])])
    assert (receipt.counted, whole(ledger).correct) == (4, 4)


def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estimator: Any, frame: pd.DataFrame) -> Bundle:
    monkeypatch.setattr(maker, "verify", lambda *_: None)
    return read_bundle(maker.bundle(estimator, frame, path=tmp_path / "bundle"))


async def counted(ledger: FeedbackLedger, outputs: Columns, labels: list[Any]) -> LabelCounts:
    """Seal answers of a hundred rows each and count their labels, in another order."""
    items = []
    for start in range(0, len(labels), 100):
        part = {name: output[start : start + 100] for name, output in outputs.items()}
        sealed = ledger.token({}, part, len(part["predict"]), NOW - start)
        assert sealed is not None
        items.append(item(sealed, labels[start : start + 100]))
    await ledger.count(items[::-1])
    return whole(ledger)


async def test_two_classes_give_the_metrics_of_scikit_learn(keys: Path, clock: Clock, churn_bundle: Bundle) -> None:
    frame, random = rows(1_000), np.random.default_rng(3)
    model: Any = fitted()
    scores = model.predict_proba(frame)
    actual = np.where(random.random(1_000) < 0.5 * scores[:, 1] + 0.2, "stay", "leave")
    predicted = model.predict(frame)
    found = performance(
        await counted(made(keys, clock, churn_bundle), {"predict": predicted, "predict_proba": scores}, actual.tolist())
    )
    truth, score = actual == "stay", scores[:, 1]
    assert found["Accuracy"] == metrics.accuracy_score(actual, predicted)
    assert found["Precision"] == pytest.approx(metrics.precision_score(actual, predicted, pos_label="stay"), rel=1e-12)
    assert found["Recall"] == pytest.approx(metrics.recall_score(actual, predicted, pos_label="stay"), rel=1e-12)
    assert found["F1"] == pytest.approx(metrics.f1_score(actual, predicted, pos_label="stay"), rel=1e-12)
    assert found["Brier"] == pytest.approx(metrics.brier_score_loss(truth, score), abs=2e-5)
    clipped = np.clip(score, 0.5 / 65_535, 1 - 0.5 / 65_535)
    assert found["LogLoss"] == pytest.approx(metrics.log_loss(truth, clipped), rel=1e-3)
    binned = np.minimum(np.floor(np.rint(score * 65_535) / 65_535 * 100), 99)
    assert found["AUC"] == pytest.approx(metrics.roc_auc_score(truth, binned), rel=1e-12)
    assert found["AUC"] == pytest.approx(metrics.roc_auc_score(truth, score), abs=0.005)


async def test_many_classes_give_the_metrics_of_scikit_learn(
    tmp_path: Path, keys: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(600, 3)), columns=["a", "b", "c"])
    actual = np.argmax(frame.to_numpy() + random.normal(size=(600, 3)), axis=1)
    model = LogisticRegression().fit(frame, actual)
    ledger = made(keys, clock, bundled(tmp_path, monkeypatch, model, frame))
    predicted = model.predict(frame)
    found = performance(await counted(ledger, {"predict": predicted}, actual.tolist()))
    assert found["Accuracy"] == metrics.accuracy_score(actual, predicted)
    for name, score in (
        ("Precision", metrics.precision_score),
        ("Recall", metrics.recall_score),
        ("F1", metrics.f1_score),
    ):
        assert found[name] == pytest.approx(score(actual, predicted, average="macro"), rel=1e-12)
    assert found.keys() == {"Accuracy", "Precision", "Recall", "F1"}
    likely = model.predict_proba(frame)
    other = made(keys, clock, bundled(tmp_path, monkeypatch, model, frame))
    found = performance(await counted(other, {"predict": predicted, "predict_proba": likely}, actual.tolist()))
    assert found["Accuracy"] == metrics.accuracy_score(actual, predicted)
    one_hot = np.eye(3)[actual]
    assert found["Brier"] == pytest.approx(float(((likely - one_hot) ** 2).sum(axis=1).mean()), abs=1e-4)
    assert found["LogLoss"] == pytest.approx(metrics.log_loss(actual, likely), rel=1e-3)
    assert found["AUC"] == pytest.approx(metrics.roc_auc_score(actual, likely, multi_class="ovr"), abs=0.02)
    assert found.keys() == {"Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss", "ECE"}


async def test_what_is_no_probability_of_many_classes_is_not_counted_as_one(
    tmp_path: Path, keys: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(60, 3)), columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame, np.argmax(frame.to_numpy(), axis=1))
    bundle, predicted = bundled(tmp_path, monkeypatch, model, frame), model.predict(frame)
    for likely in (np.full((60, 3), 0.9), np.full((60, 3), np.nan), np.full((60, 3), 1.2)):
        counts = await counted(
            made(keys, clock, bundle), {"predict": predicted, "predict_proba": likely}, predicted.tolist()
        )
        assert (counts.rows, counts.correct, counts.numbered) == (60, 60, 0)


def test_a_token_with_probabilities_is_of_a_version_that_older_servers_refuse(
    tmp_path: Path, keys: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, churn_bundle: Bundle
) -> None:
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(60, 3)), columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame, np.argmax(frame.to_numpy(), axis=1))
    ledger = made(keys, clock, bundled(tmp_path, monkeypatch, model, frame))
    sealed = ledger.token({}, {"predict": model.predict(frame), "predict_proba": model.predict_proba(frame)}, 60, NOW)
    assert sealed is not None
    assert [
        base64.urlsafe_b64decode(one[:4])[0] for one in (sealed, token(made(keys, clock, churn_bundle), "stay"))
    ] == [
        2,
        1,
    ]


async def test_numbers_too_large_to_square_twice_are_not_counted(
    tmp_path: Path, keys: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(60, 2)), columns=["a", "b"])
    ledger = made(keys, clock, bundled(tmp_path, monkeypatch, LinearRegression().fit(frame, frame["a"]), frame))
    assert ledger.token({}, {"predict": np.array([1e80])}, 1, NOW) == OMITTED
    sealed = ledger.token({}, {"predict": np.array([1e70])}, 1, NOW)
    receipt = await ledger.count([item(str(sealed), [-1e70])])
    assert (receipt.counted, receipt.refused) == (1, {})
    assert math.isfinite(whole(ledger).total("fourth"))


async def test_numbers_give_the_metrics_of_scikit_learn(
    tmp_path: Path, keys: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(11)
    frame = pd.DataFrame(random.normal(size=(500, 2)), columns=["a", "b"])
    actual = frame["a"] * 1e3 + random.normal(size=500)
    model = LinearRegression().fit(frame, actual)
    ledger = made(keys, clock, bundled(tmp_path, monkeypatch, model, frame))
    predicted = model.predict(frame)
    counts = await counted(ledger, {"predict": predicted}, actual.tolist())
    found = performance(counts)
    assert found == pytest.approx(
        {
            "MAE": metrics.mean_absolute_error(actual, predicted),
            "RMSE": metrics.root_mean_squared_error(actual, predicted),
        },
        rel=1e-12,
    )
    assert counts.total("error") == pytest.approx(float(np.sum(predicted - actual)), abs=1e-9)
    by_bin = [one.totals() for one in counts.error_bins.values()]
    assert len(by_bin) > 5
    assert np.sum(by_bin, axis=0)[:3] == pytest.approx([500, predicted.sum(), (predicted - actual).sum()], abs=1e-6)
    receipt = await ledger.count([item(str(ledger.token({}, {"predict": predicted[:1]}, 1, NOW)), ["far"])])
    assert receipt.refused == {"WrongLabel": 1}


def test_parts_add_up_to_the_whole() -> None:
    random = np.random.default_rng(2)
    together, parts = LabelCounts(), [LabelCounts() for _ in range(3)]
    for _ in range(300):
        score = float(random.random())
        predicted, actual = "ab"[score > 0.5], "ab"[random.random() > 0.4]
        for counts in (together, parts[int(random.integers(3))]):
            counts.add_class(predicted, actual, "b")
            counts.add_score(score, is_positive=actual == "b")
            counts.add_value(score)
    merged = LabelCounts()
    for part in parts:
        merged.merge(LabelCounts.from_json(part.to_json()))
    assert merged == together
    assert performance(merged) == performance(together)


def test_metrics_that_counts_do_not_allow_are_left_out() -> None:
    counts = LabelCounts()
    assert performance(counts) == {}
    counts.add_class("a", "a", "b")
    counts.add_score(0.2, is_positive=False)
    assert performance(counts).keys() == {"Accuracy", "Brier", "LogLoss", "ECE"}


def test_more_pairs_than_are_listed_leave_accuracy_alone() -> None:
    counts = LabelCounts()
    for number in range(60):
        for other in range(60):
            counts.add_class(str(number), str(other))
    assert len(counts.confusion) == 2_500
    assert counts.unlisted == 1_100
    assert performance(counts) == {"Accuracy": 60 / 3600}


async def test_a_revision_has_a_total_of_all_its_slots(
    monkeypatch: pytest.MonkeyPatch, keys: Path, clock: Clock, churn_bundle: Bundle
) -> None:
    first, second = (made(keys, clock, churn_bundle, revision=f"churn-{number}") for number in (1, 2))
    given = [token(first, "stay", at=NOW - 3600 * hours) for hours in range(3)]
    await second.count([item(one, ["stay"]) for one in given])
    ((revision, total),) = second.tables.told()["totals"]
    assert (revision, LabelCounts.from_json(total)) == ("churn-1", whole(second, "churn-1"))
    monkeypatch.setattr(label_tables, "MOST_REVISIONS", 1)
    receipt = await second.count([item(token(second, "stay"), ["stay"])])
    assert receipt.refused == {"Expired": 1}


async def test_what_is_too_long_to_tell_is_told_in_short(
    monkeypatch: pytest.MonkeyPatch, keys: Path, clock: Clock, churn_bundle: Bundle
) -> None:
    ledger = made(keys, clock, churn_bundle, segments="region")
    await ledger.count([item(token(ledger, "stay"), ["leave"])])
    monkeypatch.setattr(label_tables, "MOST_TOLD", 100)
    (((_, total),), ((_, _, in_slot),)) = (ledger.tables.told()[name] for name in ("totals", "slots"))
    assert total == in_slot
    assert total.keys() == {"rows", "numbered", "unlisted", "posts", "positive", "scores", "scoreUnits", "sums"}
    assert (total["rows"], total["unlisted"]) == (1, 1)
    assert performance(LabelCounts.from_json(total)).keys() == {"Accuracy", "Brier", "LogLoss", "ECE"}


def test_a_class_whose_name_is_a_book_gives_no_tokens(churn_bundle: Bundle) -> None:
    manifest = churn_bundle.manifest.model_copy(update={"classes": ("a", "b" * 201)})
    assert "more than 200 characters" in Recorder(replace(churn_bundle, manifest=manifest), "churn-1").unfit


def outputs_of(bundle: Bundle, *outputs: tuple[str, str, tuple[int, ...]]) -> Bundle:
    """The bundle with other outputs, as a converter would name them."""
    tensors = tuple(Tensor.model_validate({"name": n, "datatype": d, "shape": s}) for n, d, s in outputs)
    signature = bundle.manifest.signature.model_copy(update={"outputs": tensors})
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"signature": signature}))


def test_outputs_of_other_names_are_known_by_their_shapes(churn_bundle: Bundle) -> None:
    converted = outputs_of(churn_bundle, ("label", "BYTES", (-1, 1)), ("probabilities", "FP32", (-1, 2)))
    outputs = {"label": np.array([["stay"]], dtype=object), "probabilities": np.array([[0.25, 0.75]], np.float32)}
    prediction = Recorder(converted, "churn-1").record({}, outputs, 1, int(NOW))
    assert prediction is not None
    assert (prediction.kind, prediction.class_of(0)) == ("scored", "stay")
    assert prediction.score_of(0) == pytest.approx(0.75, abs=1e-5)


@pytest.mark.parametrize(
    "outputs",
    [
        (("predict", "FP64", (-1, 3)),),
        (("a", "FP64", (-1,)), ("b", "FP64", (-1,))),
        (("probabilities", "FP32", (-1, 2)),),
    ],
)
def test_a_model_without_one_answer_a_row_gives_no_tokens(churn_bundle: Bundle, outputs: Any) -> None:
    assert "one value a row" in Recorder(outputs_of(churn_bundle, *outputs), "churn-1").unfit


async def test_a_post_counts_once_for_a_revision_however_many_slots_it_speaks_of(ledger: FeedbackLedger) -> None:
    one, later = token(ledger, "stay", "leave"), token(ledger, "stay", at=NOW + 7200)
    await ledger.count([item(one, ["stay", "leave"]), item(later, ["stay"])])
    await ledger.count([item(one, None, [2.5, None])])
    refused = await ledger.count([item(one, ["stay", "stay"])])
    assert (refused.counted, whole(ledger).posts) == (0, 2)
    ((_, total),) = ledger.tables.told()["totals"]
    assert total["posts"] == 2

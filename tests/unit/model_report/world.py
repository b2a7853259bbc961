"""A Model as a cluster has it after a day: two revisions, attempts, a Monitor, windows of which the last ones drift."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np

from tests.unit.comparison.people import people
from weirkeeper.api.conditions import timestamp
from weirkeeper.api.names import ATTEMPTS_ANNOTATION
from weirkeeper.model_report.found import Found
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.observe.label_slot_book import LabelSlot, SlotKey, pack_segments
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.objective_book import KeptObjectives, ObjectiveBook
from weirkeeper.observe.readings import Counters, RouterReading
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.held_out import HeldOut, strata_of
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.latency import bin_of
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.packed import PackedCounts

HOUR: Final = 3600
NOW: Final = 500_000 * HOUR + 600.0
"""Ten minutes after a whole hour."""

END: Final = 500_000 * HOUR
PROMOTED: Final = END - 12 * HOUR
DRIFT_FROM: Final = END - 4 * HOUR
ROWS: Final = 800
STABLE: Final = "churn-5d9c7f02"
FORMER: Final = "churn-1a2b3c4d"
SLOW: Final = bin_of(100_000.0)
HOSTILE: Final = "<script>alert('churn')</script>"


@cache
def profile(seed: int) -> ReferenceProfile:
    """A bundle's profile, with metrics measured on held-out rows."""
    measured = (
        OfflineMetric("AUC", 0.913, 0.897, 0.929, 1200, "Bootstrap", "HeldOut"),
        OfflineMetric("F1", 0.801, 0.771, 0.829, 1200, "Bootstrap", "HeldOut"),
    )
    given = answers(3000, seed)
    whole = ReferenceProfile.from_columns(columns(3000, seed), given, measured)
    return replace(whole, held_out=held_out(whole, given["leaves"]))


def held_out(whole: ReferenceProfile, leaves: Any) -> HeldOut:
    """Rows of which one in five was predicted wrong."""
    predicted = ["yes" if one else "no" for one in leaves]
    actual = [("no" if one == "yes" else "yes") if row % 5 == 0 else one for row, one in enumerate(predicted)]
    counts = LabelCounts()
    for pair in zip(predicted, actual, strict=True):
        counts.add_class(*pair, "yes")
    return HeldOut(counts, strata_of(whole.outputs[0], leaves, predicted, actual))


def columns(rows: int, seed: int, poorer: float = 0.0) -> dict[str, Any]:
    """Rows as the server counts them."""
    frame = people(rows, seed, poorer=poorer, north=0.1 + poorer / 4)
    return {str(name): frame[name].to_numpy() for name in frame}


def answers(rows: int, seed: int) -> dict[str, Any]:
    """What the model answered."""
    return {"leaves": np.random.default_rng(seed).random(rows) < 0.2}


def counted(seed: int, start: int, poorer: float = 0.0) -> CountedSlot:
    """An hour of rows, counted in one slot."""
    counters = ProfileCounters(profile(1 if start >= PROMOTED else 2))
    counters.ingest(columns(ROWS, seed, poorer), answers(ROWS, seed))
    totals = counters.totals()
    return CountedSlot(start, ROWS, PackedCounts.of(totals["inputs"], totals["outputs"]))


def objectives() -> KeptObjectives:
    """Thirty hours of a thousand requests, of which ten were slow and one failed, twelve in each of the last four."""
    book = ObjectiveBook(END - 30 * HOUR)
    book.set_slow({SLOW})
    for hour in range(1, 31):
        failed = hour + 11 * max(0, hour - 26)
        key, started = (STABLE, 1), END - 30 * HOUR + 1
        counters = {key: Counters(1000 * hour, failed, failed)}
        reading = RouterReading(started, {}, counters, {key: {SLOW - 5: 990 * hour, SLOW + 5: 10 * hour}})
        book.book(END - (30 - hour) * HOUR, "churn", {"u-r": "router-0"}, {"u-r": reading})
    return book.kept()


def labels_of_a_day() -> dict[SlotKey, LabelSlot]:
    """Labels of both revisions while each was stable, most of them; in the last four hours more are predicted wrong."""
    hours = {FORMER: range(-10, 0), STABLE: range(11)}
    return {
        SlotKey(revision, PROMOTED + hour * HOUR, HOUR): LabelSlot(
            {Process("pod-1", 1.0): pack_segments({"": labelled(600, 4 if hour > 7 else 10)})}
        )
        for revision, kept in hours.items()
        for hour in kept
    }


def labels() -> dict[SlotKey, LabelSlot]:
    """Labels of two hours of the stable revision, a third of the rows by segment; 90 of 100 were predicted right."""
    return {
        SlotKey(STABLE, PROMOTED + hour * HOUR, HOUR): LabelSlot(
            {Process("pod-1", 1.0): pack_segments({"": labelled(300), "region=north": labelled(100)})}
        )
        for hour in (0, 1)
    }


def labelled(rows: int, wrong: int = 10) -> LabelCounts:
    """Labels of two classes, one of so many predicted `wrong`."""
    counts = LabelCounts()
    for row in range(rows):
        counts.add_class("yes" if row % 2 else "no", "yes" if (row % 2) != (row % wrong == 0) else "no", "yes")
    return counts


@cache
def checkpoint(*, followed: bool = False) -> bytes:
    """Twenty-two windows: ten of the former revision, twelve of the stable one, of which the last four drift.

    Where all is `followed` there are also labels of each hour, and what became of requests.
    """
    former = [counted(100 + hour, PROMOTED - hour * HOUR) for hour in range(10, 0, -1)]
    slots = [
        counted(200 + hour, start, 0.6 if start >= DRIFT_FROM else 0.0)
        for hour, start in enumerate(range(PROMOTED, END, HOUR))
    ]
    kept = {HOUR: {FORMER: former, STABLE: slots[:-2]}}
    told = (labels_of_a_day(), objectives()) if followed else (labels(), None)
    packed = pack(Checkpoint(END, lanes={300: {STABLE: slots[-2:]}}, past=kept, labels=told[0], objectives=told[1]))
    assert packed is not None
    return packed


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    since = timestamp(PROMOTED)
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def attempt(
    number: int, revision: str, hours: tuple[float, float | None], outcome: str | None = None, reason: str = ""
) -> dict[str, Any]:
    """An attempt that began and ended so many hours after the promotion."""
    began, ended = hours
    gates = [{"name": "errors", "verdict": "Pass" if outcome == "Promoted" else "Fail"}]
    found = {
        "attempt": number, "revision": revision, "started": timestamp(PROMOTED + began * HOUR), "outcome": outcome,
        "ended": None if ended is None else timestamp(PROMOTED + ended * HOUR), "reason": reason,
        "exposedRequests": 400 * number, "gates": gates if outcome else [],
    }  # fmt: skip
    return {key: value for key, value in found.items() if value is not None}


def model(**status: Any) -> dict[str, Any]:
    """A Model whose stable revision was promoted twelve hours ago, and whose next one is in its second step."""
    gates = [
        {
            "name": "errors", "verdict": "Pass", "candidate": {"requests": 4210, "bad": 3},
            "stable": {"requests": 16904, "bad": 14}, "effect": "0.86",
            "evidence": {"fail": "-1.20", "failAt": "5.30", "pass": "4.10", "passAt": "3.00"},
            "message": "errors: candidate 3 of 4,210 bad (<0.1 %), stable 14 of 16,904 (<0.1 %)",
        },
        {
            "name": "latency", "verdict": "Inconclusive", "candidate": {"requests": 4210, "bad": 210},
            "stable": {"requests": 16904, "bad": 801}, "requestsNeeded": 900,
            "evidence": {"fail": "0.80", "failAt": "5.30", "pass": "1.90", "passAt": "3.00"},
            "message": "latency: candidate 5.0 % of 4,210 over 12 ms, stable 4.7 %",
        },
    ]  # fmt: skip
    told = {
        "phase": "Progressing", "step": 2, "stepName": "quarter", "attempt": 5, "message": "step 2/3 quarter",
        "stable": {"revision": STABLE, "since": timestamp(PROMOTED)},
        "candidate": {"revision": "churn-77777777", "weight": 25},
        "traffic": [{"revision": STABLE, "weight": 75}, {"revision": "churn-77777777", "weight": 25}],
        "gates": gates, "replicas": 3, "exposedRequests": 4210,
        "attempts": [
            attempt(1, FORMER, (-30.0, -24.0), "Promoted"),
            attempt(2, "churn-0badc0de", (-20.0, -19.5), "RolledBack", "gate errors failed: candidate 19 of 326 bad"),
            attempt(3, STABLE, (-4.0, 0.0), "Promoted"),
            attempt(4, "churn-66666666", (3.0, 5.0), "Aborted", "aborted by ann: wrong threshold"),
            attempt(5, "churn-77777777", (10.0, None)),
        ],
        "conditions": [
            condition("Ready", "True", "Serving", f"{STABLE} serves"),
            condition("Current", "False", "RolloutInProgress", "step 2/3 quarter"),
        ],
    }  # fmt: skip
    card = {
        "owner": "retention", "contacts": ["#retention"], "task": "classification", "description": HOSTILE,
        "dataset": "s3://rows/2026-10", "metrics": {"AUC": "0.90", "Recall": "0.75"},
    }  # fmt: skip
    return {
        "metadata": {"name": "churn", "namespace": "team-a", "uid": "u-1"},
        "spec": {"artifact": {"uri": "s3://models/churn/7/"}, "card": card},
        "status": {**told, **status},
    }


def monitor(**status: Any) -> dict[str, Any]:
    """A Monitor of it that says what its last window said."""
    told = {
        "state": "Drifting",
        "message": "2 of 5 features drift: income: median 48.5 k → 27.1 k (PSI 1.92, threshold 0.21)",
        "features": [
            {
                "name": "income", "state": "Drifting", "psi": "1.9200", "threshold": "0.2100",
                "message": "income: median 48.5 k → 27.1 k (PSI 1.92, threshold 0.21)",
            }
        ],
        "lastWindow": {"start": timestamp(END - HOUR), "end": timestamp(END), "rows": ROWS},
        "conditions": [
            condition("InputDrift", "True", "Drifting", "2 of 5 features drift"),
            condition("Ready", "True", "Watching"),
        ],
    }  # fmt: skip
    return {
        "metadata": {"name": "inputs", "namespace": "team-a", "uid": "u-m"},
        "spec": {"modelRef": {"name": "churn"}, "window": {"size": "1h", "minRows": 500, "maxAge": "24h"}},
        "status": {**told, **status},
    }


def rollout() -> dict[str, Any]:
    """Its Rollout, of three steps."""
    steps = [{"name": "first", "weight": 5}, {"name": "quarter", "weight": 25, "requirePass": True}, {"weight": 50}]
    return {
        "metadata": {"name": "churn", "namespace": "team-a", "creationTimestamp": timestamp(PROMOTED)},
        "spec": {"modelRef": {"name": "churn"}, "steps": steps},
    }


def record() -> dict[str, Any]:
    """What the record of the stable revision has of the attempt that promoted it."""
    whole = attempt(3, STABLE, (-4.0, 0.0), "Promoted", "every gate passed") | {
        "steps": [
            {"name": "first", "weight": 5, "started": timestamp(PROMOTED - 4 * HOUR), "requests": 90},
            {"name": "half", "weight": 50, "started": timestamp(PROMOTED - 3 * HOUR), "requests": 1110},
        ],
        "curve": {
            "gates": ["errors", "accuracy"],
            "points": [[0, 0, 0, 0, 0], [7200, -20, 40, 10, 30], [14400, -45, 130, -5, 101]],
        },
    }
    return {"metadata": {"name": STABLE, "annotations": {ATTEMPTS_ANNOTATION: json.dumps([whole])}}}


def config_maps(*, followed: bool = False) -> dict[str, Any]:
    """The ConfigMaps that the operator keeps of it."""
    kept = {STABLE: profile(1), FORMER: profile(2)}
    windows = {"binaryData": {CHECKPOINT_KEY: base64.b64encode(checkpoint(followed=followed)).decode()}}
    profiles = {
        f"{revision}-profile": {"data": {"profile.json": json.dumps(found.to_json())}}
        for revision, found in kept.items()
    }
    return {
        name: {"metadata": {"name": name}, **content}
        for name, content in {"churn-windows": windows, **profiles}.items()
    }


def found(**changes: Any) -> Found:
    """All of it."""
    whole: dict[str, Any] = {
        "model": model(), "rollout": rollout(), "monitors": [monitor()], "config_maps": config_maps(),
        "records": [record()],
    }  # fmt: skip
    return Found(**{**whole, **changes})


def followed() -> Found:
    """The same with a Monitor of performance and objectives, with labels of each hour, and what became of requests."""
    asked = [{"metric": "Accuracy", "segment": "", "state": "Drifting", "rows": 600, "bound": "0.8500"}]
    watching = monitor(performance=asked)
    watching["spec"] |= {
        "performance": [{"metric": "Accuracy", "min": "0.85"}],
        "objectives": {"availability": {"target": "99.5"}, "latency": {"below": "100ms", "target": "98"}},
    }
    return found(monitors=[watching], config_maps=config_maps(followed=True))

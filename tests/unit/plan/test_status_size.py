"""A status holds what decides; whatever people and clusters say, it stays small and such that the API takes it."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.plan.objects import NOW, SIGNATURE, Cluster, model, rollout
from tests.unit.plan.test_gates_that_ask import CHECK, cluster, cron_job, exited, jobs, serve
from weirkeeper.api import names
from weirkeeper.api.model_status import ModelStatus
from weirkeeper.api.rollout import RolloutStatus
from weirkeeper.delivery.curve import POINTS, Curve
from weirkeeper.delivery.history import LONGEST
from weirkeeper.delivery.memory import (
    ACTIONS_KEPT,
    HISTORY,
    STEPS,
    WHOLE,
    ActionRun,
    AttemptRecord,
    CheckRun,
    Memory,
    RevisionRecord,
    StepRecord,
)
from weirkeeper.observe.outcomes import MOST_SERIES
from weirkeeper.plan.gate_jobs import CHECKS_KEPT

GATES = 10
TEXT = 1024
NAME = "n" * 39
MOST = 256 * 1024
"""Bytes of a Model with its status; etcd refuses 1.5 MB."""

GATES_MEMORY = GATES * 4096 + 2 * 8192
"""What gates keep at most, as the tests of each kind have it; all 256 inputs, and all 32 outputs, are 8 KiB."""
CURSORS = {
    "end": int(NOW),
    "series": {f"{i:08}/{NOW:.0f}/{10**6}/{'r' * 63}": [10**9] * 3 for i in range(MOST_SERIES)},
    "others": True,
}
"""Those of as many routers as they hold."""


def served(**changes: Any) -> Cluster:
    found = Cluster(**changes)
    found.reconcile(5)
    return found


def valid(found: Cluster) -> None:
    ModelStatus.model_validate(found.status)
    RolloutStatus.model_validate(found.rollouts[0]["status"])


def in_an_attempt(**spec: Any) -> Cluster:
    found = served(rollouts=[rollout()], model=model(**spec))
    found.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    found.reconcile(3)
    return found


def test_an_annotation_of_any_length_acts_once_and_fits_the_status() -> None:
    found = in_an_attempt()
    annotations = found.model["metadata"].setdefault("annotations", {})
    annotations[names.verb_annotation("abort")] = f"{'a' * 5000}/1"
    found.reconcile(3)
    valid(found)
    assert found.status["phase"] == "Aborted"
    annotations[names.verb_annotation("retry")] = f"{'a' * 5000}/1"
    found.reconcile(2)
    valid(found)
    assert found.status["attempt"] == 3
    annotations[names.verb_annotation("abort")] = f"{'a' * 5000}/2"
    found.reconcile()
    assert found.status["phase"] == "Aborted", "another nonce is another asking, however long both are"


def test_what_clients_would_miss_of_a_thousand_columns_fits_the_status() -> None:
    wide = {**SIGNATURE, "inputs": [{"name": f"column-{i}", "datatype": "FP64", "shape": [-1]} for i in range(1000)]}
    found = served(rollouts=[rollout()])
    found.signatures[found.status["stable"]["revision"]] = wide
    found.reconcile()
    found.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    found.reconcile(3)
    assert "column-0 is gone" in found.status["message"]
    valid(found)


def test_gates_that_are_edited_again_and_again_leave_no_jobs_behind() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()})
    for number in range(CHECKS_KEPT + 5):
        found.rollouts[0]["spec"]["falseAlarm"] = f"0.0{number + 1:03}"
        serve(found)
    exited(jobs(found)[-1], 2)
    serve(found)
    assert 1 <= len(found.status["memory"]["checks"]) <= 2


def test_a_status_in_which_everything_is_as_large_as_it_may_be_is_far_from_what_the_store_refuses() -> None:
    found = served(rollouts=[rollout()])
    stable = found.status["stable"]["revision"]
    found.model["status"]["memory"] = {**found.status["memory"], **largest(stable).to_json()}
    for item, nonce in ((found.model, 1), (found.rollouts[0], 2)):
        given = {names.verb_annotation(verb): f"{'a' * 280}/{nonce}" for verb in names.VERBS}
        item["metadata"].setdefault("annotations", {}).update(given)
    found.reconcile()
    valid(found)
    assert len(found.status["refused"]) == 2 * len(names.VERBS)
    written = len(json.dumps([found.model, found.rollouts[0]]))
    assert 100 * 1024 < written < MOST - GATES_MEMORY
    assert written > len(json.dumps(largest(stable).to_json()))


def largest(stable: str) -> Memory:
    """A memory with as many of everything as is kept, each as long as it may be."""
    said = [{"name": f"{NAME}{i}", "verdict": "Inconclusive", "message": "m" * LONGEST} for i in range(GATES)]
    steps = tuple(StepRecord(name=NAME, weight=1, started=NOW, requests=10**9) for _ in range(STEPS))
    curve = Curve(gates=tuple(f"{NAME}{i}" for i in range(GATES)), points=((10**6, *[-999] * 2 * GATES),) * POINTS)
    attempts = [
        AttemptRecord(
            attempt=i + 1, revision="r" * 63, started=NOW, ended=NOW, outcome="Superseded", reason="r" * LONGEST,
            by="b" * 253, exposed_requests=10**9, gates=tuple(said), steps=steps, curve=curve,
        )
        for i in range(HISTORY)
    ]  # fmt: skip
    kept = (*(one.shortened() for one in attempts[:-WHOLE]), *attempts[-WHOLE:])
    revisions = tuple(
        RevisionRecord(name=f"{'r' * 60}{i}", created=NOW, sha256="a" * 64, reason="r" * LONGEST, by="b" * 253)
        for i in range(HISTORY - 1)
    )
    checks = tuple(
        CheckRun(
            gate=NAME, job="j" * 63, attempt=1, step=1, digest="d" * 64, asked=NOW, uid="u" * 36, message="m" * 300
        )
        for _ in range(CHECKS_KEPT)
    )
    action = ActionRun(
        kind="Retrain", monitor="m" * 63, revision="r" * 63, asked=NOW, reason="r" * TEXT, ended=NOW,
        outcome="Failed", message="m" * TEXT, cron_job="c" * 52, job="j" * 63, uid="u" * 36, window=(10**9, 10**9),
    )  # fmt: skip
    return Memory(
        stable=stable, traffic={stable: 100}, decision=1, applied=1, attempt=HISTORY, attempts=kept,
        revisions=(*revisions, RevisionRecord(name=stable, created=NOW, stage="Production")), checks=checks,
        actions=(action,) * ACTIONS_KEPT, curve=curve, message="m" * 4096, promoted=tuple(["r" * 63] * HISTORY),
        results=tuple({**one, "message": "m" * TEXT} for one in said),
        cursors=CURSORS, draining={f"{'r' * 60}{i}": NOW for i in range(HISTORY)},
    )  # fmt: skip

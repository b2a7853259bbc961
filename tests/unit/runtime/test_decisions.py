import logging

import pytest

from tests.unit.kube.samples import model
from tests.unit.runtime.world import key
from weirkeeper.plan.result import Notice, Plan, StatusWrite
from weirkeeper.runtime.decisions import log_decisions

STATUS = {
    "decision": 7,
    "phase": "Progressing",
    "candidate": {"revision": "churn-2"},
    "traffic": [{"revision": "churn-1", "weight": 95}, {"revision": "churn-2", "weight": 5}],
    "message": "step 1",
}


@pytest.mark.parametrize(("before", "message"), [(6, "decided"), (7, "reconciled")])
def test_a_new_decision_is_told_with_what_and_why(caplog: pytest.LogCaptureFixture, before: int, message: str) -> None:
    plan = Plan(
        statuses=(StatusWrite("Model", "team-a", "churn", "1", STATUS),),
        notices=(Notice({"uid": "u"}, "Normal", "StepEntered", "step 1 of 3: weight 5"),),
    )
    with caplog.at_level(logging.INFO):
        log_decisions(key(), model(status={"decision": before}), plan, 2, 0.12345)
    (record,) = caplog.records
    told = record.__dict__
    assert (record.message, told["key"], told["writes"], told["duration"]) == (message, key(), 2, 0.1235)
    if message == "decided":
        assert told["traffic"] == {"churn-1": 95, "churn-2": 5}
        assert told["reasons"] == ["step 1 of 3: weight 5"]

"""How a Model's status, the load's counts and Prometheus' answers are read, without a cluster."""

from typing import Any

import pytest

from demo import closing, prometheus, serving
from demo.commands import Kubectl
from demo.load import Load, describe_failures, parse
from demo.rollout import Attempted
from demo.standing import GateVerdict, condition, read


def model(phase: str, weights: dict[str, int], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": 2},
        "status": {
            "observedGeneration": 2,
            "phase": phase,
            "decision": 7,
            "applied": 7,
            "stable": {"revision": "a"},
            "traffic": [{"revision": name, "weight": weight} for name, weight in weights.items()],
            **status,
        },
    }


def counts(**revisions: tuple[int, int]) -> dict[str, Any]:
    """Make an answer of /counts; each revision with its good and bad answers."""
    return {
        "now": 50.0,
        "rate": 200.0,
        "rows": "live",
        "inFlight": 1,
        "sent": sum(map(sum, revisions.values())) + 1,
        "withheld": 0,
        "p50": 4.0,
        "p99": 9.0,
        "revisions": {
            "" if name == "nobody" else name: {
                "outcomes": {"200": ok, "500": bad},
                "first": 10.0,
                "last": 24.0,
                "p50": 4.0,
                "p99": 9.0,
            }
            for name, (ok, bad) in revisions.items()
        },
        "failures": [
            {"time": 20.0, "revision": "c", "outcome": "500", "detail": "unknown category"},
            {"time": 21.0, "revision": "", "outcome": "ServerDisconnectedError", "detail": "gone"},
        ],
    }


class ScriptedKubectl(Kubectl):
    models: list[dict[str, Any]] = []  # noqa: RUF012 - one list a test
    answers: list[dict[str, Any]] = []  # noqa: RUF012

    def read(self, *_: str) -> Any:
        return self.models.pop(0)

    def read_raw(self, _: str) -> Any:
        return self.answers.pop(0)


def follow(*steps: tuple[dict[str, Any], dict[str, Any]]) -> tuple[Attempted, list[bool]]:
    kubectl = ScriptedKubectl("ns")
    ScriptedKubectl.models = [step[0] for step in steps]
    ScriptedKubectl.answers = [step[1] for step in steps]
    attempted = Attempted(kubectl, Load(kubectl, "image"), before="a")
    return attempted, [attempted.look().done for _ in steps]


def test_an_attempt_is_followed_to_its_promotion() -> None:
    candidate = {"candidate": {"revision": "b"}}
    ended = {"attempts": [{"revision": "b", "outcome": "Promoted"}]}
    attempted, done = follow(
        (model("Healthy", {"a": 100}), counts(a=(100, 0))),
        *(
            (model("Progressing", {"a": 75, "b": 25}, **candidate), counts(a=(100 + 75 * n, 0), b=(25 * n, 0)))
            for n in range(4)
        ),
        (model("Baking", {"b": 100}, stable={"revision": "b"}, **ended), counts(a=(325, 0), b=(200, 0))),
        (model("Healthy", {"b": 100}, stable={"revision": "b"}, **ended), counts(a=(325, 0), b=(300, 0))),
    )
    assert done == [False] * 6 + [True]
    assert (attempted.revision, attempted.outcome) == ("b", "Promoted")
    assert [str(share) for share in attempted.shares] == ["weight 25 %: 50 of 200 requests (25.0 %)"]


def test_an_attempt_is_followed_to_its_roll_back_and_keeps_the_gates_message() -> None:
    gates = [{"name": "errors", "verdict": "Fail", "message": "errors: candidate 11 of 214 bad"}]
    ended = {"attempts": [{"revision": "c", "outcome": "RolledBack", "exposedRequests": 214}]}
    attempted, done = follow(
        (model("Progressing", {"a": 95, "c": 5}, candidate={"revision": "c"}, gates=gates), counts(a=(9, 0), c=(1, 1))),
        (model("RolledBack", {"a": 100}, applied=6, **ended), counts(a=(9, 0), c=(1, 1))),
        (model("RolledBack", {"a": 100}, **ended), counts(a=(9, 0), c=(1, 1))),
    )
    assert done == [False, False, True]
    assert attempted.failing == GateVerdict("errors", "Fail", "errors: candidate 11 of 214 bad")
    assert attempted.line() == "RolledBack at 0 %, 2 answered, 1 of them badly; "


def test_conditions_count_only_for_the_spec_that_was_seen() -> None:
    conditions = {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Current", "status": "True"}]}
    fresh = model("Healthy", {"a": 100}, **conditions)
    stale = model("Healthy", {"a": 100}, **conditions, observedGeneration=1)
    assert (read(fresh).ready, read(fresh).current) == (True, True)
    assert (read(stale).ready, read(stale).current) == (False, False)
    assert condition(fresh, "Ready")["status"] == "True"
    assert condition(fresh, "Stalled")["status"] == condition(None, "Ready")["status"] == "Unknown"


def test_a_weight_is_in_force_when_all_routers_took_it_up() -> None:
    assert read(model("Progressing", {"a": 95, "b": 5})).weight_in_force("b") == 5
    assert read(model("Progressing", {"a": 95, "b": 5}, applied=6)).weight_in_force("b") is None
    assert read(None).weights == {}


def test_failures_are_counted_whoever_answered_and_also_when_nobody_did() -> None:
    read_counts = parse(counts(b=(90, 0), c=(19, 1), nobody=(0, 1)))
    assert (read_counts.failed(), read_counts.failed("c")) == (2, 1)
    assert read_counts.finished == read_counts.sent - 1
    assert read_counts.of("never").total == 0
    assert describe_failures(read_counts, "c") == "ServerDisconnectedError from no revision: gone"


@pytest.mark.parametrize(
    ("milliseconds", "rate"), [(0.0, 200.0), (2.5, 200.0), (4.0, 100.0), (20.0, 25.0), (900.0, 12.5)]
)
def test_the_rate_leaves_the_server_at_ease(milliseconds: float, rate: float) -> None:
    assert serving.rate_for(milliseconds, 200.0) == rate


def test_the_closing_table_counts_by_version() -> None:
    lines = closing.table(parse(counts(a=(500, 0), b=(300, 0), c=(19, 1))), {"v1": "a", "v2": "b", "v3": "c"})
    cells = {line[:26].strip(): line[26:].split() for line in lines}
    assert cells["v3 c"] == ["20", "1", "4.0", "9.0"]
    assert cells["sent"] == ["821", "1"]
    assert cells["failed, not answered by v3"] == ["0"]
    assert cells["exposed to v3"] == ["20", "1"]
    assert len({len(line) for line in lines}) == 1


def test_a_series_without_a_number_is_left_out() -> None:
    answer = {
        "data": {
            "result": [
                {"metric": {"revision": "a"}, "value": [1.0, "0.012"]},
                {"metric": {"revision": "b"}, "value": [1.0, "NaN"]},
            ]
        }
    }
    assert prometheus.parse(answer) == [prometheus.Series({"revision": "a"}, 0.012)]

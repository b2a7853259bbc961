"""Conditions keep the time at which their status changed."""

from weirkeeper.api.conditions import Condition, condition_of, timestamp, transition, unix_seconds

THEN, NOW = 1_732_175_000.0, 1_732_175_600.0


def ready(status: str, reason: str) -> Condition:
    return Condition.model_validate({"type": "Ready", "status": status, "reason": reason})


def after(previous: Condition, wanted: Condition) -> Condition:
    told = transition([previous.model_copy(update={"last_transition_time": timestamp(THEN)}).to_json()], [wanted], NOW)
    return told[0]


def test_a_condition_keeps_its_time_while_its_status_stands() -> None:
    found = after(ready("True", "Serving"), ready("True", "Probed"))
    assert (found.reason, found.last_transition_time) == ("Probed", timestamp(THEN))


def test_a_condition_gets_a_new_time_with_its_status() -> None:
    assert after(ready("True", "Serving"), ready("False", "NoReadyPods")).last_transition_time == timestamp(NOW)


def test_a_condition_seen_first_gets_the_time_of_now() -> None:
    assert transition([], [ready("Unknown", "Starting")], NOW)[0].last_transition_time == timestamp(NOW)


def test_a_condition_without_a_time_gets_one() -> None:
    previous = {"type": "Ready", "status": "True", "reason": "Serving"}
    assert transition([previous], [ready("True", "Serving")], NOW)[0].last_transition_time == timestamp(NOW)


def test_times_are_written_in_utc_and_read_back() -> None:
    assert timestamp(THEN) == "2024-11-21T07:43:20Z"
    assert unix_seconds(timestamp(THEN)) == THEN


def test_a_condition_is_found_by_its_type() -> None:
    status = {"conditions": [ready("True", "Serving").to_json()]}
    assert condition_of(status, "Ready") == status["conditions"][0]
    assert condition_of(status, "Stalled") is None
    assert condition_of({}, "Ready") is None

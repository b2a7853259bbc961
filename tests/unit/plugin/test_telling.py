"""What the plugin says of a status."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from tests.unit.plugin.statuses import condition, model, progressing, rolled_back
from weirkeeper.plugin import following, screen, telling
from weirkeeper.plugin.errors import NotFound, PluginError


def test_the_status_has_the_shares_the_gates_and_what_is_waited_for() -> None:
    lines = telling.plain(progressing())
    assert lines[0] == "churn in team-a: Progressing, step 2 quarter, held for 40s"
    assert lines[1].split() == ["stable", "churn-aa", "75", "%", "█" * 18 + "░" * 6]
    assert lines[2].split() == ["candidate", "churn-bb", "25", "%", "█" * 6 + "░" * 18]
    assert lines[3] == "  gate errors: Pass: candidate 0 of 417 bad (0.0 %)"
    assert lines[4].endswith("about 900 more requests, at this traffic until 2026-11-24T12:30:00Z")
    assert "  Ready=True (Serving)" in lines
    assert not any("Stalled" in line for line in lines), "what is not so is not said"


def test_copies_and_chosen_callers_are_told_beside_the_shares() -> None:
    shown = progressing()
    headers = [
        {"name": "x-cohort", "value": "alpha"},
        {"name": "x-user", "prefix": "t-"},
        {"name": "x-id", "regex": "a+"},
    ]
    shown["status"]["traffic"][1] |= {"mirror": 50, "match": [{"headers": headers}]}
    shown["status"]["sticky"] = {"cookie": "session", "revision": "churn-bb"}
    told = [
        "churn-bb gets copies of 50 % of the requests; nobody sees its answers",
        "churn-bb alone answers callers with x-cohort: alpha and x-user beginning with t- and x-id like a+",
        "Callers stay on their revision by the cookie session",
    ]
    assert telling.plain(shown)[3:6] == [f"  {one}" for one in told]
    assert [one for one in telling.explain(shown) if one[:-1] in told] == [f"{one}." for one in told]
    console = Console(file=io.StringIO(), width=140)
    console.print(screen.drawn(shown))
    assert all(one in console.file.getvalue() for one in told)  # type: ignore[attr-defined]


def test_a_step_of_copies_that_waits_for_approval_names_its_command() -> None:
    waiting = progressing()
    waiting["status"] |= {
        "phase": "Shadowing",
        "message": "step 1/2 shadow: held long enough, waits for the verb promote",
    }
    assert telling.explain(waiting)[-2:] == [
        "It goes on with: kubectl weirkeeper promote churn",
        "The attempt ends with: kubectl weirkeeper abort churn",
    ]


def test_a_status_that_nobody_wrote_yet_is_said() -> None:
    assert telling.plain(model()) == ["churn in team-a: no operator has looked at it yet"]
    assert "Does the operator run" in telling.explain(model())[0]


def test_history_begins_with_the_latest() -> None:
    rows = list(telling.history(telling.all_attempts(progressing()["status"], [])))
    assert [row[0] for row in rows] == ["7", "6"]
    assert rows[0][3] == "running"
    assert rows[1][3:5] == ("RolledBack", "31")


def test_history_goes_on_in_the_records_of_the_revisions() -> None:
    status = progressing()["status"]
    older = {"attempt": 2, "revision": "churn-55", "started": "2026-10-01T10:00:00Z", "outcome": "Aborted"}
    whole = {**status["attempts"][0], "steps": [{"name": "first", "weight": 5}]}
    record = {"metadata": {"annotations": {"weirkeeper.dev/attempts": json.dumps([older, whole])}}}
    found = telling.all_attempts(status, [record, {"metadata": {}}])
    assert [item["attempt"] for item in found] == [7, 6, 2]
    assert found[1]["steps"] == [{"name": "first", "weight": 5}], "the record has what the status shortened"


def test_explain_goes_from_what_serves_to_what_is_waited_for() -> None:
    told = telling.explain(progressing())
    assert told[0] == "churn-aa serves since 2026-11-20T10:00:00Z."
    assert told[1] == "The spec asks for churn-bb, which is not in production yet."
    assert "Attempt 7 tries churn-bb, which has 25 % of the traffic and answered 417 requests." in told
    assert any(line.startswith("Gate latency says Inconclusive") for line in told)
    assert told[-1] == "The attempt ends with: kubectl weirkeeper abort churn"
    assert sum("step 2/3" in line for line in told) == 1, "nothing is said twice"


def test_explain_of_a_first_revision_says_once_what_is_waited_for() -> None:
    waits = "waits for pods of churn-aa, 0 of 1 ready"
    told = telling.explain(
        model(
            phase="Starting",
            attempt=1,
            candidate={"revision": "churn-aa"},
            message=waits,
            conditions=[
                condition("Ready", "False", "Starting", waits),
                condition("Current", "False", "RolloutInProgress", waits),
            ],
        )
    )
    assert told == [
        "Nothing serves yet.",
        "The spec asks for churn-aa, which is not in production yet.",
        "Attempt 1 tries churn-aa, which has 0 % of the traffic and answered 0 requests.",
        f"Now: {waits}",
    ]


def test_explain_says_how_to_go_back_while_the_former_revision_is_warm() -> None:
    baking = progressing()
    current = condition("Current", "True", "Promoted")
    baking["status"] |= {"phase": "Baking", "conditions": [condition("Ready", "True", "Serving"), current]}
    del baking["status"]["candidate"]
    assert telling.explain(baking)[-1] == (
        "The former revision serves again at once with: kubectl weirkeeper undo churn"
    )
    baking["status"]["traffic"] = [{"revision": "churn-bb", "weight": 100}]
    assert "undo" not in telling.explain(baking)[-1], "a first revision has none before it"


def test_gates_of_a_complete_attempt_are_not_said_to_wait_for_anything() -> None:
    complete = progressing()
    complete["status"]["phase"] = "Healthy"
    assert not any("gate" in line for line in telling.plain(complete))


def test_explain_says_why_a_revision_is_out_and_what_would_bring_it_back() -> None:
    told = telling.explain(rolled_back())
    assert any("Attempt 3 for churn-bb ended RolledBack: gate errors failed" in line for line in told)
    assert told[-1] == "The same revision gets another attempt with: kubectl weirkeeper retry churn"


def test_explain_names_the_command_that_a_manual_step_waits_for() -> None:
    waiting = progressing()
    waiting["status"]["message"] = "step 2/3 quarter: 25 % to churn-bb; held long enough, waits for the verb promote"
    assert telling.explain(waiting)[-2:] == [
        "It goes on with: kubectl weirkeeper promote churn",
        "The attempt ends with: kubectl weirkeeper abort churn",
    ]


def test_explain_says_what_stalls_and_that_stable_does_not_serve() -> None:
    down = model(
        phase="Healthy",
        stable={"revision": "churn-aa"},
        conditions=[
            condition("Ready", "False", "NoReadyPods", "no pod of churn-aa is ready"),
            condition("Current", "True", "Promoted"),
            condition("Stalled", "True", "ImagePull", "the image cannot be pulled"),
        ],
    )
    told = telling.explain(down)
    assert told[0] == "churn-aa should serve and does not: NoReadyPods: no pod of churn-aa is ready"
    assert told[1] == "It is what the spec asks for."
    assert told[-1] == "It is stalled: ImagePull: the image cannot be pulled"


def test_a_freeze_is_told_wherever_the_status_is() -> None:
    frozen = progressing()
    frozen["status"]["frozen"] = "namespace team-a is, by its annotation weirkeeper.dev/freeze: the night is long"
    assert any("the night is long. Aborts and roll backs act." in line for line in telling.explain(frozen))
    assert any(line.startswith("  frozen: namespace team-a") for line in telling.plain(frozen))
    console = Console(file=io.StringIO(), width=200)
    console.print(screen.drawn(frozen))
    assert "the night is long" in console.file.getvalue()  # type: ignore[attr-defined]
    assert not any("frozen" in line for line in telling.plain(progressing()))
    frozen["status"]["message"] = f"promotions are frozen ({frozen['status']['frozen']}); churn-bb is held at 25 %"
    for lines in (telling.plain(frozen), telling.explain(frozen)):
        assert sum("the night is long" in line for line in lines) == 1, "nothing is said twice"


def test_the_screen_shows_what_the_lines_say() -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    console.print(screen.drawn(progressing()))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for word in ("churn-bb", "25 %", "Inconclusive", "Ready=True", "its hold is 10m"):
        assert word in shown


def test_text_from_the_cluster_is_no_markup() -> None:
    hostile = progressing()
    hostile["status"]["message"] = "[red]not red[/red]"
    console = Console(file=io.StringIO(), width=200)
    console.print(screen.drawn(hostile))
    assert "[red]not red[/red]" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_decided_gate_waits_for_nothing_and_what_stalls_is_said_once() -> None:
    failed = progressing()
    why = "the image cannot be pulled"
    failed["status"]["gates"][1]["verdict"] = "Fail"
    failed["status"]["message"] = f"waits for pods of churn-bb, 0 of 1 ready: ImagePull: {why}"
    failed["status"]["conditions"][2] = condition("Stalled", "True", "ImagePull", why)
    told = telling.explain(failed)
    assert not any("more requests" in line for line in told)
    assert "It is stalled: ImagePull." in told
    assert sum(why in line for line in told) == 1


def test_what_stands_in_the_way_is_told_beside_the_message_unless_that_says_it() -> None:
    stalled = progressing()
    why = "gate own: no Job is made of CronJob check, which also runs by its schedule"
    stalled["status"]["conditions"][2] = condition("Stalled", "True", "CronJobNotAllowed", why)
    console = Console(file=io.StringIO(), width=200)
    console.print(screen.drawn(stalled))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for told in ("\n".join(telling.plain(stalled)), shown):
        assert told.count(f"stalled: CronJobNotAllowed: {why}") == 1
    stalled["status"]["message"] = f"waits: {why}"
    assert sum(why in line for line in telling.plain(stalled)) == 1


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """Readings of a Model that changes, cannot be read once, and is gone in the end."""
    gone = NotFound("there is no Model churn in this namespace; it has: none")
    answers: list[dict[str, Any] | PluginError] = [progressing(), progressing(), PluginError("connection refused")]
    shown = iter([*answers, rolled_back(), gone])
    monkeypatch.setattr("weirkeeper.plugin.following.time.sleep", lambda _: None)

    def one() -> dict[str, Any]:
        found = next(shown)
        if isinstance(found, PluginError):
            raise found
        return found

    return one


def test_each_change_is_a_line_of_json_for_programs(
    read: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotFound):
        following.json_lines(read, seconds=1.0)
    told = capsys.readouterr()
    assert [json.loads(line)["phase"] for line in told.out.splitlines()] == ["Progressing", "RolledBack"]
    assert "memory" not in told.out
    assert told.err == "no answer, this is how it was: connection refused\n"


@pytest.mark.parametrize("terminal", [False, True], ids=["no terminal", "terminal"])
def test_a_view_that_is_kept_open_shows_each_change(read: Callable[[], dict[str, Any]], *, terminal: bool) -> None:
    console = Console(file=io.StringIO(), width=80, height=40, force_terminal=terminal)
    with pytest.raises(NotFound):
        screen.watch(read, console, seconds=1.0)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("\x1b" in told) is terminal
    assert told.index("Progressing") < told.index("connection refused") < told.index("RolledBack")
    if not terminal:
        silent = "no answer, this is how it was: connection refused"
        expected = [*telling.plain(progressing()), silent, *telling.plain(rolled_back())]
        assert told.splitlines() == expected, "a line is a line, however long, and what has not changed is not repeated"

"""The commands, through a kubectl that answers from memory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plugin.statuses import progressing
from weirkeeper.plugin import asking
from weirkeeper.plugin.cli import main
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import Kubectl

STAND_IN = """#!{python}
import json, os, sys
folder = os.environ["STAND_IN"]
with open(os.path.join(folder, "calls"), "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
def told(name):
    with open(os.path.join(folder, name)) as file:
        return json.load(file)
arguments = [one for one in sys.argv[1:] if not one.startswith("--namespace=")]
if arguments[:2] == ["auth", "whoami"]:
    print(json.dumps({{"status": {{"userInfo": {{"username": "ann"}}}}}}))
elif arguments[:2] == ["config", "view"]:
    print("of-the-context")
elif arguments[:2] == ["annotate", "namespace"]:
    print("namespace annotated")
elif arguments[0] == "annotate":
    model = told("model")
    verb, token = next(one for one in arguments if one.startswith("weirkeeper.dev/")).split("=")
    if os.path.exists(os.path.join(folder, "operator")):
        answer = told("operator")
        handled = verb.split("/")[1] + "=" + token
        model["status"]["handled"] = [handled]
        model["status"]["refused"] = [{{"token": handled, "why": answer["why"]}}] if answer["why"] else []
        json.dump(model, open(os.path.join(folder, "model"), "w"))
        json.dump({{"items": answer["events"]}}, open(os.path.join(folder, "events"), "w"))
elif arguments[1].startswith("events"):
    if os.path.exists(os.path.join(folder, "no-events")):
        sys.exit("events is forbidden")
    print(json.dumps(told("events")))
elif arguments[2] == "churn":
    print(json.dumps(told("model")))
elif "--ignore-not-found" not in arguments:
    print(json.dumps({{"items": [told("model")]}}))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in for kubectl has its objects."""
    program = tmp_path / "kubectl"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    (tmp_path / "model").write_text(json.dumps(progressing()))
    (tmp_path / "events").write_text(json.dumps({"items": []}))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    return tmp_path


def says(folder: Path, *notes: str, why: str = "") -> None:
    """Have an operator that answers a verb with these Events, and refuses it where there is a reason."""
    when = "2026-11-24T12:00:00Z"
    events = [{"metadata": {"uid": f"e-{note}"}, "note": note, "eventTime": when} for note in notes]
    (folder / "operator").write_text(json.dumps({"events": events, "why": why}))


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def test_a_verb_is_an_annotation_with_the_caller_and_the_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    says(folder, "paused by ann: the night is long")
    assert main(["pause", "churn", "-n", "team-a", "--reason", "the night is long"]) == 0
    assert capsys.readouterr().out == "paused by ann: the night is long\n"
    annotated = next(call for call in calls(folder) if "annotate" in call)
    assert annotated[0] == "--namespace=team-a"
    assert any(one.startswith("weirkeeper.dev/pause=ann/") for one in annotated)
    assert "weirkeeper.dev/reason=the night is long" in annotated


def test_each_asking_has_a_token_of_its_own(folder: Path) -> None:
    says(folder, "paused by ann")
    asking.ask(Kubectl(), "pause", "churn", "", 10)
    (folder / "events").write_text(json.dumps({"items": []}))
    asking.ask(Kubectl(), "pause", "churn", "", 10)
    given = [one for call in calls(folder) for one in call if one.startswith("weirkeeper.dev/pause=")]
    assert len(set(given)) == 2


def test_a_refusal_is_told_and_has_its_own_exit_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # What happens beside it is no answer to it.
    says(folder, "step 2/3 quarter: 25 % to churn-bb", why="nothing is paused")
    assert main(["resume", "churn"]) == 1
    assert capsys.readouterr().out == "resume by ann refused: nothing is paused\n"


def test_what_others_did_meanwhile_is_not_told_as_the_answer(folder: Path) -> None:
    says(folder, "step 2/3 quarter: 25 % to churn-bb", "paused by ann")
    assert asking.ask(Kubectl(), "pause", "churn", "", 10).notes == ["paused by ann"]


def test_who_may_not_read_events_is_told_where_the_model_stands(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "EVENTS_WITHIN", 0.0)
    (folder / "no-events").touch()
    says(folder, "paused by ann")
    assert main(["pause", "churn"]) == 0
    assert capsys.readouterr().out == "step 2/3 quarter: 25 % to churn-bb; its hold is 10m\n"


def test_a_verb_that_nobody_handles_says_that_it_stands_and_how_to_take_it_back(folder: Path) -> None:
    with pytest.raises(PluginError, match=r"nobody handled abort within 0.1 s; .*annotate .*weirkeeper.dev/abort-"):
        asking.ask(Kubectl(), "abort", "churn", "", 0.1)
    assert any("annotate" in call for call in calls(folder))


@pytest.mark.parametrize(
    ("command", "words"),
    [("status", "25 %"), ("history", "RolledBack"), ("explain", "Attempt 7 tries churn-bb")],
)
def test_views_print_what_the_status_says(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    assert main([command, "churn"]) == 0
    assert words in capsys.readouterr().out
    assert folder.exists()


def test_status_as_json_has_everything_but_the_operators_memory(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: dict[str, Any] = progressing()
    kept["status"]["memory"] = {"decision": 1}
    (folder / "model").write_text(json.dumps(kept))
    assert main(["status", "churn", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["candidate"] == {"revision": "churn-bb", "weight": 25}
    assert "memory" not in told


def test_an_unknown_model_is_told_with_those_that_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "chrun"]) == 2
    assert capsys.readouterr().err == "kubectl weirkeeper: there is no Model chrun in this namespace; it has: churn\n"
    assert folder.exists()


def test_a_namespace_is_frozen_by_an_annotation_with_the_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["freeze", "-n", "team-a", "--reason", "end of the quarter"]) == 0
    assert "kubectl weirkeeper unfreeze -n team-a" in capsys.readouterr().out
    assert main(["freeze"]) == 0
    assert main(["unfreeze"]) == 0
    written = [call[call.index("annotate") + 1 :] for call in calls(folder) if "annotate" in call]
    assert written == [
        ["namespace", "team-a", "--overwrite", "weirkeeper.dev/freeze=end of the quarter"],
        ["namespace", "of-the-context", "--overwrite", "weirkeeper.dev/freeze=true"],
        ["namespace", "of-the-context", "weirkeeper.dev/freeze-"],
    ]


def test_the_digest_of_an_artifact_needs_no_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bundle.tar.gz").write_bytes(b"abc")
    assert main(["digest", str(tmp_path / "bundle.tar.gz")]) == 0
    assert capsys.readouterr().out == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
    assert main(["digest", str(tmp_path / "other")]) == 2
    assert "other cannot be read: No such file" in capsys.readouterr().err


def test_without_kubectl_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["explain", "churn"]) == 2
    assert "kubectl is not on the PATH" in capsys.readouterr().err


def test_a_terminal_gets_lines_broken_between_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "24")
    for command in ("explain", "history"):
        assert main([command, "churn"]) == 0
        told = capsys.readouterr().out
        assert folder.exists()
        assert "candidate 19 of 31 bad" in " ".join(told.split()) or command == "explain"
        assert all(len(line) <= 60 for line in told.splitlines()), told
    assert "31\n  gate errors failed: candidate 19 of 31 bad\n" in told

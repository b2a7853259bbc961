"""`kubectl weirkeeper report`: what it reads, and that reading is all it needs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.model_report.world import FORMER, STABLE, config_maps, model, monitor, record, rollout
from weirkeeper.plugin.cli import main

STAND_IN = """#!{python}
import json, os, sys
folder = os.environ["STAND_IN"]
with open(os.path.join(folder, "calls"), "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
arguments = [one for one in sys.argv[1:] if not one.startswith("--namespace=")]
if arguments[1] == "configmaps" and os.path.exists(os.path.join(folder, "refuses")):
    sys.exit(open(os.path.join(folder, "refuses")).read())
path = os.path.join(folder, "one" if arguments[2] == "churn" else arguments[1])
print(open(path).read())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in for kubectl has its objects."""
    program = tmp_path / "kubectl"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    other = {**monitor(), "spec": {"modelRef": {"name": "other"}}}
    listed: Mapping[str, Any] = {
        "models.weirkeeper.dev": [model()],
        "rollouts.weirkeeper.dev": [rollout()],
        "monitors.weirkeeper.dev": [monitor(), other],
        "configmaps": list(config_maps().values()),
        "controllerrevisions.apps": [
            {**known, "data": {"content": {"artifact": {"uri": f"s3://models/{known['metadata']['name']}/"}}}}
            for known in ({"metadata": {"name": FORMER}}, record())
        ],
    }
    for kind, items in listed.items():
        (tmp_path / kind).write_text(json.dumps({"items": items}))
    (tmp_path / "one").write_text(json.dumps(model()))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    return tmp_path


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def test_it_writes_one_page_and_reads_alone(folder: Path) -> None:
    assert main(["report", "churn", "-n", "team-a", "-o", str(folder / "report.html")]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "churn in team-a" in page
    assert ">Monitor inputs</h2>" in page
    assert ">Windows</h2>" in page
    assert ">Attempt 3</h2>" in page
    asked = calls(folder)
    assert all(call[:2] == ["--namespace=team-a", "get"] for call in asked)
    assert [call[2] for call in asked] == [
        "models.weirkeeper.dev", "rollouts.weirkeeper.dev", "monitors.weirkeeper.dev", "configmaps",
        "controllerrevisions.apps",
    ]  # fmt: skip
    assert all("weirkeeper.dev/model=churn" in call for call in asked[-2:])


def test_who_may_not_read_config_maps_gets_the_rest_and_is_told(folder: Path) -> None:
    (folder / "refuses").write_text('Error from server (Forbidden): configmaps is forbidden: User "ann" cannot list')
    assert main(["report", "churn", "-o", str(folder / "report.html")]) == 0
    assert "You may not read ConfigMaps" in (folder / "report.html").read_text(encoding="utf-8")


def test_other_failures_are_told_and_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "refuses").write_text("Unable to connect to the server")
    assert main(["report", "churn", "-o", str(folder / "report.html")]) == 2
    assert "Unable to connect" in capsys.readouterr().err
    assert not (folder / "report.html").exists()


def test_a_file_that_cannot_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "churn", "-o", str(folder / "nowhere" / "report.html")]) == 2
    assert "give another file (-o)" in capsys.readouterr().err


def test_diff_has_what_changed_and_what_was_measured_of_both(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "churn", FORMER, STABLE]) == 0
    changed, _, measured = capsys.readouterr().out.partition("\n\n")
    assert f"- artifact.uri: s3://models/{FORMER}/" in changed
    head, *rows = measured.splitlines()
    assert head.split() == ["MEASURED", FORMER, STABLE]
    assert any(row.split() == ["AUC,", "offline", "0.913", "0.913"] for row in rows)
    assert folder.exists()

"""What the page about comparing files shows is run, and says what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.comparison.people import people
from tests.unit.docs.markdown import DOCS, blocks

PAGE: Final = (DOCS / "how-to" / "compare-two-files.md").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    people(10_000, 1).to_csv(tmp_path / "january.csv", index=False)
    people(8000, 2, poorer=0.2, north=0.25).to_parquet(tmp_path / "june.parquet")
    people(300, 3).to_csv(tmp_path / "first-days.csv", index=False)
    return tmp_path


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command, environment = ["bash", "-eu", "-c", script], {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_first_command_says_what_the_page_says(folder: Path) -> None:
    command, *_ = [block for block in blocks(PAGE, "sh") if block.startswith("weirkeeper drift")]
    shown, *_ = blocks(PAGE, "text")
    told = run(command, folder)
    assert (told.returncode, told.stderr) == (3, "")
    lines, expected = told.stdout.splitlines(), shown.splitlines()
    assert [(line.split()[:1], line.split()[-1:]) for line in lines] == [
        (line.split()[:1], line.split()[-1:]) for line in expected
    ]


def test_a_profile_is_kept_and_compared_with(folder: Path) -> None:
    (script,) = [block for block in blocks(PAGE, "sh") if "--save-profile" in block]
    for line in script.splitlines():
        assert run(line, folder).returncode == 3, line


def test_the_pipeline_tells_drift_from_failure(folder: Path) -> None:
    (script,) = [block for block in blocks(PAGE, "sh") if "case $status" in block]
    told = run(script, folder)
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1] == "drift: drift in 2 of 14 features over 8,000 rows"
    (folder / "june.parquet").write_bytes(b"PAR1")
    assert run(script, folder).returncode == 1


def test_the_shortage_is_the_one_that_the_page_shows(folder: Path) -> None:
    (script,) = [block for block in blocks(PAGE, "sh") if "first-days" in block]
    told = run(script, folder)
    assert told.returncode == 0
    assert told.stdout == blocks(PAGE, "text")[1]


def test_the_notebook_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    known: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        exec(block, known)  # noqa: S102  our own page
    assert known["result"].state == "Drifting"

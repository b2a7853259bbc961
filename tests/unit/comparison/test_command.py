"""The command `weirkeeper drift`: what it prints, writes and ends with."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.comparison.people import people
from weirkeeper.comparison.progress import Bar, Lines, progress_on
from weirkeeper.runtime.cli import main
from weirkeeper.statistics import ReferenceProfile


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("people")
    people(3000, 1).to_csv(made / "reference.csv", index=False)
    people(2500, 2).to_csv(made / "same.csv", index=False)
    people(2500, 3, poorer=0.5).to_parquet(made / "poorer.parquet")
    people(300, 4, poorer=2.0).to_csv(made / "few.csv", index=False)
    return made


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["same.csv"], 0, "no drift in 20 features over 2,500 rows"),
        (["poorer.parquet"], 3, "drift in 1 of 14 features over 2,500 rows"),
        (["poorer.parquet", "--delta", "income=5"], 0, "no drift"),
        (["poorer.parquet", "--delta", "5", "--delta", "income=0.1"], 3, "drift in 1 of 14"),
        (["poorer.parquet", "--ignore", "income"], 0, "no drift in 13 features"),
        (["poorer.parquet", "--false-alarms-per-month", "1", "--every", "7d"], 3, "drift in 1"),
        (["few.csv", "--min-rows", "1500"], 4, "not enough rows: 1,200 more in few.csv"),
        (["few.csv", "--min-rows", "300"], 3, "drift"),
    ],
)
def test_the_exit_status_tells_what_came_of_it(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, told: str
) -> None:
    assert main(["drift", "reference.csv", *arguments]) == status
    printed = capsys.readouterr()
    assert told in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.csv"], "nothing.csv"),
        (["same.csv", "--ignore", "incom"], "is it 'income'?"),
        (["same.csv", "--delta", "much"], "--delta is 'much'; give a PSI such as 0.1"),
        (["same.csv", "--false-alarms-per-month", "1"], "without every"),
        (["same.csv", "--delimiter", ";"], "give what stands between values (--delimiter ',')"),
        (["same.csv", "--delimiter", "ab"], "delimiter is 'ab'; give one character"),
    ],
)
def test_what_cannot_be_compared_ends_with_1(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["drift", "reference.csv", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("weirkeeper: ")
    assert told in printed.err
    assert printed.out == ""


def test_tabs_are_written_as_people_write_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    people(600, 5).to_csv(tmp_path / "tabs.tsv", index=False, sep="\t")
    assert main(["drift", str(tmp_path / "tabs.tsv"), str(tmp_path / "tabs.tsv")]) == 1
    assert r"(--delimiter '\t')" in capsys.readouterr().err
    assert main(["drift", str(tmp_path / "tabs.tsv"), str(tmp_path / "tabs.tsv"), "--delimiter", r"\t"]) == 0


def test_json_is_printed_or_written_beside(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["drift", "reference.csv", "poorer.parquet", "-o", "json"]) == 3
    printed = json.loads(capsys.readouterr().out)
    assert main(["drift", "reference.csv", "poorer.parquet", "--json", str(tmp_path / "told.json")]) == 3
    assert capsys.readouterr().out.startswith("FEATURE")
    assert json.loads((tmp_path / "told.json").read_text()) == printed
    assert printed["features"][0]["name"] == "income"
    assert printed["current"] == {"name": "poorer.parquet", "rows": 2500}


def test_the_profile_can_be_kept_in_place_of_the_reference(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    assert main(["drift", "reference.csv", "poorer.parquet", "--save-profile", str(kept)]) == 3
    told = capsys.readouterr().out
    assert ReferenceProfile.from_json(json.loads(kept.read_bytes())).rows == 3000
    assert main(["drift", str(kept), "poorer.parquet"]) == 3
    assert capsys.readouterr().out == told


def test_without_arrow_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("weirkeeper.comparison.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["drift", "reference.csv", "same.csv"]) == 1
    assert "pyarrow is not installed; run: pip install 'weirkeeper[drift]'" in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, weirkeeper, weirkeeper.comparison.cli;"
        "print(sorted({'numpy', 'pyarrow', 'pandas', 'pydantic', 'tqdm'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_files_alone_need_no_library_of_frames(folder: Path) -> None:
    program = (
        "import importlib.abc, sys\n"
        "class Nowhere(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('pandas', 'polars', 'sklearn'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Nowhere())\n"
        "import weirkeeper; print(weirkeeper.drift('reference.csv', 'poorer.parquet').state)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder)
    assert found.stdout.strip() == "Drifting"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_where_nobody_watches_a_line_is_written_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.begin("big.csv")
    for second in range(1, 26):
        clock.now = float(second)
        lines.step(second * 100_000, second / 30 if second < 20 else None)
    lines.end()
    assert stream.getvalue() == ("weirkeeper: big.csv: 1,000,000 rows, 33 %\nweirkeeper: big.csv: 2,000,000 rows\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.comparison.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("weirkeeper.comparison.progress.DRAW_SECONDS", 0.0)
    stream = Terminal()
    bar = progress_on(stream)
    assert isinstance(bar, Bar)
    assert isinstance(progress_on(io.StringIO()), Lines)
    bar.begin("big.csv")
    bar.step(25_000, 0.25)
    bar.end()
    assert "big.csv" in stream.getvalue()
    assert "100k" in stream.getvalue()
    assert stream.getvalue().rsplit("\r", 2)[-2].strip() == ""


def written(file: Path, copies: int) -> None:
    random = np.random.default_rng(1)
    regions = random.choice(["north", "south"], 5000)
    rows = pd.DataFrame({"x": random.normal(size=5000), "region": [f"{region:>240}" for region in regions]})
    head, _, body = rows.to_csv(index=False).partition("\n")
    with file.open("w") as out:
        out.write(f"{head}\n")
        for _ in range(copies):
            out.write(body)


PEAK = """
import resource, sys
from weirkeeper.runtime.cli import main
main(["drift", sys.argv[1], sys.argv[2]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(folder: Path, *files: str) -> int:
    """Tell the bytes that a comparison took at most."""
    command = [sys.executable, "-c", PEAK, *files]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return int(found.stdout.splitlines()[-1]) * 1024


def test_a_file_of_any_length_takes_the_same_memory(tmp_path: Path) -> None:
    written(tmp_path / "small.csv", 1)
    written(tmp_path / "long.csv", 80)
    length = (tmp_path / "long.csv").stat().st_size
    assert length > 100e6
    assert peak(tmp_path, "small.csv", "long.csv") - peak(tmp_path, "small.csv", "small.csv") < length / 2

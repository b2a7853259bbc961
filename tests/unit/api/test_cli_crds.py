"""`weirkeeper crds` writes the definitions, and finds what is not as it should be."""

from pathlib import Path

import pytest

from weirkeeper.api.crds import files
from weirkeeper.runtime.cli_crds import FOLDERS, main

CHECKOUT = Path(__file__).parents[3]


def test_the_committed_definitions_are_those_of_the_records() -> None:
    assert main(["--check", *(f"--output={CHECKOUT / folder}" for folder in FOLDERS)]) == 0


def test_what_was_written_passes_the_check(tmp_path: Path) -> None:
    folder = tmp_path / "crds"
    assert main(["--output", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == set(files())
    assert main(["--check", "--output", str(folder)]) == 0


@pytest.mark.parametrize("name", ["models.weirkeeper.dev.yaml", "traps.weirkeeper.dev.yaml"])
def test_a_file_that_was_edited_or_is_left_over_is_found(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--output", str(tmp_path)])
    (tmp_path / name).write_text("kind: Other\n")
    assert main(["--check", "--output", str(tmp_path)]) == 1
    assert f"{tmp_path / name} is not what the records" in capsys.readouterr().out
    main(["--output", str(tmp_path)])
    assert main(["--check", "--output", str(tmp_path)]) == 0


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    assert main(["--check", "--output", str(tmp_path)]) == 1

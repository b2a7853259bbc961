"""`weirkeeper crds`: writes the kinds' definitions into the checkout, or says that they are not what they should be."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from weirkeeper.api.crds import files

FOLDERS: Final = (Path("crds"), Path("charts/weirkeeper/files/crds"))
"""Where the definitions are committed: for people, and for Helm, which reads nothing outside a chart."""


def main(arguments: Sequence[str]) -> int:
    """Write or check the definitions; 1 says that a check found something."""
    parser = argparse.ArgumentParser(prog="weirkeeper crds", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 1 where a file is not as it should be"
    )
    parser.add_argument(
        "--output",
        type=Path,
        action="append",
        metavar="FOLDER",
        help=f"a folder to write to instead of {' and '.join(map(str, FOLDERS))}",
    )
    given = parser.parse_args(arguments)
    folders: Sequence[Path] = given.output or FOLDERS
    return _check(folders) if given.check else _write(folders)


def _write(folders: Sequence[Path]) -> int:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for path in _leftover(folder):
            path.unlink()
        for name, text in files().items():
            (folder / name).write_text(text)
    return 0


def _check(folders: Sequence[Path]) -> int:
    wrong = [path for folder in folders for path in (*_different(folder), *_leftover(folder))]
    for path in wrong:
        print(f"{path} is not what the records in operator/src/weirkeeper/api make of it: run `weirkeeper crds`")
    return 1 if wrong else 0


def _different(folder: Path) -> list[Path]:
    wanted = {folder / name: text for name, text in files().items()}
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]


def _leftover(folder: Path) -> list[Path]:
    """Files of ours for kinds that are no more."""
    return [path for path in sorted(folder.glob("*.weirkeeper.dev.yaml")) if path.name not in files()]

"""What tools said before is asked again only where something that it depends on has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bench.drift.environments import PACKAGES, ROOT

FOLDER = Path(__file__).parent
ROWS = (FOLDER / "scenarios.py", FOLDER / "scores.py")
STATISTICS = ROOT / "operator" / "src" / "weirkeeper" / "statistics"


def made_by(tool: str) -> str:
    """Sum up what a tool's scores depend on: the rows, how it is asked, and its versions or, of ours, its code."""
    asked = FOLDER / (f"{tool}_peer.py" if tool in PACKAGES else "ours.py")
    code = () if tool in PACKAGES else sorted(STATISTICS.glob("*.py"))
    return _digest((*ROWS, asked, *code), repr(PACKAGES.get(tool)))


def _digest(files: Iterable[Path], more: str) -> str:
    found = hashlib.sha256(more.encode())
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()


def forget_others(folder: Path, tool: str, made: str) -> None:
    """Remove the scores of a tool that something else than `made` has made, and note what makes those to come."""
    noted = folder / f"{tool}.made-by"
    if noted.exists() and noted.read_text() == made:
        return
    for old in folder.glob(f"{tool}-*.npz"):
        old.unlink()
    noted.write_text(made)

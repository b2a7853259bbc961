"""Tables for a terminal and for a page alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.verdicts import Goal

BEGINS, ENDS = "<!-- tables begin -->", "<!-- tables end -->"
Row = Sequence[str]


def written(rows: Sequence[Row]) -> str:
    """Write rows as Markdown, the first of them as the head, in columns that line up."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def goal_rows(goals: Sequence[Goal]) -> list[Row]:
    """Every goal and what was found."""
    words = {True: "reached", False: "missed", None: "not judged"}
    return [("goal", "", "found"), *((goal.name, words[goal.met], goal.told) for goal in goals)]


def put_into(page: Path, text: str) -> None:
    """Replace what lies between the marks of a page of the documentation."""
    before, after = page.read_text().split(BEGINS)[0], page.read_text().split(ENDS)[1]
    page.write_text(f"{before}{BEGINS}\n{text}\n{ENDS}{after}")


def verdict(bench: str, goals: Iterable[Goal], absent: Sequence[str] = ()) -> tuple[str, int]:
    """Say in one line what was missed; and the exit code."""
    missed = [goal.name for goal in goals if goal.met is False]
    told = f"missed: {', '.join(missed)}" if missed else "every goal that was judged is reached"
    return f"{bench}: {told}" + (f"; without {', '.join(absent)}" if absent else ""), 1 if missed else 0

"""`make bench-gates`: simulate every scenario, print tables, and end with a verdict.

A first look with few runs takes a minute, all of it ten to twenty on two cores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.asking import asked
from bench.gates import judging, tables
from bench.gates.scenarios import SCENARIOS, Scenario
from bench.gates.simulating import Runs, simulated
from bench.pictures import bars
from bench.tables import goal_rows, put_into, verdict, written
from bench.verdicts import Goal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "gates-compared.md"
FOLDER = ROOT / "build" / "bench-gates"


def main(arguments: Sequence[str]) -> int:
    """Run all of it; 1 where a goal is missed."""
    quick, publish = asked("bench.gates", __doc__, arguments)
    found = {one.name: simulated(one, one.quick_runs if quick else one.runs) for one in SCENARIOS}
    goals = judging.goals(found, SCENARIOS)
    text = told(found, SCENARIOS, goals)
    print(text)
    kept(PAGE if publish else FOLDER / PAGE.name, text, found, goals)
    line, code = verdict("bench-gates", goals)
    print(f"\n{line}")
    return code


def told(found: Mapping[str, Runs], chosen: Sequence[Scenario], goals: Sequence[Goal]) -> str:
    """Write all tables."""
    rows = [
        tables.share_rows(found, chosen, "healthy", "Fail", "rolled back although nothing is wrong"),
        tables.share_rows(found, chosen, "limit", "Pass", "promoted although at the limit"),
        tables.detection_rows(found, chosen),
        goal_rows(goals),
    ]
    return "\n\n".join(written(one) for one in rows)


def kept(page: Path, text: str, found: Mapping[str, Runs], goals: Sequence[Goal]) -> None:
    """Keep figures and pictures beside a page, and put the tables into it where it is that of the documentation."""
    page.parent.mkdir(parents=True, exist_ok=True)
    pictures = {
        "false-roll-backs": ("Rolled back although nothing is wrong", "healthy", "Fail"),
        "false-promotions": ("Promoted although at the limit of what is allowed", "limit", "Pass"),
    }
    for name, (title, group, ended) in pictures.items():
        drawn = bars(title, tables.share_bars(found, SCENARIOS, group, ended))  # type: ignore[arg-type]
        (page.parent / f"{page.stem}-{name}.svg").write_text(drawn)
    shares = {
        name: {rule: {"fail": judging.share(one, "Fail"), "pass": judging.share(one, "Pass"), "runs": len(one)}}
        for name, runs in found.items()
        for rule, one in runs.items()
    }
    figures = {"shares": shares, "goals": [goal.to_json() for goal in goals]}
    (page.parent / f"{page.stem}.json").write_text(json.dumps(figures, indent=1) + "\n")
    if page == PAGE:
        put_into(page, text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

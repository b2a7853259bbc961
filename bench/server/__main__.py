"""`python -m bench.server`: the table, its JSON and its picture; fails when a goal is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.server import chart, models, programs, suite
from bench.server.cases import CASES
from bench.server.contenders import CEILING
from bench.server.environments import KSERVE, MLSERVER
from bench.server.errors import BenchError
from bench.server.measure import FULL, QUICK
from bench.server.places import OUTPUT, cores
from bench.server.publish import PICTURE, publish
from bench.server.results import Report
from bench.server.servers import end_with_this_process
from bench.server.table import table

MISSED: Final = 1
UNMEASURED: Final = 3
BROKEN: Final = 4


def main() -> int:
    """Measure; 0 all goals met, 1 one missed, 3 one not measured, 4 no figures at all."""
    arguments = _arguments()
    end_with_this_process()
    try:
        report = _measure(arguments)
    except BenchError as error:
        print(f"bench-server: {error}", file=sys.stderr)
        return BROKEN
    _write(report, arguments.output)
    if arguments.publish:
        publish("table", table(report))
        PICTURE.write_text(chart.chart(report))
    print(table(report))
    return _verdict(report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.server", description=__doc__)
    parser.add_argument("--quick", action="store_true", default=os.environ.get("BENCH_QUICK", "") not in {"", "0"})
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these cases")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for the table, its JSON and its picture")
    parser.add_argument("--publish", action="store_true", help="put the table and the picture into the documentation")
    return parser.parse_args()


def _measure(arguments: argparse.Namespace) -> Report:
    wrk, tools = programs.wrk(), programs.tools()
    peers, missing = suite.installed()
    with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
        scratch = Path(folder)
        suite.say("fitting the models")
        effort = QUICK if arguments.quick else FULL
        wanted = [case for case in CASES if case.name in (arguments.case or [case.name])]
        fitted = models.fit(scratch, {case.model for case in wanted})
        run = suite.Suite(fitted, scratch, effort, wrk, tools, peers, missing)
        cases = run.cases(wanted)
        bounds, router = ([], {}) if arguments.case else (run.bounds(), run.router())
    return Report(_versions(wrk, tools, peers), _machine(), cases, bounds, router, run.missing)


def _versions(wrk: programs.Program, tools: programs.Program, peers: list[str]) -> dict[str, str]:
    found = {"weirkeeper": version("weirkeeper"), "scikit-learn": version("scikit-learn"), "wrk": wrk.version}
    found[CEILING] = tools.version
    if "MLServer" in peers:
        names = ("mlserver", "mlserver-sklearn", "uvloop", "scikit-learn", "pandas")
        found["MLServer"] = _listed(MLSERVER.versions(*names))
    if "KServe" in peers:
        found["KServe"] = _listed(KSERVE.versions("kserve", "uvicorn", "uvloop", "scikit-learn"))
    return found


def _listed(versions: dict[str, str]) -> str:
    first, *others = versions.items()
    return f"{first[1]} ({', '.join(f'{name} {found}' for name, found in others)})"


def _machine() -> str:
    server, load = cores()
    apart = f"servers on core {server}, load on core {load}" if server != load else "servers and load on one core"
    busy = f"load average {os.getloadavg()[0]:.0f} at the end"
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {apart}, loopback, {busy}."


def _write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.json").write_text(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")
    (folder / "server.md").write_text(table(report))
    (folder / "server.svg").write_text(chart.chart(report))


def _verdict(report: Report) -> int:
    missed = [name for name, goal in report.goals if goal.met is False]
    unmeasured = [name for name, goal in report.goals if goal.met is None]
    for text, names in (("missed", missed), ("not measured", unmeasured)):
        for name in names:
            print(f"bench-server: {text}: {name}", file=sys.stderr)
    return MISSED if missed else UNMEASURED if unmeasured or report.missing else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.server.workers`: requests a second by one process, by two workers, and by two servers, on two cores.

The load generator has a part of the same cores. So there is one case where it needs next to nothing beside the server,
and one where it needs as much.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.server import models, programs
from bench.server.contenders import ours
from bench.server.errors import RunFailed
from bench.server.load import write_script
from bench.server.models import Fitted
from bench.server.programs import Program
from bench.server.requests import as_json
from bench.server.servers import Server, end_with_this_process

CONNECTIONS: Final = 16
PROGRAM: Final = "from weirkeeper_server.cli import main; raise SystemExit(main())"
CASES: Final = {"iris, 1 row": ("iris", 1), "100 trees, 500 rows": ("trees", 500)}


def main() -> None:
    """Measure in turns, and print medians."""
    parser = argparse.ArgumentParser(prog="bench.server.workers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of every contender")
    parser.add_argument("--seconds", type=int, default=2, help="length of one run")
    arguments = parser.parse_args()
    end_with_this_process()
    with tempfile.TemporaryDirectory() as folder:
        fitted = models.fit(Path(folder), [name for name, _ in CASES.values()])
        for name, (model, rows) in CASES.items():
            scratch = Path(folder) / f"{model}-{rows}"
            scratch.mkdir()
            print(_line(name, _rates(fitted[model], rows, scratch, arguments.rounds, arguments.seconds)), flush=True)


def _line(name: str, rates: dict[str, list[float]]) -> str:
    one = statistics.median(rates["one process"])
    told = [
        f"{who} {statistics.median(found):,.0f}/s ({statistics.median(found) / one:.2f})"
        for who, found in rates.items()
    ]
    return f"{name}: {'; '.join(told)}"


def _rates(fitted: Fitted, rows: int, scratch: Path, rounds: int, seconds: int) -> dict[str, list[float]]:
    wrk, script = programs.wrk(), write_script(as_json(fitted.first(rows)), scratch)
    contenders = {
        "one process": [_server(fitted, scratch, 1)],
        "two workers": [_server(fitted, scratch, 2)],
        "two servers": [_server(fitted, scratch, 1), _server(fitted, scratch, 1)],
    }
    found: dict[str, list[float]] = {who: [] for who in contenders}
    with ExitStack() as stack:
        for server in [one for servers in contenders.values() for one in servers]:
            stack.enter_context(server)
            server.wait()
            _unpin(server)
        for _ in range(rounds):
            for who, servers in contenders.items():
                found[who].append(_rate(wrk, script, servers, f"/v2/models/{fitted.name}/infer", seconds))
    return found


def _server(fitted: Fitted, scratch: Path, workers: int) -> Server:
    server = ours(fitted, scratch)
    command = [sys.executable, "-c", PROGRAM, *server.command[1:], "--workers", str(workers)]
    return replace(server, command=command)


def _unpin(server: Server) -> None:
    """Let all of its processes have both cores."""
    group = subprocess.run(["pgrep", "-g", str(server.pid)], capture_output=True, text=True, check=True)
    for process in group.stdout.split():
        subprocess.run(["taskset", "-a", "-p", "-c", "0-1", process], capture_output=True, check=True)


def _rate(wrk: Program, script: Path, servers: Sequence[Server], path: str, seconds: int) -> float:
    """Load all servers at once, with as many connections together; give their requests a second."""

    def load(server: Server) -> float:
        arguments = ["-t", "1", "-c", str(CONNECTIONS // len(servers)), "-d", f"{seconds}s", "--timeout", "20s"]
        command = [str(wrk.path), *arguments, "-s", str(script), server.url + path]
        done = subprocess.run(command, env=wrk.environment or None, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.strip().splitlines()[-1])
        if told["errors"]:
            raise RunFailed(f"{told['errors']} errors; the log is {server.log}")
        return float(told["requests"] / told["seconds"])

    with ThreadPoolExecutor(len(servers)) as threads:
        return sum(threads.map(load, servers))


if __name__ == "__main__":
    main()

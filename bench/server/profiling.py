"""Where a request's time goes: samples of py-spy while the server is loaded, by the part of the code they fell into."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.server.environments import PROFILER
from bench.server.errors import RunFailed
from bench.server.load import Load
from bench.server.servers import Server

SAMPLES_A_SECOND: Final = 500
PACKAGE: Final = re.compile(r"site-packages/([^/.]+)|/(asyncio|concurrent|json|logging|selectors|threading)\b")
OURS: Final = re.compile(r"(weirkeeper(?:_server)?(?:/[a-z_]+)*)\.py")


@dataclass(frozen=True)
class Profile:
    """Microseconds of CPU of a request, and how they part by module; self time of the innermost Python frame."""

    cpu: float
    rate: float
    shares: Mapping[str, float]

    def table(self) -> str:
        """Write it in Markdown, the greatest first; what is below one percent is one row."""
        rows = ["| Where | share | µs |", "|---|---|---|"]
        small = sum(share for share in self.shares.values() if share < 0.01)  # noqa: PLR2004  a percent
        shown = [(name, share) for name, share in self.shares.items() if share >= 0.01]  # noqa: PLR2004  the same
        for name, share in [*sorted(shown, key=lambda item: -item[1]), ("the rest, each below 1 %", small)]:
            rows.append(f"| {name} | {share:.1%} | {share * self.cpu:.1f} |")
        rows.append(f"| all | 100 % | {self.cpu:.1f} |")
        return "\n".join(rows)


def profile(server: Server, load: Load, seconds: float, folder: Path) -> Profile:
    """Sample a server while it is loaded; first without the sampler, which gives its CPU time of a request.

    Raises:
        Missing: py-spy cannot be had.
        RunFailed: it may not look into the process.
    """
    PROFILER.make()
    load.run(server, 1.0)
    alone = load.run(server, seconds)
    stacks = folder / "stacks.txt"
    running = threading.Thread(target=load.run, args=(server, seconds + 2))
    running.start()
    _sample(server, seconds, stacks)
    running.join()
    return Profile(alone.cpu, alone.rate, shares(stacks.read_text()))


def _sample(server: Server, seconds: float, stacks: Path) -> None:
    command = [str(PROFILER.folder / "bin" / "py-spy"), "record", "--pid", str(server.pid), "--format", "raw"]
    command += ["--rate", str(SAMPLES_A_SECOND), "--duration", str(max(1, round(seconds))), "--full-filenames"]
    # A sample counts for the thread that has the interpreter's lock: others wait, whatever the system says of them.
    command += ["--gil", "--output", str(stacks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not stacks.exists():
        raise RunFailed(f"py-spy cannot look into the server: {done.stderr[-500:]}; it needs CAP_SYS_PTRACE")


def shares(stacks: str) -> dict[str, float]:
    """Part folded stacks by the module of their innermost frame."""
    counts: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, samples = line.rpartition(" ")
        counts[room(frames.rpartition(";")[2])] += int(samples)
    whole = sum(counts.values()) or 1
    return {name: count / whole for name, count in counts.items()}


def room(frame: str) -> str:
    """Name the part of the code of one frame, such as `predict (/…/sklearn/linear_model/_base.py:351)`.

    >>> room("read_request (/src/weirkeeper_server/decode.py:40)")
    'weirkeeper_server/decode'
    """
    if found := OURS.search(frame):
        return found[1]
    if found := PACKAGE.search(frame):
        return found[1] or f"Python's {found[2]}"
    return "Python's others"

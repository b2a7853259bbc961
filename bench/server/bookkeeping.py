"""`python -m bench.server.bookkeeping`: what it costs a request that it is counted, within one process."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.server import models
from bench.server.errors import BenchError, RunFailed
from bench.server.models import Fitted
from bench.server.places import HERE, cores
from bench.server.results import median_and_error
from bench.server.servers import ONE_THREAD, end_with_this_process

MODEL: Final = "trees"
"""The model whose requests are booked: a row of 30 numbers."""
TURNS: Final = 15
MOST_SECONDS: Final = 30.0
"""A turn takes at most so long; on an idle machine about half a second."""


@dataclass(frozen=True)
class Turns:
    """The processor's microseconds of a request in each turn, without bookkeeping and with it."""

    without: Sequence[float]
    booked: Sequence[float]

    @property
    def differences(self) -> list[float]:
        """What bookkeeping cost, turn by turn."""
        return [booked - without for without, booked in zip(self.without, self.booked, strict=True)]

    def described(self) -> dict[str, float]:
        """Sum it up: medians, with the error of that of the differences."""
        median, error = median_and_error(self.differences)
        found = {
            "withoutMicroseconds": statistics.median(self.without),
            "bookedMicroseconds": statistics.median(self.booked),
            "bookkeepingMicroseconds": median,
            "giveOrTake": error,
            "lowest": min(self.differences),
            "highest": max(self.differences),
        }
        return {name: round(figure, 2) for name, figure in found.items()}


def turns_within(python: Path, fitted: Fitted, scratch: Path, turns: int) -> Turns:
    """Measure within one process of an interpreter that has the server, on the core that servers have.

    Raises:
        RunFailed: it failed or took too long; the message has its last words.
    """
    rows = scratch / f"{fitted.name}-rows.npy"
    np.save(rows, fitted.rows)
    command = ["taskset", "-c", str(cores()[0]), str(python), str(HERE / "within_process.py")]
    command += ["--bundle", str(fitted.bundle), "--rows", str(rows), "--turns", str(turns)]
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **ONE_THREAD},
            timeout=turns * MOST_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"bookkeeping within one process: {str(error.stderr or error)[-2000:]}") from None
    without, booked = zip(*json.loads(done.stdout), strict=True)
    return Turns(without, booked)


def main() -> int:
    """Measure this checkout, and print or write the result; 4 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="bench.server.bookkeeping", description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS, help="2 or more")
    parser.add_argument("--json", type=Path, help="a file to write the result to")
    arguments = parser.parse_args()
    end_with_this_process()
    with tempfile.TemporaryDirectory(prefix="bench-bookkeeping-") as folder:
        scratch = Path(folder)
        fitted = models.fit(scratch, {MODEL})[MODEL]
        try:
            found = turns_within(Path(sys.executable), fitted, scratch, arguments.turns)
        except BenchError as error:
            print(f"bench-bookkeeping: {error}", file=sys.stderr)
            return 4
    text = json.dumps(found.described(), indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

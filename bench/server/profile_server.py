"""`python -m bench.server.profile_server`: where the microseconds of a request go, as a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.server import models, programs
from bench.server.contenders import ours
from bench.server.environments import IMAGE
from bench.server.errors import BenchError
from bench.server.load import HttpLoad, write_script
from bench.server.places import CHECKOUT, OUTPUT
from bench.server.profiling import Profile, profile
from bench.server.publish import publish
from bench.server.requests import as_json

PROFILED: Final = (("iris", 1, "iris logistic regression, 1 row"), ("mixed", 1, "mixed columns, 1 row"))


def main() -> int:
    """Profile some cases; 4 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="bench.server.profile_server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each case")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--publish", action="store_true", help="put the tables into the documentation")
    arguments = parser.parse_args()
    try:
        text = "\n".join(_tables(arguments.seconds, arguments.connections))
    except BenchError as error:
        print(f"profile-server: {error}", file=sys.stderr)
        return 4
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "profile.md").write_text(text)
    if arguments.publish:
        publish("profile", text)
    print(text)
    return 0


def _tables(seconds: float, connections: int) -> list[str]:
    IMAGE.make()
    IMAGE.install(CHECKOUT)
    wrk, lines = programs.wrk(), []
    with tempfile.TemporaryDirectory(prefix="profile-server-") as folder:
        scratch = Path(folder)
        fitted = models.fit(scratch)
        for name, rows, title in PROFILED:
            load = HttpLoad(
                wrk,
                write_script(as_json(fitted[name].first(rows)), scratch),
                f"/v2/models/{name}/infer",
                connections,
            )
            with ours(fitted[name], scratch) as server:
                server.wait()
                lines += _told(title, connections, profile(server, load, seconds, scratch))
    return lines


def _told(title: str, connections: int, found: Profile) -> list[str]:
    return [f"{title}, {connections} connections:", "", found.table(), ""]


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.server.profile_server`: where the microseconds of a request go, as a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from bench.server import models, programs
from bench.server.cases import CASES, Case
from bench.server.contenders import ours
from bench.server.environments import IMAGE
from bench.server.errors import BenchError
from bench.server.load import GrpcLoad, HttpLoad, Load, write_script
from bench.server.places import CHECKOUT, OUTPUT
from bench.server.profiling import Profile, profile
from bench.server.publish import publish
from bench.server.requests import as_binary, as_json, as_message
from bench.server.servers import end_with_this_process

PROFILED: Final = ("iris-1", "mixed-1", "iris-1-grpc")
"""The cases whose requests are looked into, as `cases` has them."""


def main() -> int:
    """Profile some cases; 4 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="bench.server.profile_server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each case")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these cases")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--publish", action="store_true", help="put the tables into the documentation")
    arguments = parser.parse_args()
    end_with_this_process()
    try:
        text = "\n".join(_tables(arguments.case or PROFILED, arguments.seconds))
    except BenchError as error:
        print(f"profile-server: {error}", file=sys.stderr)
        return 4
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "profile.md").write_text(text)
    if arguments.publish:
        publish("profile", text)
    print(text)
    return 0


def _tables(wanted: Collection[str], seconds: float) -> list[str]:
    IMAGE.make()
    IMAGE.install(CHECKOUT)
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="profile-server-") as folder:
        scratch = Path(folder)
        cases = [case for case in CASES if case.name in wanted]
        fitted = models.fit(scratch, {case.model for case in cases})
        for case in cases:
            with ours(fitted[case.model], scratch) as server:
                server.wait()
                lines += _told(case, profile(server, _load(case, fitted[case.model], scratch), seconds, scratch))
    return lines


def _load(case: Case, fitted: models.Fitted, folder: Path) -> Load:
    rows = fitted.first(case.rows)
    if case.way == "gRPC":
        message = folder / "message"
        message.write_bytes(as_message(case.model, rows))
        return GrpcLoad(programs.tools(), message, case.connections)
    script = write_script(as_binary(rows) if case.way == "binary" else as_json(rows), folder)
    return HttpLoad(programs.wrk(), script, f"/v2/models/{case.model}/infer", case.connections)


def _told(case: Case, found: Profile) -> list[str]:
    return [f"{case.title}, {case.way}, {case.connections} connections:", "", found.table(), ""]


if __name__ == "__main__":
    sys.exit(main())

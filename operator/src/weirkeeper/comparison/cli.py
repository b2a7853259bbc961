"""The command `drift`, as a subcommand of `weirkeeper`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from weirkeeper.comparison.result import Comparison

FAILED: Final = 1
EXITS: Final = {"OK": 0, "Error": FAILED, "Drifting": 3, "Insufficient": 4}
"""2 is argparse's, for options that it does not understand."""

_TOLD = """Compare rows with those of a reference, column by column, and tell which drift.

REFERENCE is a CSV or Parquet file, a profile (profile.json) or a bundle's folder; CURRENT is a CSV or Parquet file.
Files are read in batches, so they may be larger than memory. CSV files have a header and are in UTF-8; they may be
compressed by gzip.

It ends with 0 where nothing drifts, with 3 where something does, with 4 where there are not enough rows to tell, with 1
where the files cannot be compared, and with 2 where the options cannot be understood."""


def add_drift_parser(subparsers: Any) -> None:
    """Add the subcommand; it sets `run`, a function from arguments to the exit status."""
    parser = subparsers.add_parser(
        "drift",
        help="compare rows with those of a reference",
        description=_TOLD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reference", metavar="REFERENCE", type=Path, help="CSV, Parquet, profile or bundle")
    parser.add_argument("current", metavar="CURRENT", type=Path, help="CSV or Parquet, with the reference's columns")
    _add_rule(parser)
    _add_reading(parser)
    parser.add_argument(
        "-o", "--output", choices=["table", "json"], default="table", help="what is printed (default: table)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the JSON, beside what is printed")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where to write a page with pictures (HTML)")
    parser.add_argument("--save-profile", type=Path, metavar="FILE", help="where to write the reference's profile")
    parser.set_defaults(run=compare_files)


def _add_rule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delta",
        action="append",
        default=[],
        metavar="[COLUMN=]PSI",
        help="a shift up to this PSI does not matter (default: 0.1); COLUMN=PSI for a column alone; repeatable",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--false-alarm",
        type=float,
        default=0.01,
        metavar="PROBABILITY",
        help="of finding drift where nothing changed, all columns together (default: 0.01)",
    )
    budget.add_argument(
        "--false-alarms-per-month",
        type=float,
        metavar="N",
        help="the same, where comparisons are made --every so often",
    )
    parser.add_argument("--every", metavar="DURATION", help="time between two comparisons, such as 24h")
    parser.add_argument("--min-rows", type=int, default=500, help="rows that both sides need (default: 500)")
    parser.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="leave it out; repeatable")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column of a CSV reference that is text though it looks like numbers, such as 00501; repeatable",
    )
    parser.add_argument(
        "--missing", action="append", default=[], metavar="WORD", help="stands for a missing value in CSV; repeatable"
    )
    parser.add_argument(
        "--delimiter", default=",", help=r"what stands between two values of a CSV, such as ; or \t (default: ,)"
    )


def compare_files(arguments: argparse.Namespace) -> int:
    """Compare two files; the exit status tells what came of it (`EXITS`), reasons are on standard error."""
    from weirkeeper.statistics.errors import StatisticsError  # noqa: PLC0415  other commands need no numpy

    try:
        compared = _compared(arguments)
        _write(arguments, compared)
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed; run: pip install 'weirkeeper[drift]'")
    except (StatisticsError, OSError) as error:
        return _failed(error)
    except KeyboardInterrupt:
        return _failed("interrupted; nothing was written")
    return EXITS[compared.state]


def _compared(arguments: argparse.Namespace) -> Comparison:
    from weirkeeper.comparison.comparing import compare  # noqa: PLC0415  the operator's image has no Arrow
    from weirkeeper.comparison.progress import progress_on  # noqa: PLC0415  as above
    from weirkeeper.comparison.rows import Reading  # noqa: PLC0415  as above
    from weirkeeper.comparison.rule import Rule  # noqa: PLC0415  as above

    delta, deltas = _deltas(arguments.delta)
    rule = Rule(
        delta=delta,
        deltas=deltas,
        false_alarm=arguments.false_alarm,
        false_alarms_per_month=arguments.false_alarms_per_month,
        every=arguments.every,
        min_rows=arguments.min_rows,
        ignore=arguments.ignore,
    )
    reading = Reading(arguments.text, arguments.missing, arguments.delimiter.replace(r"\t", "\t"))
    return compare(arguments.reference, arguments.current, rule, reading, progress_on(sys.stderr))


def _deltas(given: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Take apart `0.1` and `income=0.2`; the last one of a column holds."""
    from weirkeeper.comparison.errors import UnusableRule  # noqa: PLC0415  as above

    delta, deltas = 0.1, {}
    for one in given:
        column, _, number = one.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise UnusableRule(f"--delta is {one!r}; give a PSI such as 0.1, or COLUMN=PSI") from None
        if column:
            deltas[column] = value
        else:
            delta = value
    return delta, deltas


def _write(arguments: argparse.Namespace, compared: Comparison) -> None:
    told = json.dumps(compared.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    if arguments.save_profile:
        arguments.save_profile.write_bytes(compared.profile.to_bytes())
    if arguments.json:
        arguments.json.write_text(f"{told}\n", encoding="utf-8")
    if arguments.report:
        arguments.report.write_text(_report(compared), encoding="utf-8")
    print(told if arguments.output == "json" else compared)


def _report(compared: Comparison) -> str:
    from weirkeeper.comparison.report import report  # noqa: PLC0415  as above

    return report(compared, datetime.now(UTC))


def _failed(error: Exception | str) -> int:
    print(f"weirkeeper: {error}", file=sys.stderr)
    return FAILED

"""Does one set of rows look like another? The functions `weirkeeper.drift` and `weirkeeper.profile`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from weirkeeper.comparison.arrow import plain_batch
from weirkeeper.comparison.columns import check_present, check_types, live_columns
from weirkeeper.comparison.conclusion import Side, conclude
from weirkeeper.comparison.errors import UnreadableRows, UnusableRule
from weirkeeper.comparison.names import CURRENT_ROWS, check_known
from weirkeeper.comparison.opening import open_rows
from weirkeeper.comparison.progress import NoProgress, Progress, followed, progress_on
from weirkeeper.comparison.reference import Reference, open_reference, profiled
from weirkeeper.comparison.result import Comparison
from weirkeeper.comparison.rows import Reading, Rows
from weirkeeper.comparison.rule import Rule
from weirkeeper.statistics import ProfileCounters, ReferenceProfile, assess, check_totals

Table: TypeAlias = Any
"""A frame of pandas or polars, a table of Arrow, a numpy matrix, or a mapping from names to arrays."""


def drift(  # noqa: PLR0913  a notebook shows options by their names
    reference: str | Path | ReferenceProfile | Table,
    current: str | Path | Table,
    *,
    delta: float = 0.1,
    deltas: Mapping[str, float] | None = None,
    false_alarm: float = 0.01,
    false_alarms_per_month: float | None = None,
    every: str | None = None,
    min_rows: int = 500,
    ignore: Sequence[str] = (),
    text: Sequence[str] = (),
    missing: Sequence[str] = (),
    delimiter: str = ",",
    progress: bool = False,
) -> Comparison:
    """Compare rows with those of a reference, column by column, and tell which drift.

    Both are tables in memory or paths of CSV or Parquet files, which are read in batches; the reference may also be a
    profile, the path of one (`profile.json`) or of a bundle's folder. A reference of more than 100,000 rows is
    represented by a uniform sample of so many. A table in memory is a frame of pandas or polars, anything with Arrow's
    C stream, a numpy matrix (columns `input[0]`, …), or a mapping from names to arrays.

    `delta` to `ignore` are what is called drift: see `Rule`. `text`, `missing` and `delimiter` say how CSV files are
    read: columns of the reference that are text although they look like numbers, further words for a missing value,
    and what stands between values. `progress` tells on standard error how far it is.

    Raises:
        ComparisonError: a rule, a file or a column will not do; see `weirkeeper.comparison.errors`.
        OSError: a file cannot be read.
    """
    budget = {"false_alarm": false_alarm, "false_alarms_per_month": false_alarms_per_month, "every": every}
    rule = Rule(delta=delta, deltas=deltas or {}, min_rows=min_rows, ignore=ignore, **budget)  # type: ignore[arg-type]
    reading = Reading(text, missing, delimiter)
    return compare(reference, current, rule, reading, progress_on(sys.stderr) if progress else NoProgress())


def profile(
    reference: str | Path | Table,
    *,
    ignore: Sequence[str] = (),
    text: Sequence[str] = (),
    missing: Sequence[str] = (),
    delimiter: str = ",",
    progress: bool = False,
) -> ReferenceProfile:
    """Make the profile of rows, all of them columns that a model is given, without those in `ignore`.

    Tables and files are those that `drift` takes, and read in the same way. `to_bytes()` of what it gives is the
    content of a `profile.json`.

    Raises:
        ComparisonError, OSError: as in `drift`.
    """
    reading = Reading(text, missing, delimiter)
    opened = open_reference(reference, reading)
    if isinstance(opened, Reference):
        raise UnreadableRows(f"{opened.name} is a profile already; give rows to make one of")
    check_known(ignore, opened.columns, opened.name)
    columns = [name for name in opened.columns if name not in ignore]
    if not columns:
        raise UnusableRule(f"nothing is left to profile: {opened.name} has no columns but those that are left out")
    return profiled(opened, columns, reading, progress_on(sys.stderr) if progress else NoProgress()).profile


def compare(given: Any, current: Any, rule: Rule, reading: Reading, progress: Progress) -> Comparison:
    """Compare as `drift` does."""
    opened, live = open_reference(given, reading), open_rows(current, CURRENT_ROWS, replace(reading, text=()))
    check_known(rule.ignore, [*opened.columns, *live.columns], f"{opened.name} and {live.name}")
    columns = [name for name in opened.columns if name not in rule.ignore]
    if not columns:
        raise UnusableRule(f"nothing is left to compare: {opened.name} has no columns but those that are left out")
    check_present(live, columns, opened.name)
    reference = opened if isinstance(opened, Reference) else profiled(opened, columns, reading, progress)
    policies = rule.policies(reference.profile.features)
    totals = _counted(reference.profile, live, columns, progress)
    report = assess(
        reference.profile,
        totals["inputs"],
        alpha=rule.alpha(sum(policy.watched for policy in policies.values())),
        delta=rule.delta,
        min_rows=rule.min_rows,
        overrides=policies,
    )
    side = Side(live.name, totals["rows"])
    return Comparison(
        conclude(reference.side, side, report, rule.min_rows),
        reference.side,
        side,
        rule,
        reference.profile,
        totals["inputs"],
        tuple(name for name in live.columns if name not in (*opened.columns, *rule.ignore)),
    )


def _counted(profile: ReferenceProfile, live: Rows, columns: Sequence[str], progress: Progress) -> dict[str, Any]:
    """Count rows by the bins of a profile."""
    features = {feature.name: feature for feature in profile.features if feature.name in columns}
    check_types(live, columns, features)
    counters = ProfileCounters(profile)
    for batch in live_columns(live, map(plain_batch, followed(live, columns, progress)), profile, columns):
        counters.ingest(batch, {})
    totals = counters.totals()
    check_totals(profile, totals)
    return totals

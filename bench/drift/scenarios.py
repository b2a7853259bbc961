"""What the detectors look at, made from seeds: the same rows in every environment. NumPy alone."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["numeric", "categorical", "mixed", "gaps", "table"]
Group = Literal["size", "burst", "null", "power"]
Columns = dict[str, npt.NDArray[Any]]
Generator = np.random.Generator

SEED = 20261124
REFERENCE = 5000
ROWS = 500
TABLE = 6
"""Columns of one table, where columns are looked at together."""

CHANGE_AT = 10
"""The window in which things change; those before are as the reference."""

RAMP = 20
"""Windows over which a slow change comes."""

LETTERS = np.array(list("abcde"), dtype=object)
SHARES = np.array([0.40, 0.30, 0.15, 0.10, 0.05])
CLUSTER = 20
LIKE_THE_LAST = 0.9
DAY_AMPLITUDE = 0.2
MISSING = 0.01
CORRELATION = 0.6


@dataclass(frozen=True)
class Scenario:
    """A sequence of windows of `rows` rows in `columns` columns (tables of them for `table`), each by itself.

    `change` alters a window, told how far the change has come (0 to 1); None where nothing changes. Peers look at the
    first `peer_windows` windows of scenarios without a change.
    """

    name: str
    title: str
    group: Group
    kind: Kind
    windows: int
    columns: int
    rows: int = ROWS
    reference: int = REFERENCE
    change: Callable[[Generator, Columns, float], None] | None = None
    slow: bool = False
    burst: Literal["clusters", "autoregression", "day"] | None = None
    peer_windows: int = 10**9

    @property
    def units(self) -> list[list[str]]:
        """The columns that are judged by one answer: single ones, or those of a table."""
        if self.kind == "table":
            return [[f"t{table}c{column}" for column in range(TABLE)] for table in range(self.columns)]
        return [[name] for name in _names(self)]

    @property
    def changed(self) -> range:
        """The windows in which things have changed."""
        return range(CHANGE_AT if self.change else self.windows, self.windows)

    def reference_columns(self) -> Columns:
        """The reference: the same for all scenarios of one kind and size."""
        return _drawn(_generator("reference", self.kind, self.reference, self.columns), self, self.reference)

    def window(self, index: int) -> Columns:
        """The rows of one window."""
        rng = _generator(self.name, "window", index)
        if self.burst:
            return _bursts(rng, self, index)
        columns = _drawn(rng, self, self.rows)
        if self.change and index >= CHANGE_AT:
            self.change(rng, columns, min(1.0, (index - CHANGE_AT + 1) / RAMP) if self.slow else 1.0)
        return columns


def _generator(*what: object) -> Generator:
    return np.random.default_rng([SEED, zlib.crc32(repr(what).encode())])


def _names(scenario: Scenario) -> list[str]:
    kinds = {"numeric": "n", "categorical": "c", "mixed": "nc", "gaps": "n", "table": "n"}[scenario.kind]
    return [f"{kinds[column % len(kinds)]}{column}" for column in range(scenario.columns)]


def _drawn(rng: Generator, scenario: Scenario, rows: int) -> Columns:
    if scenario.kind == "table":
        return _tables(rng, scenario.columns, rows)
    columns = {
        name: rng.choice(LETTERS, rows, p=SHARES) if name[0] == "c" else _numbers(place, rng.normal(0, 1, rows))
        for place, name in enumerate(_names(scenario))
    }
    if scenario.kind == "gaps":
        _lose(rng, columns, MISSING)
    return columns


def _lose(rng: Generator, columns: Columns, part: float) -> None:
    for column in columns.values():
        column[rng.random(column.size) < part] = np.nan


def _numbers(place: int, normal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Half of the columns are normal, half lognormal, as heights and incomes are."""
    return normal if place % 4 < 2 else np.exp(normal)  # noqa: PLR2004  pairs, so that mixed ones have both


def _tables(rng: Generator, tables: int, rows: int) -> Columns:
    columns: Columns = {}
    for table in range(tables):
        for pair in range(TABLE // 2):
            one = rng.normal(0, 1, rows)
            other = CORRELATION * one + np.sqrt(1 - CORRELATION**2) * rng.normal(0, 1, rows)
            columns |= {f"t{table}c{2 * pair}": one, f"t{table}c{2 * pair + 1}": other}
    return columns


def _bursts(rng: Generator, scenario: Scenario, index: int) -> Columns:
    rows, columns = scenario.rows, scenario.columns
    normal = rng.normal(0, 1, (rows, columns))
    if scenario.burst == "clusters":
        normal = np.repeat(normal[: rows // CLUSTER], CLUSTER, axis=0)
    elif scenario.burst == "autoregression":
        for row in range(1, rows):
            normal[row] = LIKE_THE_LAST * normal[row - 1] + np.sqrt(1 - LIKE_THE_LAST**2) * normal[row]
    else:
        hours = index + np.arange(rows)[:, None] / rows
        normal = normal + DAY_AMPLITUDE * np.sqrt(2) * np.sin(2 * np.pi * hours / 24)
    return {name: _numbers(place, normal[:, place]) for place, name in enumerate(_names(scenario))}


def _shift(deviations: float) -> Callable[[Generator, Columns, float], None]:
    def change(rng: Generator, columns: Columns, part: float) -> None:
        del rng
        for place, name in enumerate(columns):
            moved = deviations * part
            columns[name] = columns[name] + moved if place % 4 < 2 else columns[name] * np.exp(moved)  # noqa: PLR2004

    return change


def _share(rng: Generator, columns: Columns, part: float) -> None:
    """One category in ten rows becomes one in seven, at the cost of the most frequent one."""
    for column in columns.values():
        moved = (column == LETTERS[0]) & (rng.random(column.size) < 0.1 * part)
        column[moved] = LETTERS[3]


def _new(rng: Generator, columns: Columns, part: float) -> None:
    for column in columns.values():
        column[rng.random(column.size) < 0.02 * part] = "new"


def _missing(rng: Generator, columns: Columns, part: float) -> None:
    _lose(rng, columns, 0.05 * part)


def _correlation(rng: Generator, columns: Columns, part: float) -> None:
    """Every column keeps its distribution; what it says about its neighbour goes."""
    for name in columns:
        if int(name[-1]) % 2:
            loose = rng.random(columns[name].size) < part
            columns[name][loose] = rng.permutation(columns[name][loose])


def scenarios(*, quick: bool) -> list[Scenario]:
    """Everything that is looked at; `quick` for a first look with wide errors."""
    columns = 12 if quick else 24
    return [*_sizes(quick=quick), *_burst_scenarios(quick=quick), *_powers(columns, 20 if quick else 50)]


def _sizes(*, quick: bool) -> list[Scenario]:
    part = 4 if quick else 1
    plan = [(100, 40, 40, 20), (500, 40, 40, 20), (1000, 40, 40, 20), (10_000, 20, 20, 20), (100_000, 40, 8, 10)]
    return [
        Scenario(
            f"size-{rows}", f"identical, {rows:,} rows", "size", "mixed", windows=max(320 // columns, windows // part),
            columns=columns, rows=rows, reference=max(REFERENCE, 5 * rows), peer_windows=max(2, peer // part),
        )
        for rows, windows, peer, columns in plan
    ]  # fmt: skip


def _burst_scenarios(*, quick: bool) -> list[Scenario]:
    named: list[tuple[Literal["clusters", "autoregression", "day"], str]] = [
        ("clusters", "bursts of 20 equal rows"), ("autoregression", "AR(1), 0.9"), ("day", "time of day"),
    ]  # fmt: skip
    return [
        Scenario(
            f"burst-{burst}", title, "burst", "numeric", windows=12 if quick else 48, columns=16, rows=1000,
            burst=burst,
        )
        for burst, title in named
    ]  # fmt: skip


def _powers(columns: int, nulls: int) -> list[Scenario]:
    windows, tables = CHANGE_AT + RAMP, max(3, columns // 4)
    shifts = [
        Scenario(
            f"{'slow' if slow else 'abrupt'}-{deviations}",
            f"{'slow' if slow else 'abrupt'} shift of {deviations} sd",
            "power", "numeric", windows, columns, change=_shift(deviations), slow=slow,
        )
        for slow in (False, True)
        for deviations in (0.1, 0.2, 0.5)
    ]  # fmt: skip
    return [
        Scenario("null-numeric", "identical numbers", "null", "numeric", nulls, columns),
        Scenario("null-gaps", "identical numbers, 1 % missing", "null", "gaps", nulls, columns),
        Scenario("null-categorical", "identical categories", "null", "categorical", nulls, columns),
        Scenario("null-table", "identical tables", "null", "table", 2 * nulls, tables),
        *shifts,
        Scenario(
            "share", "a category's share from 10 to 14 %", "power", "categorical", windows, columns, change=_share
        ),
        Scenario("new", "a new category, 2 %", "power", "categorical", windows, columns, change=_new),
        Scenario("missing", "missing values, 1 to 6 %", "power", "gaps", windows, columns, change=_missing, slow=True),
        Scenario("correlation", "a correlation of 0.6 goes", "power", "table", windows, tables, change=_correlation),
    ]

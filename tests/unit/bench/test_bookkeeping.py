"""The benchmark of bookkeeping: that it switches on and off what it says, and what it makes of its turns."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench.server.bookkeeping import Turns, turns_within
from bench.server.cases import BOUNDS
from bench.server.contenders import OURS
from bench.server.errors import RunFailed
from bench.server.models import Fitted
from bench.server.results import Report, within
from bench.server.table import table
from bench.server.within_process import AT_ONCE, served, turn
from weirkeeper.bundling import maker

ROWS = np.random.default_rng(1).normal(size=(60, 3))


def test_a_turn_books_every_request_and_row_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "verify", lambda *_: None)
    made = maker.bundle(LogisticRegression().fit(ROWS, ROWS[:, 0] > 0), ROWS, path=tmp_path / "model")
    np.save(tmp_path / "rows.npy", ROWS)

    async def booked() -> list[tuple[int, int, int]]:
        server, requests = await served(made, tmp_path / "rows.npy")
        traffic, found = server.traffic, []
        assert traffic is not None
        for counting in (None, traffic, None, traffic):
            await turn(server, requests, counting, rounds=3)
            counted = sum(traffic.totals()["inputs"]["input[0]"]["counts"])
            found.append((server.outcomes.get("ok", 0), sum(server.durations.counted().counts), counted))
        server.close()
        return found

    once = (3 * AT_ONCE,) * 3
    assert asyncio.run(booked()) == [(0, 0, 0), once, once, tuple(2 * count for count in once)]


def test_the_figure_is_of_turns_side_by_side() -> None:
    found = Turns(without=[7.0, 27.0, 7.5], booked=[9.5, 29.75, 10.25]).described()
    assert found["bookkeepingMicroseconds"] == 2.75
    assert (found["lowest"], found["highest"]) == (2.5, 2.75)
    assert found["giveOrTake"] < 0.25


def test_the_table_has_what_two_servers_show_beside_the_figure() -> None:
    bound = next(bound for bound in BOUNDS if bound.name == "bookkeeping")
    result = within(bound, OURS, [2.4, 2.5, 2.6], "between two servers 2.7 µs, give or take 2.5 µs")
    row = "| 2.5 µs | give or take 0.14 µs; between two servers 2.7 µs, give or take 2.5 µs | - | ≤ 3 µs: met |"
    assert row in table(Report({}, "A machine.", [], [result]))


def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    model = Fitted("absent", None, ROWS, tmp_path / "absent", tmp_path)
    with pytest.raises(RunFailed, match="absent cannot be served"):
        turns_within(Path(sys.executable), model, tmp_path, turns=2)

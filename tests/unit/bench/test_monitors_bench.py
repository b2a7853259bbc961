"""The measurement of Monitors: it follows a fleet as the collector does, and its verdict can go either way."""

from __future__ import annotations

from dataclasses import replace

from bench.monitors import BASE, Cost, Fleet, Followed, fleets, goals, rows

SMALL = Fleet(monitors=2, features=3, pods=2, windows=2)


def test_rows_of_all_pods_are_booked_and_judged() -> None:
    followed = Followed(SMALL)
    followed.fill()
    assert followed.tick() > 0.0
    booked = followed.ticks
    assert followed.judge() > 0.0
    (slots,) = followed.models[0].views().values()
    counted = sum(slot.rows for one in (slots.revisions, slots.past) for kept in one.values() for slot in kept)
    assert counted == booked * 2000 * SMALL.pods


def test_traffic_counts_for_more_rows_alone() -> None:
    busy = Followed(replace(SMALL, traffic=100))
    busy.fill()
    (slots,) = busy.models[0].views().values()
    assert sum(slot.rows for kept in slots.revisions.values() for slot in kept) > 100_000
    assert busy.judge() > 0.0


def costs(**changed: Cost) -> dict[str, Cost]:
    usual = {name: Cost(100.0, 1000.0, 1_000_000) for name in fleets(Fleet())}
    usual["one slot to a window (1m)"] = Cost(100.0, 1000.0, 500_000)
    return usual | {name.replace("_", " "): one for name, one in changed.items()}


def test_the_verdict_is_by_ratios() -> None:
    assert all(goal.met for goal in goals(costs()))
    missed = goals(costs(hundredfold_traffic=Cost(100.0, 1500.0, 1_000_000)))
    assert [goal.name for goal in missed if not goal.met] == ["traffic costs nothing"]
    assert "judging x 1.50" in next(goal.told for goal in missed if not goal.met)
    larger = costs(twice_the_features=Cost(300.0, 1000.0, 1_000_000))
    assert [goal.name for goal in goals(larger) if not goal.met] == ["features cost in proportion at most"]


def test_figures_are_told_with_their_units() -> None:
    assert (BASE, "100 ms", "1,000 ms", "1 MiB") in rows(costs())

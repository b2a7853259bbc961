"""What is kept of a Model's objectives over a restart of the operator, as JSON; anybody may have written it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weirkeeper.observe.kept_numbers import count_of
from weirkeeper.observe.objective_book import Booked, KeptObjectives, Run, filled_rings
from weirkeeper.statistics.latency import BINS


def written_objectives(kept: KeptObjectives) -> dict[str, Any]:
    """Write it; routers by number, since each has many runs."""
    routers = sorted(kept.read)
    number = {router: place for place, router in enumerate(routers)}
    return {
        "since": kept.since,
        "freshFrom": kept.fresh_from,
        "slowSince": [[one, since] for one, since in kept.slow_since.items()],
        "routers": [[router, kept.read[router]] for router in routers],
        "booked": [
            [number[run.router], run.started, run.revision, *booked[:4], [[*pair] for pair in booked.slow.items()]]
            for run, booked in kept.booked.items()
            if run.router in number
        ],
        "fine": kept.fine,
        "hours": kept.hours,
    }


def read_objectives(found: Mapping[str, Any]) -> KeptObjectives:
    """Read what `written_objectives` wrote.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is something else.
    """
    routers = [(str(router), count_of(at)) for router, at in found["routers"]]
    kept = KeptObjectives(
        since=count_of(found["since"]),
        fresh_from=count_of(found["freshFrom"]),
        slow_since={_bin(one): count_of(since) for one, since in found["slowSince"]},
        booked={
            Run(routers[count_of(router)][0], count_of(started), str(revision)): _booked(counts, slow)
            for router, started, revision, *counts, slow in found["booked"]
        },
        read=dict(routers),
        fine=found["fine"],
        hours=found["hours"],
    )
    filled_rings(kept)
    return kept


def _booked(counts: list[Any], slow: list[Any]) -> Booked:
    epoch, requests, failed, timed = map(count_of, counts)
    return Booked(epoch, requests, failed, timed, {_bin(one): count_of(count) for one, count in slow})


def _bin(given: Any) -> int:
    if count_of(given) >= BINS:
        raise ValueError(f"{given!r:.40} is no latency bin")
    return int(given)

"""A server that is not ours and slower than before, judged by what its routers measure."""

from __future__ import annotations

from tests.e2e.conftest import Team, Traffic, long_enough
from tests.e2e.containers import RATE, apply, serving

DELAY_MS = 60


def test_a_slow_container_is_rolled_back_by_what_its_routers_measure(team: Team, traffic: Traffic) -> None:
    first = serving(team)
    traffic.load.control(rate=RATE, running=True)
    long_enough(20)
    apply(team, THRESHOLD=15, DELAY_MS=DELAY_MS)
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate latency failed" in last["reason"]
    assert team.status()["stable"]["revision"] == first
    traffic.nothing_lost()

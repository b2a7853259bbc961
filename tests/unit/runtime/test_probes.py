import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from weirkeeper.kube.errors import Transient
from weirkeeper.runtime.probes import LONGEST_BEHIND, LONGEST_WORK, Health, serve


class World:
    def __init__(self) -> None:
        self.working = self.behind = 0.0
        self.away = False
        self.ready = False
        self.health = Health(lambda: self.working, lambda: self.behind, self.ping, lambda: self.ready)

    async def ping(self) -> None:
        if self.away:
            raise Transient("no answer")


@pytest.fixture
def world() -> World:
    return World()


async def test_who_works_is_healthy(world: World) -> None:
    world.working = LONGEST_WORK / 2
    assert await world.health.problem() == ""


async def test_stuck_work_is_a_problem(world: World) -> None:
    world.working = LONGEST_WORK + 1
    assert "one key" in await world.health.problem()


async def test_a_stale_watch_is_a_problem_only_while_the_api_server_answers(world: World) -> None:
    world.behind = LONGEST_BEHIND + 1
    assert "stale" in await world.health.problem()
    world.away = True
    assert await world.health.problem() == ""


async def test_the_port_answers(world: World) -> None:
    registry = CollectorRegistry()
    Gauge("weirkeeper_leader", "Whether this process may write.", registry=registry).set(1)
    answers = {}
    async with serve(0, world.health, registry) as port, aiohttp.ClientSession() as session:
        for path in ("healthz", "readyz", "metrics"):
            async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                answers[path] = (answer.status, await answer.text())
        world.ready, world.working = True, LONGEST_WORK + 1
        for path in ("healthz", "readyz"):
            async with session.get(f"http://127.0.0.1:{port}/{path}") as answer:
                answers[path + " later"] = (answer.status, await answer.text())
    assert answers["healthz"] == (200, "ok")
    assert answers["readyz"][0] == 503
    assert "weirkeeper_leader 1.0" in answers["metrics"][1]
    assert answers["healthz later"][0] == 503
    assert answers["readyz later"] == (200, "ok")

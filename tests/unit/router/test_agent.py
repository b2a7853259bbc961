from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from weirkeeper.router import Changed, Listed, RouterOptions, bootstrap
from weirkeeper.router.admin import EnvoyAdmin
from weirkeeper.router.agent import IDLE, SOON, STUCK, WAITING, Agent
from weirkeeper.router.clusters import ADMIN_CLUSTER
from weirkeeper.router.counters import Counts, Reading
from weirkeeper.router.errors import EnvoySilent
from weirkeeper.router.files import EnvoyFiles

STARTED = 1000.0


class FakeEnvoy(EnvoyAdmin):
    """Takes up what lies on disk, unless it is told to be slow; `silent` is an Envoy that is away."""

    def __init__(self, files: EnvoyFiles) -> None:
        self.files = files
        self.silent = False
        self.warmed: set[str] = set()
        self.takes_up = True
        self.counted: dict[str, Counts] = {}
        self.active: dict[str, int] = {}

    async def read(self) -> Reading:
        return Reading(await self.version(), self.counted, self.active)

    async def version(self) -> str:
        if self.silent:
            raise EnvoySilent("away")
        return str(read(self.files.routes)["version_info"]) if self.takes_up else "nothing"

    async def started(self, now: float) -> float:
        return min(STARTED, now)

    async def warm(self) -> set[str]:
        if self.silent:
            raise EnvoySilent("away")
        return self.warmed


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def model(decision: int, traffic: Mapping[str, int]) -> dict[str, Any]:
    entries = [{"revision": revision, "weight": weight} for revision, weight in traffic.items()]
    return {"metadata": {"name": "churn", "uid": "u1"}, "status": {"decision": decision, "traffic": entries}}


def endpoint_slice(revision: str, *pods: str) -> dict[str, Any]:
    return {
        "metadata": {"name": revision, "uid": revision, "labels": {"weirkeeper.dev/revision": revision}},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [pod], "conditions": {"ready": True}} for pod in pods],
    }


@pytest.fixture
def files(tmp_path: Path) -> EnvoyFiles:
    return EnvoyFiles(tmp_path)


@pytest.fixture
def envoy(files: EnvoyFiles) -> FakeEnvoy:
    return FakeEnvoy(files)


@pytest.fixture
def agent(files: EnvoyFiles, envoy: FakeEnvoy) -> Agent:
    return begin(files, envoy)


def begin(files: EnvoyFiles, envoy: FakeEnvoy) -> Agent:
    options = RouterOptions("team-a", "router-1", files.directory)
    bootstrap(options)
    return Agent(options, envoy)


def tell(agent: Agent, given: dict[str, Any], *slices: dict[str, Any]) -> None:
    agent.namespace.take(Listed("EndpointSlice", slices))
    agent.namespace.take(Listed("Model", (given,)))


def split(files: EnvoyFiles) -> dict[str, int] | None:
    """What Envoy would do with the Model's requests; None for a refusal."""
    [own, _] = read(files.routes)["resources"][0]["virtual_hosts"]
    found = own["routes"][-1].get("route")
    return found and {one["name"]: one["weight"] for one in found["weighted_clusters"]["clusters"]}


def cluster_names(files: EnvoyFiles) -> set[str]:
    return {cluster["name"] for cluster in read(files.clusters)["resources"]} - {ADMIN_CLUSTER}


def is_ready(files: EnvoyFiles) -> bool:
    return ADMIN_CLUSTER in {cluster["name"] for cluster in read(files.clusters)["resources"]}


async def test_clusters_come_before_routes(agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    assert await agent.turn(1.0) == SOON
    assert cluster_names(files) == {"churn-a", "churn-a.grpc"}
    assert split(files) is None
    envoy.warmed = {"churn-a"}
    assert await agent.turn(2.0) == IDLE
    assert split(files) == {"churn-a": 100}
    assert agent.memory.versions[agent.memory.version] == {"churn": 1}


async def test_nothing_is_touched_until_both_lists_are_known(agent: Agent, files: EnvoyFiles) -> None:
    before = {path: path.read_text() for path in (files.routes, files.clusters)}
    assert await agent.turn(1.0) == IDLE
    agent.namespace.take(Listed("Model", (model(1, {"churn-a": 100}),)))
    assert await agent.turn(2.0) == IDLE
    assert {path: path.read_text() for path in before} == before


async def test_readiness_waits_for_what_can_be_routed_but_not_for_ever(agent: Agent, files: EnvoyFiles) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    await agent.turn(1.0)
    await agent.turn(15.0)
    assert not is_ready(files)
    await agent.turn(16.5)
    assert is_ready(files)


async def test_readiness_does_not_wait_for_a_model_without_pods(agent: Agent, files: EnvoyFiles) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a"))
    assert await agent.turn(1.0) == WAITING
    assert is_ready(files)


async def test_an_abort_is_written_while_envoy_is_silent(agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles) -> None:
    slices = [endpoint_slice("churn-a", "10.0.0.1"), endpoint_slice("churn-b", "10.0.0.2")]
    tell(agent, model(1, {"churn-a": 75, "churn-b": 25}), *slices)
    envoy.warmed = {"churn-a", "churn-b"}
    await agent.turn(1.0)
    assert split(files) == {"churn-a": 75, "churn-b": 25}
    envoy.silent = True
    agent.namespace.take(Changed("Model", model(2, {"churn-a": 100, "churn-b": 0})))
    with pytest.raises(EnvoySilent):
        await agent.turn(2.0)
    assert split(files) == {"churn-a": 100}


async def test_a_new_agent_knows_what_the_former_one_did(agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles) -> None:
    tell(agent, model(5, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    await agent.turn(1.0)
    successor = begin(files, envoy)
    assert successor.memory == agent.memory
    await successor.turn(2.0)
    assert split(files) == {"churn-a": 100}
    tell(successor, model(4, {"churn-b": 100}), endpoint_slice("churn-b", "10.0.0.2"))
    envoy.warmed = {"churn-a", "churn-b"}
    await successor.turn(3.0)
    assert split(files) == {"churn-a": 100}
    assert successor.memory.versions[successor.memory.version] == {"churn": 5}


async def test_a_lost_memory_leaves_the_routes_until_they_can_be_made_anew(
    agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles
) -> None:
    tell(agent, model(5, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    await agent.turn(1.0)
    files.memory.write_text("{half")
    successor = begin(files, envoy)
    for now in (2.0, 3.0 + STUCK, 4.0 + 2 * STUCK):
        await successor.turn(now)
    assert split(files) == {"churn-a": 100}
    tell(successor, model(5, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    await successor.turn(30.0)
    assert split(files) == {"churn-a": 100}
    assert successor.memory.version > agent.memory.version
    assert successor.memory.series["churn-a"].epoch > agent.memory.series["churn-a"].epoch


async def test_what_envoy_does_not_take_up_is_written_again(
    agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    envoy.takes_up = False
    await agent.turn(1.0)
    files.routes.unlink()
    assert await agent.turn(1.0 + STUCK) == SOON
    assert not files.routes.exists()
    await agent.turn(1.5 + STUCK)
    assert split(files) == {"churn-a": 100}
    assert "has not taken up" in caplog.text


async def test_what_was_counted_before_a_series_began_is_not_its_own(agent: Agent, envoy: FakeEnvoy) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    envoy.counted = {"churn-a": Counts(7, 1, 1, 0)}
    await agent.turn(1.0)
    assert agent.memory.series["churn-a"].base == Counts(7, 1, 1, 0)


async def test_a_cluster_goes_when_it_is_unused_quiet_and_read(
    agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles
) -> None:
    slices = [endpoint_slice("churn-a", "10.0.0.1"), endpoint_slice("churn-b", "10.0.0.2")]
    tell(agent, model(1, {"churn-a": 50, "churn-b": 50}), *slices)
    envoy.warmed = {"churn-a", "churn-b"}
    await agent.turn(100.0)
    agent.namespace.take(Changed("Model", model(2, {"churn-a": 100})))
    await agent.turn(200.0)

    agent.evidence_read = 230.0
    await agent.turn(259.0)
    assert "churn-b" in cluster_names(files)
    envoy.active = {"churn-b": 1}
    await agent.turn(261.0)
    assert "churn-b" in cluster_names(files)
    envoy.active = {}
    agent.evidence_read = 214.0
    await agent.turn(262.0)
    assert "churn-b" in cluster_names(files)
    agent.evidence_read = 216.0
    await agent.turn(263.0)
    assert cluster_names(files) == {"churn-a", "churn-a.grpc"}


async def test_a_cluster_that_nobody_reads_goes_in_the_end(agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    await agent.turn(100.0)
    agent.namespace.take(Listed("Model", ()))
    await agent.turn(200.0)
    await agent.turn(790.0)
    assert cluster_names(files) == {"churn-a", "churn-a.grpc"}
    await agent.turn(801.0)
    assert cluster_names(files) == set()


async def test_a_damaged_status_is_said_once_and_keeps_its_routes(
    agent: Agent, envoy: FakeEnvoy, files: EnvoyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    tell(agent, model(1, {"churn-a": 100}), endpoint_slice("churn-a", "10.0.0.1"))
    envoy.warmed = {"churn-a"}
    await agent.turn(1.0)
    agent.namespace.take(Changed("Model", model(2, {"churn-a": 60})))
    for now in (2.0, 3.0, 4.0):
        await agent.turn(now)
    assert split(files) == {"churn-a": 100}
    assert caplog.text.count("must sum to 100") == 1

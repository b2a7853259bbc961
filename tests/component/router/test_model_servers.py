"""Real Envoy before real model servers: what clients of both protocols see while a canary's weight changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import aiohttp
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.load import Tally
from tests.component.server.processes import Server
from tests.unit.server.churn import fitted, request, rows
from weirkeeper.bundling import maker


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two revisions of one Model: stable and candidate."""
    folder = tmp_path_factory.mktemp("servers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "verify", lambda *_: None)
        bundle = maker.bundle(fitted(), rows(), path=folder / "churn")
    with Server(bundle, folder / "stable") as stable, Server(bundle, folder / "candidate") as candidate:
        stable.wait_for("Ready")
        candidate.wait_for("Ready")
        yield stable, candidate


@pytest.fixture
def router(patient: Router) -> Router:
    return patient


def revision(server: Server) -> str:
    return f"churn-{server.http}"


def columns() -> list[triton.InferInput]:
    given = {
        "income": ("FP64", np.float64, 51_000.5),
        "visits": ("INT64", np.int64, 3),
        "region": ("BYTES", object, "north"),
    }
    inputs = []
    for name, (datatype, kind, value) in given.items():
        inputs.append(triton.InferInput(name, [1], datatype))
        inputs[-1].set_data_from_numpy(np.array([value], dtype=kind))
    return inputs


def client(router: Router) -> Any:
    return triton_aio.InferenceServerClient(
        f"127.0.0.1:{router.options.http_port}",
        channel_args=[("grpc.default_authority", "churn"), ("grpc.use_local_subchannel_pool", 1)],
    )


class Clients:
    """HTTP and gRPC clients that ask without pause until they are told to stop."""

    def __init__(self, router: Router) -> None:
        self.http = Tally()
        self.grpc = Tally()
        self._router = router
        self._stop = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._running = [asyncio.create_task(ask()) for ask in (self._ask_http, self._ask_grpc) for _ in range(3)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._running)

    async def _ask_http(self) -> None:
        body, headers = json.dumps(request()).encode(), {"host": "churn"}
        async with aiohttp.ClientSession() as session:
            while not self._stop.is_set():
                url = f"{self._router.url}/v2/models/churn/infer"
                try:
                    async with session.post(url, data=body, headers=headers) as response:
                        answer = await response.json()
                except aiohttp.ClientError as error:
                    self.http.lost.append(repr(error))
                    continue
                if response.status == 200:
                    self.http.answers[answer["model_version"]] += 1
                else:
                    self.http.lost.append(f"{response.status}: {answer}")

    async def _ask_grpc(self) -> None:
        async with client(self._router) as asking:
            while not self._stop.is_set():
                try:
                    answer = (await asking.infer("churn", columns())).get_response()
                    self.grpc.answers[answer.model_version] += 1
                except InferenceServerException as error:
                    self.grpc.lost.append(str(error))

    async def more(self, count: int = 40) -> None:
        """Wait until each protocol got so many further answers."""
        wanted = [(tally, tally.answers.total() + count) for tally in (self.http, self.grpc)]

        async def arrived() -> bool:
            return all(tally.answers.total() >= least or tally.lost for tally, least in wanted)

        await eventually(arrived, within=60)


async def test_no_call_is_lost_while_the_weight_changes(servers: tuple[Server, Server], router: Router) -> None:
    stable, candidate = map(revision, servers)
    slices = [endpoint_slice(revision(one), one.http, grpc=one.grpc) for one in servers]
    router.feed.lists([model("churn", 1, {stable: 100})], slices)
    await router.acknowledges("churn", 1)
    before = [Counter(one.evidence["outcomes"]) for one in servers]
    async with Clients(router) as clients:
        for decision, weight in enumerate([5, 25, 50, 100, 0, 50], start=2):
            router.feed.model(model("churn", decision, {stable: 100 - weight, candidate: weight}))
            await router.acknowledges("churn", decision)
            await clients.more()
    assert (clients.http.lost, clients.grpc.lost) == ([], [])
    for number, server in enumerate(servers):
        name = revision(server)
        answered = clients.http.answers[name] + clients.grpc.answers[name]
        assert min(clients.http.answers[name], clients.grpc.answers[name]) > 0
        counts = await router.counts(name)
        assert (counts["total"], counts["bad"]) == (answered, 0)
        assert Counter(server.evidence["outcomes"]) - before[number] == {"ok": answered}


async def test_a_grpc_client_finds_its_model_by_authority_or_header(
    servers: tuple[Server, Server], router: Router
) -> None:
    stable, _ = servers
    router.feed.lists(
        [model("churn", 1, {revision(stable): 100})], [endpoint_slice(revision(stable), stable.http, grpc=stable.grpc)]
    )
    await router.acknowledges("churn", 1)
    async with client(router) as by_authority:
        assert await by_authority.is_model_ready("churn")
        metadata = await by_authority.get_model_metadata("churn")
        assert list(metadata.versions) == [revision(stable)]
    address = f"127.0.0.1:{router.options.http_port}"
    async with triton_aio.InferenceServerClient(address) as by_header:
        answer = await by_header.infer("churn", columns(), headers={"x-weirkeeper-model": "churn"})
        assert answer.as_numpy("predict").tolist() == [b"stay"]
        with pytest.raises(InferenceServerException, match="no such model here") as refused:
            await by_header.infer("churn", columns())
    assert refused.value.status() == "StatusCode.UNIMPLEMENTED"


async def test_what_the_server_refuses_arrives_as_it_was_said(servers: tuple[Server, Server], router: Router) -> None:
    stable, _ = servers
    router.feed.lists(
        [model("churn", 1, {revision(stable): 100})], [endpoint_slice(revision(stable), stable.http, grpc=stable.grpc)]
    )
    await router.acknowledges("churn", 1)
    async with client(router) as asking:
        with pytest.raises(InferenceServerException, match="missing input 'region'") as refused:
            await asking.infer("churn", columns()[:2])
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    counts = await router.counts(revision(stable))
    assert (counts["total"], counts["bad"], counts["failed"]) == (1, 1, 0)


async def test_a_pod_that_ends_loses_no_call(servers: tuple[Server, Server], router: Router, tmp_path: Path) -> None:
    """Kubernetes takes it out of the slices while it drains, and the router's clients go on at the other pod."""
    staying, _ = servers
    with Server(staying.bundle, tmp_path / "leaving", drain_seconds=2.0) as leaving:
        await asyncio.to_thread(leaving.wait_for, "Ready")
        name = revision(staying)
        one = endpoint_slice(name, staying.http, grpc=staying.grpc)
        other = endpoint_slice(name, leaving.http, grpc=leaving.grpc)
        router.feed.lists([model("churn", 1, {name: 100})], [one, other])
        await router.acknowledges("churn", 1)
        async with Clients(router) as clients:
            await clients.more()
            leaving.terminate()
            router.feed.slice(other | {"endpoints": []})
            assert await asyncio.to_thread(leaving.process.wait, 60) == 0
            await clients.more()
    assert (clients.http.lost, clients.grpc.lost) == ([], [])
    assert min(clients.http.answers[revision(leaving)], clients.grpc.answers[revision(leaving)]) > 0

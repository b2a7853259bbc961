"""The gRPC door, as the protocol's best-known client uses it, with the prediction core behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from google.protobuf.message import Message
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from tests.unit.server.doors import grpc_address
from weirkeeper_server.core import ModelServer
from weirkeeper_server.errors import RequestError
from weirkeeper_server.grpc_door.statuses import status_of
from weirkeeper_server.grpc_service import SERVICE, methods
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.settings import Limits, Settings

Client: TypeAlias = Any
"""tritonclient.grpc.aio.InferenceServerClient, published without type information."""

METHOD = f"/{SERVICE}/ModelInfer"


@pytest.fixture
async def server(settings: Callable[..., Settings]) -> AsyncIterator[ModelServer]:
    limits = Limits(max_body_bytes=20_000, max_rows=100, request_timeout_seconds=0.5)
    server = ModelServer(settings(limits=limits))
    yield server
    server.close()


@pytest.fixture
async def address(server: ModelServer) -> AsyncIterator[str]:
    async with grpc_address(server) as address:
        yield address


@pytest.fixture
async def client(server: ModelServer, address: str) -> AsyncIterator[Client]:
    """A client of a server that is ready."""
    await server.start()
    async with triton_aio.InferenceServerClient(address) as client:
        yield client


@pytest.fixture
async def channel(server: ModelServer, address: str) -> AsyncIterator[Any]:
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel


def columns(
    income: Any = (51_000.5,), visits: Any = (3,), region: Any = ("north",), kind: type = np.float64
) -> list[triton.InferInput]:
    values = {
        "income": np.array(income, dtype=kind),
        "visits": np.array(visits, dtype=np.int64),
        "region": np.array(region, dtype=object),
    }
    inputs = []
    for name, array in values.items():
        inputs.append(triton.InferInput(name, list(array.shape), triton_datatype(array)))
        inputs[-1].set_data_from_numpy(array)
    return inputs


def triton_datatype(array: Any) -> str:
    kinds = {"float64": "FP64", "float32": "FP32", "float16": "FP16", "int64": "INT64", "object": "BYTES"}
    return kinds[array.dtype.name]


def typed(**changes: Any) -> messages.ModelInferRequest:
    """A request with typed contents; `changes` sets fields of the request itself."""
    request = messages.ModelInferRequest(model_name="churn")
    for name, datatype in (("income", "FP64"), ("visits", "INT64"), ("region", "BYTES")):
        request.inputs.add(name=name, datatype=datatype, shape=[1])
    request.inputs[0].contents.fp64_contents.append(51_000.5)
    request.inputs[1].contents.int64_contents.append(3)
    request.inputs[2].contents.bytes_contents.append(b"north")
    for field, value in changes.items():
        setattr(request, field, value)
    return request


async def booked(server: ModelServer, outcomes: dict[str, int]) -> None:
    """Wait until calls are booked whose answers their clients did not wait for, or had from the library."""
    async with asyncio.timeout(10):
        while server.outcomes != outcomes:  # noqa: ASYNC110  counts do not tell when they change
            await asyncio.sleep(0.01)


async def test_health_and_metadata(client: Client) -> None:
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("churn")
    assert await client.is_model_ready("churn", "churn-1")
    assert (await client.get_server_metadata()).name == "weirkeeper-server"
    metadata = await client.get_model_metadata("churn", "churn-1")
    assert (metadata.name, list(metadata.versions)) == ("churn", ["churn-1"])
    described = [(one.name, one.datatype, list(one.shape)) for one in (*metadata.inputs, *metadata.outputs)]
    assert described == [
        ("income", "FP64", [-1]),
        ("visits", "INT64", [-1]),
        ("region", "BYTES", [-1]),
        ("predict", "BYTES", [-1]),
        ("predict_proba", "FP64", [-1, 2]),
    ]


async def test_before_it_is_loaded_a_server_is_live_and_not_ready(server: ModelServer, address: str) -> None:
    async with triton_aio.InferenceServerClient(address) as client:
        assert await client.is_server_live()
        assert not await client.is_server_ready()
        assert not await client.is_model_ready("churn")
        assert (await refusal(client.infer("churn", columns()))) == (
            "StatusCode.UNAVAILABLE",
            "model 'churn' is loading; try again when it is ready",
        )
        assert (await refusal(client.get_model_metadata("churn")))[0] == "StatusCode.UNAVAILABLE"
        assert states(await client.get_model_repository_index()) == [("churn", "churn-1", "LOADING", "")]
    assert server.outcomes == {"failed": 1}


async def test_a_draining_server_answers_and_is_not_ready(client: Client, server: ModelServer) -> None:
    assert states(await client.get_model_repository_index()) == [("churn", "churn-1", "READY", "")]
    server.drain()
    assert not await client.is_model_ready("churn")
    assert (await client.infer("churn", columns())).as_numpy("predict").tolist() == [b"stay"]
    assert states(await client.get_model_repository_index()) == [("churn", "churn-1", "UNLOADING", "")]


def states(index: Any) -> list[tuple[str, ...]]:
    return [(one.name, one.version, one.state, one.reason) for one in index.models]


async def test_the_index_can_be_asked_for_models_that_are_ready(server: ModelServer, address: str) -> None:
    asked = messages.RepositoryIndexRequest(ready=True).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        index = channel.unary_unary(f"/{SERVICE}/RepositoryIndex")
        assert await index(asked) == b""
        await server.start()
        assert states(messages.RepositoryIndexResponse.FromString(await index(asked)))[0][2] == "READY"


async def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(InferenceServerException) as refused:
        await call
    return str(refused.value.status()), str(refused.value.message())


@pytest.mark.parametrize("verb", ["load_model", "unload_model"])
async def test_clients_do_not_decide_what_is_served(client: Client, verb: str) -> None:
    code, message = await refusal(getattr(client, verb)("churn"))
    assert code == "StatusCode.INVALID_ARGUMENT"
    assert "change the Model instead" in message


async def test_raw_contents_are_answered_raw(client: Client, server: ModelServer) -> None:
    answer = await client.infer("churn", columns([10_000, 90_000.5], [3, 4], ["north", "south"]), request_id="q1")
    response = answer.get_response()
    assert (response.model_name, response.model_version, response.id) == ("churn", "churn-1", "q1")
    assert answer.as_numpy("predict").tolist() == [b"leave", b"stay"]
    assert answer.as_numpy("predict_proba").shape == (2, 2)
    assert not any(output.HasField("contents") for output in response.outputs)
    assert (server.rows, server.outcomes) == (2, {"ok": 1})


async def test_typed_contents_are_answered_typed(channel: Any, server: ModelServer) -> None:
    infer = channel.unary_unary(METHOD)
    call = infer(typed(id="q2", model_version="churn-1").SerializeToString())
    answer = messages.ModelInferResponse.FromString(await call)
    predicted, probabilities = answer.outputs
    assert list(predicted.contents.bytes_contents) == [b"stay"]
    assert (len(probabilities.contents.fp64_contents), list(probabilities.shape)) == (2, [1, 2])
    assert (answer.id, list(answer.raw_output_contents)) == ("q2", [])
    assert dict(await call.initial_metadata())["x-weirkeeper-revision"] == "churn-1"
    assert sum(server.evidence()["inputs"]["income"]["counts"]) == 1


async def test_both_doors_give_the_same_answer(client: Client, channel: Any) -> None:
    raw = await client.infer("churn", columns())
    answer = messages.ModelInferResponse.FromString(await channel.unary_unary(METHOD)(typed().SerializeToString()))
    assert raw.as_numpy("predict_proba").ravel().tolist() == list(answer.outputs[1].contents.fp64_contents)


async def test_only_the_outputs_asked_for_come_back(client: Client) -> None:
    answer = await client.infer("churn", columns(), outputs=[triton.InferRequestedOutput("predict_proba")])
    assert [output.name for output in answer.get_response().outputs] == ["predict_proba"]
    assert answer.as_numpy("predict") is None


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
async def test_numbers_may_come_in_a_type_that_loses_nothing(client: Client, kind: type) -> None:
    answer = await client.infer("churn", columns(income=[10_000], kind=kind))
    assert answer.as_numpy("predict").tolist() == [b"leave"]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
async def test_a_compressed_request_is_measured_unpacked(client: Client, server: ModelServer, algorithm: str) -> None:
    answer = await client.infer("churn", columns(), compression_algorithm=algorithm)
    assert answer.as_numpy("predict").tolist() == [b"stay"]
    bomb = columns(region=["n" * 3_000_000])
    code, _ = await refusal(client.infer("churn", bomb, compression_algorithm=algorithm))
    assert code == "StatusCode.RESOURCE_EXHAUSTED"
    await booked(server, {"ok": 1, "invalid": 1})


async def test_the_synchronous_client_waits_or_calls_back(server: ModelServer, address: str) -> None:
    await server.start()

    def ask() -> tuple[Any, list[Any]]:
        answers: list[Any] = []
        done = threading.Semaphore(0)

        def arrived(result: Any, error: Any) -> None:
            answers.append(error or result.as_numpy("predict").tolist())
            done.release()

        with triton.InferenceServerClient(address) as client:
            ready = (client.is_model_ready("churn"), client.is_server_ready())
            for _ in range(20):
                client.async_infer("churn", columns(), arrived)
            assert all(done.acquire(timeout=30) for _ in range(20))
            return ready, [client.infer("churn", columns()).as_numpy("predict").tolist(), *answers]

    ready, answers = await asyncio.to_thread(ask)
    assert ready == (True, True)
    assert answers == [[b"stay"]] * 21
    assert server.outcomes == {"ok": 21}


WRONG: dict[str, tuple[Callable[[Client], Any], str, str]] = {
    "another model": (lambda c: c.infer("other", columns()), "NOT_FOUND", "unknown model 'other'; this server has"),
    "another version": (lambda c: c.infer("churn", columns(), "9"), "NOT_FOUND", "unknown version '9' of 'churn'"),
    "a missing input": (lambda c: c.infer("churn", columns()[:2]), "INVALID_ARGUMENT", "missing input 'region'"),
    "an unknown output": (
        lambda c: c.infer("churn", columns(), outputs=[triton.InferRequestedOutput("score")]),
        "INVALID_ARGUMENT",
        "unknown output 'score'; this model gives",
    ),
    "a ranking of classes": (
        lambda c: c.infer("churn", columns(), outputs=[triton.InferRequestedOutput("predict", class_count=2)]),
        "INVALID_ARGUMENT",
        "output 'predict' has parameter 'classification': this server does not rank classes",
    ),
    "a sequence": (
        lambda c: c.infer("churn", columns(), sequence_id=3, sequence_start=True),
        "INVALID_ARGUMENT",
        "the request has parameter 'sequence_id': this server keeps no state",
    ),
    "NaN": (lambda c: c.infer("churn", columns([float("nan")])), "INVALID_ARGUMENT", "must not lack values"),
    "no UTF-8": (lambda c: c.infer("churn", columns(region=[b"\xff"])), "INVALID_ARGUMENT", "no UTF-8 text"),
    "unequal rows": (lambda c: c.infer("churn", columns([1, 2])), "INVALID_ARGUMENT", "'visits' has 1 rows"),
    "too many rows": (
        lambda c: c.infer("churn", columns([1] * 101, [1] * 101, ["north"] * 101)),
        "RESOURCE_EXHAUSTED",
        "101 rows; at most 100",
    ),
    "too large": (
        lambda c: c.infer("churn", columns(region=["n" * 30_000])),
        "RESOURCE_EXHAUSTED",
        "bytes; at most 20000: split the request",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_request_is_refused_with_a_code_and_counted(
    client: Client, server: ModelServer, case: str
) -> None:
    call, expected, words = WRONG[case]
    code, message = await refusal(call(client))
    assert code == f"StatusCode.{expected}"
    assert words in message
    await booked(server, {"invalid": 1})
    assert server.rows == 0


async def test_a_message_that_is_none_is_refused(channel: Any, server: ModelServer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(METHOD)(b"\xff\xff")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "the message is no inference.ModelInferRequest; see open_inference.proto"
    assert dict(refused.value.initial_metadata())["x-weirkeeper-revision"] == "churn-1"
    assert server.outcomes == {"invalid": 1}


async def test_a_message_that_does_not_come_is_not_waited_for(channel: Any, server: ModelServer) -> None:
    sent = asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        await sent.wait()
        yield b""

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.stream_unary(METHOD)(silent())
    sent.set()
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "the message did not arrive within 0.5 s"
    assert server.outcomes == {"invalid": 1}


@pytest.mark.parametrize("call", ["get_model_config", "get_inference_statistics"])
async def test_what_is_not_of_the_protocol_is_not_served(client: Client, call: str) -> None:
    assert (await refusal(getattr(client, call)("churn")))[0] == "StatusCode.UNIMPLEMENTED"


async def test_a_client_need_not_wait(client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(server._predictor, "predict", lambda _: release.wait(10))
    server._batches.loop_rows = 0  # as of a model that takes long
    code, _ = await refusal(client.infer("churn", columns(), client_timeout=0.1))
    release.set()
    assert code == "StatusCode.DEADLINE_EXCEEDED"
    await booked(server, {"invalid": 1})


async def test_a_call_that_its_client_gives_up_is_no_failure_of_the_server(
    channel: Any, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def predict(_: Any) -> Any:
        asked.set()
        release.wait(10)

    monkeypatch.setattr(server._predictor, "predict", predict)
    server._batches.loop_rows = 0  # as of a model that takes long
    call = channel.unary_unary(METHOD)(typed().SerializeToString())
    waiting = asyncio.ensure_future(call)
    await asyncio.to_thread(asked.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await booked(server, {"invalid": 1})
    release.set()


async def test_a_model_that_raises_says_nothing_of_its_insides(
    client: Client, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    code, message = await refusal(client.infer("churn", columns(region=["secret-region"])))
    assert code == "StatusCode.INTERNAL"
    assert message.startswith("the model failed on this request; its owner finds the details in the log, under request")
    assert "secret-region" in caplog.text
    assert server.outcomes == {"failed": 1}


async def test_a_bug_says_nothing_of_its_insides(
    client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "ask", None)
    code, message = await refusal(client.infer("churn", columns()))
    assert code == "StatusCode.INTERNAL"
    assert message.startswith("the server failed on this call; the details are in its log, under request ")
    assert "NoneType" in caplog.text
    assert server.outcomes == {"failed": 1}


async def test_an_answer_that_is_no_number_is_a_failure(
    client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"predict": np.array(["stay"]), "predict_proba": np.array([[np.nan, 1.0]])}
    monkeypatch.setattr(server._predictor, "predict", lambda _: answers)
    code, message = await refusal(client.infer("churn", columns()))
    assert code == "StatusCode.INTERNAL"
    assert "NaN" in message
    assert server.outcomes == {"failed": 1}


async def test_a_prediction_beyond_its_time_fails_and_health_goes_on(
    client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(server._predictor, "predict", lambda _: release.wait(10))
    server._batches.loop_rows = 0  # as of a model that takes long
    slow = asyncio.create_task(refusal(client.infer("churn", columns())))
    assert await client.is_server_live()
    code, message = await slow
    release.set()
    assert code == "StatusCode.DEADLINE_EXCEEDED"
    assert "no answer within 0.5 s" in message
    assert server.outcomes == {"failed": 1}


async def test_calls_are_booked_into_latency_slots(client: Client, server: ModelServer) -> None:
    await client.infer("churn", columns())
    await refusal(client.infer("churn", []))
    slots = server.evidence()["latency"]["slots"]
    assert sum(sum(bins.values()) for _, bins, _ in slots) == 2
    assert [active for _, _, active in slots] == [0] * len(slots)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (400, "INVALID_ARGUMENT"),
        (404, "NOT_FOUND"),
        (408, "INVALID_ARGUMENT"),
        (413, "RESOURCE_EXHAUSTED"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_every_error_has_a_code(error: int, code: str) -> None:
    kind = type("Refused", (RequestError,), {"status": error})
    assert status_of(kind("no")).name == code


def test_calls_and_messages_are_those_that_clients_know() -> None:
    """Field by field: name, number, type and whether it repeats."""
    ours = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    for method in ours.methods:
        same = theirs.methods_by_name[method.name]
        assert fields_of(method.input_type) == fields_of(same.input_type)
        assert fields_of(method.output_type) == fields_of(same.output_type)
    assert ours.full_name == SERVICE
    not_served = {"ModelStreamInfer", "ModelConfig", "ModelStatistics", "TraceSetting", "LogSettings"}
    unknown = set(theirs.methods_by_name) - set(ours.methods_by_name) - not_served
    assert all("SharedMemory" in name for name in unknown)


def fields_of(message: Any) -> dict[str, Any]:
    return {
        field.full_name: (
            field.number,
            field.type,
            field.is_repeated,
            field.containing_oneof and field.containing_oneof.name,
            fields_of(field.message_type) if field.message_type else None,
        )
        for field in message.fields
    }


def test_every_call_of_the_definition_is_answered(server: ModelServer) -> None:
    defined = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name
    assert set(methods(server)) == {f"/{SERVICE}/{name}" for name in defined}


def test_messages_have_a_pool_of_their_own() -> None:
    """So that a client whose messages have the same names can be in one process with the server."""
    theirs: Message = service_pb2.ModelInferRequest(model_name="churn")
    ours = messages.ModelInferRequest.FromString(theirs.SerializeToString())
    assert ours.model_name == "churn"
    assert ours.DESCRIPTOR.file.pool is not theirs.DESCRIPTOR.file.pool

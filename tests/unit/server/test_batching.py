"""Requests that come at once: one call for all of them, and each with its own answer or error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.server.echo import Echo, column, serve
from weirkeeper_server.core import ModelServer
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import NotReady, PredictionFailed, PredictionTimedOut
from weirkeeper_server.settings import Batching, Limits, Settings

Make = Callable[..., Settings]
WAIT = 60.0


class Picky(Echo):
    """Gives back what it gets, but raises on 13; remembers the rows of each call, and the thread that made it."""

    def __init__(self) -> None:
        super().__init__(column("x", "FP64"))
        self.calls: list[list[float]] = []
        self.threads: set[int] = set()
        self.release = threading.Event()
        self.release.set()

    def predict(self, inputs: Any) -> dict[str, Any]:
        self.release.wait(WAIT)
        self.threads.add(threading.get_ident())
        self.calls.append(inputs["x"].tolist())
        if 13.0 in inputs["x"]:
            raise ValueError("13 is no number")
        return {"x": inputs["x"] * 2}


def asking(*values: float) -> InferRequest:
    return InferRequest(None, {"x": np.array(values)}, len(values), ("x",))


@pytest.fixture
def picky() -> Picky:
    return Picky()


@pytest.fixture
async def server(settings: Make, picky: Picky) -> AsyncIterator[ModelServer]:
    """A server whose model answers up to 8 rows in a moment, in batches of at most 6."""
    server = serve(
        ModelServer(settings(batching=Batching(max_rows=6), limits=Limits(request_timeout_seconds=5))), picky
    )
    server._batches.loop_rows = 8
    yield server
    picky.release.set()
    server.close()


async def answers(server: ModelServer, *requests: InferRequest) -> list[Any]:
    asked = [server.ask(request) for request in requests]
    got = await asyncio.gather(*asked, return_exceptions=True)
    return [one.outputs[0].array.tolist() if not isinstance(one, BaseException) else type(one) for one in got]


async def test_what_comes_in_one_turn_is_predicted_in_one_call_in_the_loop(server: ModelServer, picky: Picky) -> None:
    assert await answers(server, asking(1), asking(2, 3), asking(4)) == [[2], [4, 6], [8]]
    assert picky.calls == [[1, 2, 3, 4]]
    assert picky.threads == {threading.get_ident()}


async def test_a_batch_ends_at_its_rows_and_a_request_is_never_parted(server: ModelServer, picky: Picky) -> None:
    requests = [asking(1, 2, 3), asking(4, 5), asking(6, 7), asking(*range(20, 28)), asking(8)]
    assert await answers(server, *requests) == [[2 * x for x in one.inputs["x"]] for one in requests]
    assert [len(call) for call in picky.calls] == [5, 2, 8, 1]


async def test_an_error_concerns_the_request_that_caused_it_alone(
    server: ModelServer, picky: Picky, caplog: pytest.LogCaptureFixture
) -> None:
    got = await answers(server, asking(1), asking(13), asking(2), asking(3, 13), asking(4))
    assert got == [[2], PredictionFailed, [4], PredictionFailed, [8]]
    assert caplog.text.count("the model raised on request") == 2
    assert picky.calls[0] == [1, 13, 2, 3, 13, 4]


async def test_an_answer_of_too_few_rows_is_asked_for_again_one_by_one(
    server: ModelServer, picky: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picky, "predict", lambda inputs: {"x": inputs["x"][:1]})
    assert await answers(server, asking(1), asking(2)) == [[1], [2]]


async def test_a_number_that_is_none_fails_its_own_request(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._predictor, "predict", lambda inputs: {"x": 1 / (inputs["x"] - 2)})
    with np.errstate(divide="ignore"):
        assert await answers(server, asking(1), asking(2), asking(3)) == [[-1], PredictionFailed, [1]]
    assert server.invalid_outputs == {"x": 1}


async def test_what_takes_long_holds_neither_the_loop_nor_small_requests(server: ModelServer, picky: Picky) -> None:
    picky.release.clear()
    slow = [server.ask(asking(*range(20, 30))), server.ask(asking(*range(30, 40)))]
    while server._batches._free:  # noqa: ASYNC110  the loop's next turn is waited for
        await asyncio.sleep(0)
    picky.release.set()
    assert await answers(server, asking(1)) == [[2]]
    assert [len((await one).outputs[0].array) for one in slow] == [10, 10]
    assert threading.get_ident() in picky.threads
    assert len(picky.threads) > 1


async def test_who_waits_for_a_thread_goes_with_the_others_that_wait(server: ModelServer, picky: Picky) -> None:
    server._batches.loop_rows = 0
    picky.release.clear()
    asked = [server.ask(asking(0)), server.ask(asking(1, 2, 3, 4, 5, 6))]
    while server._batches._free:  # noqa: ASYNC110  the loop's next turn is waited for
        await asyncio.sleep(0)
    asked += [server.ask(asking(number)) for number in (7, 8, 9)]
    await asyncio.sleep(0)
    picky.release.set()
    assert [(await one).outputs[0].array.tolist() for one in asked[2:]] == [[14], [16], [18]]
    assert [7, 8, 9] in picky.calls


async def test_who_waits_no_longer_is_not_predicted_for(server: ModelServer, picky: Picky) -> None:
    asked = [server.ask(asking(number)) for number in (1, 2, 3)]
    asked[1].cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    assert picky.calls == [[1, 3]]


async def test_an_answer_after_its_time_is_none(server: ModelServer, picky: Picky) -> None:
    with pytest.raises(PredictionTimedOut, match="no answer within 1e-09 s"):
        await server.infer(asking(1), 1e-9)
    assert picky.calls == [[1]]


async def test_a_slow_model_times_out_by_itself(server: ModelServer, picky: Picky) -> None:
    server._batches.loop_rows = 0
    picky.release.clear()
    with pytest.raises(PredictionTimedOut, match=r"no answer within 0.05 s"):
        await server.infer(asking(1), 0.05)


async def test_nothing_is_asked_of_a_server_without_a_model(settings: Make) -> None:
    with pytest.raises(NotReady):
        ModelServer(settings()).ask(asking(1))


async def test_a_bug_in_one_answer_leaves_the_others(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = server.answer

    def stumbling(asked: Any, *given: Any, **named: Any) -> Any:
        if asked.request.rows == 2:
            raise KeyError("a bug")
        return answer(asked, *given, **named)

    monkeypatch.setattr(server, "answer", stumbling)
    assert await answers(server, asking(1), asking(2, 3), asking(4)) == [[2], KeyError, [8]]


async def test_every_row_of_a_batch_is_counted_once(settings: Make) -> None:
    server = ModelServer(settings())
    await server.start()
    assert server._batches.loop_rows > 0
    inputs = {"income": np.array([5e4]), "visits": np.array([3]), "region": np.array(["north"], dtype=object)}
    wrong = {**inputs, "region": np.array(["nowhere"], dtype=object)}
    asked = [InferRequest(None, given, 1, ("predict",)) for given in (inputs, wrong, inputs)]
    got = await asyncio.gather(*map(server.infer, asked), return_exceptions=True)
    assert isinstance(got[1], PredictionFailed)
    counts = server.evidence()["inputs"]["region"]
    assert (sum(counts["counts"]), counts["unseen"]) == (2, 0)
    server.close()


async def test_long_texts_are_left_to_a_thread(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ModelServer(settings())
    await server.start()
    threads: list[int] = []
    predict = server._predictor.predict  # type: ignore[union-attr]  # it is loaded

    def seen(inputs: Any) -> Any:
        threads.append(threading.get_ident())
        return predict({**inputs, "region": np.array(["north"], dtype=object)})

    monkeypatch.setattr(server._predictor, "predict", seen)
    for region in ("north", "n" * 201):
        inputs = {"income": np.array([5e4]), "visits": np.array([3]), "region": np.array([region], dtype=object)}
        await server.infer(InferRequest(None, inputs, 1, ("predict",)))
    here = threading.get_ident()
    assert [thread == here for thread in threads] == [True, False]
    server.close()

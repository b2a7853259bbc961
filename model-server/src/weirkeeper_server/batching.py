"""Requests that arrive in one turn of the event loop are predicted in one call, and none waits for others to come.

What the model answers quickly is predicted in the loop itself, so that no thread is waited for. What would hold the
loop for longer goes to worker threads: there, those that wait for a thread are predicted in one call.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from weirkeeper_server.answer import InferAnswer
from weirkeeper_server.arms import Arm
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import PredictionFailed, PredictionTimedOut
from weirkeeper_server.promise import Promise
from weirkeeper_server.raised import log_raised
from weirkeeper_server.tensors import Columns

if TYPE_CHECKING:
    from weirkeeper_server.choosing import Choice

THREADS: Final = 2
LOOP_CHARACTERS: Final = 200
"""Characters of text a row up to which a request is like those by which the model's times were measured."""

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Asked:
    """A request whose answer is awaited: it began at `at` (Unix seconds) and ends by `deadline` (the loop's time)."""

    request: InferRequest
    answer: Promise[InferAnswer]
    identifier: str
    at: float
    limit: float
    deadline: float
    arm: Arm = ""
    timer: asyncio.TimerHandle | None = None


@dataclass(frozen=True, slots=True)
class Predicted:
    """What came of one call: outputs for all rows of `asked` together, None where the model raised.

    `finite` says that no number among them is NaN or infinite.
    """

    asked: Sequence[Asked]
    inputs: Columns
    outputs: Columns | None = None
    finite: bool = False

    @property
    def rows(self) -> int:
        """Count the rows of all requests together."""
        return len(next(iter(self.inputs.values())))

    def parts(self) -> Iterator[tuple[Arm, Columns, Columns, int]]:
        """Give arm, inputs, outputs and rows of each request."""
        first = 0
        for asked in self.asked:
            rows = slice(first, first + asked.request.rows)
            inputs, outputs = (
                {name: column[rows] for name, column in columns.items()}
                for columns in (self.inputs, self.outputs or {})
            )
            yield asked.arm, inputs, outputs, asked.request.rows
            first = rows.stop


class Recipient(Protocol):
    """What predicts a batch, and makes an answer of each request's part."""

    @property
    def reticent(self) -> bool:
        """Whether the log must not have the words of what the model raises."""

    def predict(self, inputs: Columns) -> Columns:
        """Give the outputs of the rows of one or several requests; called by threads as well."""
        ...

    def count(self, predicted: Predicted) -> None:
        """Take note of the rows of a batch."""
        ...

    def answer(self, asked: Asked, outputs: Columns, *, finite: bool) -> InferAnswer:
        """Make the answer to one request; `finite` where every number is known to be.

        Raises:
            RequestError: there is none.
        """
        ...


class Batches:
    """Requests on their way to the model. It belongs to the event loop.

    A batch has at most `max_rows` rows, or one request. Requests of at most `loop_rows` rows are predicted in the
    loop; 0 leaves all to the threads of `workers`.
    """

    def __init__(self, recipient: Recipient, workers: Executor, max_rows: int) -> None:
        self.max_rows = max_rows
        self.loop_rows = 0
        self._recipient = recipient
        self._workers = workers
        self._quick: deque[Asked] = deque()
        self._slow: deque[Asked] = deque()
        self._free = THREADS
        self._is_due = False
        self._texts: Sequence[str] = ()

    def use(self, choice: Choice) -> None:
        """Do as the model allows: how many rows hold the loop for a moment only, and whether rows may go together."""
        self.loop_rows = choice.loop_rows
        self._texts = [one.name for one in choice.predictor.signature.inputs if one.datatype == "BYTES"]
        if not choice.together:
            self.max_rows = 1

    def add(self, asked: Asked) -> None:
        """Let a request be predicted with those that arrive in the same turn of the loop."""
        loop = asked.answer.loop
        request = asked.request
        if request.rows <= self.loop_rows and not (self._texts and self._is_long(request)):
            self._quick.append(asked)
        else:
            self._slow.append(asked)
            asked.timer = loop.call_later(asked.limit, _expire, asked)
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._turn, loop)

    def _is_long(self, request: InferRequest) -> bool:
        texts = (text for name in self._texts for text in request.inputs[name].ravel().tolist())
        return sum(len(text) for text in texts if isinstance(text, str)) > LOOP_CHARACTERS * request.rows

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start what waits, one batch of it in the loop: the loop looks after connections before the next one."""
        self._is_due = False
        self._occupy(loop)
        batch = _taken(self._quick, min(self.max_rows, self.loop_rows))
        if self._quick:
            self._is_due = True
            loop.call_soon(self._turn, loop)
        if batch:
            self._deliver(self._work(batch))

    def _occupy(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._free and (batch := _taken(self._slow, self.max_rows)):
            self._free -= 1
            running = loop.run_in_executor(self._workers, self._work, batch)
            running.add_done_callback(partial(self._done, batch))

    def _done(self, batch: Sequence[Asked], running: asyncio.Future[list[Predicted]]) -> None:
        self._free += 1
        if running.cancelled():
            for asked in batch:
                asked.answer.cancel()
            return
        self._deliver(running.result())
        self._occupy(running.get_loop())

    def _work(self, batch: Sequence[Asked]) -> list[Predicted]:
        """Predict a batch; one that the model refuses is parted until each refusal has its request alone."""
        try:
            inputs = _joined([asked.request for asked in batch])
            outputs = self._recipient.predict(inputs)
            if len(batch) > 1:
                _check_rows(outputs, len(next(iter(inputs.values()))))
            return [Predicted(batch, inputs, outputs, _are_finite(outputs))]
        except Exception as error:  # noqa: BLE001  a model may raise anything
            if len(batch) > 1:
                middle = len(batch) // 2
                return [*self._work(batch[:middle]), *self._work(batch[middle:])]
            request = batch[0].request
            asked, told = (batch[0].identifier, request.rows), "the model raised on request %s of %d rows"
            log_raised(log, error, told, *asked, reticent=self._recipient.reticent)
            return [Predicted(batch, request.inputs)]

    def _deliver(self, results: Sequence[Predicted]) -> None:
        for predicted in results:
            outputs, first, alone = predicted.outputs, 0, len(predicted.asked) == 1
            if outputs is None:
                _fail(predicted.asked[0])
                continue
            for asked in predicted.asked:
                end = first + asked.request.rows
                own = outputs if alone else {name: output[first:end] for name, output in outputs.items()}
                self._give(asked, own, finite=predicted.finite)
                first = end
            self._recipient.count(predicted)

    def _give(self, asked: Asked, outputs: Columns, *, finite: bool) -> None:
        if asked.timer is not None:
            asked.timer.cancel()
        if asked.answer.done():
            return
        if asked.answer.loop.time() > asked.deadline:
            _expire(asked)
            return
        try:
            answer = self._recipient.answer(asked, outputs, finite=finite)
        except Exception as error:  # noqa: BLE001  even a bug concerns this request alone
            asked.answer.set_exception(error)
        else:
            asked.answer.set_result(answer)


def _taken(waiting: deque[Asked], rows: int) -> list[Asked]:
    """Take the next requests, up to so many rows together or one request; those that nobody waits for are dropped."""
    batch: list[Asked] = []
    while waiting:
        asked = waiting[0]
        if not asked.answer.done():
            rows -= asked.request.rows
            if batch and rows < 0:
                break
            batch.append(asked)
        waiting.popleft()
    return batch


def _joined(requests: Sequence[InferRequest]) -> Columns:
    first = requests[0].inputs
    if len(requests) == 1:
        return first
    return {name: np.concatenate([request.inputs[name] for request in requests]) for name in first}


def _check_rows(outputs: Columns, rows: int) -> None:
    if wrong := [name for name, output in outputs.items() if len(output) != rows]:
        raise ValueError(f"output {wrong[0]!r} has {len(outputs[wrong[0]])} entries for {rows} rows")


def _are_finite(outputs: Columns) -> bool:
    return all(np.isfinite(output).all() for output in outputs.values() if output.dtype.kind == "f")


def _expire(asked: Asked) -> None:
    if not asked.answer.done():
        message = f"no answer within {asked.limit:g} s; send fewer rows, or ask the owner"
        asked.answer.set_exception(PredictionTimedOut(message))


def _fail(asked: Asked) -> None:
    if asked.timer is not None:
        asked.timer.cancel()
    if not asked.answer.done():
        message = "the model failed on this request; its owner finds the details in the log"
        asked.answer.set_exception(PredictionFailed(message))

"""Beside a server that is not ours: golden requests are sent to it, and the operator is told what came of them.

The server is asked over the Open Inference Protocol alone. It is probed whenever it has become ready, so also after it
was started anew.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.comparing import difference, flattened, short
from weirkeeper_server.probed import ProbeError, ProbeResult

State = Literal["Loading", "Ready", "Failed"]

POLL_SECONDS: Final = 2.0
MISSES: Final = 3
"""After so many answers in a row that are not ready, the server has to be probed again."""

ANSWER_LIMIT: Final = 8 * 2**20
METADATA_LIMIT: Final = 48 * 2**10
"""What is told of a model fits into the evidence that the operator takes."""

UNANSWERED: Final = (aiohttp.ClientError, TimeoutError, OSError)

log = logging.getLogger(__name__)


class ProbeSettings(BaseModel):
    """What the prober is told: whom it asks, what for, and where it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    revision: str
    url: str
    host: str = "0.0.0.0"  # noqa: S104  a container in a pod is reached on the pod's address
    evidence_port: int = 18081
    pod: str = ""
    probe: tuple[GoldenRequest, ...] = ()
    request_timeout: Annotated[float, Field(gt=0)] = 15.0


class NoAnswer(Exception):
    """The server gave no answer to a request that another one may get."""


class Prober:
    """Watches one server; `state`, `reason` and `message` say what is known of it."""

    def __init__(
        self, settings: ProbeSettings, session: aiohttp.ClientSession, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self.state: State = "Loading"
        self.reason = ""
        self.message = ""
        self.probed = ProbeResult()
        self.signature: Mapping[str, Any] | None = None
        self._session = session
        self._clock = clock
        self._started = clock()
        self._misses = 0
        self._answered = True
        self._timeout = aiohttp.ClientTimeout(total=settings.request_timeout)

    async def run(self) -> None:
        """Watch for ever; ends by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Ask once whether the server is ready, and probe it where that is due."""
        if not await self._is_ready():
            self._misses += 1
            if self._misses >= MISSES:
                self._become("Loading")
            return
        self._misses = 0
        if self.state == "Loading" or not self._answered:
            await self._probe()

    def evidence(self) -> dict[str, Any]:
        """Tell what the operator judges by, in the form in which the built-in server tells it."""
        return {
            "schema": 1,
            "model": self.settings.model,
            "revision": self.settings.revision,
            "pod": self.settings.pod,
            "start": self._started,
            "now": self._clock(),
            "state": self.state,
            "reason": self.reason,
            "message": self.message,
            "signature": self.signature,
            "probe": {"passed": self.probed.passed, "failed": len(self.probed.failures)},
        }

    async def _is_ready(self) -> bool:
        try:
            status, _ = await self._ask("GET", "/ready")
        except NoAnswer:
            return False
        return status == HTTPStatus.OK

    async def _probe(self) -> None:
        """Read what the server says of its model, and send every golden request."""
        self._answered = True
        try:
            signature = described(await self._ask("GET", ""))
            result = ProbeResult()
            for number, golden in enumerate(self.settings.probe):
                result += await self._sent(golden, f"probe {golden.name or number}")
        except NoAnswer as error:
            self._answered = False
            self._become("Failed", "ProbeFailed", f"the server is ready and does not answer: {error}")
            return
        self.signature, self.probed = signature, result
        if result.failures:
            failed = ProbeError(result, "")
            self._become("Failed", failed.reason, str(failed))
        else:
            self._become("Ready")

    async def _sent(self, golden: GoldenRequest, label: str) -> ProbeResult:
        answer = await self._ask("POST", "/infer", {"inputs": list(golden.request.inputs)})
        failure = _failure(answer, golden)
        return ProbeResult(failures=(f"{label}: {failure}",)) if failure else ProbeResult(passed=1)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
        """Status and body of one answer.

        Raises:
            NoAnswer: there was none in time.
        """
        url = f"{self.settings.url}/v2/models/{self.settings.model}{path}"
        try:
            async with self._session.request(
                method, url, json=body, timeout=self._timeout, allow_redirects=False
            ) as answer:
                content = bytearray()
                async for chunk in answer.content.iter_any():
                    content += chunk
                    if len(content) > ANSWER_LIMIT:
                        return answer.status, b""
                return answer.status, bytes(content)
        except UNANSWERED as error:
            raise NoAnswer(f"{method} {url} ({type(error).__name__}: {short(str(error))})") from error

    def _become(self, state: State, reason: str = "", message: str = "") -> None:
        if (state, message) != (self.state, self.message):
            log.info("%s: %s %s", self.settings.revision, state, message)
        self.state, self.reason, self.message = state, reason, message


def described(answer: tuple[int, bytes]) -> dict[str, Any]:
    """The signature in a server's answer about its model; sides that it does not describe properly are empty."""
    status, body = answer
    document = _json(body) if status == HTTPStatus.OK and len(body) <= METADATA_LIMIT else {}
    return {side: _tensors(document.get(side)) for side in ("inputs", "outputs")}


def _tensors(given: Any) -> list[dict[str, Any]]:
    found = []
    for tensor in given if isinstance(given, list) else ():
        match tensor:
            case {"name": str(name), "datatype": str(datatype), "shape": [*shape]} if all(
                type(size) is int for size in shape
            ):
                found.append({"name": name, "datatype": datatype, "shape": shape})
            case _:
                return []
    return found


def _failure(answer: tuple[int, bytes], golden: GoldenRequest) -> str:
    status, body = answer
    if status != HTTPStatus.OK:
        return f"the request is refused: {status} {short(body.decode(errors='replace'))}"
    outputs = _outputs(_json(body).get("outputs"))
    for expected in golden.expect.outputs:
        name = expected["name"]
        if name not in outputs:
            return f"output {name} is not in the answer; it has {short(', '.join(outputs) or 'none')}"
        if differs := _differs(expected, outputs[name], golden.expect.tolerance.number):
            return f"output {name}: {differs}"
    return ""


def _outputs(given: Any) -> dict[str, Any]:
    """The data of each output that has a name."""
    found: dict[str, Any] = {}
    for one in given if isinstance(given, list) else ():
        match one:
            case {"name": str(name), **rest}:
                found[name] = rest.get("data", [])
    return found


def _differs(expected: Mapping[str, Any], data: Any, tolerance: float) -> str:
    try:
        return difference(expected, flattened(data), tolerance)
    except (OverflowError, RecursionError) as error:
        return f"the data cannot be compared ({short(str(error))})"


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

"""The prediction core: state, requests in, answers out, counts. It knows nothing of how requests arrive.

A door decodes what came, lets the core predict, and encodes the answer, all of it within one `Ticket`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from weirkeeper.api.bundle import BundleManifest, Signature
from weirkeeper_server.answer import Identity, InferAnswer, answer_of
from weirkeeper_server.apart import CountedApart, counted_arm
from weirkeeper_server.arms import Arm
from weirkeeper_server.batching import THREADS, Asked, Batches, Predicted
from weirkeeper_server.bundle import Bundle, read_bundle
from weirkeeper_server.counted import Counted, CountedArm
from weirkeeper_server.counting import OUTCOMES, Durations, LatencySlots, Outcome, Slot, TrafficProfile, invalid_values
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import (
    BundleError,
    NotReady,
    Overloaded,
    RequestError,
    UnknownModel,
)
from weirkeeper_server.feedback.ledger import FeedbackLedger
from weirkeeper_server.feedback.recording import SEGMENTS
from weirkeeper_server.probed import ProbeError, ProbeResult
from weirkeeper_server.promise import Promise
from weirkeeper_server.settings import Settings
from weirkeeper_server.tensors import Columns

if TYPE_CHECKING:
    from weirkeeper_server.loading import LoadedModel
    from weirkeeper_server.predictor import Predictor

State = Literal["Loading", "Ready", "Failed", "Draining"]
WORKER = "predict"
"""What the names of worker threads begin with."""

log = logging.getLogger(__name__)


class ModelServer:
    """One revision of one model in this process.

    Predictions that take long run in worker threads, so that health and evidence are answered meanwhile; everything
    else belongs to the event loop. What a failed load leaves behind is told, and the process stays up to tell it.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.identity = Identity(settings.model, settings.revision)
        self.clock = clock
        self.started = clock()
        self.state: State = "Loading"
        self.reason = ""
        self.message = ""
        self.bundle: Bundle | None = None
        self.probed = ProbeResult()
        self.outcomes: defaultdict[Outcome, int] = defaultdict(int)  # a Counter needs twice as long to add one
        self.rows = 0
        self.invalid_outputs: Counter[str] = Counter()
        self.active = 0
        self.most_active = settings.limits.max_concurrent_requests
        self.idle = asyncio.Event()
        self.idle.set()
        self.durations = Durations()
        self.latency = LatencySlots(settings.slot_seconds)
        self.traffic: TrafficProfile | None = None
        self._apart = CountedApart(settings.slot_seconds)
        self.feedback = FeedbackLedger(settings.model, settings.feedback, clock)
        self.parameters: Mapping[str, str] = {}
        self._predictor: Predictor | None = None
        self._workers = ThreadPoolExecutor(THREADS, thread_name_prefix=WORKER)
        self._batches = Batches(self, self._workers, settings.batching.max_rows)

    async def start(self) -> None:
        """Load the bundle and send its golden requests; the result is in `state`, `reason` and `message`."""
        loop = asyncio.get_running_loop()
        try:
            bundle = await loop.run_in_executor(self._workers, read_bundle, self.settings.bundle)
            self.take(bundle)
            await self._load(bundle)
        except ProbeError as error:
            self.probed = error.result
            self._fail(error)
        except BundleError as error:
            self._fail(error)
        else:
            self.bundle = bundle.without_files()
            if self.state == "Loading":
                self.state = "Ready"
            log.info(
                "ready: %s, %d golden requests agree. %s", self.identity.revision, self.probed.passed, self.message
            )

    def take(self, bundle: Bundle) -> None:
        """Count by a bundle's profile from now on.

        Raises:
            BundleError: the parameter `segments` names what cannot be one.
        """
        later = asyncio.get_running_loop().call_soon
        self.bundle, self.traffic = bundle, TrafficProfile(bundle.profile, later)
        self._apart.use(bundle.profile, later)
        self.feedback.use(bundle, self.identity.revision, self.settings.parameters.get(SEGMENTS, ""))

    async def _load(self, bundle: Bundle) -> None:
        loop = asyncio.get_running_loop()
        self.use(await loop.run_in_executor(self._workers, load, bundle, self.settings))

    def use(self, loaded: LoadedModel) -> None:
        """Predict by a model from now on."""
        self.probed, self._predictor, self.message = loaded.probed, loaded.predictor, loaded.remark
        self._batches.use(loaded.choice)
        self.parameters = loaded.choice.described()

    def _fail(self, error: BundleError) -> None:
        self.state, self.reason, self.message = "Failed", error.reason, str(error)
        log.error("%s: %s", error.reason, error, exc_info=error.__cause__)

    def drain(self) -> None:
        """Be ready no more; requests that still come are answered as before."""
        if self.state != "Failed":
            self.state = "Draining"

    def close(self) -> None:
        """Let the worker threads end."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    @property
    def ready(self) -> bool:
        """Say whether new requests should come here."""
        return self.state == "Ready"

    @property
    def signature(self) -> Signature | None:
        """The model's signature, as soon as the bundle was read."""
        return self.bundle.manifest.signature if self.bundle else None

    @property
    def reticent(self) -> bool:
        """Whether the log must not have the words of what is raised on a request: some inputs are sensitive."""
        return self.bundle is not None and any(one.sensitive for one in self.bundle.profile.features)

    @property
    def described(self) -> BundleManifest:
        """What the bundle says of the model.

        Raises:
            NotReady: it was not read yet.
        """
        if self.bundle is None:
            raise NotReady(f"model {self.identity.model!r} is not loaded; try again when it is ready")
        return self.bundle.manifest

    def check_name(self, model: str, revision: str = "") -> None:
        """Say that a request means this model; no revision means whichever there is.

        Raises:
            UnknownModel: it means another model or revision.
        """
        here = self.identity
        if model != here.model:
            raise UnknownModel(f"unknown model {model[:80]!r}; this server has {here.model!r}")
        if revision not in ("", here.revision):
            raise UnknownModel(f"unknown version {revision[:80]!r} of {model!r}; this server has {here.revision!r}")

    @property
    def expected(self) -> Signature:
        """The signature by which requests are read.

        Raises:
            NotReady: there is no model yet that could answer them.
        """
        return self._loaded().signature

    def _loaded(self) -> Predictor:
        if self._predictor is None:
            raise NotReady(f"model {self.identity.model!r} is {self.state.lower()}; try again when it is ready")
        return self._predictor

    async def infer(self, request: InferRequest, seconds: float | None = None, arm: Arm = "") -> InferAnswer:
        """Answer one inference request, within `seconds` where its caller waits no longer than that.

        Raises:
            RequestError: it cannot be answered; the message is for the caller, details are in the log.
        """
        return await self.ask(request, seconds, arm)

    def ask(
        self, request: InferRequest, seconds: float | None = None, arm: Arm = "", identifier: str = ""
    ) -> Promise[InferAnswer]:
        """Promise the answer to one inference request, for doors that need no task to wait for it.

        The promise gets what `infer` gives or raises; who cancels it waits no longer, and is not predicted for.
        `identifier` is the request's id, for what is logged of it.

        Raises:
            NotReady: there is no model yet that could answer.
        """
        self._loaded()
        loop = asyncio.get_running_loop()
        limit = self.settings.limits.request_timeout_seconds
        if seconds is not None and seconds < limit:
            limit = seconds
        answer: Promise[InferAnswer] = Promise(loop)
        deadline = loop.time() + limit
        self._batches.add(Asked(request, answer, identifier, self.clock(), limit, deadline, arm))
        return answer

    def predict(self, inputs: Columns) -> Columns:
        """Give the outputs of rows, as `Recipient` says; raises whatever the model raises."""
        return self._loaded().predict(inputs)

    def count(self, predicted: Predicted) -> None:
        """Count the rows of a batch by the bins of the profile."""
        if self.traffic is None or predicted.outputs is None:
            return
        if {asked.arm for asked in predicted.asked} != {""}:
            for arm, inputs, outputs, rows in predicted.parts():
                (self._apart.traffic(arm) or self.traffic).add(inputs, outputs, rows)
        else:
            self.traffic.add(predicted.inputs, predicted.outputs, predicted.rows)

    def answer(self, asked: Asked, outputs: Columns, *, finite: bool) -> InferAnswer:
        """Make the answer to one request of a batch, as `Recipient` says."""
        request = asked.request
        if not finite:
            self.invalid_outputs.update(invalid_values(outputs))
        answer = answer_of(self.identity, request, self._loaded().signature, outputs, finite=finite)
        token = self.feedback.token(request.inputs, outputs, request.rows, asked.at, asked.arm)
        return answer._replace(feedback_token=token) if token else answer

    def begin(self, arm: Arm = "") -> Ticket:
        """Book the arrival of an inference request; what happens within the ticket is its outcome.

        Entering the ticket raises Overloaded where too many requests are under way.
        """
        if not self.active:
            self.idle.clear()
        self.active += 1
        latency = self._apart.latency(arm) if arm else self.latency
        return Ticket(self, latency.begin(self.clock()))

    def evidence(self, known_profile: str = "", latency_from: float = 0.0, labels_cursor: str = "") -> dict[str, Any]:
        """Tell everything about this process that the operator judges by.

        A profile whose digest the caller knows, older latency slots, and counts of labels that have not changed since
        the cursor that was told with them, are left out.
        """
        counted = self.counted(latency_from)
        return {
            "schema": 1,
            "model": self.identity.model,
            "revision": self.identity.revision,
            "pod": self.settings.pod,
            "start": self.started,
            "now": self.clock(),
            "state": self.state,
            "reason": self.reason,
            "message": self.message,
            "sha256": self.bundle.sha256 if self.bundle else None,
            "signature": self.signature.described() if self.signature else None,
            **self._profile(known_profile),
            "probe": {"passed": self.probed.passed, "failed": len(self.probed.failures)},
            "outcomes": counted.outcomes,
            "rows": counted.rows,
            "labels": self.feedback.tables.told(labels_cursor),
            **self._told(counted.split),
            "arms": {arm: self._told(one) for arm, one in counted.arms.items()},
        }

    def counted(self, latency_from: float = 0.0) -> Counted:
        """Give what was counted since the start, without slots of durations that began before `latency_from`."""
        return Counted(
            {outcome: self.outcomes.get(outcome, 0) for outcome in OUTCOMES},
            self.rows,
            dict(self.invalid_outputs),
            self.durations.counted(),
            counted_arm(self.latency, self.traffic, latency_from),
            self._apart.counted(latency_from),
        )

    def _told(self, counted: CountedArm) -> dict[str, Any]:
        latency = {"slotSeconds": self.settings.slot_seconds, "slots": counted.latency}
        return {"latency": latency, "inputs": counted.inputs, "outputs": counted.outputs}

    def _profile(self, known: str) -> dict[str, Any]:
        if self.bundle is None:
            return {"profile": None, "profileSha256": None}
        digest = self.bundle.profile.sha256
        return {"profile": None if digest == known else self.bundle.profile_document, "profileSha256": digest}


def load(bundle: Bundle, settings: Settings) -> LoadedModel:
    """Make the model of a bundle ready, and prove it.

    Raises:
        BundleError: it cannot be read, or answers otherwise than it should; as `loading.load_model`.
    """
    # Where scikit-learn is imported that takes seconds, during which the evidence port answers already.
    from weirkeeper_server.loading import load_model  # noqa: PLC0415  see above

    # What is not the predictor's is no parameter of it.
    parameters = {name: value for name, value in settings.parameters.items() if name != SEGMENTS}
    return load_model(bundle, settings.model_copy(update={"parameters": parameters}))


class Ticket:
    """One inference request on its way.

    `slot` is where its duration is counted; `rows` is how many it asks about, once they are known; `trace` is the
    trace that it belongs to, if any.
    """

    __slots__ = ("_server", "_start", "rows", "slot", "trace")

    def __init__(self, server: ModelServer, slot: Slot) -> None:
        self._start = time.perf_counter()
        self._server = server
        self.slot = slot
        self.rows = 0
        self.trace = ""

    def __enter__(self) -> Self:
        server = self._server
        if server.active > server.most_active:
            refused = Overloaded(
                f"{server.most_active} requests are under way, as many as may be; try again in a moment"
            )
            self.__exit__(type(refused), refused, None)
            raise refused
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        seconds = time.perf_counter() - self._start
        server = self._server
        if error is None:
            server.outcomes["ok"] += 1
            server.rows += self.rows
        else:
            server.outcomes[outcome_of(error)] += 1
        server.durations.add(seconds, self.trace)
        LatencySlots.end(self.slot, seconds)
        server.active -= 1
        if not server.active:
            server.idle.set()


def outcome_of(error: BaseException) -> Outcome:
    """Say whose fault an error is."""
    match error:
        case asyncio.CancelledError():
            return "invalid"  # the caller did not wait for the answer
        case Overloaded():
            return "failed"  # more servers would have answered
        case RequestError(status=status) if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return "invalid"
    return "failed"

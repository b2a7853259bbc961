"""One whole run: check the answers, then measure every case, then what stands beside them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from bench.server import answers, bookkeeping, contenders
from bench.server.cases import BOUNDS, CASES, Bound, Case
from bench.server.contenders import BARE, CEILING, OURS
from bench.server.environments import IMAGE, KSERVE, MLSERVER, Environment
from bench.server.errors import Missing, RunFailed
from bench.server.footprint import cold_starts, memory, packages
from bench.server.load import GrpcLoad, HttpLoad, Load, write_script
from bench.server.measure import Effort, interleaved
from bench.server.models import MATRICES, Fitted
from bench.server.places import CHECKOUT
from bench.server.programs import Program
from bench.server.requests import as_binary, as_json, as_message
from bench.server.results import BoundResult, CaseResult, hold, judge, median_and_error, within
from bench.server.routing import share
from bench.server.servers import Server, running

P = ParamSpec("P")
T = TypeVar("T")

ROUTED_CONNECTIONS: Final = (1, 4)
PEERS: Final[Mapping[str, Environment]] = {"MLServer": MLSERVER, "KServe": KSERVE}


@dataclass
class Suite:
    """What a run works with; `peers` are those that are installed."""

    fitted: Mapping[str, Fitted]
    scratch: Path
    effort: Effort
    wrk: Program
    tools: Program
    peers: Sequence[str]
    missing: list[str] = field(default_factory=list)

    def cases(self, wanted: Sequence[Case] = CASES) -> list[CaseResult]:
        """Measure cases; all servers run from the first to the last, paused while others are measured."""
        with self._servers() as servers:
            self._check(servers)
            measured = (self._tried(case.name, self._case, case, servers) for case in wanted)
            return [result for result in measured if result]

    def _tried(self, name: str, measure: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | None:
        """Measure something; where that fails, say so and let the rest go on."""
        try:
            return measure(*given, **named)
        except RunFailed as error:
            self.missing.append(f"{name}: {error}")
            say(self.missing[-1])
            return None

    @contextlib.contextmanager
    def _servers(self) -> Iterator[Mapping[tuple[str, str], Server]]:
        """Start everything; by contender and model."""
        models, matrices = list(self.fitted.values()), [self.fitted[name] for name in MATRICES if name in self.fitted]
        servers = {(OURS, model.name): contenders.ours(model, self.scratch) for model in models}
        if "MLServer" in self.peers:
            server = contenders.mlserver(models, self.scratch)
            servers |= {("MLServer", model.name): server for model in models}
        if "KServe" in self.peers and matrices:
            server = contenders.kserve(matrices, self.scratch)
            servers |= {("KServe", model.name): server for model in matrices}
        with running(list({id(server): server for server in servers.values()}.values())):
            yield servers

    def _check(self, servers: Mapping[tuple[str, str], Server]) -> None:
        for (name, model), server in servers.items():
            say(f"comparing the answers of {name} for {model}")
            server.resume()
            answers.check(server, self.fitted[model])
            if model in MATRICES and name != "MLServer":
                answers.check(server, self.fitted[model], binary=True)
            if model == "iris" and name != "KServe":
                answers.check_grpc(server, self.fitted[model])
            server.pause()

    def _case(self, case: Case, servers: Mapping[tuple[str, str], Server]) -> CaseResult:
        say(f"measuring {case.name}")
        load, answer = self._load(case, servers[OURS, case.model])
        with self._ceiling(case, answer) as ceiling:
            chosen: dict[str, tuple[Server, Load]] = {OURS: (servers[OURS, case.model], load)}
            chosen |= {peer: (servers[peer, case.model], load) for peer in case.contenders if peer in self.peers}
            return judge(case, interleaved({**chosen, CEILING: (ceiling, load)}, self.effort))

    def _load(self, case: Case, ours: Server) -> tuple[Load, Path]:
        """Give the load of a case, and the answer that a constant server gives to it."""
        folder = self.scratch / f"load-{case.name}"
        folder.mkdir(exist_ok=True)
        rows, answer = self.fitted[case.model].first(case.rows), folder / "answer"
        if case.way == "gRPC":
            message = folder / "message"
            message.write_bytes(as_message(case.model, rows))
            answer.write_bytes(as_message(case.model, rows))
            return GrpcLoad(self.tools, message, case.connections), answer
        body = as_binary(rows) if case.way == "binary" else as_json(rows)
        ours.resume()
        answer.write_bytes(answers.post(ours, case.model, body)[0])
        ours.pause()
        path = f"/v2/models/{case.model}/infer"
        return HttpLoad(self.wrk, write_script(body, folder), path, case.connections), answer

    @contextlib.contextmanager
    def _ceiling(self, case: Case, answer: Path) -> Iterator[Server]:
        start = contenders.constant_grpc if case.way == "gRPC" else contenders.constant
        with start(self.tools, answer, self.scratch) as server:
            server.wait()
            server.pause()
            yield server

    def bounds(self) -> list[BoundResult]:
        """Measure what is not a rate."""
        measures = {
            "bookkeeping": self._bookkeeping,
            "memory": self._memory,
            "cold-start": self._cold_start,
            "packages": self._packages,
        }
        return [self._tried(bound.name, measures[bound.name], bound) or hold(bound, {}) for bound in BOUNDS]

    def _bookkeeping(self, bound: Bound) -> BoundResult:
        say("measuring bookkeeping within one process")
        model = self.fitted[bookkeeping.MODEL]
        found = bookkeeping.turns_within(IMAGE.python, model, self.scratch, 3 * self.effort.rounds)
        say("measuring servers with and without bookkeeping")
        median, error = median_and_error(self._between_servers(model))
        beside = f"between two servers {median:.1f} {bound.unit}, give or take {error:.1f} {bound.unit}"
        return within(bound, OURS, found.differences, beside)

    def _between_servers(self, model: Fitted) -> list[float]:
        """Give what a server's CPU time of a request is above that of one without bookkeeping, turn by turn."""
        with_it, without = contenders.ours(model, self.scratch), contenders.without_bookkeeping(model, self.scratch)
        case = next(case for case in CASES if case.name == "trees-1")
        with running([with_it, without]):
            load, _ = self._load(case, with_it)
            # What differs by a twentieth is seen in many short turns rather than in a few long ones.
            turns = Effort(4 * self.effort.rounds, self.effort.seconds / 2, self.effort.starts)
            runs = interleaved({OURS: (with_it, load), BARE: (without, load)}, turns)
        return [mine.cpu - bare.cpu for mine, bare in zip(runs[OURS], runs[BARE], strict=True)]

    def _memory(self, bound: Bound) -> BoundResult:
        say("measuring memory")
        return hold(bound, memory(self.fitted, self.scratch, peer="MLServer" in self.peers))

    def _cold_start(self, bound: Bound) -> BoundResult:
        say("measuring cold starts")
        starts = cold_starts(self.fitted, self.scratch, self.effort.starts, peer="MLServer" in self.peers)
        spreads = ", ".join(f"{name} {found.least:.2f} to {found.most:.2f}" for name, found in starts.items())
        return hold(bound, {name: found.median for name, found in starts.items()}, spreads)

    def _packages(self, bound: Bound) -> BoundResult:
        return hold(bound, packages({OURS: IMAGE, **{name: PEERS[name] for name in self.peers}}))

    def router(self) -> dict[str, Any]:
        """Measure what the router adds to a request."""
        say("measuring the router's share")
        model = self.fitted["iris"]
        loads: dict[str, Load] = {}
        for connections in ROUTED_CONNECTIONS:
            folder = self.scratch / f"routed-{connections}"
            folder.mkdir()
            script = write_script(as_json(model.first(1)), folder)
            title = f"{connections} connection{'s' if connections > 1 else ''}"
            loads[title] = HttpLoad(self.wrk, script, f"/v2/models/{model.name}/infer", connections)
        return self._tried("router", share, model, self.scratch, loads, self.effort) or {}


def installed() -> tuple[list[str], list[str]]:
    """Install our server and the peers where they are not; give the peers that are, and what is missing.

    Raises:
        Missing: our server itself.
    """
    IMAGE.make()
    IMAGE.install(CHECKOUT)
    there, missing = [], []
    for name, environment in PEERS.items():
        try:
            environment.make()
            there.append(name)
        except Missing as error:
            missing.append(str(error))
    return there, missing


def say(text: str) -> None:
    """Tell progress."""
    print(f"bench-server: {text}", file=sys.stderr, flush=True)

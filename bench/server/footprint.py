"""Memory, cold starts and the size of what is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.server.answers import ask
from bench.server.contenders import OURS, mlserver, ours
from bench.server.environments import Environment
from bench.server.measure import Spread
from bench.server.models import MATRICES, Fitted
from bench.server.requests import BOTH, as_json
from bench.server.servers import Server, running

ASKED: int = 50
Start = Callable[[Fitted, Path], Server]


def memory(fitted: Mapping[str, Fitted], scratch: Path, *, peer: bool) -> dict[str, float]:
    """Give the resident memory in MB of three servers, each with one of three models, after some requests.

    Beside them stands MLServer with all three models in one process.
    """
    models = [fitted[name] for name in MATRICES]
    figures = {OURS: _resident([ours(model, scratch) for model in models], [[model] for model in models])}
    if peer:
        apart = [mlserver([model], _folder(scratch, "apart")) for model in models]
        figures["MLServer"] = _resident(apart, [[model] for model in models])
        together = [mlserver(models, _folder(scratch, "together"))]
        figures["MLServer, one process for all three"] = _resident(together, [models])
    return figures


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir(exist_ok=True)
    return folder


def _resident(servers: Sequence[Server], models: Sequence[Sequence[Fitted]]) -> float:
    with running(servers):
        for server, served in zip(servers, models, strict=True):
            server.resume()
            for model in served:
                body = as_json(model.first(1), BOTH)
                for _ in range(ASKED):
                    ask(server, model.name, body)
        return sum(server.resident_megabytes() for server in servers)


def cold_starts(fitted: Mapping[str, Fitted], scratch: Path, turns: int, *, peer: bool) -> dict[str, Spread]:
    """Give the seconds from the start of a process until it is ready, turn by turn."""
    model = fitted["iris"]
    found: dict[str, list[float]] = {}
    for turn in range(turns):
        folder = _folder(scratch, f"start-{turn}")
        contenders = [ours(model, folder), *([mlserver([model], folder)] if peer else [])]
        for server in contenders:
            with server:
                found.setdefault(server.name, []).append(server.wait())
    return {name: Spread.of(times) for name, times in found.items()}


def packages(environments: Mapping[str, Environment]) -> dict[str, float]:
    """Give the size of what is installed in each environment, in MB by name."""
    return {name: environment.megabytes() for name, environment in environments.items()}

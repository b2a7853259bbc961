"""The router's share: the same requests to a server directly and through Envoy, turn by turn in one run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.server.contenders import ours
from bench.server.load import Load, Run
from bench.server.measure import WARM_SECONDS, Effort, Spread, spread
from bench.server.models import Fitted
from bench.server.places import CHECKOUT, cores
from bench.server.servers import Server

ROUTER: Final = "router"


def router(fitted: Fitted, server: Server, scratch: Path) -> Server:
    """A router before a server, on the load's core: what it adds is its own work, not a wait for the server's core."""
    folder = scratch / "router"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "bench.server.router_pod", str(folder), fitted.name, str(server.http), "{HTTP}"]
    ready, log = f"/v2/models/{fitted.name}/ready", scratch / "router.log"
    return Server(ROUTER, command, ready, log, core=cores()[1], folder=CHECKOUT)


def share(fitted: Fitted, scratch: Path, loads: dict[str, Load], effort: Effort) -> dict[str, Any]:
    """Give p50 and p99 in microseconds directly, through Envoy, and the median of what is added in each round."""
    with ours(fitted, scratch) as server:
        server.wait()
        with router(fitted, server, scratch) as before:
            before.wait()
            return {name: _row(load, server, before, effort) for name, load in loads.items()}


def _row(load: Load, server: Server, before: Server, effort: Effort) -> dict[str, dict[str, float]]:
    direct: list[Run] = []
    routed: list[Run] = []
    for warm in (server, before):
        load.run(warm, WARM_SECONDS)
    for _ in range(effort.rounds):
        direct.append(load.run(server, effort.seconds))
        routed.append(load.run(before, effort.seconds))
    added = {
        figure: Spread.of(
            [getattr(far, figure) - getattr(near, figure) for near, far in zip(direct, routed, strict=True)]
        )
        for figure in ("p50", "p99")
    }
    return {
        "direct": _medians(direct),
        "routed": _medians(routed),
        "added": {figure: found.median for figure, found in added.items()},
    }


def _medians(runs: Sequence[Run]) -> dict[str, float]:
    return {figure: spread(runs, figure).median for figure in ("p50", "p99")}

"""How each contender is started: ours as it is shipped, the peers in their fastest form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.server.environments import IMAGE, KSERVE, MLSERVER
from bench.server.models import Fitted
from bench.server.places import HERE, free_port
from bench.server.programs import Program
from bench.server.servers import Server

OURS: Final = "weirkeeper"
BARE: Final = "weirkeeper without bookkeeping"
CEILING: Final = "constant answer"


def ours(fitted: Fitted, scratch: Path, name: str = OURS, program: str = "") -> Server:
    """The model server as `weirkeeper-server serve` starts it, with its defaults, out of its image's packages.

    With `program` another one that takes the same arguments.
    """
    command = [str(IMAGE.python), program] if program else [str(IMAGE.folder / "bin" / "weirkeeper-server")]
    arguments = ["serve", "--bundle", str(fitted.bundle), "--model", fitted.name, "--revision", f"{fitted.name}-1"]
    arguments += ["--host", "127.0.0.1", "--http-port", "{HTTP}", "--grpc-port", "{GRPC}", "--drain-seconds", "0"]
    arguments += ["--evidence-port", str(free_port())]
    log = scratch / f"{name}-{fitted.name}.log".replace(" ", "-")
    return Server(name, [*command, *arguments], "/v2/health/ready", log)


def without_bookkeeping(fitted: Fitted, scratch: Path) -> Server:
    """The same server with the counting of latencies and rows taken out."""
    return ours(fitted, scratch, BARE, str(HERE / "without_bookkeeping.py"))


def mlserver(models: Sequence[Fitted], scratch: Path) -> Server:
    """MLServer with these models, in its fastest form: no workers, no debug log."""
    folder = scratch / f"mlserver-{'-'.join(model.name for model in models)}"
    folder.mkdir()
    for model in models:
        (folder / model.name).symlink_to(model.joblib)
    http, grpc = free_port(), free_port()
    settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": free_port()}
    (folder / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "debug": False}))
    command = [str(MLSERVER.folder / "bin" / "mlserver"), "start", "."]
    return Server(
        "MLServer", command, "/v2/health/ready", folder.with_suffix(".log"), http=http, grpc=grpc, folder=folder
    )


def kserve(models: Sequence[Fitted], scratch: Path) -> Server:
    """The KServe SDK's server with these models, without its log of latencies."""
    folder = scratch / "kserve"
    folder.mkdir()
    for model in models:
        (folder / model.name).symlink_to(model.joblib)
    arguments = ["--http_port={HTTP}", "--enable_grpc=false", "--enable_latency_logging=false", "--workers=1"]
    command = [str(KSERVE.python), str(HERE / "peers" / "kserve_model.py"), str(folder), *arguments]
    return Server("KServe", command, "/v2/health/ready", scratch / "kserve.log")


def constant(tools: Program, answer: Path, scratch: Path) -> Server:
    """The constant answer over HTTP."""
    command = [str(tools.path), "http", "--address", "127.0.0.1:{HTTP}", "--body", str(answer)]
    return Server(CEILING, command, "/", scratch / "constant.log", environment=tools.environment)


def constant_grpc(tools: Program, answer: Path, scratch: Path) -> Server:
    """The constant answer over gRPC."""
    command = [str(tools.path), "grpc", "--address", "127.0.0.1:{GRPC}", "--body", str(answer)]
    return Server(CEILING, command, "", scratch / "constant-grpc.log", environment=tools.environment)

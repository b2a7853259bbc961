"""What a supervisor and its workers say to each other: a JSON object a line, over a pair of sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import LoadedModel
from weirkeeper_server.probed import ProbeError, ProbeResult

log = logging.getLogger(__name__)

LONGEST: Final = 2**26
"""Bytes of a line: the longest body of a post, and counts of the most features."""

HTTP: Final = b"h"
GRPC: Final = b"g"
"""What goes with a connection that is handed to a worker: which door it came to."""


def say(to: asyncio.StreamWriter, **message: object) -> None:
    """Say something, without waiting until it is heard."""
    to.write(written(**message))


def written(**message: object) -> bytes:
    """Write a message as its line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


async def heard(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """Give what is said until the other side ends."""
    while line := await reader.readline():
        yield json.loads(line)


def told_of(loaded: LoadedModel) -> dict[str, Any]:
    """Write what the supervisor needs to know of a model that a worker has loaded."""
    return {
        "probed": [loaded.probed.passed, list(loaded.probed.failures)],
        "remark": loaded.remark,
        "parameters": dict(loaded.choice.described()),
    }


def failure_of(error: BundleError) -> dict[str, Any]:
    """Write why there is no model, to the log as well: the supervisor knows no more of it than that."""
    log.error("%s: %s", error.reason, error, exc_info=error.__cause__)
    probed = error.result if isinstance(error, ProbeError) else ProbeResult()
    return {
        "reason": error.reason,
        "message": str(error),
        "probed": [probed.passed, list(probed.failures)],
    }


def probed_of(told: dict[str, Any]) -> ProbeResult:
    """Read what came of the golden requests."""
    passed, failures = told["probed"]
    return ProbeResult(passed, tuple(failures))

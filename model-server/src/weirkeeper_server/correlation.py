"""By which words a request is found again: in logs, in traces, and by whoever asked."""

from __future__ import annotations

import random
import re
from contextvars import ContextVar
from typing import Final

REQUEST_ID_HEADER: Final = "x-request-id"
TRACE_HEADER: Final = "traceparent"

current_request: Final[ContextVar[str]] = ContextVar("current_request", default="")
"""The id of the request that is being answered, for what is logged meanwhile."""

_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_TRACE: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def request_id(given: str | None) -> str:
    """Take the id that a request came with, or make one where it has none that can be logged."""
    return given_id(given) or new_id()


def given_id(given: str | None) -> str | None:
    """Take the id that a request came with, if it can be logged."""
    return given if given and _ID.fullmatch(given) else None


def new_id() -> str:
    """Make an id."""
    return f"{random.getrandbits(128):032x}"


def trace_id(given: str | None) -> str:
    """Read the trace id, 32 hexadecimal digits, out of a `traceparent` (W3C Trace Context); empty where it is none."""
    found = _TRACE.fullmatch(given) if given else None
    return found[1] if found else ""

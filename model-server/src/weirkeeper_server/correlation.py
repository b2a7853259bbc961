"""By which words a request is found again: in logs, in traces, and by whoever asked."""

from __future__ import annotations

import os
import re
from typing import Final

REQUEST_ID_HEADER: Final = "x-request-id"
TRACE_HEADER: Final = "traceparent"

_ID_BYTES: Final = 16
_MADE_AT_ONCE: Final = 64
_MADE: Final[list[str]] = []
os.register_at_fork(after_in_child=_MADE.clear)  # no two processes give the same
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_TRACE: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def given_id(given: str | None) -> str | None:
    """Take the id that a request came with, if it can be logged."""
    return given if given and _ID.fullmatch(given) else None


def new_id() -> str:
    """Make an id: 32 hexadecimal digits."""
    if not _MADE:
        digits = os.urandom(_ID_BYTES * _MADE_AT_ONCE).hex()
        _MADE.extend(digits[start : start + 2 * _ID_BYTES] for start in range(0, len(digits), 2 * _ID_BYTES))
    return _MADE.pop()


def trace_id(given: str | None) -> str:
    """Read the trace id, 32 hexadecimal digits, out of a `traceparent` (W3C Trace Context); empty where it is none."""
    found = _TRACE.fullmatch(given) if given else None
    return found[1] if found else ""

"""Waiting for a condition: as short as it may be, with a limit that a busy machine does not reach."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(
    what: str,
    probe: Callable[[], Found | None],
    *,
    timeout: float = 180,
    poll: float = 0.5,
    describe: Callable[[], object] | None = None,
) -> Found:
    """Return the first true answer of `probe`; after `timeout` seconds fail, with what `describe` says then."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            seen = describe() if describe else found
            raise AssertionError(f"waited {timeout:.0f} s in vain for {what}; seen last: {seen}")
        time.sleep(poll)

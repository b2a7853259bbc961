"""`weirkeeper-server` with the counting of latencies and rows taken out, to measure what it costs.

No setting does this: a server that counts nothing would leave the operator without evidence. When the server's own
names change, this program fails rather than measuring nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

COUNTING: Final = (
    ("weirkeeper_server.counting", "LatencySlots", "begin"),
    ("weirkeeper_server.counting", "LatencySlots", "end"),
    ("weirkeeper_server.counting", "Durations", "add"),
    ("weirkeeper_server.counting", "TrafficProfile", "add"),
)
"""Module, class and method of everything that is booked while a request is answered."""


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def take_out() -> None:
    """Replace each method by one that does nothing."""
    for module, kind, method in COUNTING:
        owner = getattr(import_module(module), kind)
        if not callable(getattr(owner, method, None)):
            raise SystemExit(f"{module}.{kind} has no method {method}: name what is booked now in {__file__}")
        setattr(owner, method, _nothing)


if __name__ == "__main__":
    from weirkeeper_server.cli import main

    take_out()
    sys.exit(main())

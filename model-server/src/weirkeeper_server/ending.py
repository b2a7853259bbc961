"""How a process of the server's image is told to end; the operator's has its own, for neither imports the other."""

from __future__ import annotations

import asyncio
import signal


def told_to_end() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set; to be called in the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop

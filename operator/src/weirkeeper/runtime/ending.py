"""How a process of ours is told to end."""

from __future__ import annotations

import asyncio
import signal


def told_to_end() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set; to be called in the running loop."""
    stop = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    return stop

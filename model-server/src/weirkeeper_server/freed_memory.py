"""What the C library does with memory that was given back to it."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

KEPT: Final = 2**24
"""Bytes that are kept for what comes next."""
LARGE: Final = 2**20
"""Pieces of so many bytes are the system's: they are had and given back by themselves."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Let glibc keep more than the 128 KiB that it keeps by itself (mallopt(3)); nothing where there is no glibc.

    Rows are counted in arrays of some 100 KiB: else all of them are given back to the system after every batch, and had
    again page by page, which takes a third of the time.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, KEPT)
        mallopt(_M_MMAP_THRESHOLD, LARGE)

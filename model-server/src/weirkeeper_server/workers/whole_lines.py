"""Lines of several processes that write to one place: each of them stays whole."""

from __future__ import annotations

import os
import select


class WholeLines:
    """Writes lines to a descriptor in pieces that the kernel takes as a whole, also where it is a pipe (pipe(7))."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, lines: str) -> None:
        """Write whole lines.

        Raises:
            OSError: they cannot be written.
        """
        piece = b""
        for encoded in lines.encode().splitlines(keepends=True):
            if piece and len(piece) + len(encoded) > select.PIPE_BUF:
                self._write(piece)
                piece = b""
            piece += encoded
        if piece:
            self._write(piece)

    def _write(self, piece: bytes) -> None:
        while piece:
            piece = piece[os.write(self._descriptor, piece) :]

    def flush(self) -> None:
        """Nothing waits to be written."""

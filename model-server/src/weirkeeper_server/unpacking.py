"""Bodies that come packed: unpacked within their bounds."""

from __future__ import annotations

import zlib
from typing import Final

from weirkeeper_server.errors import InvalidRequest, RequestTooLarge

ASIDE: Final = 65_536
"""Bytes from which packing happens beside the event loop, and after which unpacking goes on there."""
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
_DEFLATED: Final = 8
"""The method in the first byte of the zlib format (RFC 1950); some clients send `deflate` without it."""


def too_large(limit: int) -> RequestTooLarge:
    """Refuse a body for its size."""
    return RequestTooLarge(f"the body is larger than {limit} bytes; split the request")


class Unpacking:
    """Unpacks a body step by step; it is measured meanwhile, so that a small body cannot become a large one.

    `mismatch` is what to say of one that is not packed as it says.
    """

    def __init__(self, packed: bytes, encoding: str, limit: int, mismatch: str) -> None:
        self._mismatch = mismatch
        self._left = packed
        self._limit = limit
        self._found: list[bytes] = []
        self._size = 0
        self._several = encoding == "gzip"
        bare = encoding == "deflate" and packed[:1] and packed[0] & 15 != _DEFLATED
        self._window = _BARE if bare else _ZLIB_OR_GZIP
        self._stream = zlib.decompressobj(self._window)

    def step(self, most: int) -> bytes | None:
        """Unpack up to about `most` bytes; give the body when it is whole.

        Raises:
            RequestTooLarge: it is larger than the limit.
            InvalidRequest: it is not packed as it says, or is cut short.
        """
        until = min(self._size + most, self._limit + 1)
        try:
            while self._size < until:
                if self._stream.eof and not self._next_member():
                    return b"".join(self._found)
                self._unpack(until - self._size)
        except zlib.error:
            raise InvalidRequest(self._mismatch) from None
        if self._size > self._limit:
            raise too_large(self._limit)
        return None

    def rest(self) -> bytes:
        """Unpack what is left; raises as `step` does."""
        while (body := self.step(ASIDE)) is None:
            pass
        return body

    def _unpack(self, most: int) -> None:
        out = self._stream.decompress(self._left, most)
        self._left = self._stream.unconsumed_tail or self._stream.unused_data
        if not out and not self._stream.eof and not self._left:
            raise InvalidRequest(self._mismatch)
        self._found.append(out)
        self._size += len(out)

    def _next_member(self) -> bool:
        """Begin with the next of several packed parts (RFC 1952, 2.2), if there is one."""
        if not self._left:
            return False
        if not self._several:
            raise InvalidRequest(self._mismatch)
        self._stream = zlib.decompressobj(self._window)
        return True

"""Bodies over HTTP: unpacked within their bounds, and answers packed where that is asked for and pays."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from weirkeeper_server.errors import InvalidRequest, RequestTooLarge, UnknownEncoding

LEAST_PACKED: Final = 4096
"""Bytes below which an answer is sent as it is: it fits into few packets anyway."""
LEAST_SAVED: Final = 0.1
ASIDE: Final = 65_536
"""Bytes from which packing happens beside the event loop, and after which unpacking goes on there."""
_ZLIB_OR_GZIP: Final = 32 + zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
_DEFLATED: Final = 8
"""The method in the first byte of the zlib format (RFC 1950); some clients send `deflate` without it."""
_UNPACKED: Final = frozenset({"gzip", "deflate"})
_RANK: Final = re.compile(r"(?:^|;)\s*q\s*=\s*([^;\s]*)")
_QUALITY: Final = re.compile(r"[01](\.[0-9]{0,3})?")


def too_large(limit: int) -> RequestTooLarge:
    """Refuse a body for its size."""
    return RequestTooLarge(f"the body is larger than {limit} bytes; split the request")


def check_encoding(encoding: str) -> None:
    """Check that bodies can be read that are packed so.

    Raises:
        UnknownEncoding: they cannot.
    """
    if encoding != "identity" and encoding not in _UNPACKED:
        raise UnknownEncoding(f"Content-Encoding is {encoding[:40]!r}; give gzip, deflate, or send the body as it is")


class Unpacking:
    """Unpacks a body step by step; it is measured meanwhile, so that a small body cannot become a large one."""

    def __init__(self, packed: bytes, encoding: str, limit: int) -> None:
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
            raise _mismatch() from None
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
            raise _mismatch()
        self._found.append(out)
        self._size += len(out)

    def _next_member(self) -> bool:
        """Begin with the next of several packed parts (RFC 1952, 2.2), if there is one."""
        if not self._left:
            return False
        if not self._several:
            raise _mismatch()
        self._stream = zlib.decompressobj(self._window)
        return True


def _mismatch() -> InvalidRequest:
    return InvalidRequest("the body does not match its Content-Encoding or Content-Length")


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def _deflate(body: bytes) -> bytes:
    return zlib.compress(body, 1)


_PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"gzip": _gzip, "deflate": _deflate}


def packed(body: bytes, accept_encoding: str) -> tuple[bytes, str]:
    """Pack an answer as its caller accepts it; give it with its Content-Encoding, empty where it stays as it is."""
    encoding = preferred(accept_encoding) if len(body) >= LEAST_PACKED else ""
    if not encoding:
        return body, ""
    small = _PACKERS[encoding](body)
    return (small, encoding) if len(small) <= len(body) * (1 - LEAST_SAVED) else (body, "")


def preferred(accept_encoding: str) -> str:
    """Choose gzip or deflate, as an Accept-Encoding header ranks them (RFC 9110, 12.5.3); empty for neither."""
    ranks: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        ranks[coding.strip()] = _quality(parameters)
    quality, encoding = max((ranks.get(name, 0.0), name) for name in _PACKERS)
    return encoding if quality else ""


def _quality(parameters: str) -> float:
    found = _RANK.search(parameters)
    if not found:
        return 1.0
    return float(found[1]) if _QUALITY.fullmatch(found[1]) else 0.0

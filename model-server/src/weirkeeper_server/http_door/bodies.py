"""Codings of bodies over HTTP: which are read, and answers packed where that is asked for and pays."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from weirkeeper_server.errors import UnknownEncoding

LEAST_PACKED: Final = 4096
"""Bytes below which an answer is sent as it is: it fits into few packets anyway."""
LEAST_SAVED: Final = 0.1
_UNPACKED: Final = frozenset({"gzip", "deflate"})
_RANK: Final = re.compile(r"(?:^|;)\s*q\s*=\s*([^;\s]*)")
_QUALITY: Final = re.compile(r"[01](\.[0-9]{0,3})?")


def check_encoding(encoding: str) -> None:
    """Check that bodies can be read that are packed so.

    Raises:
        UnknownEncoding: they cannot.
    """
    if encoding != "identity" and encoding not in _UNPACKED:
        raise UnknownEncoding(f"Content-Encoding is {encoding[:40]!r}; give gzip, deflate, or send the body as it is")


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

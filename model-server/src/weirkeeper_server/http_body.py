"""Bodies over HTTP: read within their bounds, and answers packed where that is asked for and pays."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from weirkeeper_server.errors import InvalidRequest, RequestTooLarge, RequestTooSlow, UnknownEncoding
from weirkeeper_server.settings import Limits

LEAST_PACKED: Final = 4096
"""Bytes below which an answer is sent as it is: it fits into few packets anyway."""
LEAST_SAVED: Final = 0.1
ASIDE: Final = 65_536
"""Bytes from which packing happens beside the event loop."""
_ACCEPTED: Final = ("gzip", "deflate", "identity")
_RANK: Final = re.compile(r"(?:^|;)\s*q\s*=\s*([^;\s]*)")
_QUALITY: Final = re.compile(r"[01](\.[0-9]{0,3})?")


async def read_body(request: web.Request, limits: Limits) -> bytes:
    """Read a body, unpacked; it is measured while it is unpacked, so that a small body cannot become a large one.

    Raises:
        RequestError: it is too large, too slow, cut short, or packed in a way that is not known.
    """
    too_large = f"the body is larger than {limits.max_body_bytes} bytes; split the request"
    _check_encoding(request)
    if (request.content_length or 0) > limits.max_body_bytes:
        raise RequestTooLarge(too_large)
    try:
        async with asyncio.timeout(limits.request_timeout_seconds):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RequestTooLarge(too_large) from None
    except TimeoutError:
        raise RequestTooSlow(f"the body did not arrive within {limits.request_timeout_seconds:g} s") from None
    except ConnectionError:
        raise InvalidRequest("the connection was lost before the whole body had arrived") from None
    except web.RequestPayloadError:
        raise InvalidRequest("the body does not match its Content-Encoding or Content-Length") from None


def _check_encoding(request: web.Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in _ACCEPTED:
        raise UnknownEncoding(f"Content-Encoding is {encoding[:40]!r}; give gzip, deflate, or send the body as it is")


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def _deflate(body: bytes) -> bytes:
    return zlib.compress(body, 1)


_PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"gzip": _gzip, "deflate": _deflate}


async def packed(body: bytes, accept_encoding: str) -> tuple[bytes, str]:
    """Pack an answer as its caller accepts it; give it with its Content-Encoding, empty where it stays as it is."""
    encoding = preferred(accept_encoding) if len(body) >= LEAST_PACKED else ""
    if not encoding:
        return body, ""
    pack = _PACKERS[encoding]
    small = await asyncio.to_thread(pack, body) if len(body) >= ASIDE else pack(body)
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

"""What the head of a call means (gRPC over HTTP/2: Request-Headers). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from weirkeeper.api.names import HEADER_ARM
from weirkeeper_server.arms import arm_of
from weirkeeper_server.correlation import REQUEST_ID_HEADER, TRACE_HEADER, given_id, trace_id
from weirkeeper_server.errors import RequestError
from weirkeeper_server.grpc_door.calls import CallHead, Method
from weirkeeper_server.grpc_door.statuses import HeadTooLarge, NoCall, Refusal, UnknownCall, UnknownPacking
from weirkeeper_server.http2.fields import Field, RequestFields, read_request
from weirkeeper_server.http2.heads import LARGEST_LIST, list_size

PACKINGS: Final = ("identity", "gzip", "deflate")
LONGEST_PATH: Final = 120
_CONTENT_TYPE: Final = re.compile(r"application/grpc(?:\+proto)?(?:\s*;.*)?", re.IGNORECASE)
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_SECONDS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_ARM: Final = HEADER_ARM.encode()
_REQUEST_ID: Final = REQUEST_ID_HEADER.encode()
_TRACE: Final = TRACE_HEADER.encode()


class HeadsOfCalls:
    """Understands heads, by the calls that there are."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods

    def understand(self, fields: list[Field]) -> CallHead:
        """Say what a head means; what makes it no call that can be answered is in it as `refused`.

        Raises:
            StreamFault: it is no head of HTTP/2.
        """
        request = read_request(fields)
        path = request.path.decode("latin-1")
        try:
            if (size := list_size(fields)) > LARGEST_LIST:
                raise HeadTooLarge(f"the metadata have {size} bytes; at most {LARGEST_LIST}")
            return self._read(request, path)
        except RequestError as refused:
            return CallHead(request.length, path[:LONGEST_PATH], None, refused)

    def _read(self, request: RequestFields, path: str) -> CallHead:
        fields = request.regular
        _check_kind(request.method, _text(fields, b"content-type"))
        method = self._methods.get(path)
        if method is None:
            raise UnknownCall(f"unknown call {path[:80]!r}; see open_inference.proto")
        return CallHead(
            length=request.length,
            path=method.path,
            method=method,
            refused=None,
            arm=arm_of(fields.get(_ARM)),
            request=given_id(_text(fields, _REQUEST_ID)),
            trace=trace_id(_text(fields, _TRACE)),
            packing=_packing(_text(fields, b"grpc-encoding")),
            seconds=_seconds(_text(fields, b"grpc-timeout")),
        )


def _text(fields: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = fields.get(name)
    return None if value is None else value.decode("latin-1")


def _check_kind(method: bytes, content_type: str | None) -> None:
    if method != b"POST":
        raise NoCall("a call is a POST", HTTPStatus.METHOD_NOT_ALLOWED)
    if not _CONTENT_TYPE.fullmatch(content_type or ""):
        raise NoCall("content-type is not application/grpc", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def _packing(given: str | None) -> str:
    if given is None:
        return "identity"
    if given not in PACKINGS:
        raise UnknownPacking(f"grpc-encoding is {given[:40]!r}; give gzip or deflate, or send the message as it is")
    return given


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    found = _TIMEOUT.fullmatch(given)
    if found is None:
        raise Refusal(f"grpc-timeout is {given[:40]!r}; give at most eight digits and one of H, M, S, m, u, n")
    return int(found[1]) * _SECONDS[found[2]]

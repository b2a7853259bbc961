"""Messages as gRPC frames them: a byte that says whether it is packed, four of length, the message. Pure."""

from __future__ import annotations

from struct import Struct
from typing import Final

from weirkeeper_server.errors import InvalidRequest, RequestError, RequestTooLarge
from weirkeeper_server.grpc_door.calls import PREFIX, Call

_PREFIX: Final = Struct(">BL")


def take(call: Call, part: bytes, largest: int) -> bool:
    """Take a part of what a call sends; say whether it may go on, and refuse it as soon as it sends too much."""
    call.parts.append(part)
    call.size += len(part)
    if call.whole < 0 and call.size >= PREFIX:
        if len(call.parts) > 1:
            call.parts = [b"".join(call.parts)]
        call.whole = PREFIX + int.from_bytes(call.parts[0][1:PREFIX], "big")
        if call.whole - PREFIX > largest:
            return _refuse(call, RequestTooLarge(_too_large(call.whole - PREFIX, largest)))
    if call.size > max(call.whole, PREFIX):
        return _refuse(call, InvalidRequest("more bytes than one message has; send one message in a call"))
    return True


def _refuse(call: Call, error: RequestError) -> bool:
    call.refused = error
    call.parts.clear()
    return False


def message_of(call: Call) -> tuple[bytes, bool]:
    """Give the message of a call that has sent all, and whether it is packed.

    Raises:
        InvalidRequest: there is no message, or a part of one; or it is packed, and the head does not say how.
    """
    parts, call.parts = call.parts, []
    if call.size != call.whole:
        told = "a part of a message" if call.size else "no message"
        raise InvalidRequest(f"the call has {told}; send one whole message")
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    packed = body[0]
    if packed > 1 or (packed and call.head.packing == "identity"):
        raise InvalidRequest("the message says that it is packed; say how in grpc-encoding, gzip or deflate")
    return body[PREFIX:], packed == 1


def framed(message: bytes) -> bytes:
    """Frame an answer."""
    return _PREFIX.pack(0, len(message)) + message


def _too_large(size: int, largest: int) -> str:
    return f"the message has {size} bytes; at most {largest}: split the request"

"""One request over HTTP: its head, its body as it arrives, and what is known of its answer so far."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Protocol

from weirkeeper_server.access_log import Origin
from weirkeeper_server.errors import RequestError
from weirkeeper_server.http_door.routing import NOWHERE, Endpoint, Match

BLANKS: Final = b" \t"


class Ticket(Protocol):
    """Books a request by its end, and by the rows that it asks about."""

    rows: int

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class Head:
    """What a head says, for all requests of a connection that have the same head byte for byte.

    `fields` are by their names in lower case, as they came. `match` and what follows are what the door makes of it:
    `endpoint` is None until it was looked up and nothing is against it.
    """

    __slots__ = (
        "endpoint",
        "fields",
        "identifier",
        "keep_alive",
        "match",
        "method",
        "old",
        "origin",
        "target",
        "trace",
    )

    def __init__(
        self, method: bytes, target: bytes, fields: Mapping[bytes, bytes], *, keep_alive: bool, old: bool = False
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.keep_alive = keep_alive
        self.old = old
        """Whether it is of HTTP/1.0."""
        self.match: Match = NOWHERE
        self.endpoint: Endpoint | None = None
        self.identifier: str | None = None
        self.trace = ""
        self.origin: Origin | None = None

    def field(self, name: bytes) -> str | None:
        """Give the value of a field, by its name in lower case."""
        value = self.fields.get(name)
        return None if value is None else value.strip(BLANKS).decode("latin-1")

    @property
    def content_encoding(self) -> str:
        """How the body is packed, in lower case; `identity` where it is not."""
        return (self.field(b"content-encoding") or "identity").lower()

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for leave to send the body."""
        return b"expect" in self.fields and not self.old


class HttpRequest:
    """A request under way.

    `body` is joined when the request is `complete`; `size` counts its bytes before. `refused` is why it will not be
    answered as it asks. `ticket` is open from the head to the answer, where the route books its requests. After the
    answer to a request that does not `keep_alive` the connection ends.
    """

    # Defaults of the class: most requests never set most of them.
    size = 0
    body = b""
    complete = False
    refused: RequestError | None = None
    ticket: Ticket | None = None
    started = 0.0
    identifier = ""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.keep_alive = head.keep_alive
        self.parts: list[bytes] = []

    @property
    def method(self) -> bytes:
        """Its method, in capitals."""
        return self.head.method

    @property
    def target(self) -> bytes:
        """What it asks for, as it came."""
        return self.head.target

    @property
    def match(self) -> Match:
        """What its target leads to."""
        return self.head.match

"""What a connection of HTTP/2 asks of those who answer its streams."""

from __future__ import annotations

from typing import Protocol, TypeVar

from weirkeeper_server.http2.streams import Stream


class Head(Protocol):
    """What a head means."""

    @property
    def length(self) -> int | None:
        """Bytes of the body, where the head tells them."""


Understood = TypeVar("Understood", bound=Head)
Taken_contra = TypeVar("Taken_contra", bound=Head, contravariant=True)


class Calls(Protocol[Taken_contra]):
    """Takes what comes on streams, and may answer or reset a stream at once."""

    def opened(self, stream: Stream, head: Taken_contra) -> None:
        """Take a request whose head is there."""

    def received(self, stream: Stream, part: bytes) -> None:
        """Take a part of its body."""

    def ended(self, stream: Stream) -> None:
        """Take that it is there as a whole."""

    def lost(self, stream: Stream) -> None:
        """Take that nobody waits for its answer any more."""

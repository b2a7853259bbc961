"""How far a body has come, so that the rest of it follows after a break, and of nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from weirkeeper_server.errors import FetchError

PARTIAL: Final = 206


class Received:
    """The beginning of a body: `bytes` of it have come, of `total` where a server told that."""

    def __init__(self) -> None:
        self.bytes = 0
        self.total: int | None = None
        self._tag = ""
        self._digest = hashlib.sha256()
        self._known_left = 0
        self._known_again = hashlib.sha256()

    def headers(self) -> dict[str, str]:
        """What to ask with: the rest of the same entity, or all again where it has no strong tag to know it by."""
        return {"Range": f"bytes={self.bytes}-", "If-Match": self._tag} if self.bytes and self._tag else {}

    def begin(self, status: int, headers: Mapping[str, str], place: str) -> None:
        """Begin with an answer.

        Raises:
            FetchError: Unreachable, the server gives another part than was asked for.
        """
        self._known_left = 0
        if status == PARTIAL:
            if not headers.get("Content-Range", "").startswith(f"bytes {self.bytes}-"):
                raise FetchError("Unreachable", f"{place} answers with another part than was asked for")
            return
        tag, length = headers.get("ETag", ""), headers.get("Content-Length", "")
        self._tag = tag if tag.startswith('"') else ""
        self.total = int(length) if length.isdecimal() else None
        self._known_left, self._known_again = self.bytes, hashlib.sha256()

    def take(self, block: bytes, place: str) -> bytes:
        """Give what is new in a block; a beginning that comes again must be what it was.

        Raises:
            FetchError: Unreachable, it is not.
        """
        known, new = block[: self._known_left], block[self._known_left :]
        if known:
            self._known_again.update(known)
            self._known_left -= len(known)
            if not self._known_left and self._known_again.digest() != self._digest.digest():
                raise _replaced(place)
        self.bytes += len(new)
        self._digest.update(new)
        return new

    def end(self, place: str) -> None:
        """End an answer.

        Raises:
            FetchError: Unreachable, there is less of it than came before.
        """
        if self._known_left:
            raise _replaced(place)


def _replaced(place: str) -> FetchError:
    return FetchError("Unreachable", f"{place} was replaced while it was fetched; use a new path for new bytes")

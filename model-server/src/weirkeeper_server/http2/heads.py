"""Heads: what HPACK (RFC 7541) makes of them, read by the library and remembered; written without a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import hpack
from hpack.table import HeaderTable

from weirkeeper_server.http2.faults import Code, ConnectionFault
from weirkeeper_server.http2.fields import Field

LARGEST_LIST: Final = 16 * 2**10
"""Bytes of all fields of a head, each with the 32 that RFC 9113, 6.5.2 adds, up to which a request is answered."""
LARGEST_BLOCK: Final = 2 * LARGEST_LIST
"""Bytes beyond which a head ends the connection, packed or unpacked: whoever sends that is not mistaken."""
MOST_KNOWN: Final = 64
LONGEST_KNOWN: Final = 1024

EMPTY_TABLE: Final = b"\x20"
"""At the beginning of our first block: the table of what we write has no room. So no setting of a peer changes it."""

T = TypeVar("T")


class _Table(HeaderTable):
    """Counts changes."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)

    @property
    def maxsize(self) -> int:
        return self._maxsize

    @maxsize.setter
    def maxsize(self, newmax: int) -> None:
        self.changes += 1
        HeaderTable.maxsize.__set__(self, newmax)  # type: ignore[attr-defined]  # a property


class HeadReader(Generic[T]):
    """Reads the heads of one connection; `understand` makes of their fields what they mean.

    What a block means depends on the table of HPACK alone. So a block that left the table as it was means the same
    until another one changes the table, and is not read again: clients send the same few bytes with every call.
    """

    def __init__(self, understand: Callable[[list[Field]], T]) -> None:
        self._understand = understand
        self._known: dict[bytes, T] = {}
        self._table = _Table()
        self._decoder = hpack.Decoder(LARGEST_BLOCK)
        self._decoder.header_table = self._table

    def read(self, block: bytes) -> T:
        """Give what a head means.

        Raises:
            ConnectionFault: it cannot be read, and neither can those that follow.
            StreamFault: as `understand` raises it.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        before = self._table.changes
        understood = self._understand(self.fields(block))
        if before == self._table.changes and len(block) <= LONGEST_KNOWN:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[block] = understood
        return understood

    def fields(self, block: bytes) -> list[Field]:
        """Give the fields of a head, or of what comes after a body.

        Raises:
            ConnectionFault: as `read` says.
        """
        before = self._table.changes
        try:
            return [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except hpack.OversizedHeaderListError:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"a head of more than {LARGEST_BLOCK} bytes") from None
        except (hpack.HPACKError, IndexError, TypeError, UnicodeDecodeError):
            raise ConnectionFault(Code.COMPRESSION_ERROR, "a head cannot be unpacked") from None
        finally:
            if before != self._table.changes:
                self._known.clear()


def list_size(fields: list[Field]) -> int:
    """Measure fields as RFC 9113, 6.5.2 does, in bytes."""
    return sum(32 + len(name) + len(value) for name, value in fields)


def literal(name: bytes, value: bytes) -> bytes:
    """Write a field that no table remembers (RFC 7541, 6.2.2)."""
    return b"\x00" + _string(name) + _string(value)


def _string(text: bytes) -> bytes:
    length, most = len(text), 0x7F
    if length < most:
        return bytes((length,)) + text
    digits, length = bytearray((most,)), length - most
    while length >= 0x80:  # noqa: PLR2004  seven bits a byte
        digits.append(length & most | 0x80)
        length >>= 7
    return bytes((*digits, length)) + text

"""What can be known of a zip before it is opened: zipfile makes an object of every entry, however many there are."""

from __future__ import annotations

import struct
import zipfile
from typing import IO, Final

ENTRY_BYTES: Final = 46
"""The least that an entry of the central directory takes."""

METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Others need memory that a hostile header can choose."""

_END: Final = struct.Struct("<4s4H2LH")
_END_MAGIC: Final = b"PK\x05\x06"
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_END_64_MAGIC: Final = b"PK\x06\x06"
_LOCATOR: Final = struct.Struct("<4sLQL")
_LOCATOR_MAGIC: Final = b"PK\x06\x07"
_LONGEST_COMMENT: Final = 0xFFFF
_IN_64: Final = 0xFFFFFFFF


def directory_bytes(file: IO[bytes]) -> int:
    """Give the length of the central directory as the records at the end of the file have it, and go back to its start.

    Raises:
        ValueError: there is no end that could be of a zip archive.
    """
    size = file.seek(0, 2)
    start = max(0, size - _LONGEST_COMMENT - _END.size - _LOCATOR.size - _END_64.size)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    # As zipfile looks for it: at the very end without a comment, else the last that there is.
    end = len(tail) - _END.size
    if end < 0 or not (tail[end:].startswith(_END_MAGIC) and tail.endswith(b"\0\0")):
        end = tail.rfind(_END_MAGIC)
    if end < 0 or len(tail) - end < _END.size:
        raise ValueError("it has no end of a zip archive")
    length = int(_END.unpack_from(tail, end)[5])
    record = end - _LOCATOR.size - _END_64.size
    if (
        record >= 0
        and tail[record:].startswith(_END_64_MAGIC)
        and tail[end - _LOCATOR.size :].startswith(_LOCATOR_MAGIC)
    ):
        # zipfile believes the record of 64 bits wherever there is one.
        return max(int(_END_64.unpack_from(tail, record)[8]), 0 if length == _IN_64 else length)
    return length

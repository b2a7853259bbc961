"""What a skops file is from outside: a zip of a schema (JSON) and numpy arrays, of reasonable size.

What is no such zip is refused, pickles by that name, so that nobody takes a fallback for granted.
"""

from __future__ import annotations

import io
import zipfile
from typing import Final

from weirkeeper_server.errors import BundleError
from weirkeeper_server.pickles import LOOKED_AT, refuse_pickle
from weirkeeper_server.zips import METHODS, directory_bytes

MOST_MEMBERS: Final = 100_000
ENTRY_LENGTH: Final = 128
"""Bytes of an entry in the zip's directory with a name as skops gives it, and some more."""
MOST_BYTES: Final = 4 * 2**30
HIGHEST_RATIO: Final = 1000
RATIO_COUNTS_FROM: Final = 2**20
SCHEMA: Final = "schema.json"


def check_skops(data: bytes, name: str) -> None:
    """Refuse what is no skops file, or none of a model, before anything in it is opened.

    Raises:
        BundleError: PickleRefused, NotABundle or ModelLoadFailed.
    """
    refuse_pickle(data[:LOOKED_AT], data[-LOOKED_AT:], name)
    try:
        # zipfile makes an object of each entry before anything can be counted.
        if directory_bytes(io.BytesIO(data)) > MOST_MEMBERS * ENTRY_LENGTH:
            raise BundleError(
                "ModelLoadFailed", f"{name} has more than {MOST_MEMBERS} members; no skops file is like that"
            )
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BundleError("NotABundle", f"{name} is a damaged zip archive: {error}") from error
    if SCHEMA not in {member.filename for member in members}:
        raise BundleError("NotABundle", f"{name} has no {SCHEMA}, so it is no skops file; make it with skops.io.dump")
    if problem := _unreasonable(members):
        raise BundleError("ModelLoadFailed", f"{name} {problem}; no skops file of a model is like that")


def _unreasonable(members: list[zipfile.ZipInfo]) -> str:
    if len(members) > MOST_MEMBERS:
        return f"has {len(members)} members, more than {MOST_MEMBERS}"
    if len({member.filename for member in members}) != len(members):
        return "has two members of the same name"
    if any("/" in member.filename or "\\" in member.filename or ".." in member.filename for member in members):
        return "has a member with a path"
    if sum(member.file_size for member in members) > MOST_BYTES:
        return f"unpacks to more than {MOST_BYTES} bytes"
    if any(member.compress_type not in METHODS for member in members):
        return "has a member that is compressed otherwise than by deflate"
    swollen = [m for m in members if m.file_size > max(RATIO_COUNTS_FROM, HIGHEST_RATIO * m.compress_size)]
    return f"has a member that unpacks to more than {HIGHEST_RATIO} times its size" if swollen else ""

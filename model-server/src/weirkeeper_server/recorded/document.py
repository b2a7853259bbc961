"""What the file holds, and how it is written: a zip of one JSON document and the bytes of its arrays."""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from weirkeeper_server.shortcuts.agreement import Said
from weirkeeper_server.shortcuts.plan import Part, Shortcut
from weirkeeper_server.zips import METHODS, directory_bytes

VERSION: Final = "shortcut/v1"
DOCUMENT: Final = "shortcut.json"
NUMBERS: Final = "numbers"
MOST_BYTES: Final[dict[str, int]] = {DOCUMENT: 16 * 2**20, NUMBERS: 256 * 2**20}
"""Longest content of each member, unpacked."""

_MOST_DIRECTORY: Final = 1024
_KINDS: Final = "biufU"
_WRITTEN: Final = (1980, 1, 1, 0, 0, 0)
"""The date of the members: what is made twice of the same model is the same."""


class NotRecorded(Exception):
    """There is no shortcut that can be used; the message says why."""


class Recorded(Part):
    """A model's shortcut, and how scikit-learn answered: on whole requests (`said`) and at the last step (`edges`).

    `together` says whether rows were answered alike alone and with others; `made_with` has the versions of libraries.
    """

    api_version: Literal["shortcut/v1"] = VERSION
    model_sha256: str
    made_with: dict[str, str]
    shortcut: Shortcut
    said: Said
    edges: Said
    together: bool

    @property
    def answers(self) -> int:
        """How many rows scikit-learn was asked about."""
        return self.said.rows + self.edges.rows


def to_bytes(recorded: Recorded) -> bytes:
    """Write the file.

    Raises:
        NotRecorded: it would be longer than a server reads.
    """
    arrays = _Written()
    document = json.dumps(recorded.model_dump(context=arrays))
    contents = {DOCUMENT: document.encode(), NUMBERS: b"".join(arrays.parts)}
    for name, content in contents.items():
        if len(content) > MOST_BYTES[name]:
            raise NotRecorded(f"its {name} would have {len(content)} bytes, more than {MOST_BYTES[name]}")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _WRITTEN), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def from_bytes(data: bytes) -> Recorded:
    """Read the file; it holds data alone, and no more of it than is allowed.

    Raises:
        NotRecorded: it is not what `to_bytes` writes.
    """
    try:
        contents = _contents(data)
        document = json.loads(contents[DOCUMENT])
        if isinstance(document, dict) and document.get("api_version") != VERSION:
            raise NotRecorded(f"it is {str(document.get('api_version'))[:40]!r}, and this server reads {VERSION}")
        return Recorded.model_validate(document, context=_Read(contents[NUMBERS]))
    except (
        ValueError, TypeError, LookupError, OverflowError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error
    ) as error:  # fmt: skip
        raise NotRecorded(f"it cannot be read: {' '.join(str(error).split())[:200]}") from error


def _contents(data: bytes) -> dict[str, bytes]:
    if directory_bytes(io.BytesIO(data)) > _MOST_DIRECTORY:
        raise ValueError("it has more members than two")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if members.keys() != MOST_BYTES.keys() or any(one.compress_type not in METHODS for one in members.values()):
            raise ValueError(f"its members are {', '.join(sorted(members))[:80]}")
        found = {}
        for name, member in members.items():
            with archive.open(member) as file:
                found[name] = file.read(MOST_BYTES[name] + 1)
            if len(found[name]) > MOST_BYTES[name]:
                raise ValueError(f"{name} has more than {MOST_BYTES[name]} bytes")
    return found


class _Written:
    """Arrays one after the other; those of objects stand in the document itself."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._length = 0

    def keep(self, array: npt.NDArray[Any]) -> dict[str, Any]:
        if array.dtype.kind == "O":
            values = [None if _is_missing(value) else value for value in array.ravel().tolist()]
            return {"shape": list(array.shape), "values": values}
        if array.dtype.kind not in _KINDS:
            raise NotRecorded(f"numbers of type {array.dtype} cannot be written")
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        reference = {"dtype": plain.dtype.str, "shape": list(array.shape), "at": self._length}
        self.parts.append(plain.tobytes())
        self._length += plain.nbytes
        return reference


class _Read:
    """Arrays found again; each is checked against the bytes that there are, and all together are no more than those."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = len(data)

    def take(self, reference: object) -> npt.NDArray[Any]:
        match reference:
            case {"shape": [*shape], "values": [*values]}:
                return _objects(shape, values)
            case {"dtype": str(name), "shape": [*shape], "at": int(start)} if start >= 0:
                dtype = np.dtype(name)
                if dtype.kind not in _KINDS or not dtype.itemsize:
                    raise ValueError(f"numbers of type {name[:20]!r} are not read")
                count = _count(shape)
                if count == 0:
                    return np.empty(shape, dtype)
                self._left -= count * dtype.itemsize
                if self._left < 0:
                    raise ValueError("arrays have more bytes together than there are")
                array = np.frombuffer(self._data, dtype, count, start).reshape(shape)
                return array.astype(dtype.newbyteorder("="))
        raise ValueError("an array is expected")


def _objects(shape: list[Any], values: list[Any]) -> npt.NDArray[Any]:
    if any(value is not None and not isinstance(value, str | bool | int | float) for value in values):
        raise ValueError("values are texts, numbers and booleans")
    array = np.empty(len(values), dtype=object)
    array[:] = [math.nan if value is None else value for value in values]
    return array.reshape(_checked(shape))


def _checked(shape: list[Any]) -> list[int]:
    if not all(type(length) is int and length >= 0 for length in shape) or len(shape) > 2:  # noqa: PLR2004  a matrix
        raise ValueError("the shape of an array is wrong")
    return shape


def _count(shape: list[Any]) -> int:
    return math.prod(_checked(shape))


def _is_missing(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)

"""Frames of requests with an input for each column: JSON with the lists of data cut out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.bounds import check_strings
from weirkeeper_server.plain_bodies import PlainDocument, may_hold_booleans, plain_array
from weirkeeper_server.question import Question
from weirkeeper_server.settings import Limits
from weirkeeper_server.tensors import Array

LONGEST_FRAME: Final = 16_384
"""Bytes of a frame that is remembered; each of many columns has a name, a type and a shape in it."""

_DATA: Final = (b'"data":[', b'"data": [')
_SEPARATOR: Final = b"],["


@dataclass(frozen=True)
class Parted:
    """A body in two: what stands around its lists of data, and the content of each list."""

    around: tuple[bytes, ...]
    lists: list[bytes]


def parted(body: bytes, count: int) -> Parted | None:
    """Cut `count` lists of data out of a body, None where they are not found as most callers write them.

    A list is taken to end at the first bracket. If that one is within a string, what is left is no list, and the frame
    has never been seen.
    """
    for start in _DATA:
        first, *pieces = body.split(start)
        if len(pieces) == count:
            cut = [piece.partition(b"]") for piece in pieces]
            around = (first, *[rest for _, _, rest in cut])
            return Parted(around, [content for content, _, _ in cut]) if _is_short(around) else None
    return None


def _is_short(around: Sequence[bytes]) -> bool:
    return sum(map(len, around)) <= LONGEST_FRAME


@dataclass(frozen=True)
class ColumnsFrame:
    """JSON around lists of data, those of `numbers` and of `texts` by the places at which they stand.

    All numbers are in double precision.
    """

    question: Question
    numbers: tuple[tuple[int, str], ...]
    texts: tuple[tuple[int, Tensor], ...]
    order: tuple[str, ...]

    def filled(self, lists: Sequence[bytes], limits: Limits) -> Question | None:
        """Read the lists; None where they do not hold numbers and strings as before, as many as before.

        Raises:
            RequestTooLarge: a string is longer than the limit.
        """
        found: dict[str, Array] = {}
        if not self._add_numbers(found, [lists[place] for place, _ in self.numbers]):
            return None
        shape = (self.question.request.rows,)
        for place, tensor in self.texts:
            read = _read(lists[place], 1)
            array = plain_array(tensor, shape, read[0]) if read else None
            if array is None:
                return None
            check_strings(tensor.name, array, limits)
            found[tensor.name] = array
        return self.question.of({name: found[name] for name in self.order})

    def _add_numbers(self, found: dict[str, Array], lists: Sequence[bytes]) -> bool:
        """Write all columns of numbers into one array, and say whether all were such."""
        rows = self.question.request.rows
        text = _SEPARATOR.join(lists)
        columns = None if may_hold_booleans(text) else _read(text, len(lists))
        if columns is None or any(len(column) != rows for column in columns):
            return False
        if not columns:
            return True
        matrix = plain_array(_DOUBLES, (len(columns), rows), columns)
        if matrix is None:
            return False
        found.update(zip([name for _, name in self.numbers], matrix, strict=True))
        return True


_DOUBLES: Final = Tensor(name="columns", datatype="FP64", shape=(-1, 1))


def _read(text: bytes, count: int) -> list[list[Any]] | None:
    """Read the content of `count` joined lists; None where one of them is not the content of one list alone.

    There is no closing bracket in any of them. So where as many lists come out, none of them has run into the next.
    """
    if not count:
        return []
    try:
        read: list[list[Any]] = orjson.loads(b"[[" + text + b"]]")
    except orjson.JSONDecodeError:
        return None
    return read if len(read) == count else None


def column_frame(
    document: Mapping[str, Any], signature: Signature, cut: Parted, question: Question
) -> ColumnsFrame | None:
    """Make the frame of a body, None where something else may have been cut out than the data of its inputs.

    Every input's data have to be what was cut out.
    """
    if not isinstance(document, PlainDocument) or not document.stands_around(cut.around):
        return None
    entries = document["inputs"]
    if _read(_SEPARATOR.join(cut.lists), len(cut.lists)) != [entry["data"] for entry in entries]:
        return None
    tensors = {tensor.name: tensor for tensor in signature.inputs}
    places = [(place, tensors[entry["name"]]) for place, entry in enumerate(entries)]
    return ColumnsFrame(
        question.of({}),
        tuple((place, tensor.name) for place, tensor in places if tensor.datatype != "BYTES"),
        tuple((place, tensor) for place, tensor in places if tensor.datatype == "BYTES"),
        tuple(tensors),
    )


def is_of_columns(signature: Signature) -> bool:
    """Say whether a model takes columns, each of strings or of numbers in double precision."""
    return all(len(tensor.shape) == 1 and tensor.datatype in ("FP64", "BYTES") for tensor in signature.inputs)

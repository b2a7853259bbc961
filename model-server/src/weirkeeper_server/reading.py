"""Questions read from the bodies of inference requests, as JSON and with binary tensors.

Callers change the numbers of their requests and seldom anything else. So what was found out about all that stands
around the numbers is remembered by its very bytes, a frame: where they come again, the numbers alone are read. A body
that does not fit its frame in any way is read as if there were none, which also finds the words for what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server import binary_tensors
from weirkeeper_server.bounds import check_size, check_tensors
from weirkeeper_server.column_frames import ColumnsFrame, column_frame, is_of_columns, parted
from weirkeeper_server.decode import parse, read_request
from weirkeeper_server.plain_bodies import PlainDocument, may_hold_booleans, plain_array
from weirkeeper_server.question import Question
from weirkeeper_server.raw_tensors import decode_raw
from weirkeeper_server.settings import Limits
from weirkeeper_server.tensors import DTYPES, fitted

MOST_FRAMES: Final = 256
LONGEST_FRAME: Final = 4096
"""Bytes of a frame that is remembered."""

_DATA: Final = b'"data":'


@dataclass(frozen=True)
class _TextFrame:
    """JSON around the numbers of the only input."""

    question: Question
    tensor: Tensor
    shape: tuple[int, ...]

    def filled(self, text: bytes) -> Question | None:
        """Read the numbers, a list as JSON; None where they are not as many numbers as before."""
        if may_hold_booleans(text):
            return None
        try:
            array = plain_array(self.tensor, self.shape, orjson.loads(text))
        except orjson.JSONDecodeError:
            return None
        if array is None:
            return None
        return self.question.of({self.tensor.name: array})


class _Place(NamedTuple):
    """Where the bytes of an input are, after the JSON."""

    tensor: Tensor
    datatype: str
    shape: tuple[int, ...]
    bytes: slice


@dataclass(frozen=True)
class _BytesFrame:
    """JSON before binary tensors."""

    question: Question
    places: tuple[_Place, ...]
    size: int

    def filled(self, rest: memoryview) -> Question | None:
        """Read the tensors; None where they are not as many bytes as before.

        Raises:
            InvalidRequest: a value among them may not be there.
        """
        if len(rest) != self.size:
            return None
        inputs = {
            tensor.name: fitted(tensor, decode_raw(tensor.name, datatype, shape, rest[part]))
            for tensor, datatype, shape, part in self.places
        }
        return self.question.of(inputs)


class Reader:
    """Reads the questions to one model. It belongs to the event loop."""

    def __init__(self, signature: Signature, limits: Limits) -> None:
        self._signature = signature
        self._limits = limits
        self._numeric = all(DTYPES[tensor.datatype].kind in "fiu" for tensor in signature.inputs)
        self._of_columns = is_of_columns(signature)
        self._texts: dict[tuple[bytes, bytes], _TextFrame] = {}
        self._columns: dict[tuple[bytes, ...], ColumnsFrame] = {}
        self._bytes: dict[bytes, _BytesFrame] = {}

    def read(self, body: bytes, length: int) -> Question:
        """Read a body, of which the first `length` bytes are JSON; 0 where all of it is one tensor.

        Raises:
            InvalidRequest: it is no request to this model.
            RequestTooLarge: it is one, but has too much of something.
        """
        if length == len(body):
            if self._numeric and len(self._signature.inputs) == 1:
                return self._read_text(body)
            if self._of_columns:
                return self._read_columns(body)
        elif self._numeric:
            return self._read_bytes(body, length)
        return self._read(body, length)[2]

    def _read_text(self, body: bytes) -> Question:
        start, end = _numbers(body)
        key = body[:start], body[end:]
        known = self._texts.get(key) if start else None
        if known is not None and (found := known.filled(body[start:end])) is not None:
            return found
        document, _, question = self._read(body, len(body))
        if start and known is None and _is_frame(document, key):
            tensor = self._signature.inputs[0]
            shape = question.request.inputs[tensor.name].shape
            _keep(self._texts, key, _TextFrame(question.of({}), tensor, shape))
        return question

    def _read_columns(self, body: bytes) -> Question:
        cut = parted(body, len(self._signature.inputs))
        known = self._columns.get(cut.around) if cut else None
        if cut and known and (found := known.filled(cut.lists, self._limits)) is not None:
            return found
        document, _, question = self._read(body, len(body))
        frame = column_frame(document, self._signature, cut, question) if cut and known is None else None
        if cut and frame:
            _keep(self._columns, cut.around, frame)
        return question

    def _read_bytes(self, body: bytes, length: int) -> Question:
        key = body[:length]
        known = self._bytes.get(key)
        if known is not None and (found := known.filled(memoryview(body)[length:])) is not None:
            return found
        document, raw, question = self._read(body, length)
        frame = self._framed(document, raw, question) if known is None and 0 < length <= LONGEST_FRAME else None
        if frame is not None:
            _keep(self._bytes, key, frame)
        return question

    def _framed(
        self, document: Mapping[str, Any], raw: Mapping[str, memoryview], question: Question
    ) -> _BytesFrame | None:
        if raw.keys() != question.request.inputs.keys() or question.request.identifier is not None:
            return None
        datatypes = {entry["name"]: entry["datatype"] for entry in document["inputs"]}
        parts, at = {}, 0
        for name, part in raw.items():
            parts[name] = slice(at, at + len(part))
            at += len(part)
        places = [
            _Place(tensor, datatypes[tensor.name], question.request.inputs[tensor.name].shape, parts[tensor.name])
            for tensor in self._signature.inputs
        ]
        return _BytesFrame(question.of({}), tuple(places), at)

    def _read(self, body: bytes, length: int) -> tuple[Mapping[str, Any], Mapping[str, memoryview], Question]:
        limits = self._limits
        document: Mapping[str, Any]
        if length == 0 and body:
            document, raw = binary_tensors.raw_request(self._signature, body)
        else:
            document = parse(body[:length], limits.max_json_depth)
            check_tensors(document, limits)
            binary_tensors.check_parameters(document)
            raw = binary_tensors.raw_inputs(document, memoryview(body)[length:])
        request = read_request(document, self._signature, limits.max_rows, raw)
        check_size(request, limits)
        binary = binary_tensors.binary_outputs(document, request.wanted)
        return document, raw, Question(request, binary, binary_tensors.seconds(document))


def _numbers(body: bytes) -> tuple[int, int]:
    """Find where a list of data begins and ends; 0 for both where it is not found as most callers write it."""
    start = body.find(_DATA) + len(_DATA)
    if body[start : start + 1] == b" ":
        start += 1
    closing = b"]]" if body[start : start + 2] == b"[[" else b"]"
    end = body.find(closing, start) + len(closing)
    if start <= len(_DATA) or end <= start or body[start : start + 1] != b"[":
        return 0, 0
    return (start, end) if start + len(body) - end <= LONGEST_FRAME else (0, 0)


def _is_frame(document: Mapping[str, Any], around: tuple[bytes, bytes]) -> bool:
    """Say whether what was cut out is the data of the only input, and nothing of it can stand for anything else."""
    return isinstance(document, PlainDocument) and len(document["inputs"]) == 1 and document.stands_around(around)


def _keep(frames: dict[Any, Any], key: Any, frame: _TextFrame | _BytesFrame | ColumnsFrame) -> None:
    """Remember a frame, in the place of the oldest where there are too many."""
    if len(frames) >= MOST_FRAMES:
        del frames[next(iter(frames))]
    frames[key] = frame

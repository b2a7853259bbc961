"""Bodies whose frame came before are read as if it had not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server import reading
from weirkeeper_server.decode import parse
from weirkeeper_server.errors import RequestError
from weirkeeper_server.question import Question
from weirkeeper_server.reading import Reader
from weirkeeper_server.settings import Limits

OUTPUTS = (Tensor(name="predict", datatype="FP64", shape=(-1,)), Tensor(name="score", datatype="FP64", shape=(-1,)))
LIMITS = Limits()


def signature(datatype: Any = "FP64", *, nullable: bool = False) -> Signature:
    return Signature(
        inputs=(Tensor(name="input", datatype=datatype, shape=(-1, 3), nullable=nullable),), outputs=OUTPUTS
    )


def body(data: str, around: str = '"shape": [2, 3], "datatype": "FP64"', further: str = "") -> bytes:
    return f'{{"inputs": [{{"name": "input", {around}, "data":{data}}}]{further}}}'.encode()


def told(reader: Reader, content: bytes, length: int | None = None) -> Any:
    """Tell what was read, with the arrays' types and values, or what the caller is told."""
    try:
        question = reader.read(content, len(content) if length is None else length)
    except RequestError as error:
        return str(error)
    arrays = {name: (array.dtype.str, array.tolist()) for name, array in question.request.inputs.items()}
    return question.request._replace(inputs={}), question.binary, question.seconds, arrays


def alone(content: bytes, told_by: Signature, length: int | None = None) -> Any:
    return told(Reader(told_by, LIMITS), content, length)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The JSON that was read as a whole."""
    found: list[bytes] = []

    def noted(text: bytes, depth: int) -> Any:
        found.append(text)
        return parse(text, depth)

    monkeypatch.setattr(reading, "parse", noted)
    return found


FIRST = "[1, 2, 3, 4, 5, 6]"
LISTS = [
    "[6.5, -5e-3, 4, 3, 2, 1]", "[[9, 8, 7], [6, 5, 4]]", " [1,2,3,4,5,6]", "[1, 2, 3, 4, 5]", "[[1, 2], [3, 4, 5, 6]]",
    "[1, 2, 3, 4, 5, true]", "[1, 2, false, 4, 5, 6]", "[1, 2, 3, null, 5, 6]", '[1, 2, 3, 4, 5, "6"]',
    "[1, 2, 3, 4, 5, 1e999]", "[1, 2, 3, 4, 5, 1e39]", "[1, 2, 3, 4, 5, [6]]", "[1, 2, 3, 4, 5, {}]", "[]",
    "[1, 2, 3, 4, 5, 6", "[1, 2, 3, 4, 5, 6,]",
    "[1, 2, 3, 4, 5, NaN]", "7", "[1, 2, 3, 4, 5, 6.0]", "[1, 2, 3, 4, 5, 99999999999999999999]",
    '[1, 2, 3, 4, 5, 6], "data": [1, 2, 3, 4, 5, 6]', '["]", 2, 3, 4, 5, 6]',
]  # fmt: skip


@pytest.mark.parametrize(
    ("datatype", "nullable"),
    [
        ("FP64", False),
        ("FP64", True),
        ("FP32", True),
        ("INT64", False),
        ("UINT8", False),
        ("BYTES", False),
        ("BOOL", False),
    ],
)
@pytest.mark.parametrize("data", LISTS)
def test_other_numbers_in_a_known_frame_are_read_as_without_it(data: str, datatype: str, nullable: bool) -> None:  # noqa: FBT001
    told_by = signature(datatype, nullable=nullable)
    around = f'"shape": [2, 3], "datatype": "{datatype}"'
    reader = Reader(told_by, LIMITS)
    for first in (FIRST, "[[1, 2, 3], [4, 5, 6]]", f" {FIRST}"):
        told(reader, body(first, around))
        assert repr(told(reader, body(data, around))) == repr(alone(body(data, around), told_by))


def test_in_a_known_frame_the_numbers_alone_are_read(parsed: list[bytes]) -> None:
    reader = Reader(signature(), LIMITS)
    further = ', "outputs": [{"name": "score", "parameters": {"binary_data": true}}], "parameters": {"timeout": 5000}'
    got = [told(reader, body(data, further=further)) for data in (FIRST, LISTS[0])]
    assert len(parsed) == 1
    request, binary, seconds, arrays = got[1]
    assert (request.wanted, request.rows, binary, seconds) == (("score",), 2, {"score"}, 0.005)
    assert arrays == {"input": ("<f8", [[6.5, -5e-3, 4], [3, 2, 1]])}


@pytest.mark.parametrize(
    "content",
    [
        body(FIRST, further=', "id": "a"'),
        body(FIRST, further=', "outputs": [{"name": "score", "data": [1]}]'),
        body(FIRST, further=', "x\\"data":1'),
        b'{"parameters": {"x": "\\\\", "data":[1]}, "inputs": []}',
        body(FIRST, further=f', "parameters": {{"x": "{"y" * reading.LONGEST_FRAME}"}}'),
    ],
    ids=["an identifier", "an output with data", "an escaped name", "data elsewhere", "a long one"],
)
def test_what_may_be_no_frame_is_read_anew(content: bytes, parsed: list[bytes]) -> None:
    reader = Reader(signature(), LIMITS)
    assert told(reader, content) == told(reader, content) == alone(content, signature())
    assert len(parsed) == 3


def test_the_oldest_frames_are_forgotten(monkeypatch: pytest.MonkeyPatch, parsed: list[bytes]) -> None:
    monkeypatch.setattr(reading, "MOST_FRAMES", 2)
    reader = Reader(signature(), LIMITS)
    bodies = [body(FIRST, further=" " * count) for count in range(3)]
    for content in (*bodies, bodies[2], bodies[1], bodies[0]):
        told(reader, content)
    assert len(parsed) == 4


PAIR = Signature(
    inputs=(
        Tensor(name="a", datatype="FP64", shape=(-1,)),
        Tensor(name="b", datatype="INT64", shape=(-1, 2)),
    ),
    outputs=OUTPUTS,
)
HEAD = json.dumps(
    {
        "inputs": [
            {"name": "b", "datatype": "INT32", "shape": [2, 2], "parameters": {"binary_data_size": 16}},
            {"name": "a", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": 8}},
        ],
        "parameters": {"binary_data_output": True},
    }
).encode()


@settings(max_examples=40)
@given(rest=st.one_of(st.binary(min_size=24, max_size=24), st.binary(max_size=30)))
@example(rest=bytes(22) + b"\xa0\x7f").via("a signalling NaN")
def test_other_tensors_after_known_json_are_read_as_without_it(rest: bytes) -> None:
    reader = Reader(PAIR, LIMITS)
    first = np.arange(4, dtype="<i4").tobytes() + np.ones(2, dtype="<f4").tobytes()
    assert isinstance(reader.read(HEAD + first, len(HEAD)), Question)
    assert repr(told(reader, HEAD + rest, len(HEAD))) == repr(alone(HEAD + rest, PAIR, len(HEAD)))


def test_after_known_json_the_tensors_alone_are_read(parsed: list[bytes]) -> None:
    reader = Reader(PAIR, LIMITS)
    rest = np.arange(4, dtype="<i4").tobytes() + np.array([0.5, 7], dtype="<f4").tobytes()
    got = [told(reader, HEAD + content, len(HEAD)) for content in (bytes(24), rest)]
    assert len(parsed) == 1
    assert got[1][1:] == ({"predict", "score"}, None, {"a": ("<f8", [0.5, 7.0]), "b": ("<i8", [[0, 1], [2, 3]])})


def test_a_body_that_is_one_tensor_is_read(parsed: list[bytes]) -> None:
    reader = Reader(signature(), LIMITS)
    content = np.arange(6, dtype="<f8").tobytes()
    assert told(reader, content, 0)[3] == {"input": ("<f8", [[0, 1, 2], [3, 4, 5]])}
    assert not parsed


MIXED = Signature(
    inputs=(
        Tensor(name="a", datatype="FP64", shape=(-1,)),
        Tensor(name="word", datatype="BYTES", shape=(-1,)),
        Tensor(name="b", datatype="FP64", shape=(-1,), nullable=True),
    ),
    outputs=OUTPUTS,
)


def columns(word: str, first: str, second: str, further: str = "", space: str = " ") -> bytes:
    """Write a request in another order than the signature's."""
    given = [("word", "BYTES", word), ("b", "FP64", second), ("a", "INT32", first)]
    entries = [
        f'{{"name": "{name}", "shape": [2], "datatype": "{datatype}", "data":{space}{data}}}'
        for name, datatype, data in given
    ]
    return f'{{"inputs": [{", ".join(entries)}]{further}}}'.encode()


PLAIN = ('["x", "y"]', "[1, 2]", "[0.5, 1e-3]")
ESCAPED = ('["a\\"b", "é"]', "[3, 4]", "[7, 8]")
OTHERS = [
    ('["t", "false"]', "[3, 4]", "[7, 8]"), ESCAPED,
    ('["a\\"],[\\"b", "é"]', "[3, 4]", "[7, 8]"), ('["]", "y"]', "[3, 4]", "[7, 8]"),
    ('["x", "y"]', "[true, 4]", "[7, 8]"), ('["x", "y"]', "[3, 4]", "[null, 8]"), ('["x", null]', "[3, 4]", "[7, 8]"),
    ('["x", "y"]', "[3]", "[7, 8]"), ('["x", "y"]', "[3, 4, 5]", "[7]"), ('["x"]', "[3, 4]", "[7, 8]"),
    ('["x", "y"]', '["3", 4]', "[7, 8]"), ('["x", "y', "[3, 4]", "[7, 8]"), ('["x", "y"]', "[3, {}]", "[7, 8]"),
    ('["x", 1]', "[3, 4]", "[7, 8]"), ('["x", "y"]', "[3, 4]", "[1e999, 8]"), ('["x", "y"]', "[3, 4,]", "[7, 8]"),
    ('["x", "y"]', '[3, "', '", 8]'),
    (f'["{"z" * 70_000}", "y"]', "[3, 4]", "[7, 8]"), ('["x", "y"]', "[[3], [4]]", "[7, 8]"),
]  # fmt: skip


@pytest.mark.parametrize("space", ["", " ", "  "])
@pytest.mark.parametrize("given", OTHERS)
def test_other_columns_in_a_known_frame_are_read_as_without_it(given: tuple[str, str, str], space: str) -> None:
    reader = Reader(MIXED, LIMITS)
    told(reader, columns(*PLAIN, space=space))
    content = columns(*given, space=space)
    assert repr(told(reader, content)) == repr(alone(content, MIXED))
    assert repr(told(reader, content)) == repr(alone(content, MIXED))
    again = columns(*PLAIN, space=space)
    assert repr(told(reader, again)) == repr(alone(again, MIXED))


def test_in_a_known_frame_the_columns_alone_are_read(parsed: list[bytes]) -> None:
    reader = Reader(MIXED, LIMITS)
    got = [told(reader, columns(*given)) for given in (PLAIN, OTHERS[0], ESCAPED)]
    assert len(parsed) == 1
    assert got[2][3]["word"] == ("|O", ['a"b', "é"])
    assert got[1][3] == {"a": ("<f8", [3, 4]), "word": ("|O", ["t", "false"]), "b": ("<f8", [7, 8])}
    assert [*got[1][3]] == ["a", "word", "b"]


@pytest.mark.parametrize(
    "further", [', "id": "a"', ', "outputs": [{"name": "score", "data": [1]}]', ', "parameters": {"x": "\\\\"}']
)
def test_columns_that_may_be_in_no_frame_are_read_anew(further: str, parsed: list[bytes]) -> None:
    reader = Reader(MIXED, LIMITS)
    content = columns(*PLAIN, further=further)
    assert repr(told(reader, content)) == repr(told(reader, content)) == repr(alone(content, MIXED))
    assert len(parsed) == 3

"""JSON is read and written fast where that means the same, and thoroughly where it does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server.echo import values
from weirkeeper_server.answer import Identity, InferAnswer, Output, encode
from weirkeeper_server.decode import DEEPEST, _parse_exactly, parse
from weirkeeper_server.errors import InvalidRequest, PredictionFailed


def written(value: Any) -> str:
    """Write JSON in which an object, a tuple of pairs here, may name a field twice."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}: {written(one)}" for name, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


names = st.sampled_from(["inputs", "outputs", "parameters", "data", "shape", "a:b", "[", "é"])
single = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", ":", "]", "[{", '"', "\ud800", "naïve"]),
    st.sampled_from([5, 30, 40]).map(nested),
)
documents = st.recursive(
    single,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(st.tuples(names, inner), max_size=4).map(tuple)),
    max_leaves=12,
)


def outcome(read: Any, body: bytes) -> Any:
    try:
        return read(body, DEEPEST)
    except InvalidRequest as error:
        return str(error)


@given(st.lists(st.tuples(names, documents), max_size=4).map(tuple))
def test_a_body_is_read_as_the_thorough_way_reads_it(document: Any) -> None:
    body = written(document).encode()
    assert repr(outcome(parse, body)) == repr(outcome(_parse_exactly, body))


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '{"inputs": [{"data": [1], "data": [1]}]}', '{"a": [[{"b": 1, "b": 2}]]}']
)
def test_a_field_that_is_named_twice_is_found_wherever_it_is(text: str) -> None:
    with pytest.raises(InvalidRequest, match="names the same field twice"):
        parse(text.encode())


def answer(array: Any) -> InferAnswer:
    return InferAnswer(Identity("m", "m-1"), None, (Output("x", "BYTES", array),))


@pytest.mark.parametrize("datatype", ["BOOL", "INT64", "UINT64", "FP16", "FP32", "FP64", "BYTES"])
def test_an_answer_has_the_values_that_the_standard_library_would_write(datatype: str) -> None:
    array = values(datatype)
    assert json.loads(encode(answer(array)))["outputs"][0]["data"] == json.loads(json.dumps(array.tolist()))


@pytest.mark.parametrize("given", [np.float64(1.5), np.str_("s"), "\ud800", None])
def test_what_only_the_standard_library_can_write_is_written(given: Any) -> None:
    array = np.empty(1, dtype=object)
    array[0] = given
    assert json.loads(encode(answer(array)))["outputs"][0]["data"] == [given]


@pytest.mark.parametrize("given", [float("nan"), float("inf"), b"bytes", object()])
def test_what_json_has_no_word_for_is_a_failure_and_not_null(given: Any) -> None:
    array = np.empty(1, dtype=object)
    array[0] = given
    with pytest.raises(PredictionFailed, match="NaN, infinity or another value"):
        encode(answer(array))

"""What callers can get wrong, and what they are told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.server.churn import request
from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.decode import InferRequest, _parse_exactly, parse, read_request
from weirkeeper_server.errors import InvalidRequest, RequestTooLarge
from weirkeeper_server.plain_bodies import PlainDocument

OUTPUTS = (
    Tensor(name="predict", datatype="BYTES", shape=(-1,)),
    Tensor(name="predict_proba", datatype="FP64", shape=(-1, 2)),
)
COLUMNS = Signature(
    inputs=(
        Tensor(name="income", datatype="FP64", shape=(-1,), nullable=True),
        Tensor(name="visits", datatype="INT64", shape=(-1,)),
        Tensor(name="region", datatype="BYTES", shape=(-1,)),
    ),
    outputs=OUTPUTS,
)
MATRIX = Signature(inputs=(Tensor(name="input", datatype="FP64", shape=(-1, 3)),), outputs=OUTPUTS)


def read(document: dict[str, Any], signature: Signature = COLUMNS) -> InferRequest:
    return read_request(parse(json.dumps(document).encode()), signature, max_rows=100)


def matrix(**entry: Any) -> dict[str, Any]:
    given = {"name": "input", "datatype": "FP64", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6.5]}
    return {"inputs": [{**given, **entry}]}


def test_columns_become_arrays_of_their_types() -> None:
    got = read(request(2) | {"id": "a7"})
    assert got.identifier == "a7"
    assert got.rows == 2
    assert got.inputs["income"].dtype == np.float64
    assert got.inputs["visits"].dtype == np.int64
    assert got.inputs["region"].tolist() == ["north", "north"]
    assert got.wanted == ("predict", "predict_proba")


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6.5], [[1, 2, 3], [4, 5, 6.5]]])
def test_a_matrix_may_be_flat_or_nested(data: list[Any]) -> None:
    got = read(matrix(data=data), MATRIX).inputs["input"]
    assert got.tolist() == [[1, 2, 3], [4, 5, 6.5]]


@pytest.mark.parametrize(
    "region",
    [
        {"shape": [2, 1], "data": ["a", "b"]},
        {"shape": [2, 1], "data": [["a"], ["b"]]},
        {"shape": [2], "data": ["a", "b"]},
    ],
)
def test_a_column_may_come_as_a_matrix_of_one(region: dict[str, Any]) -> None:
    assert read(request(2, region=region)).inputs["region"].tolist() == ["a", "b"]


@pytest.mark.parametrize(("datatype", "accepted"), [("FP32", True), ("INT32", True), ("BOOL", False), ("BYTES", False)])
def test_numbers_may_come_in_a_type_that_loses_nothing(datatype: str, accepted: bool) -> None:  # noqa: FBT001
    document = request(income={"datatype": datatype, "data": [3]})
    if accepted:
        assert read(document).inputs["income"].dtype == np.float64
    else:
        with pytest.raises(InvalidRequest, match=r"'income' has datatype .* takes FP64"):
            read(document)


def test_null_is_missing_where_values_may_lack() -> None:
    assert np.isnan(read(request(income={"data": [None]})).inputs["income"]).all()


def test_outputs_can_be_asked_for() -> None:
    assert read(request() | {"outputs": [{"name": "predict_proba"}]}).wanted == ("predict_proba",)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no inputs": ({}, "inputs is missing"),
    "inputs no list": ({"inputs": {}}, "inputs is missing or no list"),
    "an input no object": ({"inputs": [1]}, "no list of objects"),
    "an input without a name": ({"inputs": [{}]}, "has no name"),
    "an input twice": ({"inputs": [{"name": "income"}, {"name": "income"}]}, "'income' twice"),
    "an unknown input": (request(salary={"data": [1]}), "unknown input 'salary'; this model takes 'income', 'visits'"),
    "a missing column": (request(region=None), "missing input 'region'; this model takes"),
    "an id that is no string": (request() | {"id": 7}, "id is no string"),
    "no datatype": (request(visits={"datatype": None}), "has datatype null; this model takes INT64"),
    "an unknown datatype": (request(visits={"datatype": "INT7"}), "has datatype 'INT7'; this model takes INT64"),
    "a type that would lose": (request(visits={"datatype": "FP64"}), "has datatype 'FP64'; this model takes INT64"),
    "no shape": (request(visits={"shape": None}), r"has shape null; this model takes \[rows\]"),
    "a negative dimension": (request(visits={"shape": [-1]}), r"has shape \[-1\]; this model takes"),
    "a fractional dimension": (request(visits={"shape": [1.0]}), r"has shape \[1.0\]; this model takes"),
    "a boolean dimension": (request(visits={"shape": [True]}), r"has shape \[true\]; this model takes"),
    "a matrix for a column": (request(visits={"shape": [1, 2]}), r"has shape \[1, 2\]; this model takes \[rows\]"),
    "no rows": (request(0), "has no rows; give at least one"),
    "unequal rows": (request(visits={"shape": [2], "data": [1, 2]}), "'visits' has 2 rows, 'income' has 1"),
    "too little data": (request(2, visits={"data": [1]}), r"has 1 entries; shape \[2\] asks for 2"),
    "no data": (request(visits={"data": None}), "is null; give a list"),
    "data no list": (request(visits={"data": "3"}), "is a string; give a list"),
    "a string for a number": (
        request(income={"data": ["3"]}),
        "has a string at position 0; FP64 takes numbers or null",
    ),
    "a fraction for an integer": (request(visits={"data": [1.5]}), "a number with a fraction at position 0; INT64"),
    "a boolean for an integer": (request(visits={"data": [True]}), "has a boolean at position 0; INT64 takes integers"),
    "a number for a string": (request(region={"data": [3]}), "has an integer at position 0; BYTES takes strings"),
    "null where none may be": (request(visits={"data": [None]}), "has null .* must not lack values"),
    "an object for a string": (request(region={"data": [{}]}), "has an object at position 0; BYTES takes strings"),
    "an integer too large": (request(visits={"data": [2**63]}), "does not fit into INT64"),
    "infinity": (request(income={"data": [float("inf")]}), "has Infinity, which JSON does not know; give null"),
    "outputs no list": (request() | {"outputs": "predict"}, "outputs is missing or no list"),
    "an unknown output": (request() | {"outputs": [{"name": "score"}]}, "unknown output 'score'; this model gives"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_refused_with_what_would_do(case: str) -> None:
    document, message = WRONG[case]
    with pytest.raises(InvalidRequest, match=message):
        read(document)


WRONG_MATRIX: dict[str, tuple[dict[str, Any], str]] = {
    "another width": (matrix(shape=[3, 2]), r"has shape \[3, 2\]; this model takes \[rows, 3\]"),
    "ragged rows": (matrix(data=[[1, 2, 3], [4, 5]]), "rows of another length"),
    "too deep": (matrix(data=[[[1], 2, 3], [4, 5, 6]]), "has a list at position 0"),
    "too few rows": (matrix(data=[[1, 2, 3]]), r"has 1 entries; shape \[2, 3\] asks for 2"),
    "NaN": (matrix(data=[1, 2, 3, 4, 5, float("nan")]), "has NaN, which JSON does not know; give null"),
}


@pytest.mark.parametrize("case", WRONG_MATRIX)
def test_a_wrong_matrix_is_refused_with_what_would_do(case: str) -> None:
    document, message = WRONG_MATRIX[case]
    with pytest.raises(InvalidRequest, match=message):
        read(document, MATRIX)


@pytest.mark.parametrize("shape", [[101], [2**62]])
def test_too_many_rows_are_refused_before_their_data_are_looked_at(shape: list[int]) -> None:
    with pytest.raises(RequestTooLarge, match="at most 100 in one request"):
        read(request(income={"shape": shape}))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe\xfd", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"a": ' + b"1" * 5000 + b"}", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a": ' * 33 + b"1" + b"}" * 33, "nested too deeply, more than 32 levels"),
        (b'{"a": [' + b"[1, {}], " * 40 + b"[" * 40 + b"]" * 41 + b"}", "nested too deeply, more than 32 levels"),
        (b'{"a": -Infinity}', "has -Infinity, which JSON does not know"),
        (b'{"inputs": [], "inputs": []}', "same field twice"),
    ],
)
def test_a_body_that_is_no_request_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse(body)


def test_wide_is_not_deep() -> None:
    document = {"a": [[{"b": []}] for _ in range(100)], "c": "[" * 1000}
    assert parse(json.dumps(document).encode()) == document


def test_a_number_beyond_all_floats_is_infinite_and_refused() -> None:
    body = json.dumps(request(income={"data": [7.0]})).replace("7.0", "1e999").encode()
    with pytest.raises(InvalidRequest, match="input 'income' has an infinite value"):
        read_request(parse(body), COLUMNS, max_rows=100)


@pytest.mark.parametrize("datatype", ["FP16", "FP32"])
def test_a_number_too_large_for_a_small_float_is_refused(datatype: Any) -> None:
    signature = Signature(inputs=(Tensor(name="x", datatype=datatype, shape=(-1,)),), outputs=OUTPUTS)
    entry = {"name": "x", "datatype": datatype, "shape": [1], "data": [1e300]}
    with pytest.raises(InvalidRequest, match="input 'x' has an infinite value"):
        read({"inputs": [entry]}, signature)


HIDDEN = {
    "a boolean among numbers": '"shape": [1, 3], "data": [1.5, true, 2]',
    "a rounded integer": '"parameters": {"x": 1000000000000000000000}, "shape": [1, 3], "data": [1, 2, true]',
    "a string that is a number": '"shape": [1, 3], "data": [1.5, "1", 2]',
    "a string in a row": '"shape": [1, 3], "data": [[1.5, "1", 2]]',
    "null in a row": '"shape": [1, 3], "data": [[1.5, null, 2]]',
    "null in a list": '"shape": [1, 3], "data": [1.5, null, 2]',
    "a field twice": '"shape": [1, 3], "data": [1], "data": [1, 2, 3]',
    "a field twice, written otherwise": '"shape": [1, 3], "dat\\u0061": [1], "data": [1, 2, 3]',
    "a list in a row": '"shape": [1, 3], "data": [[1, [2], 3]]',
    "a fractional width": '"shape": [1, 3.0], "data": [1, 2, 3]',
    "a number beyond all": '"shape": [1, 3], "data": [1, 1e999, 3]',
}


@pytest.mark.parametrize("case", HIDDEN)
def test_what_a_quick_parser_lets_pass_is_refused_all_the_same(case: str) -> None:
    body = f'{{"inputs": [{{"name": "input", "datatype": "FP64", {HIDDEN[case]}}}]}}'.encode()
    with pytest.raises(InvalidRequest) as quick:
        read_request(parse(body), MATRIX, max_rows=100)
    with pytest.raises(InvalidRequest) as exact:
        read_request(_parse_exactly(body, 32), MATRIX, max_rows=100)
    assert str(quick.value) == str(exact.value)


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70))


@given(rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=4), flat=st.booleans())
def test_plain_bodies_are_read_as_the_exact_parser_reads_them(rows: list[list[float]], flat: bool) -> None:  # noqa: FBT001
    data = [value for row in rows for value in row] if flat else rows
    body = json.dumps(matrix(shape=[len(rows), 3], data=data) | {"id": "é: [1]"}).encode()
    plain = json.dumps(matrix(shape=[len(rows), 3], data=data), ensure_ascii=False).encode()
    assert isinstance(parse(plain), PlainDocument)
    for one in (body, plain):
        got, wanted = (read_request(document, MATRIX, 100) for document in (parse(one), _parse_exactly(one, 32)))
        assert (got.identifier, got.rows, got.wanted) == (wanted.identifier, wanted.rows, wanted.wanted)
        assert np.array_equal(got.inputs["input"], wanted.inputs["input"])
        assert got.inputs["input"].shape == wanted.inputs["input"].shape


@pytest.mark.parametrize("datatype", ["INT8", "UINT16", "INT64", "UINT64", "FP16", "FP32", "BOOL", "BYTES"])
@pytest.mark.parametrize(
    "data", [[1, 2], [-1, 2], [127, 300], [2**64, 1], [0.5, 1], [1e39, 1], [True, 1], ["1", 2], [[1], [2]], [None, 1]]
)
def test_a_column_of_any_type_is_read_as_the_exact_parser_reads_it(datatype: Any, data: list[Any]) -> None:
    signature = Signature(inputs=(Tensor(name="x", datatype=datatype, shape=(-1,)),), outputs=OUTPUTS)
    body = json.dumps({"inputs": [{"name": "x", "datatype": datatype, "shape": [2], "data": data}]}).encode()
    told = []
    for document in (parse(body), _parse_exactly(body, 32)):
        try:
            told.append(repr(read_request(document, signature, 100).inputs))
        except InvalidRequest as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_digits_within_a_string_hide_no_word() -> None:
    body = json.dumps(matrix(shape=[1, 3], data=[1, 2, 3]) | {"id": "t-r1u2e and nul.l"}).encode()
    assert read_request(parse(body), MATRIX, 100).inputs["input"].tolist() == [[1, 2, 3]]

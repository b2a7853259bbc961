"""From the body of an inference request to arrays: everything a caller can get wrong is found here, and named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.errors import InvalidRequest, RequestTooLarge
from weirkeeper_server.plain_bodies import PlainDocument, plain_inputs
from weirkeeper_server.raw_tensors import decode_raw
from weirkeeper_server.tensors import Array, Columns, accepts, fitted, read_tensor

MOST_INPUTS_NAMED = 10
DEEPEST = 32


class InferRequest(NamedTuple):
    """A request that fits the signature: `inputs` hold `rows` rows each, `wanted` are names of outputs."""

    identifier: str | None
    inputs: Columns
    rows: int
    wanted: tuple[str, ...]


def parse(body: bytes, max_depth: int = DEEPEST) -> Mapping[str, Any]:
    """Read a body as a JSON object.

    Raises:
        InvalidRequest: it is none, is nested too deeply, names a field twice, or has NaN or infinity, for which JSON
            has no word.
    """
    plain = PlainDocument.read(body)
    return plain if plain is not None else _parse_exactly(body, max_depth)


def _parse_exactly(body: bytes, max_depth: int) -> Mapping[str, Any]:
    try:
        document = json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}; give an inference request as a JSON object") from None
    if not isinstance(document, dict):
        raise InvalidRequest('the body is no JSON object; give {"inputs": [...]}')
    _check_depth(document, max_depth)
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InvalidRequest("the body has an object that names the same field twice; name each field once")
    return document


def _no_constant(word: str) -> NoReturn:
    raise InvalidRequest(f"the body has {word}, which JSON does not know; give null where a value lacks")


def _check_depth(document: object, max_depth: int) -> None:
    level: list[Any] = [document]
    for _ in range(max_depth):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise _too_deep(max_depth)


def _containers(outer: Any) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    if not {list, dict} & set(map(type, values)):
        return []
    return [value for value in values if isinstance(value, list | dict)]


def _too_deep(max_depth: int) -> InvalidRequest:
    return InvalidRequest(
        f"the body is nested too deeply, more than {max_depth} levels; a request has lists of at most two levels"
    )


def read_request(
    document: Mapping[str, Any],
    signature: Signature,
    max_rows: int,
    raw: Mapping[str, memoryview] = MappingProxyType({}),
) -> InferRequest:
    """Check a request against the signature and turn its data into arrays; `raw` has bytes of inputs by name.

    Raises:
        InvalidRequest: something is missing, unknown, or of another type or shape; the message says what.
        RequestTooLarge: more than `max_rows` rows.
    """
    if isinstance(document, PlainDocument):
        if not raw and (found := plain_inputs(document, signature, max_rows)) is not None:
            return InferRequest(_identifier(document), *found, _wanted(document, signature))
        document = _parse_exactly(document.body, DEEPEST)
    identifier = _identifier(document)
    given = _named(document.get("inputs"), "inputs")
    _check_names(given, signature)
    inputs: dict[str, Array] = {}
    rows = -1
    for tensor in signature.inputs:
        shape = _shape(tensor, given[tensor.name], max_rows)
        if rows not in (-1, shape[0]):
            raise InvalidRequest(
                f"input {tensor.name!r} has {shape[0]} rows, {signature.inputs[0].name!r} has {rows}; "
                "give every input the same number of rows"
            )
        rows = shape[0]
        inputs[tensor.name] = _values(tensor, shape, given[tensor.name], raw.get(tensor.name))
    return InferRequest(identifier, inputs, rows, _wanted(document, signature))


def _identifier(document: Mapping[str, Any]) -> str | None:
    identifier = document.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise InvalidRequest("id is no string; give a string, or leave it out")
    return identifier


def _values(tensor: Tensor, shape: tuple[int, ...], entry: Mapping[str, Any], raw: memoryview | None) -> Array:
    if raw is None:
        return read_tensor(tensor, shape, entry.get("data"))
    if "data" in entry:
        raise InvalidRequest(f"input {tensor.name!r} has both data and binary_data_size; give one of them")
    return fitted(tensor, decode_raw(tensor.name, entry["datatype"], shape, raw))


def _named(entries: object, field: str) -> dict[str, Mapping[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidRequest(f"{field} is missing or no list of objects; give [{{'name': …}}, …]".replace("'", '"'))
    named: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            raise InvalidRequest(f"an entry of {field} has no name; give each its name as a string")
        if name in named:
            raise InvalidRequest(f"{field} names {_short(name)} twice; name each once")
        named[name] = entry
    return named


def _check_names(given: Mapping[str, object], signature: Signature) -> None:
    expected = [tensor.name for tensor in signature.inputs]
    if given.keys() == set(expected):
        return
    if unknown := [name for name in given if name not in expected]:
        raise InvalidRequest(f"unknown input {_list(unknown)}; this model takes {_list(expected)}")
    if missing := [name for name in expected if name not in given]:
        raise InvalidRequest(f"missing input {_list(missing)}; this model takes {_list(expected)}")


def _shape(tensor: Tensor, entry: Mapping[str, Any], max_rows: int) -> tuple[int, ...]:
    """Tell the shape that the data must have; a column may also come as `[rows, 1]`."""
    if not accepts(tensor.datatype, given := entry.get("datatype")):
        raise InvalidRequest(f"input {tensor.name!r} has datatype {_short(given)}; this model takes {tensor.datatype}")
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        _wrong_shape(tensor, shape)
    if len(shape) == len(tensor.shape) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != len(tensor.shape) or tensor.shape[1:] != tuple(shape[1:]):
        _wrong_shape(tensor, shape)
    if shape[0] == 0:
        raise InvalidRequest(f"input {tensor.name!r} has no rows; give at least one")
    if shape[0] > max_rows:
        raise RequestTooLarge(f"{shape[0]} rows; at most {max_rows} in one request: split it")
    return tuple(shape)


def _wrong_shape(tensor: Tensor, shape: object) -> NoReturn:
    expected = ", ".join("rows" if size < 0 else str(size) for size in tensor.shape)
    raise InvalidRequest(f"input {tensor.name!r} has shape {_short(shape)}; this model takes [{expected}]")


def _wanted(document: Mapping[str, Any], signature: Signature) -> tuple[str, ...]:
    available = [tensor.name for tensor in signature.outputs]
    if document.get("outputs") in (None, []):
        return tuple(available)
    wanted = tuple(_named(document["outputs"], "outputs"))
    if unknown := [name for name in wanted if name not in available]:
        raise InvalidRequest(f"unknown output {_list(unknown)}; this model gives {_list(available)}")
    return wanted


def _list(names: Sequence[str]) -> str:
    listed = ", ".join(_short(name) for name in names[:MOST_INPUTS_NAMED])
    return listed if len(names) <= MOST_INPUTS_NAMED else f"{listed} and {len(names) - MOST_INPUTS_NAMED} more"


def _short(value: object, limit: int = 80) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "…"

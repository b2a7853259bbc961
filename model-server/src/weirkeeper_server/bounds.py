"""What a request may cost, whichever door it comes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import RequestTooLarge
from weirkeeper_server.settings import Limits
from weirkeeper_server.tensors import Array


def check_tensors(document: Mapping[str, Any], limits: Limits) -> None:
    """Check how many tensors a request lists, before any of them is read.

    Raises:
        RequestTooLarge: more than the limit.
    """
    for field in ("inputs", "outputs"):
        entries = document.get(field)
        if isinstance(entries, list) and len(entries) > limits.max_tensors:
            raise RequestTooLarge(f"{field} lists {len(entries)} tensors; give at most {limits.max_tensors}")


def check_size(request: InferRequest, limits: Limits) -> None:
    """Check how many values a request holds, and how long its strings are.

    Raises:
        RequestTooLarge: more or longer than the limits; the message says which.
    """
    elements = sum(array.size for array in request.inputs.values())
    if elements > limits.max_elements:
        raise RequestTooLarge(
            f"the inputs hold {elements} values; at most {limits.max_elements} in one request: split it"
        )
    for name, array in request.inputs.items():
        if array.dtype.kind == "O":
            check_strings(name, array, limits)


def check_strings(name: str, array: Array, limits: Limits) -> None:
    """Check how long the strings of an input are.

    Raises:
        RequestTooLarge: one is longer than the limit.
    """
    if (longest := _longest(array)) > limits.max_string_length:
        raise RequestTooLarge(
            f"input {name!r} has a string of {longest} characters; give at most {limits.max_string_length}"
        )


def _longest(array: Array) -> int:
    # Where a value lacks, there is NaN among the strings.
    return max((len(value) for value in array.ravel().tolist() if isinstance(value, str)), default=0)

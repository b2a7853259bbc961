"""Keeps the values of sensitive columns out of golden requests: what is asked instead tells nothing of anybody."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from weirkeeper.bundling.errors import UnsuitableSample
from weirkeeper_server.counting import profile_columns
from weirkeeper_server.tensors import Array


def check_named(tensors: Mapping[str, Array], names: Collection[str]) -> None:
    """Check that something is said of columns that there are.

    Raises:
        UnsuitableSample: one of them is none of the sample.
    """
    known = profile_columns(tensors)
    if unknown := [name for name in names if name not in known]:
        raise UnsuitableSample(
            f"column {unknown[0]!r} is none of the sample, which has {', '.join(list(known)[:10])}; name one of them"
        )


def without(tensors: Mapping[str, Array], sensitive: Collection[str]) -> dict[str, Array]:
    """Leave the sensitive columns out: rows are not chosen by their values."""
    return {name: column for name, column in profile_columns(tensors).items() if name not in sensitive}


def neutral(tensors: Mapping[str, Array], sensitive: Collection[str]) -> dict[str, Array]:
    """Put a neutral value in the place of each sensitive one: 0, False or an empty text."""
    return {name: _neutral(name, array, sensitive) for name, array in tensors.items()}


def _neutral(name: str, array: Array, sensitive: Collection[str]) -> Array:
    if array.ndim == 1:
        return np.full_like(array, _blank(array)) if name in sensitive else array
    chosen = [place for place in range(array.shape[1]) if f"{name}[{place}]" in sensitive]
    if not chosen:
        return array
    replaced = array.copy()
    replaced[:, chosen] = _blank(array)
    return replaced


def _blank(array: Array) -> str | int:
    return "" if array.dtype.kind in "OSU" and any(isinstance(value, (str, bytes)) for value in array.flat) else 0

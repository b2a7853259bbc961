"""Values that somebody else gave, read as what they must be; `path` names them in what is said of another.

Every function raises BrokenEvidence where a value is none of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weirkeeper.observe.errors import BrokenEvidence

LARGEST_COUNT: Final = 2**53
"""Beyond, JSON's numbers are not whole any more."""


def mapping_of(given: Any, path: str) -> Mapping[str, Any]:
    """Read an object."""
    if not isinstance(given, dict):
        raise BrokenEvidence(f"{path} is {given!r:.80}; expected an object")
    return given


def items_of(given: Any, path: str) -> list[Any]:
    """Read a list."""
    if not isinstance(given, list):
        raise BrokenEvidence(f"{path} is {given!r:.80}; expected a list")
    return given


def count_of(given: Any, path: str) -> int:
    """Read a whole number of at least 0."""
    if type(given) is not int or not 0 <= given <= LARGEST_COUNT:
        raise BrokenEvidence(f"{path} is {given!r:.80}; expected a whole number of at least 0")
    return given


def number_of(given: Any, path: str) -> float:
    """Read a number of at least 0."""
    if type(given) not in {int, float} or not 0 <= given <= LARGEST_COUNT:
        raise BrokenEvidence(f"{path} is {given!r:.80}; expected a number of at least 0")
    return float(given)


def text_of(given: Any, path: str, limit: int) -> str:
    """Read a string, of which `limit` characters are kept; nothing is an empty one."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise BrokenEvidence(f"{path} is {given!r:.80}; expected a string")
    return given[:limit]

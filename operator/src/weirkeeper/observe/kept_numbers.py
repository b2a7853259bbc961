"""Numbers in what was kept over a restart: anybody may have written it."""

from __future__ import annotations

from typing import Any, Final

LARGEST: Final = 2**62


def count_of(given: Any) -> int:
    """Take a count.

    Raises:
        ValueError: it is none.
    """
    if type(given) is not int or not 0 <= given <= LARGEST:
        raise ValueError(f"{given!r:.40} is no count")
    return given

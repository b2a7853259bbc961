"""Queries of gates: what may stand in braces, and how revisions come into them without becoming part of the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PLACEHOLDERS: Final = ("candidate", "stable", "model", "namespace")

_BRACES: Final = re.compile(r"{{(.*?)}}", re.DOTALL)
_PLAIN: Final = re.compile(r"[^-0-9A-Za-z_]")
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_QUOTES: Final = "\"'`"


def fill_in(query: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `{{candidate}}` and the others.

    Whatever is not a letter, digit, `-` or `_` is written as an escape that means the same between either kind of
    quotes, so a value can end no string and match nothing but itself.
    """
    return _BRACES.sub(lambda found: _PLAIN.sub(_escaped, values[found[1]]), query)


def _escaped(character: re.Match[str]) -> str:
    return f"\\U{ord(character[0]):08x}"


def problem_of(query: str) -> str | None:
    """Say what no parser would accept; that the rest is PromQL only Prometheus can tell.

    Placeholders stand between quotes, where their values are escaped.
    """
    unknown = [name for name in _BRACES.findall(query) if name not in PLACEHOLDERS]
    if unknown:
        known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        return f"{{{{{unknown[0]}}}}} is no placeholder: there are {known}"
    return _unbalanced(query)


def _unbalanced(query: str) -> str | None:
    """Follow quotes and brackets from left to right."""
    awaited: list[str] = []
    place = 0
    while place < len(query):
        character = query[place]
        if character in _QUOTES:
            end = _end_of_string(query, place)
            if end is None:
                return f"the {character} at character {place + 1} is never closed"
            place = end
        elif query.startswith("{{", place):
            return f"the placeholder at character {place + 1} stands outside of quotes: write it as a label's value"
        elif character in _CLOSING:
            awaited.append(_CLOSING[character])
        elif character in _CLOSING.values() and (not awaited or awaited.pop() != character):
            return f"the {character} at character {place + 1} closes nothing"
        place += 1
    return f"a {awaited[-1]} is missing at the end" if awaited else None


def _end_of_string(query: str, start: int) -> int | None:
    """Find the quote that ends the string which begins at `start`; a backslash hides one, but not in backticks."""
    place = start + 1
    while place < len(query):
        if query[place] == query[start]:
            return place
        place += 2 if query[place] == "\\" and query[start] != "`" else 1
    return None

"""What requests are told by, as Envoy's matchers. Pure."""

from __future__ import annotations

from typing import Final

from weirkeeper.api import names
from weirkeeper.api.steps import Callers, HeaderMatch
from weirkeeper.router.resources import Resource

ARM_IS_MIRROR: Final[Resource] = {"name": names.HEADER_ARM, "string_match": {"exact": names.MIRROR}}


def also(match: Resource, *headers: Resource) -> Resource:
    """Narrow a match of Envoy's down to requests that have these headers, too."""
    return {**match, "headers": [*match.get("headers", ()), *headers]}


def caller_matchers(callers: Callers) -> list[Resource]:
    """Match every header that tells callers."""
    return [{"name": one.name.lower(), "string_match": _string_match(one)} for one in callers.headers]


def _string_match(one: HeaderMatch) -> Resource:
    if one.regex is not None:
        return {"safe_regex": {"regex": one.regex}}
    return {"exact": one.value} if one.value is not None else {"prefix": one.prefix}

"""How callers are divided by the split: each request by chance, or each caller for good, as Envoy's routes. Pure.

A caller's hash gives a bucket from 0 to 99. The revision whose share grows has the lowest buckets, so more weight only
adds callers to it. Hashes are salted with its name: it is not always the same callers who try what is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from weirkeeper.router.beside import Beside
from weirkeeper.router.matchers import also
from weirkeeper.router.resources import Resource, added_header

COOKIE_SECONDS: Final = 30 * 24 * 3600
"""How long a caller keeps the cookie that it was given."""

REQUEST_ID: Final = "x-request-id"


def divided(route: Resource, beside: Beside) -> Iterator[Resource]:
    """Give the routes that divide what `route` takes among its weighted clusters."""
    if beside.sticky is None:
        yield route
    elif beside.sticky.header is not None:
        yield _by_header(route, beside.sticky.header.lower(), beside.first)
    else:
        yield from _by_cookie(route, beside.sticky.cookie or "", beside.first)


def _by_header(route: Resource, name: str, salt: str) -> Resource:
    return _hashed(route, _hash(name, "^", f"{salt} "))


def _by_cookie(route: Resource, cookie: str, salt: str) -> Iterator[Resource]:
    """A caller without the cookie gets the id of its request as one, and is divided by that already."""
    has = f"(?:.*; ?)?{re.escape(cookie)}="
    known = also(route["match"], {"name": "cookie", "string_match": {"safe_regex": {"regex": f"{has}.*"}}})
    yield _hashed(route | {"match": known}, _hash("cookie", f"^{has}([^;]*).*$", f"{salt} \\1"))
    given = f"{cookie}=%REQ({REQUEST_ID})%; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
    yield {
        **_by_header(route, REQUEST_ID, salt),
        "response_headers_to_add": [added_header("set-cookie", given, action="APPEND_IF_EXISTS_OR_ADD")],
    }


def _hashed(route: Resource, policy: Resource) -> Resource:
    action = route["route"]
    weighted = action["weighted_clusters"] | {"use_hash_policy": True}
    return {**route, "route": action | {"weighted_clusters": weighted, "hash_policy": [policy]}}


def _hash(header: str, pattern: str, substitution: str) -> Resource:
    rewrite = {"pattern": {"regex": pattern}, "substitution": substitution}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}}

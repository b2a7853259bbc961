"""From the target of a request to what answers it: a dictionary of the usual bytes, and rules for all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from weirkeeper_server.http_door.refusals import HTTPBadRequest

if TYPE_CHECKING:
    from weirkeeper_server.http_door.answers import Answer
    from weirkeeper_server.http_door.request import HttpRequest

_SCHEMES: Final = (b"http://", b"https://")
SERVER_WIDE: Final = b"*"


@dataclass(frozen=True)
class Endpoint:
    """What answers a method on a path; `opened` is called when the head has arrived, before the body."""

    answer: Callable[[HttpRequest], Answer]
    opened: Callable[[HttpRequest], None] | None = None


@dataclass(frozen=True)
class Match:
    """What a target leads to: its path for people, endpoints by method, and the values in the path's braces.

    `known` says that these are the values that most requests have.
    """

    path: str
    endpoints: Mapping[bytes, Endpoint]
    values: Mapping[str, str] = field(default_factory=dict)
    known: bool = False


NOWHERE: Final = Match("", {})


class Routes:
    """Finds endpoints. `known` are values of braces that most requests have: their paths are found by their bytes."""

    def __init__(self, routes: Iterable[tuple[str, str, Endpoint]], known: Mapping[str, str]) -> None:
        self._templates: dict[tuple[str, ...], dict[bytes, Endpoint]] = {}
        for method, path, endpoint in routes:
            endpoints = self._templates.setdefault(tuple(path.split("/")), {})
            endpoints[method.encode()] = endpoint
            if method == "GET":
                endpoints[b"HEAD"] = endpoint
        found = self._templates.items()
        self._exact = {_target(template, known): _match(template, known, endpoints) for template, endpoints in found}
        self.server_wide = Match("*", {method: one for _, endpoints in found for method, one in endpoints.items()})
        """What the target `*` stands for."""

    def find(self, target: bytes) -> Match:
        """Tell what a target leads to; a match without endpoints leads nowhere.

        Raises:
            HTTPBadRequest: it is no target of a request to a server of its own.
        """
        return self._exact.get(target) or self._found(target)

    def _found(self, target: bytes) -> Match:
        path = _path(target)
        segments = tuple(unquote_to_bytes(part).decode(errors="replace") for part in path.split(b"/"))
        shown = "/".join(segments)
        for template, endpoints in self._templates.items():
            values = _values(template, segments)
            if values is not None:
                return Match(shown, endpoints, values)
        return Match(shown, {})


def _target(template: tuple[str, ...], known: Mapping[str, str]) -> bytes:
    return "/".join(quote(known[part[1:-1]], safe="") if part[:1] == "{" else part for part in template).encode()


def _match(template: tuple[str, ...], known: Mapping[str, str], endpoints: Mapping[bytes, Endpoint]) -> Match:
    values = {part[1:-1]: known[part[1:-1]] for part in template if part[:1] == "{"}
    return Match("/".join(values.get(part[1:-1], part) for part in template), endpoints, values, known=True)


def _path(target: bytes) -> bytes:
    """Cut the path out of a target (RFC 9112, 3.2): origin-form, or absolute-form, as proxies send it."""
    if target == SERVER_WIDE:
        return target
    if target.lower().startswith(_SCHEMES):
        _, _, rest = target.partition(b"://")
        _, slash, path = rest.partition(b"/")
        target = slash + path if slash else b"/"
    if not target.startswith(b"/") or b"#" in target:
        raise HTTPBadRequest(f"the target is {target[:80].decode('latin-1')!r}; give a path that begins with /")
    return target.partition(b"?")[0]


def _values(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    values: dict[str, str] = {}
    for part, given in zip(template, segments, strict=True):
        if part[:1] == "{" and given:
            values[part[1:-1]] = given
        elif part != given:
            return None
    return values

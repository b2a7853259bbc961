"""Reading what is posted as feedback: tokens with the labels and values of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper_server.errors import InvalidRequest, RequestTooLarge
from weirkeeper_server.settings import FeedbackSettings

_ENTRIES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "labels": ((str, int, float, bool, type(None)), "a string, a number, true, false or null"),
    "values": ((str, int, float, type(None)), "a number or null"),
    "rows": ((int,), "a whole number"),
}
"""What each list of an item holds; a number may come as a string, as tables have it."""

ITEM_FIELDS: Final = ("token", *_ENTRIES)


@dataclass(frozen=True)
class Item:
    """One token; `labels` and `values` have an entry for each of `rows`, or for every row of the token.

    Labels are strings, numbers, true or false, values are numbers or strings, rows are whole numbers. None stands for
    what is not known (yet).
    """

    token: str
    labels: Sequence[Any] | None
    values: Sequence[Any] | None
    rows: Sequence[Any] | None

    @property
    def size(self) -> int:
        """How many rows it gives something for."""
        return max(len(self.labels or ()), len(self.values or ()))


def read_post(document: Mapping[str, Any], settings: FeedbackSettings) -> list[Item]:
    """Check the form of a post.

    Raises:
        InvalidRequest: it is not `{"items": [{"token": …, "labels": […]}, …]}`; the message says where.
        RequestTooLarge: more items, or more rows in all of them, than one post may have.
    """
    if unknown := sorted(document.keys() - {"items"}):
        raise InvalidRequest(f"the post has a field {unknown[0][:40]!r}; give items alone")
    given = document.get("items")
    if not isinstance(given, list) or not given:
        raise InvalidRequest('items is missing, empty or no list; give [{"token": …, "labels": […]}, …]')
    if len(given) > settings.max_items:
        raise RequestTooLarge(f"{len(given)} items; give at most {settings.max_items} in one post")
    items = [_item(number, entry) for number, entry in enumerate(given)]
    rows = sum(item.size for item in items)
    if rows > settings.max_rows:
        raise RequestTooLarge(f"{rows} rows in all items; give at most {settings.max_rows} in one post")
    return items


def _item(number: int, entry: object) -> Item:
    where = f"items[{number}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        raise InvalidRequest(f"{where} has no token; give the string that an answer had as parameter feedback_token")
    if unknown := sorted(entry.keys() - set(ITEM_FIELDS)):
        raise InvalidRequest(f"{where} has a field {unknown[0][:40]!r}; an item has {', '.join(ITEM_FIELDS)}")
    lists = [_list(where, name, entry.get(name)) for name in _ENTRIES]
    lengths = {len(one) for one in lists if one is not None}
    if lists[0] is None and lists[1] is None:
        raise InvalidRequest(f"{where} has neither labels nor values; give a list of one of them at least")
    if len(lengths) != 1:
        raise InvalidRequest(f"{where} has labels, values and rows of different lengths; give one entry for each row")
    return Item(entry["token"], *lists)


def _list(where: str, name: str, given: object) -> list[Any] | None:
    if given is None:
        return None
    if not isinstance(given, list):
        raise InvalidRequest(f"{where}.{name} is no list; give one entry for each row")
    types, told = _ENTRIES[name]
    for place, one in enumerate(given):
        if type(one) not in types:
            raise InvalidRequest(f"{where}.{name}[{place}] is {one!r:.80}; give {told}")
    return given

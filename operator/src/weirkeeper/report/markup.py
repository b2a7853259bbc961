"""Elements of HTML and SVG. Text is escaped where a page is written, by the standard library, never by hand."""

from __future__ import annotations

import re
from typing import Final, TypeAlias
from xml.etree.ElementTree import Element, tostring

from weirkeeper.statistics.wording import printable

Child: TypeAlias = Element | str | None
MOST_CHARACTERS: Final = 4096
_PERCENT: Final = re.compile(r"(\d) %")
"""A number is not parted from what it counts."""


def element(tag: str, *children: Child, **attributes: str | float | None) -> Element:
    """Make an element; attributes that are None are left out, `class_` becomes `class`, `data_label` `data-label`.

    Control characters in text become their escapes: a name must not reorder what stands beside it.
    """
    made = Element(tag, {_named(name): _plain(value) for name, value in attributes.items() if value is not None})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child is not None and last is None:
            made.text = (made.text or "") + _plain(child)
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + _plain(child)
    return made


def style(css: str) -> Element:
    """Make an element of rules, which are written as they are."""
    made = Element("style")
    made.text = css
    return made


def written(root: Element) -> str:
    """Write a whole page."""
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _named(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        told = printable(value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]}…")
        return _PERCENT.sub("\\1\N{NO-BREAK SPACE}%", told)
    return f"{value:.6g}"

"""XML as stores answer: of bounded size, with or without a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from weirkeeper_server.errors import FetchError


def read_xml(text: bytes, what: str) -> Element:
    """Read a document.

    Raises:
        FetchError: Unreachable, it is none.
    """
    try:
        return Element(ET.fromstring(text))  # noqa: S314  of bounded size, and expat bounds what entities grow to
    except ET.ParseError as error:
        raise FetchError("Unreachable", f"{what} is no XML: {error}; is the endpoint right?") from error


class Element:
    """An element, whose parts are found by the path of their names, without namespaces."""

    def __init__(self, element: ET.Element) -> None:
        self._element = element

    def every(self, path: str) -> Iterator[Element]:
        """Give the parts at a path."""
        return map(Element, self._element.iterfind(_anywhere(path)))

    def text(self, path: str) -> str:
        """Give the text at a path, empty where there is none."""
        return self._element.findtext(_anywhere(path)) or ""

    def number(self, path: str) -> int:
        """Give the number at a path, 0 where there is none."""
        text = self.text(path)
        return int(text) if text.isdecimal() else 0


def _anywhere(path: str) -> str:
    return "/".join(f"{{*}}{name}" for name in path.split("/"))

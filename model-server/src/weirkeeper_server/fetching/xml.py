"""XML as stores answer: of bounded size, with or without a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from weirkeeper_server.errors import FetchError


class Document:
    """Elements by the path of their names, without namespaces."""

    def __init__(self, text: bytes, what: str) -> None:
        try:
            self._root = ET.fromstring(text)  # noqa: S314  of bounded size, and expat bounds what entities grow to
        except ET.ParseError as error:
            raise FetchError("Unreachable", f"{what} is no XML: {error}; is the endpoint right?") from error

    def every(self, path: str) -> Iterator[Document]:
        """Give the parts at a path."""
        for element in self._root.iterfind("/".join(f"{{*}}{name}" for name in path.split("/"))):
            part = Document.__new__(Document)
            part._root = element
            yield part

    def text(self, path: str) -> str:
        """Give the text at a path, empty where there is none."""
        return self._root.findtext("/".join(f"{{*}}{name}" for name in path.split("/"))) or ""

    def number(self, path: str) -> int:
        """Give the number at a path, 0 where there is none."""
        text = self.text(path)
        return int(text) if text.isdecimal() else 0

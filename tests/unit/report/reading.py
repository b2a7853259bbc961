"""A page read back as a browser reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

ATTRIBUTES_THAT_LOAD = ("src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href")


@dataclass
class Read(HTMLParser):
    """The tags of a page, the attributes of each, and its text."""

    page: str
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    rules: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.page)
        self.close()

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "style" and not self.rules:
            self.rules = data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


def check_it_loads_nothing(page: str) -> Read:
    """See that a page has no script, no handler, nothing that loads, and links within itself alone."""
    read = Read(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(read.tags)
    assert not [name for _, name, _ in read.attributes if name.startswith("on") or name in ATTRIBUTES_THAT_LOAD]
    assert not read.values("style")
    assert all(link.startswith("#") for link in read.values("href"))
    assert {link[1:] for link in read.values("href")} <= set(read.values("id"))
    assert len(set(read.values("id"))) == len(read.values("id"))
    assert not any(word in read.rules for word in ("url(", "@import", "http"))
    return read

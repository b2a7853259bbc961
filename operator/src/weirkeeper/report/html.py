"""A page as HTML in one file: its rules within, no script, and a policy by which a browser may load nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import singledispatch
from importlib.resources import files
from typing import Final
from xml.etree.ElementTree import Element

from weirkeeper.report.chart import Tone
from weirkeeper.report.markup import element, style, written
from weirkeeper.report.page import (
    Badge,
    Cell,
    Column,
    Facts,
    Figure,
    Figures,
    Page,
    Paragraph,
    Ratio,
    Section,
    Sides,
    Table,
)
from weirkeeper.report.svg import drawn, meter

LONGEST_WORD: Final = 20

_ICONS: Final[dict[Tone, str]] = {
    "good": "M3 8.5l3.2 3.2L13 4.8",
    "bad": "M8 2.5L14 13.5H2ZM8 6.5v3.4M8 11.6v.4",
    "caution": "M4 4l8 8M12 4l-8 8",
    "unknown": "M3.5 8h.4M7.8 8h.4M12.1 8h.4",
    "plain": "M4 8h8",
}


def html(page: Page) -> str:
    """Write a page."""
    css = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    title = f"{page.title}: {page.kind}"
    body = element(
        "body",
        element("a", "Skip to the report", class_="skip", href="#report"),
        element("div", _header(page), _contents(page), _main(page), class_="page"),
    )
    return written(element("html", _head(title, css), body, lang="en"))


def _head(title: str, css: str) -> Element:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        style(css),
    )


def _header(page: Page) -> Element:
    verdict = element(
        "p",
        _badge(page.verdict.badge),
        element("span", page.verdict.sentence, class_="sentence"),
        class_=f"verdict {page.verdict.badge.tone}",
    )
    made = element("p", f"{page.kind} · {page.made}", class_="kind")
    return element("header", made, element("h1", page.title), verdict, _block(page.facts))


def _contents(page: Page) -> Element | None:
    if not page.sections:
        return None
    links = [
        element("li", element("a", section.title, href=f"#{_anchor(place)}"))
        for place, section in enumerate(page.sections)
    ]
    return element("nav", element("ul", *links), aria_label="Sections")


def _main(page: Page) -> Element:
    absent = [
        element(
            "section",
            element("h2", "What is left out", id="absent"),
            element("ul", *(element("li", told) for told in page.absent)),
            aria_labelledby="absent",
        )
    ]
    sections = [_section(_anchor(place), section) for place, section in enumerate(page.sections)]
    return element("main", *sections, *(absent if page.absent else ()), id="report", tabindex="-1")


def _section(anchor: str, section: Section) -> Element:
    lead = element("p", section.lead, class_="lead") if section.lead else None
    return element(
        "section",
        element("h2", section.title, id=anchor),
        lead,
        *map(_block, section.blocks),
        aria_labelledby=anchor,
    )


def _anchor(place: int) -> str:
    return f"section-{place + 1}"


@singledispatch
def _block(block: object) -> Element:
    raise TypeError(f"{type(block).__name__} is no block")


@_block.register
def _paragraph(block: Paragraph) -> Element:
    return element("p", block.text)


@_block.register
def _facts(block: Facts) -> Element:
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in block.items]
    return element("dl", *pairs, class_="facts")


@_block.register
def _figures(block: Figures) -> Element:
    pictures = element("div", *map(_figure, block.figures), class_="figures wide" if block.wide else "figures")
    return element("div", _legend(*block.legend) if block.legend else None, pictures)


def _legend(reference: str, live: str) -> Element:
    sides = [
        element(
            "span",
            element("svg", element("rect", class_=side, width="100%", height="100%"), class_=f"key {side}"),
            told,
        )
        for side, told in (("reference", reference), ("live", live))
    ]
    return element("p", *sides, class_="legend")


def _figure(figure: Figure) -> Element:
    heading = element(
        "h3", element("span", figure.title, class_="name"), _badge(figure.badge) if figure.badge else None
    )
    numbers = _numbers(figure.numbers) if figure.numbers else None
    return element(
        "figure",
        heading,
        element("p", figure.told, class_="told"),
        drawn(figure.chart, f"{figure.title}: {figure.told}"),
        element("figcaption", figure.caption),
        numbers,
    )


@_block.register
def _sides(block: Sides) -> Element:
    return element("div", *map(_block, block.blocks), class_="sides")


def _numbers(table: Table) -> Element:
    return element("details", element("summary", "Numbers"), _block(table))


@_block.register
def _table(block: Table) -> Element:
    """Write a table whose cells know their headings: on a narrow page they stand beneath each other."""
    heads = [element("th", one.heading, scope="col", role="columnheader", class_=_align(one)) for one in block.columns]
    head = element("thead", element("tr", *heads, role="row"), role="rowgroup")
    rows = [_row(row, block.columns) for row in block.rows]
    body = element("tbody", *rows, role="rowgroup")
    return element("table", element("caption", block.caption), head, body, role="table")


def _row(cells: tuple[Cell, ...], columns: tuple[Column, ...]) -> Element:
    first, *others = (
        (_cell(cell), "state" if isinstance(cell, Badge) else _align(column), column.heading)
        for cell, column in zip(cells, columns, strict=True)
    )
    named = element("th", *first[0], scope="row", role="rowheader", class_=first[1] or _whole(cells[0]))
    told = [
        element("td", *content, role="cell", class_=align, data_label=heading) for content, align, heading in others
    ]
    return element("tr", named, *told, role="row")


def _cell(cell: Cell) -> tuple[Element | str, ...]:
    if isinstance(cell, Badge):
        return (_badge(cell),)
    if isinstance(cell, Ratio):
        return (element("span", meter(cell.value, cell.above), cell.told, class_="ratio"),)
    return (cell,)


def _whole(cell: Cell) -> str:
    """A short word is not broken."""
    return "word" if isinstance(cell, str) and len(cell) <= LONGEST_WORD and " " not in cell else "words"


def _align(column: Column) -> str | None:
    return "numeric" if column.numeric else None


def _badge(badge: Badge) -> Element:
    icon = element("svg", element("path", d=_ICONS[badge.tone]), class_="icon", viewBox="0 0 16 16", aria_hidden="true")
    return element("span", icon, badge.text, class_=f"badge {badge.tone}")

"""A page as HTML: what others wrote stays text, and a browser may load nothing."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from tests.unit.report.reading import Read, check_it_loads_nothing
from weirkeeper.report.chart import Bars, Columns, Pair, Tick
from weirkeeper.report.html import html
from weirkeeper.report.markup import element, written
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
    Table,
    Verdict,
)

HOSTILE = (
    "<script>alert('x')</script>",
    """" onmouseover="alert('x')" x='""",
    "</title></style></svg><img src=x onerror=alert(1)>",
    "<!-- & &lt; ]]>",
)


def page_of(text: str) -> Page:
    pairs = (Pair(text, 0.25, 0.5), Pair("other", 0.75, 0.5))
    cells: tuple[Cell, ...] = (text, Badge(text, "bad"), Ratio(1.2, text))
    table = Table(text, (Column(text), Column("State"), Column(text, numeric=True)), (cells,))
    upright = Figure(text, text, Columns(pairs, (Tick(0.5, text),)), text, Badge(text), table)
    lying = Figure(text, text, Bars(pairs, Pair(text, 0.1, 0.1)), text)
    blocks = (Paragraph(text), table, Facts(((text, text),)), Figures((upright, lying), (text, text)))
    return Page(text, text, text, Verdict(Badge(text), text), Facts(()), (Section("Part", blocks, text),), (text,))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_stays_text_wherever_it_stands(text: str) -> None:
    read = check_it_loads_nothing(html(page_of(text)))
    plain = Read(html(page_of("harmless")))
    assert read.tags == plain.tags
    assert [(tag, name) for tag, name, _ in read.attributes] == [(tag, name) for tag, name, _ in plain.attributes]
    for one, other in zip(read.texts, plain.texts, strict=True):
        wanted = other.replace("harmless", text)
        assert one == wanted or (one.endswith("…") and wanted.startswith(one[:-1]))


def test_a_page_without_sections_has_no_empty_contents() -> None:
    assert "nav" in Read(html(page_of("x"))).tags
    assert "nav" not in Read(html(replace(page_of("x"), sections=()))).tags


def test_a_number_is_not_parted_from_its_percent() -> None:
    read = Read(html(page_of("share of 10 % → 24 %, but % alone")))
    assert "share of 10\N{NO-BREAK SPACE}% → 24\N{NO-BREAK SPACE}%, but % alone" in read.texts


def test_a_name_cannot_reorder_or_break_what_stands_beside_it() -> None:
    read = Read(html(page_of("a\u202eb\u0000c\ud800")))
    assert "a\\u202eb\\x00c\\ud800" in read.text
    assert "\u202e" not in read.page


def test_a_browser_is_told_to_load_nothing_but_the_rules_within() -> None:
    read = Read(html(page_of("a")))
    digest = base64.b64encode(hashlib.sha256(read.rules.encode()).digest()).decode()
    policy = read.values("content")[0]
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy


def test_headings_follow_each_other_and_pictures_have_words() -> None:
    read = Read(html(page_of("word")))
    assert [tag for tag in read.tags if tag in ("h1", "h2", "h3", "h4")] == ["h1", "h2", "h3", "h3", "h2"]
    charts = [value for tag, name, value in read.attributes if (tag, name) == ("svg", "aria-label")]
    assert charts == ["word: word"] * 2


def test_two_parts_with_one_title_are_told_apart() -> None:
    page = page_of("a")
    doubled = replace(page, sections=(page.sections[0], page.sections[0]))
    check_it_loads_nothing(html(doubled))


def test_text_that_is_too_long_is_cut() -> None:
    assert len(written(element("p", "x" * 100_000))) < 5_000


def test_text_between_elements_keeps_its_place() -> None:
    assert written(element("p", "a", element("b", "c"), "d", None, "e", class_="x", title=None)).endswith(
        '<p class="x">a<b>c</b>de</p>\n'
    )

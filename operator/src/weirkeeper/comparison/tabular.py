"""Tables as text and as HTML. What stands in them was written by others, and is shown as it is, never obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from weirkeeper.statistics.wording import printable

Line = Sequence[str]


def as_text(headings: Line, lines: Sequence[Line], notes: Sequence[str]) -> str:
    """Write columns side by side as kubectl does, and notes below; nothing but headings are left out without lines."""
    told = [[printable(cell) for cell in line] for line in (headings, *lines)] if lines else []
    widths = [max(map(len, column)) for column in zip(*told, strict=True)]
    table = ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in told]
    return "\n".join([*table, *([""] if table else []), *map(printable, notes)])


def as_html(headings: Line, lines: Sequence[Line], notes: Sequence[str], marked: Sequence[bool]) -> str:
    """Write a table, lines that are `marked` in bold, with notes before it."""
    told = "".join(f"<p>{_safe(note)}</p>" for note in notes)
    if not lines:
        return f"<div>{told}</div>"
    head = "".join(f"<th>{_safe(heading)}</th>" for heading in headings)
    body = "".join(_html_line(line, mark=mark) for line, mark in zip(lines, marked, strict=True))
    return f"<div>{told}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _html_line(line: Line, *, mark: bool) -> str:
    style = ' style="font-weight: bold"' if mark else ""
    return f"<tr{style}>{''.join(f'<td>{_safe(cell)}</td>' for cell in line)}</tr>"


def _safe(text: str) -> str:
    return escape(printable(text), quote=True)

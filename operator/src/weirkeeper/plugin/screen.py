"""The status as a view that a person keeps open: coloured, drawn anew in place. Without a terminal, plain lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from weirkeeper.plugin import telling
from weirkeeper.plugin.following import again

COLOURS = {"Pass": "green", "Fail": "red", "Inconclusive": "yellow", "stable": "green", "candidate": "cyan"}


def drawn(model: Mapping[str, Any]) -> Group:
    """Draw the status for a terminal."""
    status = model.get("status", {})
    split = Table.grid(padding=(0, 2))
    for role, revision, weight in telling.shares(status):
        colour = COLOURS[role]
        split.add_row(*map(Text, (f"  {role}", revision, f"{weight:>3} %")), Text(telling.bar(weight), style=colour))
    beside = [Text(f"  {told}") for told in telling.beside(status)]
    judged = Table.grid(padding=(0, 2))
    for name, verdict, told in telling.gates(status):
        judged.add_row(Text(f"  {name}"), Text(verdict, style=COLOURS[verdict]), Text(told))
    heading = Text(telling.title(model), style="bold")
    message: RenderableType = Text(f"  {status.get('message', '')}")
    if telling.frozen_beside(status):
        message = Group(message, Text(f"  frozen: {telling.frozen_beside(status)}", style="yellow"))
    if telling.stalled_beside(status):
        message = Group(message, Text(f"  stalled: {telling.stalled_beside(status)}", style="red"))
    return Group(heading, split, *beside, judged, message, Text(f"  {'  '.join(telling.conditions(status))}"))


def watch(read: Callable[[], Mapping[str, Any]], console: Console, seconds: float) -> None:
    """Show the status until the user leaves or the Model is gone; without a terminal, lines at each change.

    Raises:
        PluginError: the first reading failed. Later ones may: the view says so, and goes on.
    """
    show = _in_place if console.is_terminal else _line_by_line
    show(again(read, seconds), console)


def _in_place(readings: Iterator[tuple[Mapping[str, Any], str]], console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for model, fault in readings:
            told = drawn(model)
            live.update(Group(told, Text(f"  {fault}", style="red")) if fault else told, refresh=True)


def _line_by_line(readings: Iterator[tuple[Mapping[str, Any], str]], console: Console) -> None:
    shown: list[str] = []
    for model, fault in readings:
        lines = [fault] if fault else telling.plain(model)
        if lines != shown:
            console.out("\n".join(lines), highlight=False)
            shown = lines

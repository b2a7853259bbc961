"""The status as a view that a person keeps open: coloured, drawn anew in place. Without a terminal, plain lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from weirkeeper.plugin import telling

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
    if status.get("frozen"):
        message = Group(message, Text(f"  frozen: {status['frozen']}", style="yellow"))
    return Group(heading, split, *beside, judged, message, Text(f"  {'  '.join(telling.conditions(status))}"))


def watch(read: Callable[[], Mapping[str, Any]], console: Console, seconds: float) -> None:
    """Show the status until the user leaves; without a terminal, lines at each change."""
    if console.is_terminal:
        with Live(drawn(read()), console=console, auto_refresh=False) as live:
            for model in _again(read, seconds):
                live.update(drawn(model), refresh=True)
        return
    shown: list[str] = []
    for model in _again(read, seconds):
        lines = telling.plain(model)
        if lines != shown:
            console.out("\n".join(lines), highlight=False)
            shown = lines


def _again(read: Callable[[], Mapping[str, Any]], seconds: float) -> Iterator[Mapping[str, Any]]:
    while True:
        yield read()
        time.sleep(seconds)

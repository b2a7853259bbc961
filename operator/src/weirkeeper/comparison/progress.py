"""How far a long reading is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol, TextIO

from weirkeeper.comparison.rows import Rows

QUIET_SECONDS: Final = 1.0
"""What takes no longer is over before anybody wonders."""
LINE_SECONDS: Final = 10.0
DRAW_SECONDS: Final = 0.1


class Progress(Protocol):
    """Is told how far each reading is."""

    def begin(self, name: str) -> None:
        """Begin with the rows of that name."""

    def step(self, rows: int, part: float | None) -> None:
        """So many rows were read so far, which is that part of all."""

    def end(self) -> None:
        """All were read, or nothing more will be."""


class NoProgress:
    """Says nothing."""

    def begin(self, name: str) -> None:
        """Say nothing."""

    def step(self, rows: int, part: float | None) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class Bar:
    """Draws a bar on a terminal while something takes longer than a second."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None

    def begin(self, name: str) -> None:
        """Draw nothing yet."""
        from tqdm import tqdm  # noqa: PLC0415  the operator's image has none

        self._bar = tqdm(
            desc=name,
            unit=" rows",
            unit_scale=True,
            delay=QUIET_SECONDS,
            mininterval=DRAW_SECONDS,
            miniters=1,
            leave=False,
            file=self._stream,
        )

    def step(self, rows: int, part: float | None) -> None:
        """Draw how far it is; what is left is judged by the part that was read."""
        self._bar.total = round(rows / part) if part else None
        self._bar.update(rows - self._bar.n)

    def end(self) -> None:
        """Clear the bar."""
        self._bar.close()


class Lines:
    """Writes a line every ten seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._name, self._next = "", 0.0

    def begin(self, name: str) -> None:
        """Write nothing yet."""
        self._name, self._next = name, self._clock() + LINE_SECONDS

    def step(self, rows: int, part: float | None) -> None:
        """Write how far it is, if ten seconds have passed."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_SECONDS
        told = "" if part is None else f", {part:.0%}".replace("%", " %")
        print(f"weirkeeper: {self._name}: {rows:,} rows{told}", file=self._stream, flush=True)

    def end(self) -> None:
        """Write nothing."""


def progress_on(stream: TextIO) -> Progress:
    """Choose what suits a stream."""
    return Bar(stream) if stream.isatty() else Lines(stream)


def followed(rows: Rows, columns: Sequence[str], progress: Progress) -> Iterator[Any]:
    """Read some columns of rows, and tell how far it is."""
    read = 0
    progress.begin(rows.name)
    try:
        for batch in rows.batches(columns):
            yield batch
            read += batch.num_rows
            progress.step(read, rows.part_read())
    finally:
        progress.end()

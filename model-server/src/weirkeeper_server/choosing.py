"""What computes a model's predictions: the quickest of what is proven to answer like the model, for each size of batch.

Proof and times come from the golden requests' rows, when the model is loaded; nothing is tried on anybody's request.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from weirkeeper.api.bundle import Signature
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.agreement import rows_around, said, same_apart_and_together, says_the_same
from weirkeeper_server.tensors import Array, Columns

SIZES: Final = (1, 16, 64, 256, 1024)
"""Rows of the batches whose times are measured."""

LOOP_SECONDS: Final = 0.001
"""The event loop is held no longer by one prediction; what takes longer runs in a thread."""

CLEARLY: Final = 0.8
"""A shortcut is taken where it needs at most this share of the time; else the model's own way is as good."""

TOO_SLOW: Final = 0.1
"""Seconds of a batch after which larger ones are not measured."""

_REPEATS: Final = 5
_MEASURED_SECONDS: Final = 0.01

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """One way to compute predictions: by what, and the seconds that batches of SIZES rows took, as far as measured."""

    by: str
    predictor: Predictor
    seconds: tuple[float, ...] = ()

    def takes(self, place: int) -> float:
        """Give the seconds of a batch of `SIZES[place]` rows; one that was not measured is reckoned by its rows."""
        if not self.seconds:
            return inf
        if place < len(self.seconds):
            return self.seconds[place]
        return self.seconds[-1] * SIZES[place] / SIZES[len(self.seconds) - 1]


class Chosen:
    """A predictor that has batches computed by one or another way, as their rows are few or many."""

    def __init__(self, plain: Predictor, ways: Mapping[int, Predictor]) -> None:
        self.signature: Signature = plain.signature
        self._plain = plain
        self._from = sorted(ways)
        self._ways = [ways[rows] for rows in self._from]

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, as `Predictor` says."""
        rows = len(next(iter(inputs.values())))
        return self._ways[bisect_right(self._from, rows) - 1].predict(inputs)

    def unconfigured(self) -> Predictor:
        """Give the model as its bundle has it, without the Model's parameters."""
        return self._plain.unconfigured()

    def shortcuts(self) -> Mapping[str, Predictor]:
        """Give none: they were chosen from."""
        return {}

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:
        """Compare as the model's own predictor does."""
        return self._plain.agrees_at_edges(shortcut, rows)


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why: `taken` names by the smallest batch what computes from there on.

    `loop_rows` is how many rows are predicted within LOOP_SECONDS. Rows of several requests go `together` only where
    a row's answer was seen not to depend on the others.
    """

    predictor: Predictor
    taken: Mapping[int, str]
    loop_rows: int = 0
    together: bool = False
    refused: tuple[str, ...] = ()
    reason: str = ""

    def described(self) -> dict[str, str]:
        """Describe it for the model's metadata."""
        first, *further = self.taken.items()
        computed = first[1] + "".join(f", {by} from {rows} rows" for rows, by in further)
        told = {"computed_by": computed, "reason": self.reason, "rows_in_loop": str(self.loop_rows)}
        return told | {"batches": "of several requests" if self.together else "of one request"}


def choose(
    plain: Predictor,
    by: str,
    rows: Sequence[Columns],
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """Choose for a model that `by` computes, by the rows of its golden requests."""
    if not rows:
        return Choice(plain, {1: by}, reason="the bundle has no golden requests to compare with")
    found, refused, lacking = _proven(plain, rows)
    named = {by: plain, **found}
    together = all(same_apart_and_together(predictor, rows) for predictor in named.values())
    ways = [Way(name, way, _seconds(way, rows, clock)) for name, way in named.items()]
    quickest = [_quickest(ways, place) for place in range(len(SIZES))]
    taken = {SIZES[place]: way for place, way in enumerate(quickest) if place == 0 or way is not quickest[place - 1]}
    starts = _starts(taken)
    taken_by = {rows: way.by for rows, way in starts.items()}
    loop_rows = _within([way.takes(place) for place, way in enumerate(quickest)], LOOP_SECONDS)
    return Choice(
        plain if len(starts) == 1 and starts[1].predictor is plain else _chosen(plain, starts),
        taken_by,
        loop_rows,
        together,
        tuple(refused),
        _reason(ways, refused, lacking),
    )


def _chosen(plain: Predictor, starts: Mapping[int, Way]) -> Predictor:
    return Chosen(plain, {rows: way.predictor for rows, way in starts.items()})


def _proven(plain: Predictor, rows: Sequence[Columns]) -> tuple[dict[str, Predictor], list[str], str]:
    """Give the shortcuts that answer like the model, names of those that do not, and why there are none at all."""
    proven: dict[str, Predictor] = {}
    refused: list[str] = []
    try:
        shortcuts = plain.shortcuts()
    except Exception as error:  # onnxruntime's errors have no class in common
        log.exception("no shortcut could be made; the model is computed as it is")
        return {}, [], f"no shortcut could be made: {type(error).__name__}: {str(error)[:200]}"
    told = said(plain.predict, rows_around(plain.signature, rows) if shortcuts else [])
    for name, shortcut in shortcuts.items():
        if says_the_same(shortcut.predict, told) and plain.agrees_at_edges(shortcut, rows):
            proven[name] = shortcut
        else:
            refused.append(name)
    return proven, refused, "no shortcut is known that answers like it"


def _quickest(ways: Sequence[Way], place: int) -> Way:
    best = ways[0]
    for way in ways[1:]:
        if way.takes(place) <= CLEARLY * best.takes(place):
            best = way
    return best


def _starts(taken: Mapping[int, Way]) -> dict[int, Way]:
    """Let a way begin in the middle, by ratio, between the size that another was quicker at and the one where it is."""
    sizes = sorted(taken)
    middles = [round((SIZES[SIZES.index(size) - 1] * size) ** 0.5) for size in sizes[1:]]
    return dict(zip([1, *middles], [taken[size] for size in sizes], strict=True))


def _within(seconds: Sequence[float], limit: float) -> int:
    """Reckon how many rows take at most `limit`, on straight lines between the sizes that were measured."""
    if not seconds[0] <= limit:
        return 0
    for place in range(1, len(SIZES)):
        if seconds[place] > limit:
            low, high = SIZES[place - 1], SIZES[place]
            share = (limit - seconds[place - 1]) / (seconds[place] - seconds[place - 1])
            return int(low + share * (high - low))
    return SIZES[-1]


def _seconds(predictor: Predictor, rows: Sequence[Columns], clock: Callable[[], float]) -> tuple[float, ...]:
    found: list[float] = []
    for batch in _batches(rows):
        try:
            found.append(min(_durations(predictor, batch, clock)))
        except Exception:  # noqa: BLE001  a model that takes one row only may raise anything for more
            break
        if found[-1] > TOO_SLOW:
            break
    return tuple(found)


def _durations(predictor: Predictor, batch: Columns, clock: Callable[[], float]) -> Iterator[float]:
    """Time a batch several times, as long as the processor has not worked too long: what waits for it is no reason."""
    spent = 0.0
    for number in range(_REPEATS):
        start, began = clock(), time.process_time()
        predictor.predict(batch)
        yield clock() - start
        spent += time.process_time() - began
        if number and spent > _MEASURED_SECONDS:
            return


def _batches(rows: Sequence[Columns]) -> Iterator[Columns]:
    """Make batches of golden rows, the first of which is one of them.

    In further ones numbers are drawn column by column: a few rows again and again would be walked through trees as by
    heart, and take half the time that callers' rows do.
    """
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    count = len(next(iter(joined.values())))
    yield {name: column[:1] for name, column in joined.items()}
    drawn = np.random.default_rng(0)
    for size in SIZES[1:]:
        yield {
            name: column[np.arange(size) % count]
            if column.dtype.kind == "O"
            else np.take_along_axis(column, drawn.integers(count, size=(size, *column.shape[1:])), axis=0)
            for name, column in joined.items()
        }


def _reason(ways: Sequence[Way], refused: Sequence[str], lacking: str) -> str:
    measured = ", ".join(f"{way.by} {way.takes(0) * 1e6:.0f} µs" for way in ways)
    told = f"one row took {measured}" if len(ways) > 1 else lacking
    return f"{told}; {', '.join(refused)} would answer otherwise" if refused else told

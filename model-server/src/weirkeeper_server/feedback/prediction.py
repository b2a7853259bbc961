"""What a token remembers of an answer, and its bytes.

Everything that is needed to count a label is in it, so that a server counts labels of a revision that it never knew.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Self

import numpy as np

from weirkeeper.statistics.labels import SCORE_UNITS

Kind = Literal["classes", "two", "scored", "number", "likely", "binned"]
"""Many classes; two classes; two classes with the probability of the second; a number; several classes with the
probabilities of all; a number with the bin of the profile that it falls into."""

KINDS: Final[tuple[Kind, ...]] = ("classes", "two", "scored", "number", "likely", "binned")
NUMBERS: Final[tuple[Kind, ...]] = ("number", "binned")
MOST_ROWS: Final = 1_000
MOST_TEXTS: Final = 256
_HEAD: Final = struct.Struct(">BHIH")
_CHOSEN: Final = ("classes", "two", "scored", "likely", "binned")


@dataclass(frozen=True)
class Prediction:
    """An answer of `rows` rows in the slot that began at `slot` (Unix seconds, of at most 32 bits).

    `classes` are those that occur, or both of two, the positive one last, or all where there are probabilities.
    `chosen` has an index into them a row, as a byte, or the bin of a number; `scores` a share of SCORE_UNITS a row,
    big-endian in two bytes, or one of each class a row; `numbers` a double a row, big-endian.
    `segments` are the texts that occur, `segment_indices` a byte for each segmented input and row, inputs first.
    """

    revision: str
    slot: int
    kind: Kind
    rows: int
    classes: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    chosen: bytes = b""
    scores: bytes = b""
    numbers: bytes = b""
    segment_indices: bytes = b""

    def pack(self) -> bytes:
        """Write it as bytes."""
        texts = _texts(self.revision, self.classes, self.segments)
        head = _HEAD.pack(KINDS.index(self.kind), self.rows, self.slot, len(texts))
        return b"".join((head, texts, self.chosen, self.scores, self.numbers, self.segment_indices))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what `pack` wrote; that it did, its seal has shown."""
        number, rows, slot, length = _HEAD.unpack_from(packed)
        kind = KINDS[number]
        start = _HEAD.size + length
        revision, classes, segments = json.loads(packed[_HEAD.size : start])
        shares = {"scored": 1, "likely": len(classes)}.get(kind, 0)
        sizes = (rows * (kind in _CHOSEN), 2 * rows * shares, 8 * rows * (kind in NUMBERS))
        ends = [start + sum(sizes[: number + 1]) for number in range(len(sizes))]
        parts = [packed[begin:end] for begin, end in zip([start, *ends], [*ends, len(packed)], strict=True)]
        return cls(revision, slot, kind, rows, tuple(classes), tuple(segments), *parts)

    def class_of(self, row: int) -> str:
        """Name the class that was predicted for a row."""
        return self.classes[self.chosen[row]]

    def score_of(self, row: int) -> float:
        """Give the probability of the positive class."""
        return self._share(row)

    def probabilities_of(self, row: int) -> dict[str, float]:
        """Give the probability of each class, where there are several."""
        first = row * len(self.classes)
        return {name: self._share(first + place) for place, name in enumerate(self.classes)}

    def _share(self, place: int) -> float:
        return int.from_bytes(self.scores[2 * place : 2 * place + 2], "big") / SCORE_UNITS

    def number_of(self, row: int) -> float:
        """Give the number that was predicted for a row."""
        (number,) = struct.unpack_from(">d", self.numbers, 8 * row)
        return float(number)

    def bin_of(self, row: int) -> int | None:
        """Give the bin of the profile that the number predicted for a row falls into, where it is known."""
        return self.chosen[row] if self.kind == "binned" else None

    def segments_of(self, row: int) -> list[str]:
        """Name the segments that a row belongs to, such as `region=north`."""
        return [self.segments[index] for index in self.segment_indices[row :: self.rows]]


@lru_cache(maxsize=1_024)
def _texts(revision: str, classes: tuple[str, ...], segments: tuple[str, ...]) -> bytes:
    return json.dumps([revision, classes, segments], separators=(",", ":"), ensure_ascii=False).encode()


def packed_scores(scores: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> bytes:
    """Write probabilities as shares of SCORE_UNITS."""
    return np.rint(np.asarray(scores, dtype=np.float64) * SCORE_UNITS).astype(">u2").tobytes()


def packed_numbers(numbers: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.number]]) -> bytes:
    """Write numbers as doubles."""
    return np.asarray(numbers, dtype=np.float64).astype(">f8").tobytes()

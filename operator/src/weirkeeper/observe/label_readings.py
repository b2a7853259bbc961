"""Counts of labels as model pods tell them, checked: the pods belong to tenants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from weirkeeper.observe.errors import BrokenEvidence
from weirkeeper.statistics.error_bins import MOST_ERROR_BINS
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.exact import MOST_PARTS
from weirkeeper.statistics.labels import MOST_LIKELY, MOST_PAIRS, NUMBERS, SCORE_BINS, LabelCounts
from weirkeeper.statistics.performance import check

MOST_REVISIONS: Final = 50
MOST_SEGMENTS: Final = 200
MOST_SLOTS: Final = 2_000
LONGEST_NAME: Final = 512
LARGEST_SUM: Final = 1e300

WHOLE: Final = ""
"""The name under which the counts of all rows stand among those of segments."""

_Count = Annotated[int, Field(ge=0, le=2**53, strict=True)]
_Name = Annotated[str, Field(max_length=LONGEST_NAME, strict=True)]
_Sum = Annotated[float, Field(ge=-LARGEST_SUM, le=LARGEST_SUM, allow_inf_nan=False, strict=True)]


_ExactSum = _Sum | Annotated[list[_Sum], Field(max_length=MOST_PARTS)]
_Bins = Annotated[dict[_Name, tuple[_Count, _Count]], Field(max_length=SCORE_BINS)]


class _ErrorBin(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: _Count
    predicted: _ExactSum = 0.0
    error: _ExactSum = 0.0
    absolute: _ExactSum = 0.0
    squared: _ExactSum = 0.0
    root: _ExactSum = 0.0
    signedRoot: _ExactSum = 0.0  # noqa: N815  as servers write it


class _Counts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: _Count = 0
    correct: _Count = 0
    numbered: _Count = 0
    unlisted: _Count = 0
    valued: _Count = 0
    posts: _Count = 0
    positive: _Name = ""
    confusion: Annotated[list[tuple[_Name, _Name, _Count]], Field(max_length=MOST_PAIRS)] = []
    scores: _Bins = {}
    classScores: Annotated[dict[_Name, _Bins], Field(max_length=MOST_LIKELY)] = {}  # noqa: N815  as servers write it
    scoreUnits: Annotated[dict[_Name, _Count], Field(max_length=SCORE_BINS)] = {}  # noqa: N815  as servers write it
    sums: dict[_Name, _ExactSum] = {}
    errorBins: Annotated[dict[_Name, _ErrorBin], Field(max_length=MOST_ERROR_BINS)] = {}  # noqa: N815  as servers write

    def read(self) -> LabelCounts:
        """Give it as counts."""
        return LabelCounts.from_json(self.model_dump(exclude={"segments"}, exclude_defaults=True))


class _Table(_Counts):
    segments: Annotated[dict[_Name, _Counts], Field(max_length=MOST_SEGMENTS)] = {}


class _Labels(BaseModel):
    cursor: Annotated[str, Field(pattern="^[0-9-]{1,42}$")]
    totals: Annotated[list[tuple[_Name, _Table]], Field(max_length=MOST_REVISIONS)]
    slotSeconds: Annotated[int, Field(ge=1, le=86_400, strict=True)] = 3_600  # noqa: N815  as servers write it
    slots: Annotated[list[tuple[_Name, _Count, _Table]], Field(max_length=MOST_SLOTS)] = []


_LABELS: Final = TypeAdapter(_Labels)
_TABLES: Final = TypeAdapter(Annotated[dict[_Name, _Counts], Field(max_length=MOST_SEGMENTS + 1)])

Segments = Mapping[str, LabelCounts]
"""Counts by segment, those of all rows as WHOLE."""


def rows_of(segments: Segments) -> int:
    """Give how many labelled rows there are in all."""
    return segments[WHOLE].rows if WHOLE in segments else 0


@dataclass(frozen=True)
class LabelReading:
    """What changed of a process' counts, by revision, and by revision and slot: cumulative since its start.

    `cursor` asks for what changes after this. Slots are those of the predictions, named by their start in Unix seconds;
    they have `slot_seconds`.
    """

    cursor: str = ""
    totals: Mapping[str, Segments] = field(default_factory=dict)
    slots: Mapping[tuple[str, int], Segments] = field(default_factory=dict)
    slot_seconds: int = 0


def read_labels(given: Any, model: str) -> LabelReading:
    """Check what a pod of `model` tells of labels; servers of former versions tell nothing.

    Raises:
        BrokenEvidence: it does not follow the schema, or speaks of another model's revisions.
    """
    if given is None:
        return LabelReading()
    try:
        found = _LABELS.validate_python(given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise BrokenEvidence(f"labels.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"[:300]) from None
    return LabelReading(
        found.cursor,
        {name: _read(name, table, model) for name, table in found.totals},
        {(name, start): _read(name, table, model) for name, start, table in found.slots},
        found.slotSeconds,
    )


def read_tables(given: Any) -> Segments:
    """Check counts by segment, those of all rows as WHOLE; anybody may have written them.

    Raises:
        BrokenEvidence: they do not follow the schema.
    """
    try:
        found = _TABLES.validate_python(given)
    except ValidationError as error:
        raise BrokenEvidence(f"labels: {error.errors(include_url=False)[0]['msg']}"[:300]) from None
    return {name: _checked(counts) for name, counts in found.items()}


def _read(revision: str, table: _Table, model: str) -> Segments:
    if revision.rpartition("-")[0] != model:
        raise BrokenEvidence(f"labels tells of revision {revision!r:.80}; the pod was made for {model}")
    return {name: _checked(counts) for name, counts in {WHOLE: table, **table.segments}.items()}


def _checked(counts: _Counts) -> LabelCounts:
    if unknown := counts.sums.keys() - set(NUMBERS):
        raise BrokenEvidence(f"labels has a sum {min(unknown)!r:.80}; expected {', '.join(NUMBERS)}")
    bins = [
        score
        for score in chain(counts.scores, counts.scoreUnits, *counts.classScores.values())
        if not _is_bin(score, SCORE_BINS)
    ]
    bins += [place for place in counts.errorBins if not _is_bin(place, MOST_ERROR_BINS)]
    if bins:
        raise BrokenEvidence(f"labels has a bin {bins[0]!r:.80}; expected 0 to {SCORE_BINS - 1}, of errors to 255")
    read = counts.read()
    try:
        check(read)
    except StatisticsError as error:
        raise BrokenEvidence(f"labels: {error}"[:300]) from None
    return read


def _is_bin(told: str, bins: int) -> bool:
    return told.isascii() and told.isdecimal() and int(told) < bins

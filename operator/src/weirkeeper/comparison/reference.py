"""The reference: a profile as it is, or one made of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weirkeeper.comparison.conclusion import Side
from weirkeeper.comparison.errors import UnfitColumns, UnusableReference
from weirkeeper.comparison.names import check_known
from weirkeeper.comparison.opening import first_bytes, open_rows
from weirkeeper.comparison.progress import Progress, followed
from weirkeeper.comparison.rows import Reading, Rows
from weirkeeper.statistics import ProfileError, ReferenceProfile

PROFILE_FILE: Final = "profile.json"
NAME: Final = "the reference"


@dataclass(frozen=True)
class Reference:
    """What rows are compared with: a profile, of `rows` rows, and what it is called in messages."""

    name: str
    profile: ReferenceProfile
    rows: int

    @property
    def side(self) -> Side:
        """What a conclusion says of it."""
        return Side(self.name, self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it has."""
        return tuple(dict.fromkeys(name for feature in self.profile.features for name in feature.columns))


def open_reference(given: Any, reading: Reading) -> Reference | Rows:
    """Take a profile (an object, its JSON file, a bundle's folder), or open rows to make one of.

    Raises:
        UnreadableRows, UnfitColumns, OSError: as in `open_rows`.
        UnusableReference: it is a profile that cannot be read, or of another version.
    """
    if isinstance(given, ReferenceProfile):
        return Reference(NAME, given, given.rows)
    file = _profile_file(Path(given)) if isinstance(given, str | Path) else None
    if file is None:
        rows = open_rows(given, NAME, reading)
        if not rows.written and reading.text:
            raise _typed(rows.name, reading.text)
        check_known(reading.text, rows.columns, rows.name)
        return rows
    if reading.text:
        raise _typed(str(file), reading.text)
    profile = _read(file)
    return Reference(str(file), profile, profile.rows)


def _profile_file(file: Path) -> Path | None:
    """Find the profile that a path leads to: itself, or that of a bundle."""
    if file.is_dir():
        if not (file / PROFILE_FILE).exists():
            raise UnusableReference(
                f"{file} is a folder without {PROFILE_FILE}; give a bundle, a profile, or a CSV or Parquet file"
            )
        return file / PROFILE_FILE
    return file if first_bytes(file).lstrip().startswith(b"{") else None


def _typed(name: str, text: Sequence[str]) -> UnfitColumns:
    return UnfitColumns(
        f"{text[0]!r} is to be read as text, but {name} is no CSV: its columns have types of their own; leave it out"
        " (--text)"
    )


def _read(file: Path) -> ReferenceProfile:
    try:
        return ReferenceProfile.from_json(json.loads(file.read_bytes()))
    except ProfileError as error:
        raise UnusableReference(f"{file}: {error}") from None
    except ValueError as error:
        raise UnusableReference(f"{file} begins as a profile does, but is no JSON: {error}; write it anew") from None


def profiled(rows: Rows, columns: Sequence[str], reading: Reading, progress: Progress) -> Reference:
    """Make the profile of some columns of rows; of a uniform sample of them, where there are more than it takes.

    Raises:
        UnreadableRows: a line cannot be read.
        UnusableReference: there are no rows, or so many columns that a profile does not hold them.
        UnfitColumns: a column mixes types, or is of one that has no bins.
    """
    from weirkeeper.comparison.columns import check_kinds, reference_columns  # noqa: PLC0415  a profile needs no Arrow

    check_kinds(rows, columns)
    sample, count = _sampled(rows, columns, progress)
    read = reference_columns(sample, rows.name, reading.text if rows.written else columns)
    try:
        profile = ReferenceProfile.from_columns(read, {})
    except ProfileError as error:
        raise UnusableReference(f"{rows.name}: {error}; or leave columns out (--ignore NAME)") from None
    return Reference(rows.name, profile, count)


def _sampled(rows: Rows, columns: Sequence[str], progress: Progress) -> tuple[Any, int]:
    """Read all rows; give a sample of them, as a table of Arrow's, and how many there were."""
    import pyarrow as pa  # noqa: PLC0415  see profiled

    from weirkeeper.comparison.arrow import plain_batch, told_by_arrow  # noqa: PLC0415  see profiled
    from weirkeeper.comparison.sampling import RowSample  # noqa: PLC0415  see profiled

    sample = RowSample()
    try:
        sample.add(map(plain_batch, followed(rows, columns, progress)))
        if sample.rows:
            return sample.table(), sample.rows
    except pa.ArrowTypeError as error:
        told = told_by_arrow(error)
        raise UnfitColumns(f"{rows.name} has a column that is not of one type: {told}; make it one of them") from None
    raise UnusableReference(f"{rows.name} has no rows; give those that the model was trained or validated on")

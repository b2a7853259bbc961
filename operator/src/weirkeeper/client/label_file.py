"""Labels in a CSV file, sent in batches that go on after an interruption where they ended."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from weirkeeper.client.errors import OtherLabels, UnusableLabels
from weirkeeper.client.feedback import LabelledRow, Receipt

COLUMNS: Final = ("token", "row", "label", "value")
LONGEST_FIELD: Final = 2**20


def read_rows(file: Path) -> Iterator[LabelledRow]:
    """Read labelled rows: columns `token`, and `label` or `value` or both; `row` where an answer had several.

    An empty field stands for what is not known. Other columns are left alone.

    Raises:
        UnusableLabels: a column lacks, or a row is no number; the message has the line.
    """
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            _check_columns(file, reader.fieldnames or ())
            for line in reader:
                yield _row(f"{file}, line {reader.line_num}", line)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UnusableLabels(f"{file} is no CSV file: {error}") from None


def _check_columns(file: Path, names: Any) -> None:
    if "token" not in names or not {"label", "value"} & set(names):
        raise UnusableLabels(
            f"{file} has columns {', '.join(names) or 'none'}; it needs token, and label or value or both"
        )


def _row(where: str, line: dict[str, Any]) -> LabelledRow:
    token = line["token"] or ""
    if not token:
        raise UnusableLabels(f"{where}: no token; give the parameter feedback_token of the answer")
    number = line.get("row") or "0"
    if not (number.isascii() and number.isdecimal() and len(number) < 6):  # noqa: PLR2004  tokens have 1,000 rows
        raise UnusableLabels(f"{where}: row is {number!r}; give the number of the row in its answer, from 0")
    return LabelledRow(token, int(number), line.get("label") or None, line.get("value") or None)


@dataclass
class Progress:
    """How far a file was sent: `rows` of it, as `tokens` items, and what came of them."""

    sha256: str
    address: str
    rows: int = 0
    tokens: int = 0
    receipt: Receipt = field(default_factory=Receipt)

    def save(self, file: Path) -> None:
        """Write it to `file`, all of it or nothing."""
        told = {**vars(self), "receipt": {**vars(self.receipt), "refused": dict(self.receipt.refused)}}
        beside = file.with_name(f"{file.name}.new")
        beside.write_text(json.dumps(told))
        beside.replace(file)


def state_file(file: Path) -> Path:
    """Name the file beside a file of labels that says how far it was sent."""
    return file.with_name(f"{file.name}.sent.json")


def begun(file: Path, address: str) -> Progress:
    """Go on from where a file's sending ended, or begin.

    Raises:
        OtherLabels: the file was another one then, or was sent to another model.
    """
    with file.open("rb") as opened:
        fresh = Progress(hashlib.file_digest(opened, "sha256").hexdigest(), address)
    try:
        told = json.loads(state_file(file).read_text())
        receipt = Receipt(told["receipt"]["counted"], Counter(told["receipt"]["refused"]), told["receipt"]["messages"])
        known = Progress(told["sha256"], told["address"], told["rows"], told["tokens"], receipt)
    except FileNotFoundError:
        return fresh
    except (ValueError, LookupError, TypeError):
        raise OtherLabels(f"{state_file(file)} cannot be read; delete it to send all of {file} again") from None
    if (known.sha256, known.address) != (fresh.sha256, fresh.address):
        raise OtherLabels(
            f"{state_file(file)} is of another content of {file}, or of {known.address}; delete it to begin anew"
        )
    return known

"""Sending labels back to a served model, by the tokens that its answers had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from weirkeeper.client.connection import TIMEOUT, Connection, address_of
from weirkeeper.client.errors import UnusableLabels

Label = str | int | float | bool

BATCH_ROWS: Final = 500
MOST_MESSAGES: Final = 20


@dataclass(frozen=True)
class LabelledRow:
    """What became known of one row of an answer; None stands for what is not known (yet)."""

    token: str
    row: int = 0
    label: Label | None = None
    value: float | str | None = None


@dataclass
class Receipt:
    """How many rows a model counted, how many it refused by reason, and what it said of the first of those."""

    counted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def add(self, answer: Mapping[str, Any], first: int) -> None:
        """Add the answer to a post whose first item had the number `first`."""
        self.counted += answer["counted"]
        self.refused.update(answer["reasons"])
        for refusal in answer["refusals"][: MOST_MESSAGES - len(self.messages)]:
            row = "" if refusal["row"] is None else f", row {refusal['row']}"
            self.messages.append(f"token {first + refusal['item']}{row}: {refusal['reason']}: {refusal['message']}")


def feedback(
    model: str,
    tokens: Sequence[str],
    labels: Sequence[Label | None] | None = None,
    *,
    values: Sequence[float | None] | None = None,
    rows: Sequence[int] | None = None,
    url: str | None = None,
) -> Receipt:
    """Send back what became known of rows that `model` answered, and give how many of them it counted.

    `model` is its address, such as `http://localhost:8080/v2/models/churn`, or its name where the notebook runs in
    the Model's namespace; `url` says where else a name is served. `tokens` has for each row the parameter
    `feedback_token` of the answer that it was in, `rows` the number of the row in that answer, 0 by default. `labels`
    says what was true, `values` what it was worth in a unit of your own; None where that is not known. They
    go in posts of at most 500 rows, each of which may take 30 seconds.

    What is refused, and why, is in the receipt: `refused` by reason, `messages` of the first ones.

    Raises:
        AskingError: lists of unequal length or without labels and values; or nobody takes posts at the address.
    """
    given = _zipped(tokens, labels, values, rows)
    connection, receipt, sent = Connection(address_of(model, url), TIMEOUT), Receipt(), 0
    for batch in batches(given, BATCH_ROWS):
        items = items_of(batch)
        receipt.add(connection.feedback(items), sent)
        sent += len(items)
    return receipt


def _zipped(
    tokens: Sequence[str],
    labels: Sequence[Label | None] | None,
    values: Sequence[float | None] | None,
    rows: Sequence[int] | None,
) -> list[LabelledRow]:
    if labels is None and values is None:
        raise UnusableLabels("neither labels nor values are given; give one of them for each token")
    for name, given in (("labels", labels), ("values", values), ("rows", rows)):
        if given is not None and len(given) != len(tokens):
            raise UnusableLabels(f"{len(given)} {name} for {len(tokens)} tokens; give one for each, None if not known")
    return [
        LabelledRow(
            token,
            0 if rows is None else int(rows[place]),
            None if labels is None else _plain(labels[place]),
            None if values is None else _plain(values[place]),
        )
        for place, token in enumerate(tokens)
    ]


def _plain(value: Any) -> Any:
    """Make Python's own of a value of numpy; NaN stands for what is not known."""
    plain = value.item() if hasattr(value, "item") else value
    return None if plain != plain else plain  # noqa: PLR0124  true of NaN alone


def batches(rows: Iterable[LabelledRow], size: int) -> Iterator[list[LabelledRow]]:
    """Part rows into batches of `size`.

    Raises:
        UnusableLabels: `size` is no positive number.
    """
    if size < 1:
        raise UnusableLabels(f"batches of {size} rows; give at least 1")
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch


def items_of(rows: Iterable[LabelledRow]) -> list[dict[str, Any]]:
    """Write rows as items of a post, one for each token and, where a row comes twice, for each time."""
    items: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for one in rows:
        item = last.get(one.token)
        if item is None or one.row in item["rows"]:
            item = last[one.token] = {"token": one.token, "rows": [], "labels": [], "values": []}
            items.append(item)
        item["rows"].append(one.row)
        item["labels"].append(one.label)
        item["values"].append(one.value)
    return items

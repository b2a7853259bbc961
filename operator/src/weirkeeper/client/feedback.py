"""Sending labels back to a served model, by the tokens that its answers had."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlsplit

from weirkeeper.client.feedback_errors import NotTaken, UnusableLabels

Label = str | int | float | bool

BATCH_ROWS: Final = 500
TIMEOUT: Final = 30.0
MOST_MESSAGES: Final = 20

_NAME: Final = re.compile(r"[a-z]([a-z0-9.-]*[a-z0-9])?")
_PATH: Final = "/v2/models/"


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
        FeedbackError: lists of unequal length or without labels and values; or nobody takes posts at the address.
    """
    given = _zipped(tokens, labels, values, rows)
    address, receipt, sent = feedback_address(model, url), Receipt(), 0
    for batch in batches(given, BATCH_ROWS):
        items = items_of(batch)
        receipt.add(post(address, items, TIMEOUT), sent)
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


def post(address: str, items: Sequence[Mapping[str, Any]], timeout: float) -> Mapping[str, Any]:
    """Post items; give the answer.

    Raises:
        NotTaken: nobody answers, or the server refuses the post as a whole.
    """
    body = json.dumps({"items": items}, allow_nan=False).encode()
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})  # noqa: S310  feedback_address allows http and https
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310  see above
            return _answer(address, response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise NotTaken(f"{address} answers {error.code}: {_said(error.read())}") from None
    except (OSError, HTTPException) as error:
        raise NotTaken(f"nobody answers at {address}: {getattr(error, 'reason', error)}; check the address") from None


def _answer(address: str, body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
        if isinstance(answer, dict) and {"counted", "reasons", "refusals"} <= answer.keys():
            return answer
    except ValueError:
        pass
    raise NotTaken(f"{address} does not answer as a model does that takes labels; give a model's address")


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body[:200].decode(errors="replace")


def feedback_address(model: str, url: str | None = None) -> str:
    """Give the address that takes a model's labels: `model` is its URL, or its name in the cluster or at `url`.

    Raises:
        UnusableLabels: it is neither a URL nor a name.
    """
    if "://" not in model:
        if not _NAME.fullmatch(model):
            raise UnusableLabels(f"{model!r} is neither a Model's name nor a URL such as http://churn{_PATH}churn")
        model = f"{(url or f'http://{model}').rstrip('/')}{_PATH}{quote(model.partition('.')[0])}"
    parts = urlsplit(model.rstrip("/").removesuffix("/feedback").removesuffix("/infer"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.partition(_PATH)[2]:
        raise UnusableLabels(f"{model!r} is no model's address; give one such as http://localhost:8080{_PATH}churn")
    return f"{parts.scheme}://{parts.netloc}{parts.path}/feedback"

"""Asking a served model about all rows of a frame, some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd

from weirkeeper.api.bundle import Signature
from weirkeeper.client.columns import Rows, as_frame, inputs_of, outputs_of
from weirkeeper.client.connection import BATCH_ROWS, TIMEOUT, Connection, address_of
from weirkeeper.client.errors import RequestRefused, UnfitRows

REVISIONS: Final = "revisions"
"""Where a frame of answers keeps how many rows each revision answered, in its `attrs`."""

_TOO_LARGE: Final = 413


def predict(
    model: str,
    rows: Rows,
    *,
    url: str | None = None,
    outputs: Sequence[str] = (),
    batch_rows: int = BATCH_ROWS,
    timeout: float = TIMEOUT,
) -> pd.DataFrame:
    """Ask a served model about `rows` and give its answers, a row each, with the same index.

    `model` is its address, such as `http://localhost:8080/v2/models/churn`, or its name where the notebook runs in
    the Model's namespace; `url` says where else a name is served. `rows` has a column for each input, other columns
    are left out; a model that takes one matrix takes a matrix or a frame of as many columns. Values are sent in the
    types that the model's metadata names, `batch_rows` rows in a request, `timeout` seconds for each of them.

    An output with one value a row is a column of its name, one with several is `name[0]`, `name[1]` and so on;
    `outputs` chooses some. How many rows each revision answered is in the frame's `attrs["revisions"]`.

    Raises:
        AskingError: the address, the rows or the server will not do; the message names the column.
    """
    connection = Connection(address_of(model, url), timeout)
    return ask(connection, connection.signature(), rows, outputs, batch_rows)


def ask(
    connection: Connection, signature: Signature, rows: Rows, outputs: Sequence[str], batch_rows: int
) -> pd.DataFrame:
    """Ask about rows in batches, as `predict` says."""
    if batch_rows < 1:
        raise UnfitRows(f"batch_rows is {batch_rows}; give at least 1")
    frame = as_frame(rows, signature)
    revisions: Counter[str] = Counter()
    answered = [_answered(connection, signature, batch, outputs, revisions) for batch in _batches(frame, batch_rows)]
    answers = pd.concat(answered)
    answers.attrs[REVISIONS] = dict(revisions)
    return answers


def _batches(frame: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), size):
        yield frame.iloc[start : start + size]


def _answered(
    connection: Connection,
    signature: Signature,
    batch: pd.DataFrame,
    outputs: Sequence[str],
    revisions: Counter[str],
) -> pd.DataFrame:
    request: dict[str, Any] = {"inputs": inputs_of(batch, signature)}
    if outputs:
        request["outputs"] = [{"name": name} for name in outputs]
    try:
        answer = connection.infer(request)
    except RequestRefused as error:
        if error.status != _TOO_LARGE:
            raise
        raise RequestRefused(error.status, f"{error}; ask with batch_rows below {len(batch)}") from None
    revisions[str(answer.get("model_version", ""))] += len(batch)
    return outputs_of(answer, batch.index)

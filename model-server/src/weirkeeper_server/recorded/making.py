"""Making `shortcut.zip`: scikit-learn is asked on its owner's machine, and what it said is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from weirkeeper_server.estimator import EstimatorPredictor
from weirkeeper_server.recorded.document import NotRecorded, Recorded, from_bytes, to_bytes
from weirkeeper_server.recorded.predicting import is_proven, predictor_of
from weirkeeper_server.recorded.skops_names import unknown_types
from weirkeeper_server.shortcuts.agreement import rows_around, said, same_apart_and_together
from weirkeeper_server.tensors import Columns


def shortcut_file(
    plain: EstimatorPredictor, model: bytes, rows: Sequence[Columns], versions: Mapping[str, str]
) -> bytes:
    """Write down the shortcut of an estimator, whose skops file is `model`, by the rows of its golden requests.

    Raises:
        NotRecorded: there is none, or none that a server could use.
    """
    shortcut = plain.shortcut()
    if shortcut is None:
        raise NotRecorded("no shortcut is known for all steps of it")
    if not rows:
        raise NotRecorded("there are no golden requests to compare with")
    if unknown := unknown_types(model):
        raise NotRecorded(f"servers read {', '.join(sorted(unknown)[:5])} with scikit-learn alone")
    try:
        _, quick = predictor_of(shortcut, plain.signature, {})
    except Exception as error:  # onnxruntime's errors have no class in common
        raise NotRecorded(f"it cannot be computed here: {type(error).__name__}: {str(error)[:200]}") from error
    made = Recorded(
        model_sha256=hashlib.sha256(model).hexdigest(),
        made_with=dict(versions),
        shortcut=shortcut,
        said=said(plain.predict, rows_around(plain.signature, rows)),
        edges=plain.said_at_edges([quick.prepare(row) for row in rows]),
        together=same_apart_and_together(plain, rows),
    )
    data = to_bytes(made)
    again = from_bytes(data)
    _, read = predictor_of(again.shortcut, plain.signature, {})
    if not is_proven(again, read):
        raise NotRecorded("it would answer otherwise than scikit-learn")
    return data

"""Two predictors compared, as `choosing` compares what it is to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.agreement import rows_around, said, says_the_same
from weirkeeper_server.tensors import Columns


def agrees(plain: Predictor, quick: Predictor, rows: Sequence[Columns]) -> bool:
    """Say whether `quick` gives what `plain` gives, on rows and around them, or raises where it raises."""
    return says_the_same(quick.predict, said(plain.predict, rows_around(plain.signature, rows)))

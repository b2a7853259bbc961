"""A pipeline's last step: its plan, and what it answers itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from weirkeeper_server.fitted.ensembles import trees
from weirkeeper_server.fitted.linear import linear
from weirkeeper_server.shortcuts.finals import Answer, Answers
from weirkeeper_server.shortcuts.plan import Floats, Linear, Trees


def last_plan(final: Any) -> Linear | Trees | None:
    """Read a last step, None where there is no shortcut for it."""
    return linear(final) or trees(final)


def answering(final: Any) -> Answer:
    """Ask a last step itself, and for what its shortcut computes alone."""
    likelihood = getattr(final, "predict_proba", None)

    def answer(features: Floats) -> Answers:
        return Answers(np.asarray(final.predict(features)), likelihood(features) if likelihood else None)

    return answer

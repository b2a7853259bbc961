"""An estimator that takes as long to load as a test wants."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

from sklearn.linear_model import LogisticRegression

UNTIL: Final = "PATIENT_UNTIL"
"""Names the variable with a path: nothing is loaded before there is something at it."""


class PatientRegression(LogisticRegression):  # type: ignore[misc]  # scikit-learn is untyped
    """A logistic regression whose state is a long time coming, as from a slow disk or by long work."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state once the test lets it."""
        until = os.environ.get(UNTIL)
        while until and not Path(until).exists():
            time.sleep(0.05)
        super().__setstate__(state)

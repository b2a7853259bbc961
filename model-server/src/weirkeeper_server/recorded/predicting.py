"""A predictor made of a recorded shortcut, and its proof by recorded answers."""

from __future__ import annotations

from collections.abc import Mapping

from weirkeeper.api.bundle import Signature
from weirkeeper_server.recorded.document import Recorded
from weirkeeper_server.shortcuts.agreement import of_matrix, says_the_same
from weirkeeper_server.shortcuts.last_steps import By, last_step
from weirkeeper_server.shortcuts.plan import Shortcut
from weirkeeper_server.shortcuts.predicting import ShortcutPredictor, threshold_of
from weirkeeper_server.shortcuts.preparing import preparing


def predictor_of(
    shortcut: Shortcut, signature: Signature, parameters: Mapping[str, str]
) -> tuple[By, ShortcutPredictor]:
    """Make what computes a shortcut, and name what does.

    Raises:
        BundleError: ModelLoadFailed, the parameters are not the model's.
        Exception: nothing can be computed by it; onnxruntime's errors have no class in common.
    """
    threshold = threshold_of(parameters, signature, shortcut.last.classes)
    prepare, classes = preparing(shortcut.preparation), shortcut.last.classes
    by, answer = last_step(shortcut.last)
    return by, ShortcutPredictor(signature, prepare, answer, classes, threshold)


def is_proven(recorded: Recorded, quick: ShortcutPredictor) -> bool:
    """Say whether a shortcut without parameters answers, and refuses, as scikit-learn was recorded to."""
    return (
        recorded.said.rows > 0
        and recorded.edges.rows > 0
        and says_the_same(quick.predict, recorded.said)
        and says_the_same(of_matrix(quick.answer), recorded.edges)
    )

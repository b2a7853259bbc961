"""Give a verb as an annotation, and wait for what the operator says to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weirkeeper.api import names
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import MODELS, Kubectl, Object

POLL_SECONDS = 0.5
EVENTS_WITHIN = 5.0
"""Seconds that are waited for the Events of a verb that was obeyed: they are written after the status."""


@dataclass(frozen=True)
class Answer:
    """What the operator said to a verb: why it was refused, else what came of it."""

    refused: bool
    notes: Sequence[str]


def ask(
    kubectl: Kubectl, verb: str, model: str, reason: str, patience: float, sleep: Callable[[float], None] = time.sleep
) -> Answer:
    """Annotate the Model with the verb and wait up to `patience` seconds until it was handled.

    Raises:
        PluginError: the Model is not there, must not be changed, or nobody handled the verb in time.
    """
    before = {event["metadata"]["uid"] for event in _events(kubectl, kubectl.model(model))}
    user = kubectl.user()
    token = f"{user}/{uuid.uuid4().hex[:12]}"
    said = f"{names.REASON_ANNOTATION}={reason}" if reason else f"{names.REASON_ANNOTATION}-"
    kubectl("annotate", MODELS, model, "--overwrite", f"{names.verb_annotation(verb)}={token}", said)
    found = _handled(kubectl, verb, model, token, patience, sleep)
    status = found["status"]
    why = next((item["why"] for item in status.get("refused", ()) if item["token"] == f"{verb}={token}"), None)
    if why is not None:
        return Answer(refused=True, notes=[f"{verb} by {user} refused: {why}"])
    told = _told(kubectl, found, before, user, sleep)
    return Answer(refused=False, notes=told or [status.get("message", "done")])


def _handled(
    kubectl: Kubectl, verb: str, model: str, token: str, patience: float, sleep: Callable[[float], None]
) -> Object:
    """Read the Model once the operator has handled the verb with this token."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = kubectl.model(model)
        if f"{verb}={token}" in found.get("status", {}).get("handled", ()):
            return found
        sleep(POLL_SECONDS)
    raise PluginError(
        f"nobody handled {verb} within {patience:g} s; does the operator run?"
        f" The annotation stands, and acts as soon as one does; to take it back:"
        f" kubectl annotate {MODELS} {model} {names.verb_annotation(verb)}-"
    )


def _told(
    kubectl: Kubectl, model: Object, before: set[str], user: str, sleep: Callable[[float], None]
) -> Sequence[str]:
    """Give the notes of the Events since `before`: those that name the user, where there are any."""
    deadline = time.monotonic() + EVENTS_WITHIN
    while True:
        notes = [event["note"] for event in _events(kubectl, model) if event["metadata"]["uid"] not in before]
        if notes or time.monotonic() >= deadline:
            return [note for note in notes if f"by {user}" in note] or notes
        sleep(POLL_SECONDS)


def _events(kubectl: Kubectl, model: Object) -> Sequence[Object]:
    """Read the Model's Events; none where we may not: the status has what counts."""
    try:
        return kubectl.events_of(model)
    except PluginError:
        return ()

"""Give a verb as an annotation, and wait for what the operator says to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weirkeeper.api import names
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import MODELS, Kubectl

POLL_SECONDS = 0.5
REFUSED = "VerbRefused"


@dataclass(frozen=True)
class Answer:
    """What the operator said to a verb: the notes of the Events that came with it."""

    refused: bool
    notes: Sequence[str]


def ask(
    kubectl: Kubectl, verb: str, model: str, reason: str, patience: float, sleep: Callable[[float], None] = time.sleep
) -> Answer:
    """Annotate the Model with the verb and wait up to `patience` seconds until it was handled.

    Raises:
        PluginError: the Model is not there, must not be changed, or nobody handled the verb in time.
    """
    before = {event["metadata"]["uid"] for event in kubectl.events_of(kubectl.model(model))}
    user = kubectl.user()
    token = f"{user}/{uuid.uuid4().hex[:12]}"
    said = f"{names.REASON_ANNOTATION}={reason}" if reason else f"{names.REASON_ANNOTATION}-"
    kubectl("annotate", MODELS, model, "--overwrite", f"{names.verb_annotation(verb)}={token}", said)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = kubectl.model(model)
        if f"{verb}={token}" in found.get("status", {}).get("handled", ()):
            new = [event for event in kubectl.events_of(found) if event["metadata"]["uid"] not in before]
            if new:
                # Events are written after the status: what others did meanwhile may stand among them.
                refusal = [item["note"] for item in new if item["reason"] == REFUSED and user in item["note"]]
                return Answer(bool(refusal), refusal or [item["note"] for item in new])
        sleep(POLL_SECONDS)
    raise PluginError(
        f"nobody handled {verb} within {patience:g} s; does the operator run?"
        f" The annotation stands, and acts as soon as one does; to take it back:"
        f" kubectl annotate {MODELS} {model} {names.verb_annotation(verb)}-"
    )

"""Who has frozen promotions: the platform by a value of the chart, or a namespace by an annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weirkeeper.api.names import FREEZE_ANNOTATION

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot

LONGEST_FREEZE = 160
"""Characters that are kept of what a namespace's annotation says."""

PLATFORM = "the whole platform is, by the chart's value freeze"


def frozen(snapshot: Snapshot) -> str:
    """Why nothing may be promoted in this Model's namespace now; empty where it may."""
    return PLATFORM if snapshot.settings.freeze else snapshot.frozen


def freeze_of(namespace: Object) -> str:
    """Why a namespace's annotation says that nothing may be promoted in it; empty where it does not say so."""
    metadata = namespace["metadata"]
    said = str((metadata.get("annotations") or {}).get(FREEZE_ANNOTATION, "")).strip()
    if said.lower() in {"", "false"}:
        return ""
    reason = "" if said.lower() == "true" else f": {said[:LONGEST_FREEZE]}"
    return f"namespace {metadata['name']} is, by its annotation {FREEZE_ANNOTATION}{reason}"

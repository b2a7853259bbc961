"""One JSON line a decision: what was decided of which Model, why, and what it took to carry it out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from weirkeeper.api import names
from weirkeeper.kube.keys import Key
from weirkeeper.plan.result import Plan
from weirkeeper.plan.snapshot import Object

log = logging.getLogger("weirkeeper.decisions")


def log_decisions(key: Key, model: Object | None, plan: Plan, writes: int, seconds: float) -> None:
    """Tell what a plan that wrote something was about; a new decision with its reasons and numbers."""
    done: dict[str, Any] = {"key": key, "writes": writes, "duration": round(seconds, 4)}
    before = (model or {}).get("status") or {}
    after = next((write.status for write in plan.statuses if write.kind == names.MODEL_KIND), before)
    if after.get("decision") == before.get("decision"):
        log.info("reconciled", extra=done)
        return
    log.info("decided", extra={**done, **_decision(after), "reasons": [notice.message for notice in plan.notices]})


def _decision(status: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "decision": status.get("decision"),
        "phase": status.get("phase"),
        "step": status.get("step"),
        "attempt": status.get("attempt"),
        "revision": (status.get("candidate") or status.get("stable") or {}).get("revision"),
        "traffic": {share["revision"]: share["weight"] for share in status.get("traffic", ())},
        "reason": status.get("message"),
        "gates": {gate["name"]: gate.get("verdict") for gate in status.get("gates", ())},
    }

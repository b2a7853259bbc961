"""CronJobs that Jobs are made of: which may be used, and how a Job of one ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from weirkeeper.delivery.turn import Obstacle

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot

START_SECONDS: Final = 3600.0
"""A Job that could not be made within so long after it was asked for is not made any more: an ended one stays for
longer, so that what is not there was never made."""


def refusal(snapshot: Snapshot, name: str, label: str, asker: str) -> Obstacle | None:
    """Why no Job may be made of the CronJob `name` for `asker`; None where one may."""
    found, label_set = snapshot.cron_jobs.get(name), f"{label}=true"
    if found is None:
        message = f"{asker}: there is no CronJob {name} in namespace {snapshot.namespace}: create it, suspended"
        return Obstacle("CronJobNotFound", f"{message} and with the label {label_set}")
    if (found["metadata"].get("labels") or {}).get(label) != "true":
        message = f"{asker}: CronJob {name} does not carry the label {label_set}: whoever may change it sets it"
        return Obstacle("CronJobNotAllowed", message)
    if not found["spec"].get("suspend", False):
        message = f"{asker}: CronJob {name} also runs by its schedule: set spec.suspend to true"
        return Obstacle("CronJobNotAllowed", message)
    return None


def ended(item: Object) -> dict[str, Any] | None:
    """The condition by which a Job has ended."""
    conditions = item.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True"), None)

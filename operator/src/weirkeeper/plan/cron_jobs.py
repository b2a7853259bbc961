"""CronJobs that Jobs are made of: which may be used, and how a Job of one ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from weirkeeper.delivery.turn import Obstacle

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import ActionRun, CheckRun
    from weirkeeper.plan.snapshot import Object, Snapshot

NOT_FOUND: Final = "CronJobNotFound"
NOT_ALLOWED: Final = "CronJobNotAllowed"

START_SECONDS: Final = 3600.0
"""A Job that could not be made within so long after it was asked for is not made any more: an ended one stays for
longer, so that what is not there was never made."""


def refusal(snapshot: Snapshot, name: str, label: str, asker: str) -> Obstacle | None:
    """Why no Job may be made of the CronJob `name` for `asker`; None where one may."""
    found, label_set = snapshot.cron_jobs.get(name), f"{label}=true"
    if found is None:
        message = f"{asker}: there is no CronJob {name} in namespace {snapshot.namespace}: create it, suspended"
        return Obstacle(NOT_FOUND, f"{message} and with the label {label_set}")
    lacking = [*_unlabelled(found, label, snapshot.namespace), *_unsuspended(found)]
    if not lacking:
        return None
    message = f"{asker}: no Job is made of CronJob {name}, which {' and '.join(what for what, _ in lacking)}"
    return Obstacle(NOT_ALLOWED, f"{message}: {'; '.join(remedy for _, remedy in lacking)}")


def _unlabelled(cron_job: Object, label: str, namespace: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the label by which whoever owns a CronJob allows its use, and what to do."""
    labels, name = cron_job["metadata"].get("labels") or {}, cron_job["metadata"]["name"]
    given = labels.get(label)
    if given == "true":
        return
    what = f"does not carry the label {label}=true" + (f" but {label}={given}" if given is not None else "")
    template = cron_job["spec"]["jobTemplate"].get("metadata") or {}
    if label in (template.get("labels") or {}):
        what += " (its jobTemplate does, which does not count)"
    overwrite = " --overwrite" if given is not None else ""
    yield what, f"kubectl label cronjob -n {namespace} {name} {label}=true{overwrite}"


def _unsuspended(cron_job: Object) -> Iterator[tuple[str, str]]:
    """That a CronJob also runs by its schedule, which only its own team would know of, and what to do."""
    if not cron_job["spec"].get("suspend", False):
        yield "also runs by its schedule", "set its spec.suspend to true"


class Followed(NamedTuple):
    """What became of a Job: `lost` says why there is none and will be none, `found` is None while it is not made."""

    lost: str = ""
    found: Object | None = None


def followed(snapshot: Snapshot, run: CheckRun | ActionRun, now: float, deleted: str) -> Followed:
    """Look for the Job that `run` asked for; `deleted` goes on about one that is gone."""
    refused, found = snapshot.refused.get(("Job", run.job)), snapshot.children.get(("Job", run.job))
    if refused:
        return Followed(f"Job {run.job} cannot be made: {refused}")
    if found is None and run.uid:
        return Followed(f"Job {run.job} was deleted{deleted}")
    if found is None and now - run.asked > START_SECONDS:
        return Followed(f"Job {run.job} was not made within {START_SECONDS / 3600:.0f} h")
    return Followed(found=found)


def ended(item: Object) -> dict[str, Any] | None:
    """The condition by which a Job has ended."""
    conditions = item.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] in ("Complete", "Failed") and one["status"] == "True"), None)

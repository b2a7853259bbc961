"""The Job that trains a Model anew, out of a CronJob that the team keeps for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import timestamp
from weirkeeper.delivery.memory import ActionRun
from weirkeeper.render.cron_job import Told, job_of
from weirkeeper.render.owners import Manifest
from weirkeeper.render.server import profile_name

PROFILE_VOLUME: Final = "weirkeeper-profile"
PROFILE_PATH: Final = "/run/weirkeeper"


def job_name(model: str, uid: str, monitor: str, cron_job: str, asked: float) -> str:
    """A Job's name: the same for what was asked for once, however often it is made."""
    about = f"{uid}/{monitor}/{cron_job}/{asked:.3f}"
    return f"{model}-retrain-{hashlib.sha256(about.encode()).hexdigest()[:10]}"


def retrain_job(model: Mapping[str, Any], cron_job: Mapping[str, Any], run: ActionRun) -> Manifest:
    """The Job of a retraining: the CronJob's own, with reason, window and the stable revision's profile."""
    variables = {
        "MONITOR": run.monitor,
        "STABLE": run.revision,
        "REASON": run.reason,
        "PROFILE_CONFIG_MAP": profile_name(run.revision),
        "PROFILE": f"{PROFILE_PATH}/profile.json",
    }
    if run.window:
        start, end = run.window
        variables |= {"WINDOW_START": timestamp(start), "WINDOW_END": timestamp(end)}
    found = job_of(model, cron_job, Told(run.job, run.revision, {names.MONITOR_ANNOTATION: run.monitor}, variables))
    _mount_profile(found["spec"]["template"]["spec"], profile_name(run.revision))
    return found


def _mount_profile(pod: dict[str, Any], config_map: str) -> None:
    """Let the containers read the profile without asking the API server; a revision without one has an empty folder."""
    volume = {"name": PROFILE_VOLUME, "configMap": {"name": config_map, "optional": True}}
    pod["volumes"] = [*pod.get("volumes", ()), volume]
    mount = {"name": PROFILE_VOLUME, "mountPath": PROFILE_PATH, "readOnly": True}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]

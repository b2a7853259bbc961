"""A Job that a gate starts, out of a CronJob that the team keeps for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.render.owners import Manifest, labels_of, owned_by

KEPT_SECONDS: Final = 24 * 3600
"""For so long an ended Job stays, with its logs."""

VARIABLE: Final = "WEIRKEEPER_"

# A node that goes down tells nothing of the candidate, so such a pod is made again; any other end is the Job's.
POD_FAILURES: Final = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}},
    ]
}


@dataclass(frozen=True)
class Check:
    """One check of a candidate by a gate: in which attempt and step, of whom, against whom."""

    gate: str
    attempt: int
    step: int
    step_name: str
    candidate: str
    stable: str
    digest: str

    def job(self, model: str) -> str:
        """The Job's name: the same for the same check, however often it is asked for."""
        asked = f"{self.gate}/{self.attempt}/{self.step}/{self.candidate}/{self.digest}"
        return f"{model}-gate-{hashlib.sha256(asked.encode()).hexdigest()[:10]}"

    @property
    def variables(self) -> dict[str, str]:
        """What the Job's containers are told."""
        return {
            "GATE": self.gate,
            "ATTEMPT": str(self.attempt),
            "STEP": str(self.step + 1),
            "STEP_NAME": self.step_name,
            "CANDIDATE": self.candidate,
            "STABLE": self.stable,
            "REASON": f"gate {self.gate} in step {self.step_name} of attempt {self.attempt}",
        }


def job(model: Mapping[str, Any], cron_job: Mapping[str, Any], check: Check) -> Manifest:
    """The Job of a check: the CronJob's own, tried once, with what it is about in its environment."""
    template = deepcopy(dict(cron_job["spec"]["jobTemplate"]))
    spec = template["spec"]
    name = model["metadata"]["name"]
    variables = {**check.variables, "MODEL": name, "NAMESPACE": model["metadata"]["namespace"]}
    spec["template"] = _pod(spec["template"], variables)
    for field in ("selector", "manualSelector"):
        spec.pop(field, None)
    spec |= {"backoffLimit": 0, "podFailurePolicy": POD_FAILURES, "ttlSecondsAfterFinished": KEPT_SECONDS}
    given = template.get("metadata", {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": check.job(name),
            "namespace": model["metadata"]["namespace"],
            "labels": {**given.get("labels", {}), **labels_of(name, check.candidate)},
            "annotations": {
                **given.get("annotations", {}),
                names.GATE_ANNOTATION: check.gate,
                names.CRON_JOB_ANNOTATION: cron_job["metadata"]["name"],
            },
            "ownerReferences": [owned_by(model)],
        },
        "spec": spec,
    }


def _pod(template: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """The CronJob's pod with the variables in every container; they come first, so that others may refer to them."""
    pod = deepcopy(dict(template))
    given = [{"name": f"{VARIABLE}{name}", "value": value} for name, value in variables.items()]
    ours = {item["name"] for item in given}
    for kind in ("initContainers", "containers"):
        for container in pod["spec"].get(kind, ()):
            container["env"] = given + [item for item in container.get("env", ()) if item["name"] not in ours]
    pod["spec"]["restartPolicy"] = "Never"
    return pod

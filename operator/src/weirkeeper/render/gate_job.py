"""A Job that a gate starts, out of a CronJob that the team keeps for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.render.cron_job import Told, job_of
from weirkeeper.render.owners import Manifest

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
    told = Told(
        check.job(model["metadata"]["name"]), check.candidate, {names.GATE_ANNOTATION: check.gate}, check.variables
    )
    found = job_of(model, cron_job, told)
    found["spec"] |= {"backoffLimit": 0, "podFailurePolicy": POD_FAILURES}
    found["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    return found

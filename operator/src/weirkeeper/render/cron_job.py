"""A Job out of a CronJob that a team keeps suspended for it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.render.owners import labels_of, owned_by

KEPT_SECONDS: Final = 24 * 3600
"""For so long an ended Job stays, with its logs."""

VARIABLE: Final = "WEIRKEEPER_"


@dataclass(frozen=True)
class Told:
    """What a Job is called, the revision that it is about, how it is annotated, and what its containers are told."""

    name: str
    revision: str
    annotations: Mapping[str, str]
    variables: Mapping[str, str]


def job_of(model: Mapping[str, Any], cron_job: Mapping[str, Any], told: Told) -> dict[str, Any]:
    """The Job of a CronJob: its own template, owned by the Model, with variables in every container."""
    template = deepcopy(dict(cron_job["spec"]["jobTemplate"]))
    spec, given = template["spec"], template.get("metadata", {})
    name, namespace = model["metadata"]["name"], model["metadata"]["namespace"]
    _tell(spec["template"]["spec"], {**told.variables, "MODEL": name, "NAMESPACE": namespace})
    for field in ("selector", "manualSelector"):
        spec.pop(field, None)
    spec["ttlSecondsAfterFinished"] = KEPT_SECONDS
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": told.name,
            "namespace": namespace,
            "labels": {**given.get("labels", {}), **labels_of(name, told.revision)},
            "annotations": {
                **given.get("annotations", {}),
                **told.annotations,
                names.CRON_JOB_ANNOTATION: cron_job["metadata"]["name"],
            },
            "ownerReferences": [owned_by(model)],
        },
        "spec": spec,
    }


def _tell(pod: dict[str, Any], variables: Mapping[str, str]) -> None:
    """Put the variables into every container; they come first, so that others may refer to them."""
    given = [{"name": f"{VARIABLE}{name}", "value": value} for name, value in variables.items()]
    ours = {item["name"] for item in given}
    for kind in ("initContainers", "containers"):
        for container in pod.get(kind, ()):
            container["env"] = given + [item for item in container.get("env", ()) if item["name"] not in ours]

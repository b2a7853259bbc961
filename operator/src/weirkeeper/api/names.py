"""Names, labels and ports that more than one part of the system relies on, so that each is written once."""

from __future__ import annotations

import hashlib
from typing import Final

GROUP: Final = "weirkeeper.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
FIELD_MANAGER: Final = "weirkeeper"
CATEGORY: Final = "weirkeeper"

MODEL_KIND: Final = "Model"
ROLLOUT_KIND: Final = "Rollout"
MONITOR_KIND: Final = "Monitor"
MODELS: Final = "models"
ROLLOUTS: Final = "rollouts"
MONITORS: Final = "monitors"

LABEL_MODEL: Final = f"{GROUP}/model"
LABEL_REVISION: Final = f"{GROUP}/revision"
LABEL_COMPONENT: Final = f"{GROUP}/component"
LABEL_ALLOWED_FOR_MODELS: Final = f"{GROUP}/allowed-for-models"
"""On service accounts: `true` where Models may run as them."""
LABEL_GATE: Final = f"{GROUP}/gate"
"""On CronJobs: `true` where a gate may make a Job of them."""
GATE_ANNOTATION: Final = f"{GROUP}/gate-name"
"""On Jobs: the gate that started them."""
LABEL_RETRAIN: Final = f"{GROUP}/retrain"
"""On CronJobs: `true` where a Monitor may make a Job of them."""
MONITOR_ANNOTATION: Final = f"{GROUP}/monitor"
"""On Jobs: the Monitor that asked for them."""
CRON_JOB_ANNOTATION: Final = f"{GROUP}/cron-job"
"""On Jobs: the CronJob that they were made of."""
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "weirkeeper"
COMPONENT_MODEL: Final = "model"
COMPONENT_ROUTER: Final = "router"

MODEL_NAME_LIMIT: Final = 40
MODEL_NAME_PATTERN: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
ROUTER_NAME: Final = "weirkeeper-router"
ROUTER_ROLE: Final = "weirkeeper-router"

SERVER_CONTAINER: Final = "server"
FETCH_CONTAINER: Final = "fetch"
PROBE_CONTAINER: Final = "probe"
ENVOY_CONTAINER: Final = "envoy"
AGENT_CONTAINER: Final = "agent"
BOOTSTRAP_CONTAINER: Final = "bootstrap"

HTTP_PORT_NAME: Final = "http"
HTTP_PORT: Final = 8080
EVIDENCE_PORT_NAME: Final = "evidence"
EVIDENCE_PORT: Final = 8081
READY_PORT_NAME: Final = "ready"
READY_PORT: Final = 8082
GRPC_PORT_NAME: Final = "grpc"
GRPC_PORT: Final = 8083
PROBE_PORT: Final = 18081
"""The evidence port beside a server that is not ours, which may well listen on 8081 itself."""
SERVICE_PORT: Final = 80
ENVOY_ADMIN_PORT: Final = 9901
OPERATOR_PORT_NAME: Final = "metrics"
OPERATOR_PORT: Final = 8080
ENVOY_DIRECTORY: Final = "/etc/envoy"

HEADER_REVISION: Final = "x-weirkeeper-revision"
HEADER_MODEL: Final = "x-weirkeeper-model"
HEADER_ARM: Final = "x-weirkeeper-arm"
"""Tells a model server that a request is none of the split's: `mirror` or `match`. Routers take it from clients."""

MIRROR: Final = "mirror"
MATCH: Final = "match"

VERBS: Final = ("promote", "pause", "resume", "skip", "abort", "retry", "undo")
"""Verbs in force, each given as the annotation `weirkeeper.dev/VERB: user/nonce`."""


REASON_ANNOTATION: Final = f"{GROUP}/reason"
"""What the person who gives a verb says about it, beside the verb's annotation."""


ATTEMPTS_ANNOTATION: Final = f"{GROUP}/attempts"
"""On a revision's ControllerRevision: its last attempts, as JSON."""

FREEZE_ANNOTATION: Final = f"{GROUP}/freeze"
"""On a namespace: the reason, or `true`, for which nothing in it is promoted."""


def verb_annotation(verb: str) -> str:
    """Give the annotation by which a person gives `verb`."""
    return f"{GROUP}/{verb}"


def kept_name(name: str, limit: int) -> str:
    """Give what stands for a name of any length where there is room for `limit` characters.

    That is the name itself, or the beginning of a longer one with its digest, so that no two are the same.
    """
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{name[: limit - _DIGEST - 1]}~{digest}"


def arm(revision: str, kind: str) -> str:
    """Name what is counted of a revision apart from its share of the split: MIRROR or MATCH."""
    return f"{revision}{_ARM}{kind}"


def revision_of(name: str) -> str:
    """Give the revision that a name, with or without an arm, means."""
    return name.partition(_ARM)[0]


# No revision has one in its name, nor is it a sign to Envoy or to a URL.
_ARM: Final = "~"
_DIGEST: Final = 16

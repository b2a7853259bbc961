"""Every reason that planner and server can give is in the table of reasons, and the table has no other.

Reasons are found where they are written: every word in CamelCase in delivery and plan is a reason, or listed below
as something else, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import ast
import re
from typing import Final, get_args

from tests.unit.docs.markdown import REFERENCE, ROOT, codes, rows
from weirkeeper.api.attempts import Outcome, Phase
from weirkeeper.api.monitor import State
from weirkeeper.api.names import MODEL_KIND, MONITOR_KIND, ROLLOUT_KIND
from weirkeeper_server.errors import BundleReason, FetchReason

PACKAGES: Final = ("delivery", "plan")
WORD: Final = re.compile(r"[A-Z][a-z]+([A-Z][a-z]+)*")

KINDS: Final = {
    "ConfigMap", "ControllerRevision", "Deployment", "Job", "Service", MODEL_KIND, ROLLOUT_KIND, MONITOR_KIND,
}  # fmt: skip
CONDITIONS: Final = {"Current", "Ready", "Reconciling", "Stalled", "ArtifactPinned", "PodScheduled", "ReplicaFailure"}
JOBS: Final = {"Complete", "PodFailurePolicy"}
KUBELETS: Final = {
    "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff",
    "InvalidImageName",
}  # fmt: skip
STAGES: Final = {"Archived", "Candidate", "Production"}
VERDICTS: Final = {"Pass", "Fail"}
CHOICES: Final = {
    "Absolute",
    "AllAtOnce",
    "Weight",
    "Hold",
    "Promote",
    "RollBack",
    "Manual",
    "Pods",
    "Routes",
    "Bundle",
    "Container",
    "Availability",
    "Latency",
    "Undo",
    "Retrain",
}
EVENTS: Final = {"Normal", "Warning", "Watch", "Reconcile"}
GATES: Final = {
    "Nothing", "Promotion", "Mirror", "Match", "EqualOpportunity", "TrainingServingSkew",
    "Accuracy", "Precision", "Recall", "Brier", "LogLoss", "Value",
}  # fmt: skip
STATES: Final = {"Failed", "Succeeded", "True", "False"}
CODE: Final = {"ArmCounts", "Comparison", "GateResult", "GatesMemory", "Mode", "Verdict", "VerbName"}
NO_REASONS: Final = KINDS | CONDITIONS | JOBS | KUBELETS | STAGES | VERDICTS | CHOICES | EVENTS | GATES | STATES | CODE


def words() -> set[str]:
    found = set()
    for package in PACKAGES:
        for file in (ROOT / "operator" / "src" / "weirkeeper" / package).rglob("*.py"):
            constants = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)]
            found |= {node.value for node in constants if isinstance(node.value, str) and WORD.fullmatch(node.value)}
    return found


def given() -> set[str]:
    literals = {*get_args(BundleReason), *get_args(FetchReason), *get_args(Phase), *get_args(Outcome), *get_args(State)}
    return (words() - NO_REASONS) | literals


def told() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows((REFERENCE / "conditions-and-reasons.md").read_text()):
        if len(row) in (2, 3) and row[0].startswith("`"):
            for reason in codes(row[0]):
                found.setdefault(reason, []).append(row[-1])
    return found


def test_every_reason_is_explained() -> None:
    assert given() - told().keys() == set()


def test_no_reason_is_made_up() -> None:
    assert told().keys() - given() == set()


def test_each_says_what_it_means_or_what_to_do() -> None:
    for reason, explanations in told().items():
        for explanation in explanations:
            assert len(explanation) > 10, reason


def test_what_is_listed_as_no_reason_is_still_there() -> None:
    assert NO_REASONS - words() - {MODEL_KIND, ROLLOUT_KIND, MONITOR_KIND} == set()

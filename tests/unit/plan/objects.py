"""Kubernetes objects as a planner sees them, and a cluster that does what a plan says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.delivery.evidence import Evidence, PodEvidence, QueryAnswer, RouterEvidence
from weirkeeper.plan.model import plan_model
from weirkeeper.plan.result import Plan
from weirkeeper.plan.snapshot import Snapshot

NOW = 1_800_000_000.0
SHA256 = "ab" * 32
SIGNATURE = {
    "inputs": [{"name": "income", "datatype": "FP64", "shape": [-1]}],
    "outputs": [{"name": "predict", "datatype": "INT64", "shape": [-1]}],
}


def settings(**changes: Any) -> Settings:
    """The operator's settings as a chart without values gives them."""
    images = {"serverImage": "server:1", "operatorImage": "operator:1", "envoyImage": "envoy:1"}
    return Settings.parse({**images, **changes})


def model(uri: str = "https://models.example/churn-1.tar.gz", **spec: Any) -> dict[str, Any]:
    """A Model called churn."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Model",
        "metadata": {
            "name": "churn",
            "namespace": "team-a",
            "uid": "u-1",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": "2026-11-21T00:00:00Z",
        },
        "spec": {"artifact": {"uri": uri}, **spec},
    }


def rollout(name: str = "churn", created: str = "2026-11-21T00:00:00Z", **spec: Any) -> dict[str, Any]:
    """A Rollout of churn."""
    metadata = {
        "name": name,
        "namespace": "team-a",
        "uid": f"u-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": created,
    }
    spec = {"modelRef": {"name": "churn"}, **spec}
    return {"apiVersion": names.API_VERSION, "kind": "Rollout", "metadata": metadata, "spec": spec}


@dataclass
class Cluster:
    """Keeps what plans apply, makes the pods ready and the routers acknowledge."""

    model: dict[str, Any] = field(default_factory=model)
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    settings: Settings = field(default_factory=settings)
    children: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    config_maps: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    service_accounts: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    cron_jobs: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    answers: dict[str, QueryAnswer] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    signatures: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pods: list[Mapping[str, Any]] = field(default_factory=list)
    remark: str = ""
    sha256: str | None = SHA256
    evidence: Evidence = field(default_factory=Evidence)
    frozen: str = ""
    starts: bool = True
    most_ready: int = 100
    lost: set[str] = field(default_factory=set)
    acknowledges: bool = True
    makes_jobs: bool = True
    now: float = NOW
    plans: list[Plan] = field(default_factory=list)

    @property
    def status(self) -> dict[str, Any]:
        """The Model's status."""
        found: dict[str, Any] = self.model.get("status", {})
        return found

    def condition(self, kind: str) -> Mapping[str, Any]:
        """One of the Model's conditions."""
        return next(item for item in self.status["conditions"] if item["type"] == kind)

    def deployments(self) -> dict[str, int]:
        """Replicas a revision."""
        return {name: item["spec"]["replicas"] for (kind, name), item in self.children.items() if kind == "Deployment"}

    def snapshot(self) -> Snapshot:
        """What the planner sees now."""
        running = self.deployments() if self.starts else {}
        slices = tuple(
            {
                "metadata": {"labels": {names.LABEL_REVISION: name, names.LABEL_MODEL: "churn"}},
                "endpoints": [{"conditions": {"ready": True}}]
                * (0 if name in self.lost else min(count, self.most_ready)),
            }
            for name, count in running.items()
        )
        pods = {name: (self._pod(name),) for name in running}
        acknowledged = self.status.get("decision", 0) if self.acknowledges else None
        return Snapshot(
            namespace="team-a",
            name="churn",
            model=self.model,
            settings=self.settings,
            rollouts=tuple(self.rollouts),
            children=self.children,
            endpoint_slices=slices,
            pods=tuple(self.pods),
            config_maps=self.config_maps,
            service_accounts=self.service_accounts,
            cron_jobs=self.cron_jobs,
            query_answers=self.answers,
            refused=self.refused,
            frozen=self.frozen,
            evidence=replace(self.evidence, pods=pods, routers=(RouterEvidence("r-1", acknowledged, 0.0),)),
        )

    def _pod(self, name: str) -> PodEvidence:
        signature = self.signatures.get(name, SIGNATURE)
        return PodEvidence(name, name, "Ready", message=self.remark, sha256=self.sha256, signature=signature)

    def reconcile(self, times: int = 1, seconds: float = 5.0) -> Plan:
        """Plan and carry it out, so many times."""
        for _ in range(times):
            plan = plan_model(self.snapshot(), self.now)
            self._carry_out(plan)
            self.now += seconds
        return plan

    def second_attempt(self) -> str:
        """Let the first revision bake and another artifact be asked for; give the candidate."""
        self.reconcile(3)
        self.now += 4000
        self.reconcile(2)
        self.model = {**model("https://models.example/churn-2.tar.gz"), "status": self.model["status"]}
        self.reconcile(3)
        return str(self.status["candidate"]["revision"])

    def _carry_out(self, plan: Plan) -> None:
        self.plans.append(plan)
        for manifest in plan.applies:
            place = (manifest["kind"], manifest["metadata"]["name"])
            metadata = {**manifest["metadata"], "uid": "-".join(place)}
            self.children[place] = {**manifest, "metadata": metadata}
        for write in plan.statuses:
            target = self.model if write.kind == "Model" else self._rollout(write.name)
            target["status"] = dict(write.status)
        for manifest in plan.starts:
            place = (manifest["kind"], manifest["metadata"]["name"])
            if self.makes_jobs:
                metadata = {**manifest["metadata"], "uid": "-".join(place)}
                self.children.setdefault(place, {**manifest, "metadata": metadata})
        for delete in plan.deletes:
            self.children.pop((delete.kind, delete.name))

    def _rollout(self, name: str) -> dict[str, Any]:
        return next(item for item in self.rollouts if item["metadata"]["name"] == name)

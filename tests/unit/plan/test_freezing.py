"""Freezes, from the annotation to what people read."""

from __future__ import annotations

import pytest

from tests.unit.plan.objects import Cluster, model, settings
from weirkeeper.api import names
from weirkeeper.plan.freezing import PLATFORM, freeze_of

WHERE = f"namespace team-a is, by its annotation {names.FREEZE_ANNOTATION}"


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        (None, ""),
        ({}, ""),
        ({names.FREEZE_ANNOTATION: ""}, ""),
        ({names.FREEZE_ANNOTATION: "False"}, ""),
        ({names.FREEZE_ANNOTATION: " true "}, WHERE),
        ({names.FREEZE_ANNOTATION: "end of the quarter"}, f"{WHERE}: end of the quarter"),
        ({names.FREEZE_ANNOTATION: "x" * 9000}, f"{WHERE}: {'x' * 160}"),
    ],
)
def test_the_annotation_is_a_reason_or_true(annotations: dict[str, str] | None, said: str) -> None:
    assert freeze_of({"metadata": {"name": "team-a", "annotations": annotations}}) == said


@pytest.mark.parametrize(("platform", "namespace", "said"), [(True, "", PLATFORM), (False, WHERE, WHERE)])
def test_the_status_says_who_froze_and_the_promotion_is_held(platform: bool, namespace: str, said: str) -> None:  # noqa: FBT001
    cluster = Cluster()
    cluster.reconcile(3)
    assert "frozen" not in cluster.status
    cluster.now += 4000
    cluster.reconcile(3)
    stable = cluster.status["stable"]["revision"]
    cluster.settings, cluster.frozen = settings(freeze=platform), namespace
    cluster.model = {**model("https://models.example/churn-2.tar.gz"), "status": cluster.model["status"]}
    cluster.reconcile(3)
    cluster.model["metadata"]["annotations"] = {names.verb_annotation("promote"): "ann/1"}
    cluster.reconcile(4)
    assert cluster.status["frozen"] == said
    assert cluster.status["phase"] == "Promoting"
    assert cluster.condition("Progressing")["reason"] == "Frozen"
    assert said in cluster.condition("Progressing")["message"]
    assert cluster.status["stable"]["revision"] == stable
    cluster.settings, cluster.frozen = settings(), ""
    cluster.reconcile(4)
    assert "frozen" not in cluster.status
    assert cluster.status["stable"]["revision"] != stable

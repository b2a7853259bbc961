"""The definitions on a real API server: every rule refuses what it should, says why, and lets its neighbour pass."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.errors import CommandError
from tests.harness.kubectl import Kubectl
from tests.harness.pages import fences, pages
from tests.harness.waiting import eventually
from tests.unit.api.cases import CASES, SMALLEST, Case, put
from weirkeeper.api import crds, names
from weirkeeper.api.rollout import MODEL_REF_FIXED, RolloutPolicy

CRDS = Path(__file__).parents[3] / "crds"
EXAMPLES = Path(__file__).parents[3] / "examples"
SINCE = "2026-01-01T00:00:00Z"
DIGEST = "9f" * 32
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def kinds(api_server: Kubectl) -> Kubectl:
    """kubectl for an API server that knows our kinds."""
    api_server("apply", "--server-side", "-f", str(CRDS))
    api_server("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")

    def served() -> bool:
        return all(
            f"{kind.plural}." in api_server("api-resources", f"--api-group={names.GROUP}", "-o", "name")
            for kind in crds.KINDS
        )

    eventually("our kinds are served", served, timeout=30)
    return api_server


def manifest(kind: str, spec: dict[str, Any], name: str = "") -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {"name": name or f"churn-{next(NUMBERS)}"},
        "spec": spec,
    }


def create(kubectl: Kubectl, item: dict[str, Any]) -> dict[str, Any]:
    """Create with strict validation, on the server's side only: nothing stays."""
    made = kubectl("create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-", stdin=json.dumps(item))
    created: dict[str, Any] = json.loads(made)
    return created


def refusal(kubectl: Kubectl, item: dict[str, Any]) -> str:
    with pytest.raises(CommandError) as refused:
        create(kubectl, item)
    return str(refused.value)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_refuses_and_accepts(kinds: Kubectl, case: Case) -> None:
    assert case.says in refusal(kinds, manifest(case.kind, case.refused()))
    create(kinds, manifest(case.kind, case.accepted()))


@pytest.mark.parametrize("page", pages())
def test_what_a_page_shows_is_accepted(kinds: Kubectl, page: str) -> None:
    for fence in fences(page):
        if fence.language == "yaml":
            for document in yaml.safe_load_all(fence.text):
                if "kind" in document:
                    create(kinds, document)


@pytest.mark.parametrize(
    ("bad", "good", "says"),
    [
        ("c" * 41, "c" * 40, crds.NAME_LENGTH),
        ("7-churn", "churn-7", crds.NAME_FORM),
        ("churn.v7", "churn-v7", crds.NAME_FORM),
        (names.ROUTER_NAME, "weirkeeper-route", crds.NAME_TAKEN),
    ],
)
def test_names_of_models(kinds: Kubectl, bad: str, good: str, says: str) -> None:
    assert says in refusal(kinds, manifest("Model", SMALLEST["Model"], bad))
    create(kinds, manifest("Model", SMALLEST["Model"], good))


def test_gates_that_are_applied_replace_the_default_ones_and_merge_by_name(kinds: Kubectl) -> None:
    item = manifest("Rollout", SMALLEST["Rollout"])
    errors, latency = {"name": "errors", "errorRate": {}}, {"name": "latency", "latency": {}}
    body = json.dumps({**item, "spec": put(item["spec"], "gates", [latency])})

    def gates() -> list[str]:
        found = kinds.get("Rollout", item["metadata"]["name"]) or {}
        return [gate["name"] for gate in found["spec"].get("gates", ())]

    kinds.apply(item)
    try:
        assert gates() == []
        kinds.apply({**item, "spec": put(item["spec"], "gates", [errors])})
        assert gates() == ["errors"]
        kinds("apply", "--server-side", "--field-manager=another-team", "-f", "-", stdin=body)
        assert gates() == ["errors", "latency"]
    finally:
        kinds.delete("Rollout", item["metadata"]["name"])


@pytest.mark.parametrize("kind", ["Rollout", "Monitor"])
def test_the_model_of_a_policy_cannot_be_changed(kinds: Kubectl, kind: str) -> None:
    item = manifest(kind, SMALLEST[kind])
    kinds.apply(item)
    try:
        with pytest.raises(CommandError) as refused:
            kinds.apply({**item, "spec": {"modelRef": {"name": "other"}}})
        assert MODEL_REF_FIXED in str(refused.value)
        kinds.apply({**item, "metadata": {**item["metadata"], "labels": {"team": "a"}}})
    finally:
        kinds.delete(kind, item["metadata"]["name"])


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_field_that_does_not_exist_is_refused(kinds: Kubectl, kind: str) -> None:
    said = refusal(kinds, manifest(kind, put(SMALLEST[kind], "lifecycle", "Retired")))
    assert 'unknown field "spec.lifecycle"' in said


def test_the_api_server_fills_in_the_policy_that_our_records_have(kinds: Kubectl) -> None:
    spec = create(kinds, manifest("Rollout", SMALLEST["Rollout"]))["spec"]
    assert spec.pop("modelRef") == {"name": "churn"}
    # Gates merge by name: those that the API server filled in would stay beside those of an author.
    assert spec == {key: value for key, value in RolloutPolicy().to_json().items() if key != "gates"}


def test_a_part_of_a_gate_is_completed(kinds: Kubectl) -> None:
    gates = [{"name": "errors", "errorRate": {"objective": "99.9"}}]
    spec = create(kinds, manifest("Rollout", put(SMALLEST["Rollout"], "gates", gates)))["spec"]
    completed = {"name": "errors", "errorRate": {"objective": "99.9", "maxOddsRatio": "2"}, "blocks": "Promotion"}
    assert spec["gates"] == [completed]


def test_a_model_keeps_exactly_what_its_author_wrote(kinds: Kubectl) -> None:
    spec = create(kinds, manifest("Model", SMALLEST["Model"]))["spec"]
    assert spec == {**SMALLEST["Model"], "allowSignatureChange": False}


def test_a_probe_is_kept_as_it_is(kinds: Kubectl) -> None:
    nested = {"name": "x", "datatype": "FP64", "shape": [2, 2], "data": [[1.5, None], [2, "a"]]}
    probe = [{"request": {"inputs": [nested]}, "expect": {"outputs": [nested]}}]
    assert create(kinds, manifest("Model", put(SMALLEST["Model"], "probe", probe)))["spec"]["probe"] == probe


def test_kubectl_scales_a_model_that_says_nothing_of_replicas(kinds: Kubectl) -> None:
    item = manifest("Model", SMALLEST["Model"])
    name = item["metadata"]["name"]
    kinds.apply(item)
    try:
        kinds("scale", "model", name, "--replicas=3")
        found = kinds.get("model", name)
        assert found is not None
        assert found["spec"]["server"]["replicas"] == 3
        with pytest.raises(CommandError, match=r"spec\.server\.replicas"):
            kinds("scale", "model", name, "--replicas=0")
    finally:
        kinds.delete("model", name)


def test_columns_read_as_people_expect(kinds: Kubectl) -> None:
    item = manifest("Model", put(SMALLEST["Model"], "card", {"owner": "risk"}))
    name = item["metadata"]["name"]
    status = {
        "phase": "Progressing",
        "stable": {"revision": f"{name}-11111111", "sha256": DIGEST},
        "candidate": {"revision": f"{name}-22222222", "weight": 25},
        "drift": "OK",
        "url": f"http://{name}.default.svc/v2/models/{name}",
        "conditions": [{"type": "Ready", "status": "True", "reason": "Serving", "lastTransitionTime": SINCE}],
        "memory": {"anything": {"that": ["the", "planner", 1.5]}},
    }
    kinds.apply(item)
    try:
        kinds("patch", "model", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
        found = kinds.get("model", name)
        assert found is not None
        assert found["status"] == status
        header, row = kinds("get", "wkm", name, "-o", "wide").splitlines()
        assert header.split() == [
            "NAME",
            "READY",
            "PHASE",
            "STABLE",
            "CANDIDATE",
            "WEIGHT",
            "DRIFT",
            "AGE",
            "URL",
            "OWNER",
            "DIGEST",
        ]
        shown = row.split()
        assert shown[:7] == [name, "True", "Progressing", f"{name}-11111111", f"{name}-22222222", "25", "OK"]
        assert shown[8:] == [status["url"], "risk", DIGEST]
    finally:
        kinds.delete("model", name)


def test_short_names_and_category(kinds: Kubectl) -> None:
    for kind in crds.KINDS:
        assert kinds("get", kind.short, "-o", "name") == ""
    assert kinds("get", names.CATEGORY, "-o", "name") == ""


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.plural)
def test_kubectl_explains_every_field(kinds: Kubectl, kind: crds.Kind) -> None:
    for part in ("spec", "status"):
        explained = kinds("explain", f"{kind.plural}.{names.GROUP}.{part}")
        assert "<no description>" not in explained.lower()
        assert explained.count("<") > 3


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.parent.name + "/" + path.name)
def test_the_examples_are_accepted(kinds: Kubectl, path: Path) -> None:
    for item in yaml.safe_load_all(path.read_text()):
        create(kinds, item)

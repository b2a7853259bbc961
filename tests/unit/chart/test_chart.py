"""What the chart renders: settings that the operator reads, roles that are no wider than needed, restricted pods."""

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.chart.rendering import CHART, NAMESPACE, Manifest, Refused, named, of_kind, rendered
from weirkeeper.api.names import GROUP, ROUTER_ROLE
from weirkeeper.api.rollout import RolloutPolicy
from weirkeeper.api.settings import Limits, Settings
from weirkeeper.kube.resources import (
    CHILDREN,
    CRON_JOB,
    ENDPOINT_SLICE,
    EVENT,
    JOB,
    OURS,
    POD,
    SECRET,
    WATCHED,
    Resource,
)
from weirkeeper.kube.resources import NAMESPACE as NAMESPACES

CI = sorted((CHART / "ci").glob("*.yaml"))
Rule = tuple[str, str, str]


@pytest.fixture(scope="module")
def defaults() -> list[Manifest]:
    return rendered()


@pytest.fixture(scope="module")
def namespaced() -> list[Manifest]:
    return rendered({"watchNamespaces": ["team-a", "team-b"]})


def settings_in(manifests: list[Manifest]) -> Settings:
    return Settings.from_yaml(named(manifests, "ConfigMap", "weirkeeper-operator")["data"]["settings.yaml"])


def granted(role: Manifest) -> set[Rule]:
    return {
        triple
        for rule in role["rules"]
        for triple in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }


def test_the_default_settings_are_those_of_the_records(defaults: list[Manifest]) -> None:
    settings = settings_in(defaults)
    assert settings.defaults.rollout == RolloutPolicy()
    images = {field: f"weirkeeper/{field.removesuffix('Image')}:0.1.0" for field in ("serverImage", "operatorImage")}
    assert settings.artifacts == Settings.parse({**images, "envoyImage": "e"}).artifacts
    assert settings.limits == Settings.parse({**images, "envoyImage": "e"}).limits
    assert (settings.slot_seconds, settings.freeze, settings.watch_namespaces) == (5, False, ())
    assert (settings.router.role_kind, settings.router.role_name) == ("ClusterRole", ROUTER_ROLE)


@pytest.mark.parametrize("path", CI, ids=lambda path: path.stem)
def test_the_operator_reads_what_is_rendered(path: Path) -> None:
    values = yaml.safe_load(path.read_text())
    settings = settings_in(rendered(values))
    assert settings.freeze == values.get("freeze", False)
    assert list(settings.watch_namespaces) == values.get("watchNamespaces", [])
    assert settings.limits == Limits.model_validate(values.get("limits", {}))


def test_versions_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    images = yaml.safe_load((CHART / "values.yaml").read_text())["images"].values()
    assert {chart["version"], chart["appVersion"], *(image.split(":")[1] for image in images)} == {project["version"]}


def test_settings_restart_the_operator(defaults: list[Manifest]) -> None:
    def checksum(manifests: list[Manifest]) -> Any:
        template = named(manifests, "Deployment", "weirkeeper-operator")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/settings"]

    assert checksum(defaults) == checksum(rendered())
    assert checksum(defaults) != checksum(rendered({"freeze": True}))


def needed(resource: Resource) -> set[Rule]:
    group = resource.api_version.rpartition("/")[0]
    verbs = {
        **dict.fromkeys(OURS, frozenset({"get", "list"})),
        **dict.fromkeys(CHILDREN, frozenset({"get", "list", "create", "patch"})),
        ENDPOINT_SLICE: frozenset({"get", "list"}),
        POD: frozenset({"list"}),
        EVENT: frozenset({"create"}),
        NAMESPACES: frozenset({"get"}),
        SECRET: frozenset({"create"}),
        JOB: frozenset({"get", "list", "create", "delete"}),
        CRON_JOB: frozenset({"get"}),
    }[resource]
    deleted = {"Deployment", "Service", "ControllerRevision", "ConfigMap"}
    verbs = verbs | ({"watch"} if resource in WATCHED else set()) | ({"delete"} if resource.kind in deleted else set())
    status = {(group, f"{resource.plural}/status", "update")} if resource in OURS else set()
    return {(group, resource.plural, verb) for verb in verbs} | status


def test_the_operator_may_do_what_it_does_and_no_more(defaults: list[Manifest]) -> None:
    resources = (*OURS, *CHILDREN, ENDPOINT_SLICE, POD, EVENT, SECRET, NAMESPACES, CRON_JOB)
    wanted = set().union(*(needed(resource) for resource in resources))
    assert granted(named(defaults, "ClusterRole", "weirkeeper-operator")) == wanted


def test_no_role_is_wide(defaults: list[Manifest], namespaced: list[Manifest]) -> None:
    roles = of_kind(defaults, "Role", "ClusterRole") + of_kind(namespaced, "Role", "ClusterRole")
    triples = set().union(*(granted(role) for role in roles))
    assert not {resource for _, resource, _ in triples} & {"*", "pods/exec", "nodes"}
    assert {verb for _, resource, verb in triples if resource == "namespaces"} == {"get"}
    assert {verb for _, resource, verb in triples if resource == "secrets"} == {"create"}
    assert not {verb for _, _, verb in triples} & {"*", "bind", "escalate", "impersonate"}
    assert "*" not in {group for group, _, _ in triples}


def test_the_operator_holds_what_it_binds_routers_to(defaults: list[Manifest], namespaced: list[Manifest]) -> None:
    for kind, manifests in (("ClusterRole", defaults), ("Role", namespaced)):
        [router, *_] = [one for one in of_kind(manifests, kind) if one["metadata"]["name"] == "weirkeeper-router"]
        [operator, *_] = [one for one in of_kind(manifests, kind) if one["metadata"]["name"] == "weirkeeper-operator"]
        assert granted(router) == {
            (group, resource, verb)
            for group, resource in ((GROUP, "models"), ("discovery.k8s.io", "endpointslices"))
            for verb in ("get", "list", "watch")
        }
        assert granted(router) <= granted(operator)


def test_an_installation_for_named_namespaces_has_no_cluster_role(namespaced: list[Manifest]) -> None:
    assert of_kind(namespaced, "ClusterRole", "ClusterRoleBinding") == []
    places = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in of_kind(namespaced, "Role")}
    assert places == {
        (NAMESPACE, "weirkeeper-operator-lease"),
        *itertools.product(("team-a", "team-b"), ("weirkeeper-operator", "weirkeeper-router")),
    }
    bound = {(one["metadata"]["namespace"], one["roleRef"]["name"]) for one in of_kind(namespaced, "RoleBinding")}
    assert bound == {place for place in places if place[1] != "weirkeeper-router"}
    settings = settings_in(namespaced)
    assert (settings.router.role_kind, settings.watch_namespaces) == ("Role", ("team-a", "team-b"))


def test_bindings_name_roles_and_accounts_that_exist(defaults: list[Manifest], namespaced: list[Manifest]) -> None:
    for manifests in (defaults, namespaced):
        known = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in manifests}
        for binding in of_kind(manifests, "RoleBinding", "ClusterRoleBinding"):
            reference, [subject] = binding["roleRef"], binding["subjects"]
            place = binding["metadata"].get("namespace") if reference["kind"] == "Role" else None
            assert (reference["kind"], place, reference["name"]) in known
            assert (subject["kind"], subject["namespace"], subject["name"]) in known


def test_the_lease_is_the_operators_own(defaults: list[Manifest]) -> None:
    role = named(defaults, "Role", "weirkeeper-operator-lease")
    [container] = named(defaults, "Deployment", "weirkeeper-operator")["spec"]["template"]["spec"]["containers"]
    assert role["rules"][1]["resourceNames"] == [container["args"][-1]]
    assert container["args"][-2:] == ["--lease", "weirkeeper-operator"]
    assert granted(role) == {("coordination.k8s.io", "leases", verb) for verb in ("create", "get", "update")}


def test_two_releases_do_not_meet(defaults: list[Manifest]) -> None:
    other = rendered({"crds": {"enabled": False}}, release="second")

    def names(manifests: list[Manifest]) -> set[tuple[str, str]]:
        return {(one["kind"], one["metadata"]["name"]) for one in manifests}

    assert names(defaults) & names(other) == set()


def test_the_operators_pod_is_restricted(defaults: list[Manifest]) -> None:
    pod = named(defaults, "Deployment", "weirkeeper-operator")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {volume["name"]: next(key for key in volume if key != "name") for volume in pod["volumes"]} == {
        "settings": "configMap",
        "tmp": "emptyDir",
    }


def test_definitions_are_kept_or_left_out_as_asked(defaults: list[Manifest]) -> None:
    kept = of_kind(defaults, "CustomResourceDefinition")
    assert len(kept) == 3
    assert {one["metadata"]["annotations"]["helm.sh/resource-policy"] for one in kept} == {"keep"}
    lost = of_kind(rendered({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert ["annotations" in one["metadata"] for one in lost] == [False] * 3
    assert of_kind(rendered({"crds": {"enabled": False}}), "CustomResourceDefinition") == []


def test_definitions_are_those_that_are_committed(defaults: list[Manifest]) -> None:
    for one in of_kind(defaults, "CustomResourceDefinition"):
        committed = yaml.safe_load((CHART.parents[1] / "crds" / f"{one['metadata']['name']}.yaml").read_text())
        assert one["spec"] == committed["spec"]


def test_people_see_and_edit_our_kinds(defaults: list[Manifest]) -> None:
    edit = named(defaults, "ClusterRole", "weirkeeper-edit")
    view = named(defaults, "ClusterRole", "weirkeeper-view")
    assert {verb for _, _, verb in granted(view)} == {"get", "list", "watch"}
    assert {label for label in edit["metadata"]["labels"] if "aggregate" in label} == {
        "rbac.authorization.k8s.io/aggregate-to-edit",
        "rbac.authorization.k8s.io/aggregate-to-admin",
    }
    assert not any(resource.endswith("/status") for _, resource, _ in granted(edit) | granted(view))
    without = rendered({"rbac": {"aggregate": False}})
    assert {one["metadata"]["name"] for one in of_kind(without, "ClusterRole")} == {
        "weirkeeper-operator",
        "weirkeeper-router",
    }


def test_what_is_optional_is_off_and_can_be_switched_on(defaults: list[Manifest]) -> None:
    assert of_kind(defaults, "NetworkPolicy", "PodMonitor") == []
    assert len(of_kind(defaults, "ConfigMap")) == 1
    switched = {name: {"enabled": True} for name in ("networkPolicy", "podMonitor", "dashboards")}
    manifests = rendered({**switched, "watchNamespaces": ["team-a"]})
    assert len(of_kind(manifests, "NetworkPolicy")) == 1
    [_, data_plane] = of_kind(manifests, "PodMonitor")
    assert data_plane["spec"]["namespaceSelector"] == {"matchNames": ["team-a"]}
    dashboards = named(manifests, "ConfigMap", "weirkeeper-dashboards")
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboards["data"]["weirkeeper.json"].strip() == (CHART / "dashboards/weirkeeper.json").read_text().strip()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"colour": "red"}, "additional properties 'colour' not allowed"),
        ({"defaults": {"rollout": {"modelRef": {"name": "churn"}}}}, "additional properties 'modelRef' not allowed"),
        ({"defaults": {"rollout": {"falseAlarm": 0.01}}}, "/defaults/rollout/falseAlarm"),
        ({"operator": {"replicas": 0}}, "minimum: got 0, want 1"),
        ({"watchNamespaces": ["Team"]}, "/watchNamespaces/0"),
        ({"images": {"server": ""}}, "/images/server"),
    ],
)
def test_values_that_will_not_do_are_refused(values: Manifest, says: str) -> None:
    with pytest.raises(Refused) as refusal:
        rendered(values)
    assert says in str(refusal.value)

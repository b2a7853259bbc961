"""The chart on a real API server: installed, upgraded, uninstalled, and what its roles let people and pods do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.commands import run
from demo.errors import CommandError
from tests.cluster import local
from tests.cluster.places import Place, place_of_checkout
from tests.cluster.programs import HELM, built
from tests.harness import clusters
from tests.harness.clusters import CHART, SYSTEM_NAMESPACE
from tests.harness.following import BESIDE, Follower
from tests.harness.kubectl import Kubectl
from tests.harness.pages import fences, run_by
from tests.harness.waiting import eventually
from weirkeeper.api.crds import KINDS
from weirkeeper.api.names import GROUP

OPERATOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:weirkeeper-operator"
RELEASE = "weirkeeper"
SMALLEST_MODEL = {
    "apiVersion": "weirkeeper.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "churn"},
    "spec": {"artifact": {"uri": "configmap://churn-v1"}},
}
CRDS = {f"customresourcedefinition.apiextensions.k8s.io/{kind.plural}.weirkeeper.dev" for kind in KINDS}


@pytest.fixture(scope="module")
def server() -> Iterator[Kubectl]:
    """kubectl for an API server without nodes: what the chart makes is stored, and no pod runs."""
    place = Place(f"{place_of_checkout().name}-chart")
    local.up(place, control_plane_only=True)
    kubectl = Kubectl(kubeconfig=place.kubeconfig)
    for namespace in (SYSTEM_NAMESPACE, "team-a", "team-b"):
        clusters.create_namespace(kubectl, namespace)
    yield kubectl
    if not clusters.keep():
        local.down(place)


def helm(kubectl: Kubectl, *arguments: str) -> str:
    return run([str(built(HELM)), f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={SYSTEM_NAMESPACE}", *arguments])


def may(kubectl: Kubectl, user: str, verb: str, resource: str, *, everywhere: bool = False) -> bool:
    """Whether the API server says that `user` may; `resource` is written as `group/resource/subresource`."""
    group, name, *subresource = resource.split("/")
    asked = {"verb": verb, "group": group, "resource": name, "subresource": "".join(subresource)}
    where = {} if everywhere else {"namespace": kubectl.namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": {**asked, **where}},
    }
    answer = json.loads(kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    return bool(answer["status"]["allowed"])


def test_what_the_pages_say_about_installing_works(server: Kubectl, tmp_path: Path) -> None:
    """Comes before what installs the chart for all others. No image is pulled: there are no nodes."""
    (tmp_path / BESIDE).mkdir()
    (tmp_path / BESIDE / "helm").symlink_to(built(HELM))
    (tmp_path / "charts").symlink_to(CHART.parent)
    (values,) = [fence.text for fence in fences("docs/how-to/install.md") if fence.language == "yaml"]
    (tmp_path / "my-values.yaml").write_text(values)
    reader = Follower("chart", tmp_path, {"KUBECONFIG": str(server.kubeconfig)}, {"REGISTRY": "registry.example"})
    page = reader.open("README.md")
    page.through("helm install")
    server.inside("team-b").apply(SMALLEST_MODEL)
    page.rest()
    assert server("get", "crd", "-o", "name") == ""
    for following in ("docs/how-to/install.md", "docs/reference/settings.md"):
        reader.open(following).rest()
    seen = yaml.safe_load(helm(server, "get", "values", RELEASE))
    assert seen["watchNamespaces"] == yaml.safe_load(values)["watchNamespaces"]
    helm(server, "uninstall", RELEASE)
    assert {str(fence) for fence in run_by("chart")} <= reader.done


@pytest.fixture(scope="module")
def installed(server: Kubectl) -> Iterator[Kubectl]:
    said = helm(server, "upgrade", "--install", RELEASE, str(CHART))
    assert "serves the Models of all namespaces" in said
    yield server
    helm(server, "uninstall", RELEASE)


def test_the_notes_give_two_commands_that_work(installed: Kubectl) -> None:
    notes = helm(installed, "get", "notes", RELEASE)
    commands = [line.strip() for line in notes.splitlines() if line.strip().startswith("kubectl ")]
    assert [command.split()[3] for command in commands] == ["apply", "wait"]
    assert all(command.startswith("kubectl --namespace default ") for command in commands)
    manifest = notes.split("<<'END'\n")[1].split("END\n")[0]
    plain = "\n".join(line.removeprefix("  ") for line in manifest.splitlines())
    assert "model.weirkeeper.dev/churn created" in installed("create", "--dry-run=server", "-f", "-", stdin=plain)


def test_an_upgrade_with_nothing_new_changes_nothing(installed: Kubectl) -> None:
    def seen() -> set[tuple[str, str]]:
        kinds = "deployment,service,configmap,serviceaccount,role,rolebinding,clusterrole,clusterrolebinding,crd"
        found = json.loads(installed("get", kinds, "-n", SYSTEM_NAMESPACE, "-l", "helm.sh/chart", "-o", "json"))[
            "items"
        ]
        return {(one["metadata"]["uid"], one["metadata"]["resourceVersion"]) for one in found}

    before = seen()
    assert len(before) >= 12
    helm(installed, "upgrade", RELEASE, str(CHART))
    assert seen() == before


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "/secrets"),
        ("list", "/secrets"),
        ("watch", "/secrets"),
        ("update", "/secrets"),
        ("patch", "/secrets"),
        ("delete", "/secrets"),
        ("create", "/pods"),
        ("create", "/pods/exec"),
        ("update", f"{GROUP}/models"),
        ("delete", f"{GROUP}/models"),
        ("delete", "/serviceaccounts"),
        ("create", "rbac.authorization.k8s.io/roles"),
        ("bind", "rbac.authorization.k8s.io/clusterroles"),
        ("update", "coordination.k8s.io/leases"),
    ],
)
def test_the_operator_may_not(installed: Kubectl, verb: str, resource: str) -> None:
    assert not may(installed.inside("team-a"), OPERATOR, verb, resource)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("watch", f"{GROUP}/models"),
        ("update", f"{GROUP}/models/status"),
        ("patch", "apps/deployments"),
        ("create", "rbac.authorization.k8s.io/rolebindings"),
        ("list", "/pods"),
        ("create", "/secrets"),
    ],
)
def test_the_operator_may(installed: Kubectl, verb: str, resource: str) -> None:
    assert may(installed.inside("team-a"), OPERATOR, verb, resource)


def binding(role: str, kind: str = "ClusterRole") -> str:
    subject = {"kind": "ServiceAccount", "name": "weirkeeper-router", "namespace": "team-a"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    metadata = {"name": "weirkeeper-router", "namespace": "team-a"}
    return json.dumps(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [subject],
        }
    )


def test_the_operator_binds_routers_to_their_role_and_to_no_wider_one(installed: Kubectl) -> None:
    team = installed.inside("team-a")
    as_operator = ("apply", "--server-side", "--dry-run=server", f"--as={OPERATOR}", "-f", "-")
    assert "serverside-applied" in team(*as_operator, stdin=binding("weirkeeper-router"))
    with pytest.raises(CommandError, match="attempting to grant RBAC permissions not currently held"):
        team(*as_operator, stdin=binding("cluster-admin"))


def test_people_see_or_edit_our_kinds_and_nobody_writes_a_status(installed: Kubectl) -> None:
    team = installed.inside("team-a")
    for person, role in (("ada", "weirkeeper-view"), ("grace", "weirkeeper-edit")):
        team("create", "rolebinding", person, f"--clusterrole={role}", f"--user={person}")
    models = f"{GROUP}/models"
    eventually("the bindings are known", lambda: may(team, "grace", "create", models), timeout=30)
    assert may(team, "ada", "get", models)
    assert not may(team, "ada", "create", models)
    assert not may(team, "grace", "update", f"{models}/status")
    assert not may(installed.inside("team-b"), "grace", "create", models)


def test_models_stay_when_the_chart_goes(installed: Kubectl) -> None:
    team = installed.inside("team-b")
    team.apply(SMALLEST_MODEL)
    helm(installed, "uninstall", RELEASE)
    try:
        assert set(installed("get", "crd", "-o", "name").split()) == CRDS
        assert team.get("model", "churn") is not None
        assert installed("get", "clusterrole,clusterrolebinding", "-l", "helm.sh/chart", "-o", "name") == ""
    finally:
        helm(installed, "install", RELEASE, str(CHART))
    team.delete("model", "churn")


def test_an_installation_for_named_namespaces_stays_in_them(installed: Kubectl) -> None:
    values = ("--set-json", 'watchNamespaces=["team-a"]', "--set", "crds.enabled=false")
    before = installed("get", "clusterrole,clusterrolebinding", "-o", "name")
    helm(installed, "install", "second-weirkeeper", str(CHART), *values)
    try:
        assert installed("get", "clusterrole,clusterrolebinding", "-o", "name") == before
        user = OPERATOR.replace("weirkeeper-operator", "second-weirkeeper-operator")
        assert may(installed.inside("team-a"), user, "watch", f"{GROUP}/models")
        assert not may(installed.inside("team-b"), user, "watch", f"{GROUP}/models")
        assert not may(installed, user, "watch", f"{GROUP}/models", everywhere=True)
        team = installed.inside("team-a")
        as_second = ("apply", "--server-side", "--dry-run=server", f"--as={user}", "-f", "-")
        assert "serverside-applied" in team(*as_second, stdin=binding("second-weirkeeper-router", "Role"))
    finally:
        helm(installed, "uninstall", "second-weirkeeper")

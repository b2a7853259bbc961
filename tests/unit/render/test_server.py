"""What a revision's pods and their Service offer to routers."""

from typing import Any

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.render.server import endpoints, pod
from weirkeeper_server.settings import Settings as ServerSettings

MODEL = {"metadata": {"name": "churn", "namespace": "team-a", "uid": "u"}, "spec": {}}
SETTINGS = Settings(server_image="s:1", operator_image="o:1", envoy_image="e:1")


def container() -> dict[str, Any]:
    content = {"artifact": {"uri": "configmap://churn"}}
    found: dict[str, Any] = pod("churn", "churn-1", content, "s:1", SETTINGS)["containers"][0]
    return found


def test_every_port_of_the_server_is_in_the_slices_under_its_name() -> None:
    offered = {port["name"]: port["containerPort"] for port in container()["ports"]}
    listed = {port["targetPort"]: port["port"] for port in endpoints(MODEL, "churn-1")["spec"]["ports"]}
    assert offered == listed == {"http": 8080, "grpc": 8083, "evidence": 8081}


def test_the_server_listens_for_grpc_where_pods_say_without_being_told() -> None:
    """A revision keeps its server image, and an older one does not know the argument."""
    assert "--grpc-port" not in container()["args"]
    assert ServerSettings.model_fields["grpc_port"].default == names.GRPC_PORT

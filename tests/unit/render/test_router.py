"""The routers' objects, where another installation may take them over."""

from typing import Any, Literal

from weirkeeper.api.settings import RouterSettings, Settings
from weirkeeper.render.router import router_objects

MODEL = {"metadata": {"name": "churn", "namespace": "team-a", "uid": "u"}}


def binding(kind: Literal["ClusterRole", "Role"], role: str) -> dict[str, Any]:
    router = RouterSettings(role_kind=kind, role_name=role)
    settings = Settings(server_image="s:1", operator_image="o:1", envoy_image="e:1", router=router)
    return next(dict(item) for item in router_objects("team-a", [MODEL], settings) if item["kind"] == "RoleBinding")


def test_a_binding_to_another_role_has_another_name_since_its_role_cannot_change() -> None:
    bindings = [binding("ClusterRole", "weirkeeper-router"), binding("Role", "weirkeeper-router"), binding("Role", "x")]
    assert len({item["metadata"]["name"] for item in bindings}) == 3
    assert [item["roleRef"]["kind"] for item in bindings] == ["ClusterRole", "Role", "Role"]
    assert bindings[0] == binding("ClusterRole", "weirkeeper-router")

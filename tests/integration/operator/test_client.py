"""The client against a real API server: what is refused, and as what."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness.kubectl import Kubectl
from weirkeeper.kube.client import Client
from weirkeeper.kube.errors import Conflict, Invalid, NoAccess, NotFound, Transient
from weirkeeper.kube.resources import CONFIG_MAP, MODEL
from weirkeeper.kube.watching import Changed, Removed, Replaced, list_and_watch
from weirkeeper.plan.result import Delete, StatusWrite
from weirkeeper.plan.snapshot import Object

DEFAULT_KUBECONFIG = "kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"


@pytest.fixture
async def client(team: Kubectl, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(DEFAULT_KUBECONFIG, str(team.kubeconfig))
    async with Client.connect() as connected:
        yield connected


@pytest.fixture
def churn(team: Kubectl) -> Object:
    team.apply(model(team.namespace))
    found = team.get("models.weirkeeper.dev", "churn")
    assert found is not None
    return found


def model(namespace: str, name: str = "churn", uri: str = "s3://models/churn/7/") -> dict[str, Any]:
    return {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"artifact": {"uri": uri}},
    }


def config_map(namespace: str, name: str = "c", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def status(found: Object, **fields: object) -> StatusWrite:
    metadata = found["metadata"]
    return StatusWrite("Model", metadata["namespace"], metadata["name"], metadata["resourceVersion"], fields)


async def test_a_status_is_written_only_to_what_it_was_planned_from(client: Client, churn: Object) -> None:
    done = await client.put_status(status(churn, phase="Starting", decision=1))
    assert (done["status"], done["spec"]) == ({"phase": "Starting", "decision": 1}, churn["spec"])
    with pytest.raises(Conflict):
        await client.put_status(status(churn, phase="Idle"))
    again = await client.get(MODEL, churn["metadata"]["namespace"], "churn")
    assert again["status"]["phase"] == "Starting"


async def test_a_status_that_the_schema_refuses_is_invalid(client: Client, churn: Object) -> None:
    with pytest.raises(Invalid, match="phase"):
        await client.put_status(status(churn, phase="Dancing"))


async def test_a_delete_takes_only_the_object_that_was_seen(client: Client, team: Kubectl) -> None:
    first = await client.apply(config_map(team.namespace, key="1"))
    meant = Delete("v1", "ConfigMap", team.namespace, "c", first["metadata"]["uid"])
    newer = await client.apply(config_map(team.namespace, key="2"))
    older = replace(meant, resource_version=first["metadata"]["resourceVersion"])
    for wrong in (older, replace(meant, uid="another")):
        with pytest.raises(Conflict):
            await client.delete(wrong)
    assert newer["metadata"]["uid"] == meant.uid
    await client.delete(meant)
    with pytest.raises(NotFound):
        await client.delete(meant)


async def test_without_force_nobodys_field_is_taken_over(client: Client, team: Kubectl) -> None:
    team.apply(config_map(team.namespace, key="theirs"))
    with pytest.raises(Conflict):
        await client.apply(config_map(team.namespace, key="ours"), force=False)
    taken = await client.apply(config_map(team.namespace, key="ours"))
    assert taken["data"] == {"key": "ours"}


async def test_a_field_that_does_not_exist_is_refused_and_not_dropped(client: Client, team: Kubectl) -> None:
    with pytest.raises(Invalid, match="dta"):
        await client.apply({**config_map(team.namespace), "dta": {}})


async def test_an_object_is_made_only_once(client: Client, team: Kubectl) -> None:
    await client.create(config_map(team.namespace))
    with pytest.raises(Conflict):
        await client.create(config_map(team.namespace))


async def test_long_lists_come_whole(client: Client, team: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.kube.client.PAGE", 2)
    for number in range(5):
        await client.create(config_map(team.namespace, f"c-{number}"))
    listing = await client.list(CONFIG_MAP, team.namespace)
    assert [item["metadata"]["name"] for item in listing.items] == [f"c-{number}" for number in range(5)]
    assert {item["kind"] for item in listing.items} == {"ConfigMap"}
    assert listing.resource_version.isdigit()


async def test_a_kind_is_followed_from_its_list_through_its_changes(client: Client, team: Kubectl) -> None:
    await client.create(config_map(team.namespace, "before"))
    told = list_and_watch(client, CONFIG_MAP, team.namespace)
    listed = await anext(told)
    assert isinstance(listed, Replaced)
    assert [item["metadata"]["name"] for item in listed.objects] == ["before"]
    made = await client.create(config_map(team.namespace, "after"))
    assert await anext(told) == Changed(made)
    await client.delete(Delete("v1", "ConfigMap", team.namespace, "after", made["metadata"]["uid"]))
    gone = await anext(told)
    assert isinstance(gone, Removed)
    assert gone.object["metadata"]["uid"] == made["metadata"]["uid"]


async def test_an_api_server_that_is_not_there_is_a_passing_fault(
    team: Kubectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = yaml.safe_load(team.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    away = tmp_path / "kubeconfig"
    away.write_text(yaml.safe_dump(config))
    monkeypatch.setattr(DEFAULT_KUBECONFIG, str(away))
    async with Client.connect() as client:
        with pytest.raises(Transient, match="no answer"):
            await client.ping()


async def test_without_a_kubeconfig_there_is_no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DEFAULT_KUBECONFIG, "/nowhere")
    with pytest.raises(NoAccess, match="KUBECONFIG"):
        async with Client.connect():
            pass

from typing import Any

import pytest

from weirkeeper.kube.comparing import as_wanted, essence, is_ours

PORT = {"name": "http", "port": 80}
MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "churn", "namespace": "n", "labels": {"a": "1"}},
    "spec": {"ports": [PORT], "selector": {"x": "y"}},
}
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:a": {}}},
    "f:spec": {
        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}},
        "f:selector": {},
    },
}


def live(spec: dict[str, Any] | None = None, fields: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    applied = {"manager": "weirkeeper", "operation": "Apply", "fieldsV1": FIELDS if fields is None else fields}
    return {
        **MANIFEST,
        "metadata": {
            **MANIFEST["metadata"],
            "labels": {"a": "1", **labels},
            "resourceVersion": "5",
            "managedFields": [{"manager": "kubectl", "operation": "Update"}, applied],
        },
        "spec": {
            "ports": [{**PORT, "protocol": "TCP", "targetPort": 80}],
            "selector": {"x": "y"},
            "clusterIP": "10.0.0.1",
            **(spec or {}),
        },
    }


def test_defaults_and_fields_of_others_are_no_difference() -> None:
    assert as_wanted(MANIFEST, live(b="2"))


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": {"x": "z"}},
        {"selector": {}},
        {"ports": []},
        {"ports": [{**PORT, "port": 81}]},
        {"ports": [PORT, {"port": 81}]},
    ],
)
def test_what_somebody_changed_is_a_difference(spec: dict[str, Any]) -> None:
    assert not as_wanted(MANIFEST, live(spec))


@pytest.mark.parametrize(
    "extra",
    [
        {"f:type": {}},
        {"f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}}}},
        {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:appProtocol": {}}}},
        {"f:externalIPs": {'v:"1.2.3.4"': {}}},
    ],
)
def test_what_we_applied_once_and_do_not_want_any_more_is_a_difference(extra: dict[str, Any]) -> None:
    assert not as_wanted(MANIFEST, live(fields={"f:spec": extra}))


def test_a_value_in_a_set_is_found() -> None:
    manifest = {**MANIFEST, "metadata": {**MANIFEST["metadata"], "finalizers": ["x"]}}
    there = live(fields={"f:metadata": {"f:finalizers": {'v:"x"': {}}}})
    there["metadata"]["finalizers"] = ["x"]
    assert as_wanted(manifest, there)


def test_what_we_never_applied_is_not_as_wanted() -> None:
    there = live()
    there["metadata"]["managedFields"] = []
    assert not as_wanted(MANIFEST, there)


def test_what_is_ours_is_told_by_label_or_by_applied_fields() -> None:
    foreign = {**MANIFEST, "metadata": {"name": "churn", "namespace": "n"}}
    labelled = {**MANIFEST, "metadata": {"labels": {"app.kubernetes.io/managed-by": "weirkeeper"}}}
    assert [is_ours(foreign), is_ours(labelled), is_ours(live())] == [False, True, True]


def test_status_and_versions_are_not_of_the_essence() -> None:
    later = live()
    later["metadata"]["resourceVersion"] = "6"
    assert essence({**later, "status": {"x": 1}}) == essence(live())
    assert essence(live(b="2")) != essence(live())

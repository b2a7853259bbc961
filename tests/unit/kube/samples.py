"""Objects for tests of the cache, the executor and what is around them."""

from typing import Any

from weirkeeper.api import names


def item(
    kind: str,
    name: str,
    *,
    namespace: str = "team-a",
    api_version: str = "v1",
    labels: dict[str, str] | None = None,
    version: int | None = None,
    uid: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if labels is not None:
        metadata["labels"] = labels
    if version is not None:
        metadata |= {"resourceVersion": str(version), "uid": uid or f"uid-{kind}-{name}"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def ours(model: str | None = "churn", component: str | None = None) -> dict[str, str]:
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY}
    if model:
        labels[names.LABEL_MODEL] = model
    if component:
        labels[names.LABEL_COMPONENT] = component
    return labels


def model(name: str = "churn", version: int | None = None, **fields: Any) -> dict[str, Any]:
    spec = {"artifact": {"uri": "s3://models/churn/7/"}}
    return item("Model", name, api_version=names.API_VERSION, version=version, **{"spec": spec, **fields})


def service(name: str = "churn-1", version: int | None = None, **fields: Any) -> dict[str, Any]:
    return item("Service", name, labels=ours(), version=version, **{"spec": {"ports": [{"port": 80}]}, **fields})

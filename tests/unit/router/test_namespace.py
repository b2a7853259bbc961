from __future__ import annotations

from typing import Any

from weirkeeper.router import Changed, Gone, Listed
from weirkeeper.router.namespace import Namespace


def named(name: str, uid: str = "u1", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid}, **more}


def known(namespace: Namespace) -> list[Any] | None:
    return None if namespace.models is None else list(namespace.models)


def test_nothing_is_known_before_the_first_list() -> None:
    namespace = Namespace()
    namespace.take(Changed("Model", named("churn")))
    namespace.take(Gone("Model", named("churn")))
    assert known(namespace) is None
    namespace.take(Listed("Model", ()))
    assert known(namespace) == []
    assert namespace.endpoint_slices is None


def test_a_list_is_the_whole_truth() -> None:
    namespace = Namespace()
    namespace.take(Listed("Model", (named("churn"), named("price"))))
    namespace.take(Changed("Model", named("price", status=2)))
    namespace.take(Changed("EndpointSlice", named("churn")))
    assert known(namespace) == [named("churn"), named("price", status=2)]
    namespace.take(Listed("Model", (named("churn"),)))
    assert known(namespace) == [named("churn")]


def test_only_what_is_known_by_its_uid_can_go() -> None:
    namespace = Namespace()
    namespace.take(Listed("Model", (named("churn", "u2"),)))
    namespace.take(Gone("Model", named("churn", "u1")))
    namespace.take(Gone("Model", named("nobody", "u1")))
    assert known(namespace) == [named("churn", "u2")]
    namespace.take(Gone("Model", named("churn", "u2")))
    assert known(namespace) == []

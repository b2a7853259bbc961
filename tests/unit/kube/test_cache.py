from tests.unit.kube.samples import item, model, ours, service
from weirkeeper.api import names
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.keys import Key

CHURN = Key("Model", "team-a", "churn")
ROUTER = Key("Router", "team-a")


def slice_of(component: str, version: int, of_model: str | None = "churn") -> dict[str, object]:
    return item("EndpointSlice", f"{component}-x", labels=ours(of_model, component), version=version)


def rollout(of_model: str, version: int) -> dict[str, object]:
    return item(
        "Rollout", "policy", api_version=names.API_VERSION, version=version, spec={"modelRef": {"name": of_model}}
    )


def test_a_model_that_appears_concerns_itself_and_its_namespaces_routers() -> None:
    assert Cache().put(model(version=1)) == {CHURN, ROUTER}


def test_a_model_that_changes_does_not_concern_the_routers() -> None:
    cache = Cache()
    cache.put(model(version=1))
    assert cache.put(model(version=2)) == {CHURN}


def test_a_model_that_is_about_to_go_concerns_the_routers() -> None:
    cache = Cache()
    cache.put(model(version=1))
    going = model(version=2)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert cache.put(going) == {CHURN, ROUTER}


def test_a_rollout_that_is_moved_concerns_both_models() -> None:
    cache = Cache()
    cache.put(rollout("churn", 1))
    assert cache.put(rollout("fraud", 2)) == {CHURN, Key("Model", "team-a", "fraud")}
    assert list(cache.of_model("team-a", "churn")) == []
    assert [one["kind"] for one in cache.of_model("team-a", "fraud")] == ["Rollout"]


def test_a_child_concerns_the_model_that_its_label_names() -> None:
    assert Cache().put(service(version=1)) == {CHURN}


def test_a_child_that_lost_its_label_concerns_the_model_that_it_had() -> None:
    cache = Cache()
    cache.put(service(version=1))
    bare = service(version=2)
    bare["metadata"]["labels"] = {}
    assert cache.put(bare) == {CHURN}
    assert list(cache.of_model("team-a", "churn")) == []


def test_router_endpoints_concern_every_model_of_the_namespace() -> None:
    cache = Cache()
    cache.put(model(version=1))
    cache.put(model("fraud", version=2))
    other = model("far", version=3)
    other["metadata"]["namespace"] = "team-b"
    cache.put(other)
    assert cache.put(slice_of("router", 4, None)) == {ROUTER, CHURN, Key("Model", "team-a", "fraud")}


def test_a_router_deployment_concerns_the_routers_alone() -> None:
    cache = Cache()
    cache.put(model(version=1))
    deployment = item("Deployment", names.ROUTER_NAME, labels=ours(None, "router"), version=2)
    assert cache.put(deployment) == {ROUTER}
    assert list(cache.of_router("team-a")) == [deployment]


def test_a_foreign_service_concerns_the_model_whose_name_it_has() -> None:
    cache = Cache()
    foreign = item("Service", "churn", version=1)
    assert cache.put(foreign) == frozenset()
    cache.put(model(version=2))
    assert cache.put({**foreign, "metadata": {**foreign["metadata"], "resourceVersion": "3"}}) == {CHURN}


def test_the_echo_of_a_write_concerns_nobody() -> None:
    cache = Cache()
    cache.put(service(version=7))
    assert cache.put(service(version=7)) == frozenset()


def test_older_news_change_nothing() -> None:
    cache = Cache()
    cache.put(service(version=10, spec={"new": True}))
    assert cache.put(service(version=9, spec={"new": False})) == frozenset()
    found = cache.get("Service", "team-a", "churn-1")
    assert found is not None
    assert found["spec"] == {"new": True}


def test_a_missed_delete_is_made_up_for_by_a_list() -> None:
    cache = Cache()
    cache.put(service("gone", version=1))
    cache.put(service("here", version=2))
    assert cache.replace("Service", None, [service("here", version=2)], "5") == {CHURN}
    assert cache.get("Service", "team-a", "gone") is None
    assert cache.get("Service", "team-a", "here") is not None


def test_a_list_does_not_drop_what_was_made_after_it() -> None:
    cache = Cache()
    cache.put(service("new", version=9))
    assert cache.replace("Service", None, [], "5") == frozenset()
    assert cache.get("Service", "team-a", "new") is not None


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    cache = Cache()
    cache.put(service("here", version=1))
    cache.replace("Service", "team-b", [], "5")
    assert cache.get("Service", "team-a", "here") is not None


def test_a_late_delete_does_not_remove_the_successor() -> None:
    cache = Cache()
    cache.put(service(version=5, uid="second"))
    assert cache.drop(service(version=6, uid="first")) == frozenset()
    assert cache.get("Service", "team-a", "churn-1") is not None


def test_a_successor_with_the_same_name_replaces_the_one_before() -> None:
    cache = Cache()
    cache.put(service(version=5, uid="first"))
    assert cache.put(service(version=6, uid="second")) == {CHURN}


def test_all_work_is_known_at_the_start() -> None:
    cache = Cache()
    cache.put(model(version=1))
    left_over = item("Deployment", names.ROUTER_NAME, namespace="team-b", labels=ours(None, "router"), version=2)
    cache.put(left_over)
    assert cache.keys() == {CHURN, ROUTER, Key("Router", "team-b")}


def test_endpoint_slices_are_the_same_tuple_until_one_changes() -> None:
    cache = Cache()
    cache.put(slice_of("model", 1))
    first = cache.endpoint_slices()
    cache.put(service(version=2))
    assert cache.endpoint_slices() is first
    cache.put(slice_of("model", 3))
    assert cache.endpoint_slices() is not first

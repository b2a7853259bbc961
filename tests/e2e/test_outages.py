"""API server and operator away, containers killed, routers and model pods drained: requests go on being answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.errors import CommandError
from demo.load import Counts, parse
from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Operator, api_server_away
from tests.e2e.promises import fits_the_weight
from tests.harness import containers
from tests.harness.kubectl import Object
from tests.harness.waiting import eventually

RATE = 50.0
OUTAGE_SECONDS = 30
"""Twice as long as others leave a lease alone that is not renewed."""
LAST_WEIGHT = 30
STEPS = [{"weight": 10, "hold": "15s"}, {"weight": LAST_WEIGHT, "hold": "5s", "approval": "Manual"}]
GATES = [{"name": "errors", "errorRate": {}}]
ASKED = 600
ASKED_OF_ONE = 300


@pytest.mark.disruptive
def test_without_api_server_and_without_operator_requests_are_answered_at_the_last_weight(
    team: Team, traffic: Traffic, good: Files
) -> None:
    operator = Operator(team.cluster)
    first = team.serving(good, server={"replicas": 2})
    team.kubectl.apply(models.rollout(steps=STEPS, gates=GATES))
    traffic.load.control(rate=RATE, running=True)
    long_enough(10)
    team.artifact("churn-2", good)
    team.model("churn-2", server={"replicas": 2})
    second = candidate_at(team, step=1)
    an_outage_of_the_api_server_in_a_step(team, operator, traffic)
    candidate_at(team, step=2)
    with operator.away():
        gone = without_anybody(team, first, second)
        eventually("the killed pod's endpoint to leave", lambda: gone not in endpoints(team, first), timeout=120)
    team.kubectl("annotate", "rollout", "churn", "weirkeeper.dev/promote=ann/1")
    last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    assert last["revision"] == second
    traffic.nothing_lost()


def candidate_at(team: Team, step: int) -> str:
    """The candidate once its step is in force."""

    def there() -> str:
        status = team.status()
        fits = status.get("phase") == "Progressing" and status["step"] == step
        return str(status["candidate"]["revision"]) if fits and status["applied"] == status["decision"] else ""

    return eventually(f"step {step} on every router", there, timeout=240, describe=team.brief)


def an_outage_of_the_api_server_in_a_step(team: Team, operator: Operator, traffic: Traffic) -> None:
    before, sent = operator.running(), traffic.counts().finished
    with api_server_away(team.cluster, OUTAGE_SECONDS):
        pass
    assert traffic.counts().finished - sent > RATE * OUTAGE_SECONDS / 2
    assert operator.running() == before, "the operator's process is another one"


def without_anybody(team: Team, first: str, second: str) -> str:
    """API server and operator are both away; give the address that a killed model pod of `first` had."""
    generator = str((team.kubectl.get("pod", "load") or {})["status"]["podIP"])
    router = team.kubectl.list("pods", "weirkeeper.dev/component=router")[0]
    model = team.kubectl.list("pods", f"weirkeeper.dev/revision={first}")[0]
    with api_server_away(team.cluster):
        traffic_goes_on(team, generator, first, second)
        with nothing_sent(team, generator):
            containers.kill_container(router, "envoy")
            a_router_comes_back(team, router, second)
            containers.kill_pod(model)
        traffic_goes_on(team, generator, first, second)
    return str(model["status"]["podIP"])


def traffic_goes_on(team: Team, generator: str, first: str, second: str) -> None:
    """Requests go on being answered, and the revisions share them as the last split says."""
    before = inside(team, generator)

    def enough() -> Counts | None:
        counts = inside(team, generator)
        return counts if counts.finished - before.finished >= ASKED else None

    after = eventually(f"{ASKED} answers", enough, timeout=120)
    answered = {name: after.of(name).ok - before.of(name).ok for name in (first, second)}
    assert after.failed() == before.failed(), after.failures
    fits_the_weight(answered[second], sum(answered.values()), LAST_WEIGHT)


def inside(team: Team, generator: str, wish: str = "") -> Counts:
    """Ask the load generator at its own address: the API server's proxy is away. `wish` is JSON for /control."""
    target = f"http://{generator}:8090/{'control' if wish else 'counts'}"
    options = ("-H", "Content-Type: application/json", "-d", wish) if wish else ()
    return parse(json.loads(team.cluster.run_inside("curl", "-sS", "-m", "20", *options, target)))


@contextmanager
def nothing_sent(team: Team, generator: str) -> Iterator[None]:
    """No request under way: one that is, is lost with a process that is killed."""
    inside(team, generator, json.dumps({"running": False}))
    eventually("the last answers", lambda: inside(team, generator).in_flight == 0, timeout=60)
    yield
    inside(team, generator, json.dumps({"running": True}))


def a_router_comes_back(team: Team, router: Object, second: str) -> None:
    """The killed Envoy runs again, with the split that it had."""
    address = router["status"]["podIP"]
    eventually("the restarted Envoy to route", lambda: revisions_from(team, address, requests=1), timeout=120)
    answered = revisions_from(team, address, requests=ASKED_OF_ONE)
    assert sum(answered.values()) == ASKED_OF_ONE, answered
    fits_the_weight(answered[second], ASKED_OF_ONE, LAST_WEIGHT)


def revisions_from(team: Team, address: str, requests: int) -> Counter[str]:
    """Which revisions answer at one router; what answered with anything but 200 is left out."""
    target = f"http://{address}:8080/v2/models/churn/infer?[1-{requests}]"
    shown = "%{http_code} %header{x-weirkeeper-revision}\\n"
    headers = ("-H", "Host: churn", "-H", "Content-Type: application/json")
    command = ("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", shown, *headers, "-d", models.request(), target)
    try:
        lines = team.cluster.run_inside(*command).splitlines()
    except CommandError:  # nothing listens there yet
        return Counter()
    return Counter(revision for code, _, revision in (line.partition(" ") for line in lines) if code == "200")


def endpoints(team: Team, revision: str) -> set[str]:
    """Addresses of a revision's ready pods."""
    slices = team.kubectl.list("endpointslices", f"weirkeeper.dev/revision={revision}")
    found = [end for item in slices for end in item.get("endpoints") or () if end["conditions"].get("ready")]
    return {address for end in found for address in end["addresses"]}


def test_pods_that_go_take_no_request_with_them(team: Team, traffic: Traffic, good: Files) -> None:
    revision = team.serving(good, server={"replicas": 2})
    traffic.load.control(rate=RATE, running=True)
    long_enough(5)
    replaced(team, "weirkeeper.dev/component=router")
    former = names(team, "weirkeeper.dev/component=router")
    team.kubectl("rollout", "restart", "deployment/weirkeeper-router")
    team.kubectl("rollout", "status", "deployment/weirkeeper-router", "--timeout=180s", timeout=200)
    eventually("the former routers to be gone", lambda: not former & names(team, "weirkeeper.dev/component=router"))
    replaced(team, f"weirkeeper.dev/revision={revision}")
    counts = traffic.nothing_lost()
    assert set(counts.revisions) == {revision}


def replaced(team: Team, selector: str) -> None:
    """Delete one of two pods, and wait until it is gone and two others are ready."""
    name = min(names(team, selector))
    team.kubectl.delete("pod", name)

    def two() -> bool:
        pods = team.kubectl.list("pods", selector)
        ready = [pod for pod in pods if pod_is_ready(pod)]
        return name not in {pod["metadata"]["name"] for pod in pods} and len(ready) == 2

    eventually(f"another pod for {name}", two, timeout=120)


def names(team: Team, selector: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in team.kubectl.list("pods", selector)}


def pod_is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

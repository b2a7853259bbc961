"""A Model's traffic: by its routers, else by its attempts on record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import Kubectl
from weirkeeper.plugin.linting import lint
from weirkeeper.plugin.traffic import Traffic, recorded, requests_in, traffic_of

METRICS = """# TYPE weirkeeper_router_requests_total counter
weirkeeper_router_requests_total{{namespace="a",model="churn",revision="churn-aa",outcome="ok"}} {ok}
weirkeeper_router_requests_total{{namespace="a",model="churn",revision="churn-aa",outcome="bad"}} 4.0
weirkeeper_router_requests_total{{namespace="a",model="churn2",revision="churn2-aa",outcome="ok"}} 9000.0
weirkeeper_router_mirrored_requests_total{{namespace="a",model="churn",revision="churn-bb",outcome="ok"}} 500.0
"""
ATTEMPTS = [
    {
        "attempt": 3,
        "started": "2026-11-24T12:00:00Z",
        "ended": "2026-11-24T12:20:00Z",
        "steps": [
            {"name": "shadow", "weight": 0, "started": "2026-11-24T12:00:00Z", "requests": 600},
            {"name": "few", "weight": 5, "started": "2026-11-24T12:05:00Z", "requests": 150},
            {"name": "half", "weight": 50, "started": "2026-11-24T12:19:30Z", "requests": 300},
        ],
    },
    {"attempt": 4, "started": "2026-11-25T12:00:00Z"},
]


@dataclass(frozen=True)
class Cluster(Kubectl):
    """A kubectl that knows one Model and two routers, each of which gave two answers."""

    counted: Iterator[float] = field(default_factory=lambda: iter((100, 200, 150, 300)))
    refuses: bool = False
    attempts: tuple[Any, ...] = ()

    def __call__(self, *arguments: str) -> str:
        if arguments[:2] == ("get", "models.weirkeeper.dev"):
            found = {"status": {"attempts": self.attempts}} if arguments[2] == "churn" else None
            return json.dumps(found) if found else json.dumps({"items": []}) * (arguments[2] == "--output")
        if arguments[:2] == ("get", "pods"):
            assert arguments[3] == "weirkeeper.dev/component=router"
            return json.dumps({"items": [{"metadata": {"name": name}} for name in ("r-1", "r-2")]})
        if arguments[:2] == ("config", "view"):
            return "a"
        if self.refuses:
            raise PluginError("Error from server (Forbidden): pods/proxy")
        assert arguments[2].startswith("/api/v1/namespaces/a/pods/r-")
        return METRICS.format(ok=next(self.counted))


def test_routers_are_asked_twice() -> None:
    waited: list[float] = []
    found = traffic_of(Cluster(("--namespace=a",)), "churn", waited.append)
    assert found == Traffic(15.0, "its routers answered 150 requests in 10 s")
    assert waited == [10.0]


def test_who_may_not_ask_routers_goes_by_what_attempts_left() -> None:
    found = traffic_of(Cluster(("--namespace=a",), refuses=True, attempts=tuple(ATTEMPTS)), "churn", lambda _: None)
    # 150 requests in 870 seconds at 5 %; the last step was too short to tell.
    assert found is not None
    assert found.rate == pytest.approx(150 / 870 * 20)
    assert found.source == "step few of attempt 3"


def test_what_nobody_knows_is_none() -> None:
    assert recorded(()) is None
    assert traffic_of(Cluster(("--namespace=a",), refuses=True), "churn", lambda _: None) is None
    assert traffic_of(Cluster(("--namespace=a",)), "new", lambda _: None) is None


def test_copies_and_other_models_are_not_counted() -> None:
    assert requests_in(METRICS.format(ok=3), "churn") == 7.0
    assert requests_in("", "churn") == 0.0


def test_lint_says_how_long_an_attempt_takes_at_the_traffic_that_there_is() -> None:
    text = (
        "{apiVersion: weirkeeper.dev/v1alpha1, kind: Rollout, metadata: {name: churn, namespace: team-a},"
        " spec: {modelRef: {name: churn}}}"
    )
    asked: list[tuple[str, str]] = []

    def known(namespace: str, model: str) -> Traffic | None:
        asked.append((namespace, model))
        return Traffic(2.0, "its routers answered 20 requests in 10 s")

    (first, *_) = lint(text, known)
    assert first.message.startswith("at 2 requests/s (its routers answered 20 requests in 10 s) an attempt takes about")
    assert asked == [("team-a", "churn")]
    (unknown,) = lint(text, lambda _namespace, _model: None)
    assert "nobody knows the traffic of Model churn: give it with --rate" in unknown.message

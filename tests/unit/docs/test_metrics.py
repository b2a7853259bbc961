"""The series in the reference are those that operator, routers and servers give: names, types and labels, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from tests.unit.docs.markdown import REFERENCE, codes, rows
from weirkeeper.api.settings import Settings
from weirkeeper.router.counters import Counts
from weirkeeper.router.evidence import Evidence, metrics
from weirkeeper.router.memory import Memory
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.traffic import Applied
from weirkeeper.runtime.operator import Operator
from weirkeeper.runtime.settings import OperatorOptions
from weirkeeper_server.beside import Prober, ProbeSettings
from weirkeeper_server.beside_process import ProbeMetrics
from weirkeeper_server.core import ModelServer
from weirkeeper_server.metrics import ServerMetrics
from weirkeeper_server.settings import Settings as ServerSettings

Described = dict[str, tuple[str, frozenset[str]]]


def described(metric: Metric, labels: Any) -> tuple[str, tuple[str, frozenset[str]]]:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return name, (metric.type, frozenset(labels))


def operators() -> Described:
    settings = Settings(server_image="server", operator_image="operator", envoy_image="envoy")
    api: Any = object()
    registry: CollectorRegistry = Operator(api, OperatorOptions(settings, "system", "pod")).metrics.registry
    labels: dict[str, Any] = {}
    for collector in registry._collector_to_names:
        for metric in collector.collect():
            labels[metric.name] = getattr(collector, "_labelnames", None) or getattr(metric, "_labelnames", ())
    return dict(described(metric, labels[metric.name]) for metric in registry.collect())


def servers() -> Described:
    server = ModelServer(ServerSettings(bundle=Path("bundle"), model="churn", revision="churn-1"))
    found = dict(described(metric, getattr(metric, "_labelnames", ())) for metric in ServerMetrics(server).collect())
    server.close()
    return found


async def probers() -> Described:
    async with aiohttp.ClientSession() as session:
        prober = Prober(ProbeSettings(model="churn", revision="churn-1", url="http://127.0.0.1:1"), session)
        return dict(described(metric, getattr(metric, "_labelnames", ())) for metric in ProbeMetrics(prober).collect())


def routers() -> Described:
    split = (("churn-5d9c7f02", 100),)
    memory = Memory(applied={"churn": Applied("uid", "", 1, 1, split)})
    evidence = Evidence(0.0, 1.0, {"churn": 1}, {"churn-5d9c7f02": Counts(1)}, {})
    found: Described = {}
    kinds: dict[str, str] = {}
    for line in metrics(evidence, memory, RouterOptions("team-a", "pod")).decode().splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif not line.startswith("#"):
            name, _, rest = line.partition("{")
            labels = frozenset(pair.partition("=")[0] for pair in rest.partition("}")[0].split(","))
            found[name] = (kinds[name], labels)
    assert found.keys() == kinds.keys()
    return found


def told() -> Described:
    series = [row for row in rows((REFERENCE / "metrics.md").read_text()) if len(row) == 4]
    return {codes(name)[0]: (kind, frozenset(codes(labels))) for name, kind, labels, _ in series if codes(name)}


async def test_the_reference_names_the_series_that_there_are() -> None:
    assert told() == {**operators(), **routers(), **servers(), **await probers()}


def test_every_series_in_an_expression_is_one() -> None:
    names = told()
    text = (REFERENCE / "metrics.md").read_text()
    expressions = [code for row in rows(text) if len(row) == 2 for code in codes(row[1])]
    assert len(expressions) > 3
    for expression in expressions:
        assert any(name in expression for name in names), expression

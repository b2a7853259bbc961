"""Values are planted in sensitive inputs, and looked for in all that anybody can read of a Model that has them."""

from __future__ import annotations

import base64
import json
import logging
import zlib
from collections.abc import Mapping
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prometheus_client.exposition import generate_latest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import weirkeeper
from tests.unit.kube.samples import model as seen
from tests.unit.plan.objects import settings
from tests.unit.plan.test_monitor import END, NOW, V1, monitor, served
from tests.unit.runtime.world import World, key
from tests.unit.server.doors import door_client, evidence_client
from weirkeeper.api import names
from weirkeeper.api.conditions import timestamp
from weirkeeper.bundling import maker
from weirkeeper.comparison.errors import ComparisonError
from weirkeeper.delivery.evidence import Evidence, PodEvidence
from weirkeeper.diagnosis.diagnosing import diagnose, sentences
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.monitor import MonitorPlan, plan_monitors
from weirkeeper.plan.result import Plan, StatusWrite
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot, CountedSlots, checkpoint_name
from weirkeeper.plugin.why import as_json, evidence_of
from weirkeeper.render.server import profile_name
from weirkeeper.report.html import html
from weirkeeper.runtime.cli import main
from weirkeeper.runtime.decisions import log_decisions
from weirkeeper.runtime.logs import JsonLines
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.packed import PackedCounts
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import Settings

FAITHS = ("catholic", "protestant", "buddhist", "unheard-of")
SALARY = 71_234.5
"""A value so frequent that another input would have a bin of its own for it."""

BORN = np.datetime64("1967-03-05")
ACCOUNTS = (471_108_152, 815_004_711)
SENSITIVE = ("faith", "salary", "born", "account")
RANDOM = np.random.default_rng(7)


def columns(rows: int, *, moved: bool) -> dict[str, Any]:
    faiths = RANDOM.choice(np.array(FAITHS[:3], dtype=object), rows, p=[0.6, 0.3, 0.1])
    salaries = np.where(RANDOM.random(rows) < 0.3, SALARY, RANDOM.normal(50_000, 9_000, rows).round(1))
    born, accounts = np.full(rows, BORN), RANDOM.choice(ACCOUNTS, rows)
    if moved:
        faiths = np.where(RANDOM.random(rows) < 0.7, FAITHS[2], faiths)
        faiths[:40] = FAITHS[3]
        salaries = salaries + 40_000
        born, accounts = born + 1, np.full(rows, ACCOUNTS[0])
    visits = RANDOM.integers(0, 4, rows)
    return {"faith": faiths, "salary": salaries, "born": born, "account": accounts, "visits": visits}


@cache
def profile() -> ReferenceProfile:
    described = {name: Described(sensitive=True) for name in SENSITIVE}
    return ReferenceProfile.from_columns(columns(4000, moved=False), {}, described=described)


def told_values(text: str) -> list[str]:
    """The values that a text tells; of numbers also as people round them."""
    numbers = ("71234.5", "71,234", "71.2 k", "111 k", "111234.5", *map(str, ACCOUNTS), "471 M", "815 M", "1967-03")
    return [value for value in (*FAITHS, *numbers) if value in text.replace("\N{NO-BREAK SPACE}", " ")]


@cache
def drifting() -> Snapshot:
    """A window in which all sensitive inputs moved, with values that the reference never had."""
    counters = ProfileCounters(profile())
    counters.ingest(columns(2000, moved=True), {})
    view = CountedSlots({V1: (CountedSlot(END - 3600, 2000, PackedCounts.of(counters.totals()["inputs"])),)}, END)
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=profile().to_json(), profile_sha256=profile().sha256),)}
    evidence = Evidence(pods=pods, windows={"churn": view})
    return Snapshot("team-a", "churn", served(), settings(), monitors=(monitor(),), evidence=evidence)


@cache
def planned() -> MonitorPlan:
    return plan_monitors(drifting(), NOW)


def kept() -> Mapping[str, Any]:
    """The ConfigMaps that the operator keeps."""
    view = drifting().evidence.windows["churn"]
    assert isinstance(view, CountedSlots)
    packed = pack(Checkpoint(END, lanes={300: {V1: list(view.revisions[V1])}}))
    assert packed is not None
    return {
        checkpoint_name("churn"): {"binaryData": {CHECKPOINT_KEY: base64.b64encode(packed).decode()}},
        profile_name(V1): {"data": {"profile.json": json.dumps(profile().to_json())}},
    }


def read() -> Found:
    """The Model as the plugin reads it."""
    (write,) = planned().statuses
    watching = {**monitor(), "status": write.status}
    model = {**served(), "status": {**served()["status"], "stable": {"revision": V1, "since": timestamp(END - 86_400)}}}
    return Found(model, monitors=[watching], config_maps=kept())


# What the operator says, notes, counts and keeps.


def test_all_are_seen_to_drift_and_no_value_is_said_or_noted() -> None:
    (write,) = planned().statuses
    states = {one["name"]: one["state"] for one in write.status["features"]}
    assert {name for name, state in states.items() if state == "Drifting"} >= {"faith", "salary", "weekday of born"}
    assert planned().notices
    assert told_values(json.dumps(write.status) + repr(planned().notices)) == []


def test_no_series_has_one() -> None:
    world = World()
    world.cache.put(seen(version=1))
    world.series.assessed(key(), assessments(drifting()))
    world.metrics.registry.register(world.series)
    told = generate_latest(world.metrics.registry).decode()
    assert 'feature="salary"' in told
    assert told_values(told) == []


def test_nothing_that_is_kept_has_one() -> None:
    maps = kept()
    packed = base64.b64decode(maps[checkpoint_name("churn")]["binaryData"][CHECKPOINT_KEY])
    assert told_values(zlib.decompress(packed).decode() + json.dumps(maps)) == []


def test_no_line_of_the_operators_log_has_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = served()
    status = {**found["status"], "decision": 7, "message": planned().notices[0].message}
    write = StatusWrite(names.MODEL_KIND, "team-a", "churn", "1", status)
    log_decisions(key(), found, Plan(statuses=(write, *planned().statuses), notices=planned().notices), 1, 0.1)
    written = "\n".join(map(JsonLines().format, caplog.records))
    assert written
    assert told_values(written) == []


# What the plugin says.


def test_neither_the_report_nor_why_has_one() -> None:
    text = html(page_of(read(), NOW))
    assert "salary" in text
    assert "Windows along time" in text
    evidence = evidence_of(read(), NOW)
    found = diagnose(evidence)
    why = "\n".join(sentences(evidence, found)) + json.dumps(as_json(evidence, found))
    assert "Inputs moved: faith" in why or "Inputs moved: salary" in why
    assert told_values(text + why) == []


# What the command says of files.


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "profile.json").write_bytes(profile().to_bytes())
    pd.DataFrame(columns(1000, moved=True)).to_csv(folder / "current.csv", index=False)
    lines = (folder / "current.csv").read_text().splitlines()
    (folder / "broken.csv").write_text("\n".join([*lines[:3], f"{lines[3]},and,more"]))
    (folder / "other.csv").write_text("\n".join([lines[0], *(line.replace("e", "e,", 1) for line in lines[1:3])]))
    mixed = pd.DataFrame(columns(1000, moved=True)).drop(columns="visits").assign(visits="many")
    mixed.assign(salary=list(FAITHS) * 250).to_csv(folder / "mixed.csv", index=False)
    return folder


@pytest.mark.parametrize("current", ["current.csv", "broken.csv", "other.csv", "mixed.csv"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_the_command_drift_tells_none(
    files: Path, current: str, output: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    asked = ["drift", str(files / "profile.json"), str(files / current), "--output", output, "--report", str(page)]
    status = main(asked)
    assert status == (3 if current == "current.csv" else 1)
    said = capsys.readouterr()
    text = said.out + said.err + (page.read_text() if status == 3 else "")
    assert "salary" in text or status == 1
    assert told_values(text) == []


def test_a_table_in_memory_of_mixed_types_tells_none() -> None:
    frame = pd.DataFrame(columns(500, moved=True))
    frame["salary"] = [*frame["salary"][:-1], FAITHS[3]]
    with pytest.raises(ComparisonError) as refused:
        weirkeeper.drift(profile(), frame)
    assert "salary" in str(refused.value)
    assert told_values(str(refused.value)) == []


def test_a_profile_that_holds_values_of_a_sensitive_column_is_refused() -> None:
    open_hearted = ReferenceProfile.from_columns(columns(500, moved=False), {}).features
    for feature in open_hearted[:2]:
        with pytest.raises(ProfileError, match="is sensitive and holds values"):
            type(feature).from_json({**feature.to_json(), "sensitive": True})


# What a server says, and logs.

ASKED = {"faith": FAITHS[3], "salary": 71_234.5}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that refuses what it never saw, in words that quote it."""
    frame = pd.DataFrame({"faith": [*FAITHS[:3], ""] * 30, "salary": RANDOM.normal(50_000, 9_000, 120)})
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="error"), ["faith"]), remainder="passthrough")
    model = make_pipeline(encoded, LogisticRegression(max_iter=1000)).fit(frame, frame["salary"] > 50_000)
    described = {name: Described(sensitive=True) for name in ASKED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "verify", lambda *_: None)
        return weirkeeper.bundle(model, frame, path=tmp_path_factory.mktemp("bundles") / "b", columns=described)


@pytest.fixture
async def server(bundle: Path) -> Any:
    running = ModelServer(Settings.model_validate({"bundle": bundle, "model": "churn", "revision": "churn-1"}))
    await running.start()
    yield running
    running.close()


def question(**changed: Any) -> dict[str, Any]:
    def tensor(name: str, datatype: str, value: Any) -> dict[str, Any]:
        return {"name": name, "datatype": datatype, "shape": [1], "data": [value]}

    given = {**ASKED, **changed}
    return {"inputs": [tensor("faith", "BYTES", given["faith"]), tensor("salary", "FP64", given["salary"])]}


REFUSED: dict[str, tuple[bytes, int]] = {
    "the model raises": (json.dumps(question()).encode(), 500),
    "a text where a number is": (json.dumps(question(salary="catholic")).encode(), 400),
    "a number where a text is": (json.dumps(question(faith=ACCOUNTS[0])).encode(), 400),
    "no JSON": (b'{"inputs": [{"name": "faith", "data": ["catholic"', 400),
    "too many": (json.dumps(question(faith=["catholic", "protestant"])).encode(), 400),
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_request_is_answered_and_logged_without_its_values(
    server: ModelServer, log: pytest.LogCaptureFixture, case: str
) -> None:
    body, status = REFUSED[case]
    accesses = StringIO()
    access_log = AccessLog(accesses, server.identity)
    async with door_client(server, access_log) as client:
        answer = await client.post("/v2/models/churn/infer", data=body)
        told = await answer.text()
    access_log.flush()
    assert answer.status == status, told
    assert f'"status":{status}' in accesses.getvalue()
    assert told_values(told + log.text + accesses.getvalue()) == []
    if case == "the model raises":
        assert "the model raised on request" in log.text
        assert "ValueError (its words are left out: inputs of the model are sensitive)" in log.text


async def test_what_is_counted_of_answered_requests_has_none(server: ModelServer) -> None:
    async with door_client(server) as client, evidence_client(server) as looking:
        answer = await client.post("/v2/models/churn/infer", json=question(faith="catholic"))
        assert answer.status == 200
        told = [await (await looking.get(path)).text() for path in ("/evidence", "/metrics")]
        told += [await (await client.get(path)).text() for path in ("/v2", "/v2/models/churn", "/v2/openapi.json")]
    assert '"rows": 1' in told[0] or '"rows":1' in told[0]
    assert told_values("".join(told)) == []

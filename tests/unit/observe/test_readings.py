"""Answers of pods that belong to tenants: what is right is read, what is wrong is refused by name."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.observe.asking import parse
from weirkeeper.observe.errors import BrokenEvidence
from weirkeeper.observe.readings import ArmReading, Counters, LostReading, model_of, read_pod, read_router
from weirkeeper.observe.targets import PodTarget

TARGET = PodTarget("team-a", "churn-11111111-x", "uid-1", "10.0.0.1", "churn", "churn-11111111")
INCOME = {"counts": [3, 4], "missing": 1, "invalid": 0, "unseen": 0, "posInf": 0, "negInf": 0, "sum": -12}
POD: dict[str, Any] = {
    "schema": 1,
    "model": "churn",
    "revision": "churn-11111111",
    "pod": "churn-11111111-x",
    "start": 1000.25,
    "now": 1010.0,
    "state": "Ready",
    "reason": "",
    "message": "",
    "sha256": "ab" * 32,
    "signature": {"inputs": [{"name": "income", "datatype": "FP64", "shape": [-1]}], "outputs": []},
    "profile": {"apiVersion": "profile/v1", "features": []},
    "profileSha256": "cd" * 32,
    "outcomes": {"ok": 8, "invalid": 0, "failed": 0},
    "rows": 8,
    "latency": {"slotSeconds": 5, "slots": [[1000, {"160": 5, "176": 3}, 2]]},
    "inputs": {"income": INCOME},
    "outputs": {},
}
ROUTER: dict[str, Any] = {
    "schema": 1,
    "envoyStart": 1000.7,
    "acknowledged": {"churn": 42},
    "clusters": {"churn-11111111": {"epoch": 3, "total": 123, "bad": 2, "failed": 1, "retries": 0, "active": 0}},
}


def changed(answer: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(answer)
    *parents, last = path.split(".")
    inner: Any = found
    for part in parents:
        inner = inner[part]
    inner[last] = value
    return found


def test_what_was_lost_with_workers_may_be_told_or_not() -> None:
    assert read_pod(POD, TARGET, None).lost == LostReading()
    lost = {"workers": 2, "seconds": 1.5, "rows": 20.25}
    assert read_pod({**POD, "lost": lost}, TARGET, None).lost == LostReading(2, 1.5, 20.25)
    for name in lost:
        with pytest.raises(BrokenEvidence, match=f"lost.{name} is -1"):
            read_pod({**POD, "lost": {**lost, name: -1}}, TARGET, None)


def test_what_former_servers_do_not_count_may_be_there_or_not() -> None:
    ranged = changed(POD, "inputs.income.outOfRange", 3)
    assert read_pod(ranged, TARGET, None).inputs["income"]["outOfRange"] == 3
    with pytest.raises(BrokenEvidence, match="outOfRange"):
        read_pod(changed(POD, "inputs.income.outOfRange", -3), TARGET, None)


def test_a_router_is_read() -> None:
    reading = read_router(ROUTER)
    assert reading.started == 1000
    assert reading.acknowledged == {"churn": 42}
    assert reading.counters == {("churn-11111111", 3): Counters(123, 2, 1)}


def test_a_pod_is_read() -> None:
    reading = read_pod(POD, TARGET, None)
    assert (reading.evidence.state, reading.evidence.sha256, reading.started) == ("Ready", "ab" * 32, 1000.25)
    assert reading.evidence.signature == POD["signature"]
    assert reading.evidence.profile == POD["profile"]
    assert reading.latency == {1000: ({160: 5, 176: 3}, 2)}
    assert reading.inputs == {"income": INCOME}
    assert reading.arms == {}


def test_what_a_pod_counted_apart_is_read_by_arm() -> None:
    latency = {"slotSeconds": 5, "slots": [[1000, {"160": 4}, 1]]}
    slots = {"latency": latency, "inputs": {"income": INCOME}, "outputs": {}}
    reading = read_pod(changed(POD, "arms", {"mirror": slots, "unheard-of": {}}), TARGET, None)
    assert reading.arms == {"churn-11111111~mirror": ArmReading({1000: ({160: 4}, 1)}, {"income": INCOME}, {})}
    with pytest.raises(BrokenEvidence, match=r"arms\.mirror\.inputs\.income\.missing"):
        read_pod(changed(POD, "arms", {"mirror": {"inputs": {"income": {**INCOME, "missing": -1}}}}), TARGET, None)
    with pytest.raises(BrokenEvidence, match="arms"):
        read_pod(changed(POD, "arms", {"match": 3}), TARGET, None)


def test_a_pod_that_only_just_began_says_little() -> None:
    reading = read_pod({"revision": TARGET.revision, "start": 1, "state": "Loading"}, TARGET, None)
    assert (reading.evidence.state, reading.evidence.profile, reading.inputs, reading.latency) == (
        "Loading",
        None,
        {},
        {},
    )


def test_a_profile_that_was_left_out_is_the_known_one() -> None:
    known = read_pod(POD, TARGET, None).evidence
    again = read_pod({**POD, "profile": None}, TARGET, known).evidence
    assert again == known
    assert again.profile is known.profile


def test_a_profile_of_another_digest_replaces_the_known_one() -> None:
    known = read_pod(POD, TARGET, None).evidence
    other = {"apiVersion": "profile/v1", "features": [1]}
    assert read_pod({**POD, "profileSha256": "ee", "profile": other}, TARGET, known).evidence.profile == other
    assert read_pod({**POD, "profileSha256": "ee", "profile": None}, TARGET, known).evidence.profile is None


def test_a_profile_that_is_too_large_hides_nothing_else() -> None:
    reading = read_pod({**POD, "profile": {"x": "y" * 256 * 1024}}, TARGET, None)
    assert (reading.evidence.profile, reading.evidence.state) == (None, "Ready")


def test_a_long_message_is_cut() -> None:
    assert len(read_pod({**POD, "message": "m" * 100_000}, TARGET, None).evidence.message) == 2048


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("revision", "churn-22222222", "churn-11111111"),
        ("state", "Fine", "Loading, Ready, Failed, Draining"),
        ("reason", "not one word", "CamelCase"),
        ("message", 7, "message"),
        ("start", "yesterday", "start"),
        ("start", True, "start"),
        ("inputs.income.missing", -1, "inputs.income.missing"),
        ("inputs.income.missing", 1.5, "inputs.income.missing"),
        ("inputs.income.missing", 2**60, "inputs.income.missing"),
        ("signature", [], "signature"),
        ("signature.inputs", {}, "signature.inputs"),
        ("signature.inputs", [{"name": "income"}], "shape"),
        ("signature.inputs", [{"name": 3, "datatype": "FP64", "shape": [-1]}], "name"),
        ("signature.inputs", [{"name": "x" * 70_000, "datatype": "FP64", "shape": [-1]}], "bytes"),
        ("latency", [], "latency"),
        ("latency.slots", [[1000, {"417": 1}, 0]], "bin"),
        ("latency.slots", [[1000, {"-1": 1}, 0]], "bin"),
        ("latency.slots", [[1000, {"1": -1}, 0]], "count"),
        ("latency.slots", [[1000, {"1": 1}]], "slot"),
        ("latency.slots", [[0, {}, 0]] * 500, "500 slots"),
        ("inputs", [1], "inputs"),
        ("inputs.income", {"counts": [1]}, "inputs.income"),
        ("inputs.income.counts", [1, -1], "inputs.income.counts"),
        ("inputs.income.counts", [1] * 2000, "2000 bins"),
        ("inputs.income.counts", 5, "inputs.income.counts"),
        ("inputs.income.missing", [1], "inputs.income.missing"),
        ("inputs.income.sum", 0.5, "inputs.income.sum"),
        ("inputs.income.more", 0, "inputs.income"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: Any, named: str) -> None:
    with pytest.raises(BrokenEvidence, match=named):
        read_pod(changed(POD, path, value), TARGET, None)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("envoyStart", None, "envoyStart"),
        ("acknowledged", [], "acknowledged"),
        ("acknowledged.churn", "42", "acknowledged.churn"),
        ("clusters.churn-11111111", 5, "clusters.churn-11111111"),
        ("clusters.churn-11111111.total", -5, "total"),
        ("clusters.churn-11111111.bad", True, "bad"),
        ("clusters.churn-11111111.epoch", 1.0, "epoch"),
        ("clusters", {"x" * 100: {}}, "longest name 100"),
        ("clusters", {str(i): {} for i in range(5000)}, "5000 entries"),
    ],
)
def test_a_wrong_field_of_a_router_is_named(path: str, value: Any, named: str) -> None:
    with pytest.raises(BrokenEvidence, match=named):
        read_router(changed(ROUTER, path, value))


@pytest.mark.parametrize(
    "body",
    [None, b"", b"{", b"\xff\xfe", b'{"x": NaN}', b'{"x": Infinity}', b"[" * 100_000, b'{"x": ' + b"9" * 10_000 + b"}"],
)
def test_what_is_no_json_is_refused(body: bytes | None) -> None:
    with pytest.raises(BrokenEvidence):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(POD)), value=JSON)
def test_nothing_but_a_refusal_comes_of_a_hostile_pod(key: str, value: Any) -> None:
    body = json.dumps({**POD, key: value}).encode()
    try:
        read_pod(parse(body), TARGET, None)
    except BrokenEvidence as error:
        assert len(str(error)) < 500  # noqa: PT017 - either outcome is right; a refusal must be short enough to log


@given(key=st.sampled_from(sorted(ROUTER)), value=JSON)
def test_nothing_but_a_refusal_comes_of_a_broken_router(key: str, value: Any) -> None:
    try:
        read_router({**ROUTER, key: value})
    except BrokenEvidence as error:
        assert len(str(error)) < 500  # noqa: PT017 - as above


def test_the_model_of_a_revision() -> None:
    assert model_of("churn-rate-5d9c7f02") == "churn-rate"
    assert model_of("odd") == ""

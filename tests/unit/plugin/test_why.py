"""`kubectl weirkeeper why`: what it gathers, says and ends with."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.model_report.world import DRIFT_FROM, HOUR, NOW, PROMOTED, STABLE, config_maps, model, monitor, rollout
from weirkeeper.api.conditions import timestamp, unix_seconds
from weirkeeper.plugin.cli import main
from weirkeeper.plugin.pods import read_counts

STAND_IN = """#!{python}
import json, os, sys
folder = os.environ["STAND_IN"]
def told(name):
    with open(os.path.join(folder, name)) as file:
        return file.read()
arguments = [one for one in sys.argv[1:] if not one.startswith("--namespace=")]
if arguments[:2] == ["get", "--raw"]:
    if os.path.exists(os.path.join(folder, "refuses")):
        sys.exit(told("refuses"))
    pod = arguments[2].split("/pods/")[1].split(":")[0]
    seen = os.path.join(folder, pod + ".seen")
    print(told(pod + (".later" if os.path.exists(seen) else ".first")))
    open(seen, "w").close()
elif arguments[1].startswith("events"):
    print(told("scalings" if "kind=Deployment" in arguments[3] else "events"))
else:
    print(told("one" if arguments[2] == "churn" else arguments[1]))
"""


def pod(name: str, node: str, **status: Any) -> dict[str, Any]:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"restartCount": 0}]}
    labels = {"weirkeeper.dev/revision": STABLE}
    return {
        "metadata": {"name": name, "namespace": "team-a", "labels": labels},
        "spec": {"nodeName": node},
        "status": {**ready, **status},
    }


def counts(requests: int, failed: int, seconds: float) -> str:
    labels = f'model="churn",revision="{STABLE}"'
    return "\n".join(
        (
            "# HELP weirkeeper_server_requests_total Inference requests by outcome.",
            f'weirkeeper_server_requests_total{{{labels},outcome="ok"}} {requests - failed}.0',
            f'weirkeeper_server_requests_total{{{labels},outcome="failed"}} {failed}.0',
            f'weirkeeper_server_request_duration_seconds_bucket{{{labels},le="0.1"}} 1.0',
            f"weirkeeper_server_request_duration_seconds_sum{{{labels}}} {seconds}",
            f"weirkeeper_server_request_duration_seconds_count{{{labels}}} {requests}.0",
        )
    )


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put objects where the stand-in for kubectl has its own."""
    program = tmp_path / "kubectl"
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "time", lambda: NOW)

    def put(**files: Any) -> None:
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps({"items": content})
            (tmp_path / name.replace("__", ".")).write_text(text)

    whole = model()
    put(
        models__weirkeeper__dev=[whole],
        rollouts__weirkeeper__dev=[rollout()],
        monitors__weirkeeper__dev=[monitor()],
        configmaps=list(config_maps().values()),
        pods=[pod(f"churn-{node}", f"node-{node}") for node in "abc"],
        events=[],
        scalings=[],
        one=json.dumps(whole),
    )
    for node in "abc":
        put(**{f"churn-{node}__first": counts(900, 0, 5.0), f"churn-{node}__later": counts(1000, 0, 5.5)})
    return put


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Mapping[str, Any]]:
    code = main(["why", "churn", "-n", "team-a", "-o", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("put")
def test_it_says_which_inputs_moved_and_since_when(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = asked(capsys)
    assert (code, found["causes"], found["verdict"]) == (1, ["Data"], "Amiss")
    assert found["moved"] == [{"input": "income", "since": timestamp(DRIFT_FROM)}]
    assert "whether its answers are right" in {one["what"] for one in found["unknown"]}
    assert main(["why", "churn", "-n", "team-a"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("churn: it is the data.")
    assert "income: median 48.5 k → 27.1 k (PSI 1.92, threshold 0.21), since " in text


@pytest.mark.parametrize(("well_until", "cause"), [(PROMOTED - 60, "Model"), (PROMOTED + 120, "Concept")])
def test_a_promotion_after_which_all_was_well_is_not_blamed(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str], well_until: float, cause: str
) -> None:
    times = {"lastTransitionTime": timestamp(PROMOTED + 600), "wellUntil": timestamp(well_until)}
    drifts = {"type": "ConceptDrift", "status": "True", "reason": "Drifting", "message": "labels moved", **times}
    one = monitor()
    one["status"]["conditions"] = [drifts]
    put(monitors__weirkeeper__dev=[one])
    assert asked(capsys)[1]["causes"] == [cause]


def test_a_node_is_found_by_what_its_pod_did_meanwhile(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put(**{"churn-c__first": counts(90_000, 0, 500.0), "churn-c__later": counts(90_100, 0, 512.0)})
    _, found = asked(capsys)
    told = {one["where"]: one["message"] for one in found["findings"]}
    assert "takes 120 ms" in told["node-c"]


def test_a_pod_that_ends_again_and_again_is_told(put: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    ended = {"reason": "OOMKilled", "exitCode": 137, "finishedAt": timestamp(NOW - 60)}
    status = {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"restartCount": 5, "lastState": {"terminated": ended}}],
    }
    put(pods=[pod("churn-a", "node-a"), pod("churn-b", "node-b", **status)])
    code, found = asked(capsys)
    assert code == 1
    assert "System" in found["causes"]
    assert "OOMKilled (exit code 137), 5 restarts" in found["findings"][0]["message"]


def test_what_was_done_in_the_hour_before_is_told(put: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    began = DRIFT_FROM
    scaling = {
        "metadata": {"creationTimestamp": timestamp(began - 600)},
        "reason": "ScalingReplicaSet", "note": "Scaled down replica set x from 3 to 2", "regarding": {"name": STABLE},
    }  # fmt: skip
    first = {**scaling, "note": "Scaled up replica set x from 0 to 3"}
    other = {**scaling, "regarding": {"name": "other-1"}, "note": "of another Model"}
    step = {"metadata": {}, "eventTime": timestamp(began - 300), "reason": "StepStarted", "note": "25 % to churn-7"}
    old = {**step, "eventTime": timestamp(began - 5 * HOUR), "note": "long ago"}
    fields = [
        {"manager": "kubectl", "time": timestamp(began - 60), "fieldsV1": {"f:spec": {"f:card": {}}}},
        {"manager": "operator", "subresource": "status", "time": timestamp(began), "fieldsV1": {"f:status": {}}},
    ]
    whole = model()
    whole["metadata"]["managedFields"] = fields
    put(scalings=[scaling, other, first], events=[step, old], one=json.dumps(whole))
    # The Monitor's condition is as old as the promotion: here only the windows say when it began.
    recent = monitor()
    recent["status"]["conditions"][0]["lastTransitionTime"] = timestamp(began + HOUR)
    put(monitors__weirkeeper__dev=[recent])
    _, found = asked(capsys)
    assert unix_seconds(found["since"]) == began
    assert [one["kind"] for one in found["changes"]] == ["Scaling", "Step", "Card"]
    assert "from 3 to 2" in found["changes"][0]["message"]
    assert found["changes"][1]["message"] == "25 % to churn-7"


def test_who_may_not_ask_pods_or_config_maps_is_told_what_is_lacking(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put(refuses="Error from server (Forbidden): pods churn-a is forbidden: User ann cannot get pods/proxy")
    code, found = asked(capsys)
    assert code == 1
    assert any("pods/proxy" in one["needed"] for one in found["unknown"])


def test_a_model_that_nobody_watches_is_not_said_to_be_well(
    put: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    put(monitors__weirkeeper__dev=[])
    code, found = asked(capsys)
    assert (code, found["verdict"], found["since"]) == (3, "Unknown", None)


def test_a_model_with_which_nothing_is_amiss(put: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    well = monitor(state="OK", features=[])
    well["status"]["conditions"] = [{"type": "InputDrift", "status": "False", "reason": "OK", "message": "no drift"}]
    put(monitors__weirkeeper__dev=[well])
    code, found = asked(capsys)
    assert (code, found["verdict"], found["findings"]) == (0, "Well", [])


class Prometheus(BaseHTTPRequestHandler):
    """Tells that something took 50 ms until the promotion's hour, and 400 ms after."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        slow = float(query["time"][0]) > PROMOTED
        result = [] if query["query"] == ["nothing"] else [{"value": [0, "0.4" if slow else "0.05"]}]
        body = json.dumps({"status": "success", "data": {"result": result}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("put")
def test_a_dependency_that_became_slow_is_named(prometheus: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = asked(capsys, "--prometheus", prometheus, "--dependency", "features=avg(x)")
    (told,) = (one for one in found["findings"] if one["where"] == "features")
    assert "features takes 400 ms now, and took 50 ms before" in told["message"]


@pytest.mark.usefixtures("put")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dependency", "features=avg(x)"], "--prometheus"),
        (["--dependency", "x=y", "--prometheus", "http://127.0.0.1:9"], "cannot be asked"),
    ],
)
def test_bad_input_is_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "churn", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("put")
def test_a_query_that_gives_nothing_is_told(prometheus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "churn", "--prometheus", prometheus, "-d", "features=nothing"]) == 2
    assert "the query of dependency features gives nothing" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["features", "=x", "features="])
def test_a_dependency_without_name_or_query_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["why", "churn", "--dependency", given])
    assert "give NAME=QUERY" in capsys.readouterr().err


def test_counts_of_a_server_that_began_anew_are_not_negative() -> None:
    found = read_counts(counts(10, 2, 1.0)).minus(read_counts(counts(1000, 5, 90.0)))
    assert (found.requests, found.failed, found.seconds) == (10, 2, 1.0)

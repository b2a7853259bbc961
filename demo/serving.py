"""Scenes one and two: the first version answers, and live traffic begins."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from demo import live_rows
from demo.commands import Kubectl, run
from demo.errors import CommandError
from demo.names import LOAD_POD, MODEL
from demo.rollout import standing
from demo.stage import Stage
from demo.story import Reading

FORWARDED: Final = "Forwarding from 127.0.0.1:"
SETTLING: Final = 10.0  # seconds in which the first answers are timed
SLOWEST: Final = 15.0  # requests per second below which the story cannot be told in its time
GENTLE: Final = 15.0  # requests per second with which the traffic starts
EASE: Final = 0.6  # share of its time that the model server may be busy


def first_model(stage: Stage) -> None:
    """v1: applied, ready, asked once by curl."""
    story = stage.story
    story.chapter("A first Model")
    stage.apply("rollout.yaml")
    stage.apply("model-v1.yaml")

    def look() -> Reading:
        now = standing(stage.kubectl)
        return Reading(now.ready and bool(now.stable), now.stable if now.ready else now.message or "waiting")

    stage.revisions["v1"] = story.wait("the Model is Ready", look, within=180)
    answer = ask_once(stage)
    story.check(
        "the prediction comes from v1's revision",
        true=answer["model_version"] == stage.revisions["v1"],
        found=answer["model_version"],
    )
    stage.apply("monitor.yaml")


def ask_once(stage: Stage) -> dict[str, Any]:
    """Ask for one prediction through a port-forward, by curl where there is one, and print both."""
    body = json.dumps(live_rows.infer_request(stage.data.held_out.iloc[0]))
    stage.story.say(f"$ kubectl -n {stage.namespace} port-forward service/{MODEL} :80 &")
    with forwarded(stage.kubectl, f"service/{MODEL}", 80) as port:
        url = f"http://127.0.0.1:{port}/v2/models/{MODEL}/infer"
        stage.story.say(f"$ curl {url} -d '{body[:66]}…'")
        answer = _post(url, body)
    stage.story.check("the first prediction", true="outputs" in answer, found=_outputs(answer))
    return answer


def _post(url: str, body: str) -> dict[str, Any]:
    if curl := shutil.which("curl"):
        header = "content-type: application/json"
        options = ["--silent", "--show-error", "--fail-with-body", "--max-time", "30", "--header", header]
        text = run([curl, *options, "--data-binary", "@-", url], stdin=body, timeout=40)
    else:
        request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})  # noqa: S310 - http
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - on loopback
            text = response.read().decode()
    answer: dict[str, Any] = json.loads(text)
    return answer


def _outputs(answer: dict[str, Any]) -> str:
    return ", ".join(f"{output['name']} = {output['data']}" for output in answer.get("outputs", ()))


@contextmanager
def forwarded(kubectl: Kubectl, target: str, port: int, within: float = 20) -> Iterator[int]:
    """Forward a free local port to ``target`` while the block runs; yields the local port."""
    command = kubectl.command("port-forward", target, f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield _forwarded_port(process, command, within)
        finally:
            process.terminate()


def _forwarded_port(process: "subprocess.Popen[str]", command: list[str], within: float) -> int:
    assert process.stdout is not None
    seen, until = "", time.monotonic() + within
    while time.monotonic() < until:
        line = process.stdout.readline()
        seen += line
        if line.startswith(FORWARDED):
            return int(line.removeprefix(FORWARDED).split()[0])
        if not line:
            break
    raise CommandError(command, seen or "ended without a word")


def live_traffic(stage: Stage) -> None:
    """Start the load, find what the machine carries, and see the first version's bake to its end."""
    story = stage.story
    story.chapter("Live traffic from held-out rows, which never stops until the end")
    stage.load.start(live_rows.document(stage.data.held_out), GENTLE)
    stage.kubectl("wait", f"pod/{LOAD_POD}", "--for=condition=Ready", "--timeout=60s", timeout=70)
    stage.rate = _carried_rate(stage)

    def look() -> Reading:
        now = standing(stage.kubectl)
        return Reading(now.phase in ("Healthy", "Idle"), f"{now.phase}: {now.message}")

    story.wait("v1 has baked", look, within=120)
    counts = stage.load.counts()
    failed = counts.failed()
    story.check("no request has failed", true=failed == 0, found=f"{counts.finished} answered by {MODEL}")


def _carried_rate(stage: Stage) -> float:
    """Send a little, see how long an answer takes, and ask for no more than keeps the model's one process at ease.

    The rate is not found by overloading: the latency gate compares with the last ten minutes, which must be honest.
    """
    time.sleep(SETTLING)
    counts = stage.load.counts()
    rate = rate_for(counts.p50 or 0.0, stage.rate)
    told = f"{rate:g} requests/s, p50 {counts.p50 or 0:.1f} ms"
    stage.story.check("the machine carries the load", true=counts.finished > 0, found=told)
    stage.load.control(rate=rate)
    return rate


def rate_for(milliseconds: float, wished: float) -> float:
    """Halve the wish until answers of `milliseconds`, one after the other, keep the server busy for EASE at most."""
    rate = wished
    while rate > SLOWEST and rate * milliseconds / 1000.0 > EASE:
        rate /= 2
    return rate

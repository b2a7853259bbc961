"""Scene five: the live rows drift, and the Monitor names the feature; latency comes out of Prometheus as well."""

from typing import Any, Final

from demo.names import DRIFTING_FEATURE, MODEL
from demo.stage import Stage
from demo.standing import condition
from demo.story import Reading

DURATION: Final = "weirkeeper_server_request_duration_seconds_bucket"


def latency_expression(namespace: str, quantile: float, window: str = "15m") -> str:
    """Latency in seconds by revision, from the servers' histograms."""
    rates = f'rate({DURATION}{{namespace="{namespace}"}}[{window}])'
    return f"histogram_quantile({quantile}, sum by (revision, le) ({rates}))"


def latency_in_prometheus(stage: Stage) -> None:
    """p50 and p99 of every revision that answered, from Prometheus."""
    stage.story.chapter("What Prometheus says about each revision")
    found: dict[str, dict[str, float]] = {}

    def look() -> Reading:
        for name, quantile in (("p50", 0.5), ("p99", 0.99)):
            series = stage.prometheus.query(latency_expression(stage.namespace, quantile))
            found[name] = {entry.labels["revision"]: 1000 * entry.value for entry in series}
        known = [version for version, revision in stage.revisions.items() if revision in found["p99"]]
        return Reading(set(known) == set(stage.revisions), f"{', '.join(known) or 'none'}")

    stage.story.wait("latency of v1, v2 and v3 is in Prometheus", look, within=60, every=2)
    for version, revision in stage.revisions.items():
        p50, p99 = found["p50"][revision], found["p99"][revision]
        stage.story.check(f"latency of {version}", true=0 < p50 <= p99, found=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def input_drift(stage: Stage) -> tuple[dict[str, Any], list[str]]:
    """Read the Monitor's condition, and the features that it says drift."""
    monitor = stage.kubectl.read(f"monitors.weirkeeper.dev/{MODEL}")
    features = (monitor or {}).get("status", {}).get("features", ())
    return dict(condition(monitor, "InputDrift")), [
        entry["name"] for entry in features if entry.get("state") == "Drifting"
    ]


def rows_drift(stage: Stage) -> None:
    """Without drift the Monitor is quiet; after it, condition and series name the feature that moved."""
    story = stage.story
    story.chapter("The live rows drift, and the Monitor names the feature")

    def quiet() -> Reading:
        found, _ = input_drift(stage)
        return Reading(found["status"] == "False" and found["reason"] == "OK", f"{found['reason']} {found['message']}")

    story.wait("the Monitor sees no drift yet", quiet, within=180, every=2)
    stage.load.control(rows="drifted")
    story.say(f"from now on {DRIFTING_FEATURE} of every live row is shifted by two standard deviations")

    def drifting() -> Reading:
        found, _ = input_drift(stage)
        return Reading(found["status"] == "True", f"{found['reason']} {found['message']}")

    told = story.wait("the Monitor's condition InputDrift is True", drifting, within=300, every=2)
    _, named = input_drift(stage)
    story.check("it names the feature", true=DRIFTING_FEATURE in told and named == [DRIFTING_FEATURE], found=f"{named}")
    _series_say_so(stage)


def _series_say_so(stage: Stage) -> None:
    mine = f'namespace="{stage.namespace}",model="{MODEL}"'
    moved: dict[str, float] = {}

    def look() -> Reading:
        series = stage.prometheus.query(f"weirkeeper_drift_psi{{{mine}}} > weirkeeper_drift_psi_threshold{{{mine}}}")
        moved.clear()
        moved.update({entry.labels["feature"]: entry.value for entry in series})
        told = ", ".join(f"{feature} {value:.2f}" for feature, value in moved.items())
        return Reading(DRIFTING_FEATURE in moved, told or "no series above its threshold")

    stage.story.wait("PSI above its threshold in Prometheus", look, within=60, every=2)
    stage.story.check("no other feature drifts", true=set(moved) == {DRIFTING_FEATURE}, found=DRIFTING_FEATURE)

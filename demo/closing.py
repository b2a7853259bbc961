"""The end: the load stops, everything is counted exactly, and the reader is told where to look next."""

import os
from pathlib import Path
from typing import Final

from demo.commands import program, run
from demo.load import Counts, describe_failures
from demo.names import MODEL, ROOT
from demo.stage import Stage
from demo.story import Reading, clock


def table(counts: Counts, revisions: dict[str, str]) -> list[str]:
    """Render requests by version, and the totals, as lines of equal columns."""
    rows = [("", "requests", "failed", "p50 ms", "p99 ms")]
    for version, revision in revisions.items():
        of = counts.of(revision)
        rows.append(
            (f"{version} {revision}", f"{of.total}", f"{of.failed}", f"{of.p50 or 0:.1f}", f"{of.p99 or 0:.1f}")
        )
    failed = counts.failed()
    rows.append(("sent", f"{counts.sent}", f"{failed}", "", ""))
    rows.append(("failed, not answered by v3", "", f"{counts.failed(revisions['v3'])}", "", ""))
    exposed = counts.of(revisions["v3"])
    rows.append(("exposed to v3", f"{exposed.total}", f"{exposed.failed}", "", ""))
    first = max(len(row[0]) for row in rows)
    return [f"{row[0]:<{first}}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows]


def the_end(stage: Stage) -> None:
    """Stop the load, wait for the last answer, and check the totals."""
    story = stage.story
    story.chapter("The end")
    stage.load.control(running=False)

    def look() -> Reading:
        counts = stage.load.counts()
        return Reading(counts.in_flight == 0, f"{counts.in_flight} requests open")

    story.wait("the last request is answered", look, within=60)
    counts = stage.load.counts()
    v3 = stage.revisions["v3"]
    failed = counts.failed(v3)
    story.check("every request sent has an outcome", true=counts.sent == counts.finished, found=f"{counts.sent}")
    story.check(
        "no request failed apart from those which v3 answered",
        true=failed == 0,
        found=describe_failures(counts, v3) if failed else "0",
    )
    story.say("\n".join(["", *table(counts, stage.revisions), ""]))
    look_next(stage)
    story.say(f"\ntold in {clock(story.elapsed)} with {story.checks} checks, all true")


LOOKS: Final = (
    f"get models.weirkeeper.dev {MODEL} -o wide",
    f"get rollouts.weirkeeper.dev {MODEL} -o wide",
    f"get monitors.weirkeeper.dev {MODEL} -o wide",
    "get events.events.k8s.io --field-selector regarding.kind=Model",
)


def look_next(stage: Stage) -> None:
    """Print lines that work as they stand; each is run here, so that it is known to."""
    story = stage.story
    story.say("where to look next:")
    for dashboard in sorted((stage.chart / "dashboards").glob("*.json")):
        story.say(f"  the Grafana dashboard: {dashboard.relative_to(ROOT)}")
    kubectl = program("kubectl")
    for arguments in LOOKS:
        line = f"{_environment()}{kubectl} -n {stage.namespace} {arguments}"
        shown = run(["sh", "-c", line])
        story.check("this line works", true=bool(shown.strip()), found=line)


def _environment() -> str:
    kubeconfig = os.environ.get("KUBECONFIG", "")
    return f"KUBECONFIG={Path(kubeconfig)} " if kubeconfig else ""

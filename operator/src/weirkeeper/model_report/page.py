"""The page about a Model, from what was found of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from weirkeeper.model_report.along_time import along_time_section
from weirkeeper.model_report.attempts import attempts_section, gates_section
from weirkeeper.model_report.distributions import distribution_sections
from weirkeeper.model_report.evidence import evidence_sections
from weirkeeper.model_report.fairness import fairness_section
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.numbers import card_section, numbers_section
from weirkeeper.model_report.objectives import objectives_section, without_objectives
from weirkeeper.model_report.performance import labels_of, performance_section
from weirkeeper.model_report.verdict import verdict_of
from weirkeeper.model_report.watched import monitor_section, without_monitor
from weirkeeper.model_report.windows import watches
from weirkeeper.model_report.wording import moment
from weirkeeper.report.page import Facts, Page, Section


def page_of(found: Found, now: float) -> Page:
    """Say what the report says `now` (Unix seconds). What the cluster has no data of is left out, and said so."""
    metadata = found.model["metadata"]
    made = datetime.fromtimestamp(now, tz=UTC).strftime("%d %B %Y, %H:%M UTC")
    return Page(
        kind="Report of a Model",
        title=f"{metadata['name']} in {metadata['namespace']}",
        made=made,
        verdict=verdict_of(found),
        facts=Facts(tuple(_facts(found))),
        sections=tuple(section for section in _sections(found, now) if section),
        absent=tuple(_absent(found)),
    )


def _facts(found: Found) -> Iterator[tuple[str, str]]:
    status = found.status
    stable, candidate = status.get("stable") or {}, status.get("candidate") or {}
    if status.get("phase"):
        step = f", step {status['step']} {status.get('stepName', '')}".rstrip() if "step" in status else ""
        yield "Phase", f"{status['phase']}{step}"
    if stable:
        since = moment(stable.get("since"))
        yield "Stable", f"{stable['revision']}, since {since} UTC" if since else stable["revision"]
    if candidate:
        yield "Candidate", f"{candidate['revision']}, {candidate.get('weight', 0)} % of the traffic"
    if status.get("frozen"):
        yield "Frozen", status["frozen"]
    card = found.model["spec"].get("card") or {}
    if card.get("owner"):
        yield "Owner", card["owner"]


def _sections(found: Found, now: float) -> Iterator[Section | None]:
    watched = tuple(watches(found))
    drawn = {watch.name for watch in watched}
    for monitor in found.monitors:
        yield monitor_section(monitor, drawn=monitor["metadata"]["name"] in drawn)
    yield from distribution_sections(found, watched)
    yield performance_section(found, next(iter(watched), None))
    yield along_time_section(found, next(iter(watched), None))
    yield fairness_section(found)
    yield objectives_section(found)
    yield numbers_section(found)
    yield gates_section(found)
    yield attempts_section(found, now)
    yield from evidence_sections(found, now)
    yield card_section(found)


def _absent(found: Found) -> Iterator[str]:
    """Say what is left out, and why."""
    if not found.monitors:
        yield without_monitor(found)
    if found.config_maps is None:
        yield "You may not read ConfigMaps in this namespace: windows, distributions and measured metrics are left out."
    elif found.monitors:
        yield from _lacking(found)
    if found.attempts and not any(True for _ in evidence_sections(found, 0.0)):
        yield "No steps and no evidence of earlier attempts are on record, or you may not read ControllerRevisions."
    if found.stable and not labels_of(found, found.stable):
        yield f"No labels of {found.stable} are kept{_yet(found)}: realised performance and segments are left out."
    yield from without_objectives(found)
    yield "Latencies, CPU and memory along time are not kept in the cluster: Prometheus and the dashboard have them."


def _lacking(found: Found) -> Iterator[str]:
    if found.stable and found.profile(found.stable) is None:
        yield f"No reference profile is kept of {found.stable}: distributions and measured metrics are left out."
    if found.checkpoint() is None:
        yield f"No windows are kept of this Model{_yet(found)}: its timeline and distributions are left out."


def _yet(found: Found) -> str:
    return "" if found.checkpoint() else " yet (they are written every five minutes, where something came)"

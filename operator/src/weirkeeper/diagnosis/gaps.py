"""What cannot be told, and what it would take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from weirkeeper.diagnosis.evidence import Evidence
from weirkeeper.diagnosis.findings import Gap

FEW_LABELS: Final = 0.1
"""Labels of a smaller share of the predictions may be of one kind of case."""


def gaps(evidence: Evidence) -> Iterator[Gap]:
    """List what the evidence leaves open."""
    yield from (Gap(*_split(one)) for one in evidence.unread)
    if not evidence.monitored:
        yield Gap("whether inputs or performance moved", "a Monitor that names this Model")
        return
    yield from _of_inputs(evidence)
    yield from _of_labels(evidence)
    yield from _of_pods(evidence)


def _split(unread: str) -> tuple[str, str]:
    what, _, needed = unread.partition(": ")
    return what, needed


def _of_inputs(evidence: Evidence) -> Iterator[Gap]:
    found = evidence.conditions.get("InputDrift")
    if found is not None and found.state in {"Insufficient", "Error"}:
        needed = (
            "a window that ended with enough rows: wait, or make it longer"
            if found.state == "Insufficient"
            else "what its message says"
        )
        yield Gap(f"whether inputs moved ({found.message})", needed)


def _of_labels(evidence: Evidence) -> Iterator[Gap]:
    performance, concept = evidence.conditions.get("PerformanceDegraded"), evidence.conditions.get("ConceptDrift")
    if performance is None:
        yield Gap("whether its answers are right", "labels sent back, and `performance` in the Monitor")
    elif performance.state == "Insufficient":
        yield Gap(f"whether its answers are right ({performance.message})", "more labels, or a lower labels.minRows")
    if concept is not None and concept.state == "Error":
        yield Gap(f"whether the concept changed ({concept.message})", "a bundle made with `held_out`")
    if evidence.labels and evidence.labels[1]:
        rows, predictions = evidence.labels[0], evidence.labels[1]
        if 0 < rows < FEW_LABELS * predictions:
            share = f"{100.0 * rows / predictions:.1f} %"
            yield Gap(f"what the other predictions say: {share} have a label", "labels of all kinds of cases")


def _of_pods(evidence: Evidence) -> Iterator[Gap]:
    at_risk = evidence.bad("LatencyAtRisk") or evidence.bad("AvailabilityAtRisk")
    if at_risk and not evidence.dependencies:
        yield Gap("whether something that the Model asks became slow", "--prometheus and --dependency NAME=QUERY")
    if at_risk and len({pod.node for pod in evidence.pods}) == 1:
        yield Gap("whether its node is the cause: all its pods run on one", "a replica on another node")

"""From evidence to a diagnosis, and to sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from weirkeeper.diagnosis.evidence import HOUR, Change, Evidence, Seen
from weirkeeper.diagnosis.findings import ORDER, Cause, Diagnosis, Finding, Verdict
from weirkeeper.diagnosis.gaps import gaps
from weirkeeper.diagnosis.serving import system
from weirkeeper.diagnosis.watched import answers, data, labels

RULES: Final[tuple[Callable[[Evidence], Iterator[Finding]], ...]] = (system, data, labels, answers)
MOST_CHANGES: Final = 8
SOON: Final = 300
"""Seconds for which nothing that is kept for an hour is missed of the hour before."""

WORDS: Final[Mapping[Cause, str]] = {
    "Data": "the data",
    "Concept": "the concept: the world behind the data changed",
    "Model": "the model",
    "System": "the system that serves it",
}


def diagnose(evidence: Evidence) -> Diagnosis:
    """Say what it is, what changed before it began, and what cannot be told."""
    found = sorted((one for rule in RULES for one in rule(evidence)), key=lambda one: ORDER.index(one.cause))
    verdict: Verdict = "Amiss" if found else "Well" if _known(evidence) else "Unknown"
    before = _before(evidence) if found else ()
    return Diagnosis(verdict, tuple(found), before, tuple(gaps(evidence)))


def short(conditions: Mapping[str, Seen], stable: str = "", stable_since: float | None = None) -> str:
    """Say in a few words what a Monitor's conditions come to; empty where nothing is bad."""
    evidence = Evidence("", 0.0, stable, stable_since, conditions=dict(conditions))
    causes = diagnose(evidence).causes
    return f"it is {' and '.join(WORDS[one] for one in causes)}" if causes else ""


def sentences(evidence: Evidence, diagnosis: Diagnosis) -> Iterator[str]:
    """Write a diagnosis for people: the verdict first."""
    yield f"{evidence.model}: {_verdict(diagnosis)}"
    for finding in diagnosis.findings:
        yield f"- {finding.told}"
    for one in evidence.moved if diagnosis.findings else ():
        since = f", since {moment(one.since)}" if one.since is not None else ""
        yield f"- {one.told or one.name}{since}"
    if diagnosis.findings:
        yield f"In the hour before it began ({moment(evidence.onset)}): {_changes(evidence, diagnosis.changes)}."
    for gap in diagnosis.gaps:
        yield f"Not known: {gap.unknown}. It takes {gap.needed}."


def moment(seconds: float | None) -> str:
    """Write a time for people: 24 Nov 12:30 UTC."""
    return datetime.fromtimestamp(seconds or 0.0, tz=UTC).strftime("%d %b %H:%M UTC")


def _verdict(diagnosis: Diagnosis) -> str:
    if diagnosis.verdict == "Well":
        return "nothing that is watched is amiss."
    if diagnosis.verdict == "Unknown":
        return "nothing amiss is seen, and too little is known to say that all is well."
    return f"it is {' and '.join(WORDS[one] for one in diagnosis.causes)}."


def _known(evidence: Evidence) -> bool:
    return evidence.monitored and any(one.state == "OK" for one in evidence.conditions.values())


def _before(evidence: Evidence) -> tuple[Change, ...]:
    onset = evidence.onset
    found = (one for one in evidence.changes if onset - HOUR <= one.at <= onset)
    return tuple(sorted(found, key=lambda one: one.at)[-MOST_CHANGES:])


def _changes(evidence: Evidence, changes: tuple[Change, ...]) -> str:
    told = "; ".join(f"{moment(one.at)} {one.told}" for one in changes) or "nothing that is on record changed"
    # The API server forgets Events, and what scaled or wrote something tells of it by them alone.
    forgotten = evidence.onset < evidence.now - SOON
    return f"{told}; Events of then, such as scalings, are kept for an hour only" if forgotten else told

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
    before, after = _around(evidence) if found else ((), ())
    return Diagnosis(verdict, tuple(found), before, tuple(gaps(evidence)), after)


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
        yield from _history(evidence, diagnosis)
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


def _around(evidence: Evidence) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """What was done in the hour before it began, and what since; a training that begins with it is an answer to it."""
    onset = evidence.onset
    recent = sorted((one for one in evidence.changes if onset - HOUR <= one.at), key=lambda one: one.at)
    after = [one for one in recent if one.at > onset or (one.kind == "Retraining" and one.at == onset)]
    before = [one for one in recent if one not in after]
    return tuple(before[-MOST_CHANGES:]), tuple(after[-MOST_CHANGES:])


def _history(evidence: Evidence, diagnosis: Diagnosis) -> Iterator[str]:
    # The API server forgets Events, and what scaled or wrote something tells of it by them alone.
    forgotten = evidence.onset < evidence.now - SOON
    kept = ", as far as is kept (Events, such as scalings, for an hour)" if forgotten else ""
    nothing = "" if diagnosis.changes else " nothing that is on record changed."
    yield f"In the hour before it began ({moment(evidence.onset)}){kept}:{nothing}"
    yield from _changes(diagnosis.changes)
    if diagnosis.after:
        yield "Since then:"
        yield from _changes(diagnosis.after)


def _changes(changes: tuple[Change, ...]) -> Iterator[str]:
    return (f"- {moment(one.at)} {one.told}" for one in changes)

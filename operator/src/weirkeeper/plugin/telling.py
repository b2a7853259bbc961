"""What a Model's status says, as lines of text and as sentences: pure, so that it can be read and tested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weirkeeper.api.names import ATTEMPTS_ANNOTATION

Status = Mapping[str, Any]

BAR = 24
"""Characters that stand for the whole traffic."""


def title(model: Mapping[str, Any]) -> str:
    """One line: what, where, in which phase."""
    metadata, status = model["metadata"], model.get("status", {})
    where = f"{metadata['name']} in {metadata['namespace']}"
    if not status:
        return f"{where}: no operator has looked at it yet"
    step = f", step {status['step']} {status.get('stepName', '')}".rstrip() if "step" in status else ""
    held = f", held for {status['heldFor']}" if "heldFor" in status else ""
    return f"{where}: {status.get('phase', 'Unknown')}{step}{held}"


def bar(weight: int) -> str:
    """A share of the traffic, as a bar."""
    filled = round(BAR * weight / 100)
    return "█" * filled + "░" * (BAR - filled)


def shares(status: Status) -> Iterator[tuple[str, str, int]]:
    """List role, revision and weight in percent of each revision that has pods now."""
    weights = {share["revision"]: share["weight"] for share in status.get("traffic", ())}
    for role in ("stable", "candidate"):
        revision = status.get(role, {}).get("revision")
        if revision:
            yield role, revision, weights.get(revision, 0)


def beside(status: Status) -> Iterator[str]:
    """Say what revisions get beside their shares: copies, and callers told by their headers."""
    for share in status.get("traffic", ()):
        if share.get("mirror"):
            yield f"{share['revision']} gets copies of {share['mirror']} % of the requests; nobody sees its answers"
        for callers in share.get("match", ()):
            told = " and ".join(_header(header) for header in callers["headers"])
            yield f"{share['revision']} alone answers callers with {told}"
    sticky = status.get("sticky")
    if sticky:
        kind = next(key for key in ("header", "cookie") if key in sticky)
        yield f"callers stay on their revision by the {kind} {sticky[kind]}"


def _header(header: Mapping[str, str]) -> str:
    for kind, words in (("value", ":"), ("prefix", " beginning with"), ("regex", " like")):
        if kind in header:
            return f"{header['name']}{words} {header[kind]}"
    return header["name"]


def gates(status: Status) -> Iterator[tuple[str, str, str]]:
    """List name, verdict and message of each gate."""
    for gate in status.get("gates", ()):
        needed = f"; about {gate['requestsNeeded']} more requests" if gate.get("requestsNeeded") else ""
        when = f", at this traffic until {gate['eta']}" if gate.get("eta") else ""
        told = gate.get("message", "")
        yield gate["name"], gate["verdict"], told if "more candidate requests" in told else f"{told}{needed}{when}"


def condition(status: Status, kind: str) -> Mapping[str, Any]:
    """One condition; empty where there is none yet."""
    return next((item for item in status.get("conditions", ()) if item["type"] == kind), {})


def all_attempts(status: Status, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """List every attempt that the status or a revision's record (ControllerRevision) tells of, the latest first."""
    known = {item["attempt"]: item for item in status.get("attempts", ())}
    for record in records:
        annotations = record["metadata"].get("annotations") or {}
        # What is on record is whole, the status shortens what is older.
        known |= {item["attempt"]: item for item in json.loads(annotations.get(ATTEMPTS_ANNOTATION) or "[]")}
    return [known[number] for number in sorted(known, reverse=True)]


def history(attempts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """List attempt, revision, start, outcome, exposed requests and reason of each attempt."""
    for item in attempts:
        yield (
            str(item["attempt"]),
            item["revision"],
            item["started"],
            item.get("outcome", "running"),
            str(item.get("exposedRequests", 0)),
            item.get("reason", ""),
        )


def explain(model: Mapping[str, Any]) -> list[str]:
    """Say in sentences where the Model is and why, from the most general to what would change it."""
    status = model.get("status", {})
    if not status:
        return [f"{title(model)}. Does the operator run, and does it watch this namespace?"]
    return [
        sentence
        for sentence in (
            _serves(status),
            _asked(status),
            *_attempt(status),
            _stalled(status),
            _frozen(status),
            _next(model["metadata"]["name"], status),
        )
        if sentence
    ]


def _serves(status: Status) -> str:
    ready = condition(status, "Ready")
    stable = status.get("stable", {}).get("revision")
    if not stable:
        return f"Nothing serves yet: {ready.get('reason', 'Unknown')}: {ready.get('message', '')}".rstrip(": ")
    if ready.get("status") != "True":
        return f"{stable} should serve and does not: {ready.get('reason')}: {ready.get('message')}"
    since = status["stable"].get("since")
    return f"{stable} serves" + (f" since {since}." if since else ".")


def _asked(status: Status) -> str:
    current = condition(status, "Current")
    if current.get("status") == "True":
        return "It is what the spec asks for."
    return f"The spec asks for something else: {current.get('reason', 'Unknown')}: {current.get('message', '')}"


def _attempt(status: Status) -> Iterator[str]:
    candidate = status.get("candidate", {})
    if candidate:
        yield (
            f"Attempt {status['attempt']} tries {candidate['revision']}, which has {candidate.get('weight', 0)} %"
            f" of the traffic and answered {status.get('exposedRequests', 0)} requests."
        )
        yield from (f"{told}." for told in beside(status))
        yield f"Now: {status.get('message', '')}"
        yield from (f"Gate {name} says {verdict}: {told}" for name, verdict, told in gates(status))
    elif status.get("attempts"):
        last = status["attempts"][-1]
        attempt, outcome = f"Attempt {last['attempt']} for {last['revision']}", last.get("outcome")
        yield f"{attempt} ended {outcome}: {last.get('reason', '')}" if outcome else f"{attempt}: {status['message']}"


def _stalled(status: Status) -> str:
    stalled, current = condition(status, "Stalled"), condition(status, "Current")
    if stalled.get("status") != "True" or stalled["reason"] == current.get("reason"):
        return ""
    return f"It is stalled: {stalled['reason']}: {stalled['message']}"


def _frozen(status: Status) -> str:
    return (
        f"Nothing is promoted for now: {status['frozen']}. Aborts and roll backs act." if status.get("frozen") else ""
    )


_COMMANDS = {
    "Paused": ("It goes on with", "resume"),
    "Aborted": ("The same revision gets another attempt with", "retry"),
    "RolledBack": ("The same revision gets another attempt with", "retry"),
}


def _next(name: str, status: Status) -> str:
    phase = status.get("phase", "")
    if phase in {"Shadowing", "Progressing"} and "waits for the verb promote" in status.get("message", ""):
        return f"It goes on with: kubectl weirkeeper promote {name}"
    found = _COMMANDS.get(phase)
    if found is None or condition(status, "Current").get("status") == "True":
        return ""
    told, verb = found
    return f"{told}: kubectl weirkeeper {verb} {name}"


def plain(model: Mapping[str, Any]) -> list[str]:
    """The status as lines without colour, for pipes and logs."""
    status = model.get("status", {})
    lines = [title(model)]
    lines += [f"  {role:<9}  {revision}  {weight:>3} %  {bar(weight)}" for role, revision, weight in shares(status)]
    lines += [f"  {told}" for told in beside(status)]
    lines += [f"  gate {name}: {verdict}: {told}" for name, verdict, told in gates(status)]
    if status.get("message"):
        lines.append(f"  {status['message']}")
    if status.get("frozen"):
        lines.append(f"  frozen: {status['frozen']}")
    lines += [f"  {text}" for text in conditions(status)]
    return lines


def conditions(status: Status) -> Sequence[str]:
    """Ready, Current and, where it is true, Stalled, as `Ready=True (Serving)`."""
    shown = [condition(status, kind) for kind in ("Ready", "Current", "Stalled")]
    return [
        f"{item['type']}={item['status']} ({item['reason']})"
        for item in shown
        if item and (item["type"] != "Stalled" or item["status"] == "True")
    ]

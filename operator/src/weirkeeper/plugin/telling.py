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
        yield f"Callers stay on their revision by the {kind} {sticky[kind]}"


def _header(header: Mapping[str, str]) -> str:
    for kind, words in (("value", ":"), ("prefix", " beginning with"), ("regex", " like")):
        if kind in header:
            return f"{header['name']}{words} {header[kind]}"
    return header["name"]


def gates(status: Status) -> Iterator[tuple[str, str, str]]:
    """List name, verdict and message of each gate, as long as its attempt is not complete."""
    for gate in status.get("gates", ()) if status.get("phase") != "Healthy" else ():
        awaited = gate["verdict"] == "Inconclusive"
        needed = f"; about {gate['requestsNeeded']} more requests" if awaited and gate.get("requestsNeeded") else ""
        when = f", at this traffic until {gate['eta']}" if awaited and gate.get("eta") else ""
        told = gate.get("message", "").removeprefix(f"{gate['name']}: ")
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
            *_next(model["metadata"]["name"], status),
        )
        if sentence
    ]


def _serves(status: Status) -> str:
    ready = condition(status, "Ready")
    stable = status.get("stable", {}).get("revision")
    if not stable and status.get("candidate"):
        return "Nothing serves yet."
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
    if current.get("reason") == "RolloutInProgress" and status.get("candidate"):
        return f"The spec asks for {status['candidate']['revision']}, which is not in production yet."
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
    if stalled["message"] in status.get("message", ""):
        return f"It is stalled: {stalled['reason']}."
    return f"It is stalled: {stalled['reason']}: {stalled['message']}"


def _frozen(status: Status) -> str:
    if not status.get("frozen"):
        return ""
    told = frozen_beside(status)
    return f"Nothing is promoted for now: {told}. Aborts and roll backs act." if told else "Aborts and roll backs act."


def frozen_beside(status: Status) -> str:
    """Why nothing is promoted, where the message does not say it already."""
    frozen = str(status.get("frozen", ""))
    return "" if frozen in status.get("message", "") else frozen


def stalled_beside(status: Status) -> str:
    """What keeps the Model from what its spec asks for, where the message does not say it already."""
    stalled = condition(status, "Stalled")
    if stalled.get("status") != "True" or stalled["message"] in status.get("message", ""):
        return ""
    return f"{stalled['reason']}: {stalled['message']}"


def _next(name: str, status: Status) -> Iterator[str]:
    """Name the commands that would change where the Model is."""
    phase, command = status.get("phase", ""), "kubectl weirkeeper"
    if phase == "Paused":
        yield f"It goes on with: {command} resume {name}"
    if phase in {"Shadowing", "Progressing"} and "waits for the verb promote" in status.get("message", ""):
        yield f"It goes on with: {command} promote {name}"
    if status.get("candidate") and status.get("stable"):
        yield f"The attempt ends with: {command} abort {name}"
    if phase == "Baking" and len(status.get("traffic", ())) > 1:
        yield f"The former revision serves again at once with: {command} undo {name}"
    if phase in {"Aborted", "RolledBack"} and condition(status, "Current").get("status") != "True":
        yield f"The same revision gets another attempt with: {command} retry {name}"


def plain(model: Mapping[str, Any]) -> list[str]:
    """The status as lines without colour, for pipes and logs."""
    status = model.get("status", {})
    lines = [title(model)]
    lines += [f"  {role:<9}  {revision}  {weight:>3} %  {bar(weight)}" for role, revision, weight in shares(status)]
    lines += [f"  {told}" for told in beside(status)]
    lines += [f"  gate {name}: {verdict}: {told}" for name, verdict, told in gates(status)]
    if status.get("message"):
        lines.append(f"  {status['message']}")
    if frozen_beside(status):
        lines.append(f"  frozen: {frozen_beside(status)}")
    if stalled_beside(status):
        lines.append(f"  stalled: {stalled_beside(status)}")
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

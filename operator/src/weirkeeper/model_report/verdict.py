"""The verdict at the top: how the Model stands, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weirkeeper.model_report.found import Found
from weirkeeper.report.chart import Tone
from weirkeeper.report.page import Badge, Verdict

LONGEST: Final = 240

_WORST_FIRST: Final = ("bad", "caution", "unknown", "plain", "good")
_WORDS: Final[Mapping[Tone, str]] = {
    "good": "Well",
    "bad": "Needs attention",
    "caution": "Look closer",
    "unknown": "Not known",
    "plain": "On its way",
}


def verdict_of(found: Found) -> Verdict:
    """Say it; the worst part gives the state."""
    if not found.status:
        return Verdict(Badge("Not known", "unknown"), "No operator has looked at this Model yet.")
    parts = [_serving(found), _attempt(found), *_watched(found)]
    told = [(tone, text) for tone, text in parts if text]
    tone = min((tone for tone, _ in told), key=_WORST_FIRST.index)
    return Verdict(Badge(_WORDS[tone], tone), f"{'; '.join(text for _, text in told)}.")


def _serving(found: Found) -> tuple[Tone, str]:
    ready, stable = found.condition("Ready"), found.stable
    if not stable:
        return "unknown", f"Nothing serves yet: {_cut(ready.get('message', ''))}"
    if ready.get("status") != "True":
        return "bad", f"{stable} should serve and does not: {_cut(ready.get('message', ''))}"
    return "good", f"{stable} serves"


def _attempt(found: Found) -> tuple[Tone, str]:
    candidate, current = found.status.get("candidate") or {}, found.condition("Current")
    if candidate:
        weight = candidate.get("weight", 0)
        return "plain", f"{candidate['revision']} is on its way, with {weight} % of the traffic"
    if current.get("status") == "True" or not found.attempts:
        return "good", ""
    last = found.attempts[-1]
    outcome = {"RolledBack": "was rolled back", "Aborted": "was aborted"}.get(str(last.get("outcome")))
    told = (
        f"{last['revision']} {outcome}: {_cut(last.get('reason', ''))}" if outcome else _cut(current.get("message", ""))
    )
    return "caution", told


def _watched(found: Found) -> Iterator[tuple[Tone, str]]:
    if not found.monitors:
        yield "good", "no Monitor watches it"
    for monitor in found.monitors:
        name, status = monitor["metadata"]["name"], monitor.get("status") or {}
        yield _said(name, status)


def _said(name: str, status: Mapping[str, Any]) -> tuple[Tone, str]:
    state, message = status.get("state"), _cut(status.get("message", ""))
    if state == "OK":
        return "good", f"Monitor {name} finds nothing amiss"
    if state == "Drifting":
        return "bad", f"Monitor {name}: {_cause(status) or message}"
    return (
        "caution" if state == "Error" else "unknown",
        f"Monitor {name} cannot tell: {message or 'it was not looked at'}",
    )


def _cause(status: Mapping[str, Any]) -> str:
    """What bad conditions come to, with their names: their numbers stand in the Monitor's own section."""
    bad = [one for one in status.get("conditions") or () if one.get("reason") == "Drifting"]
    said = [*(f"{one['type']}: " for one in bad), *(one.get("message", "") for one in bad)]
    places = [place for one in said if (place := status.get("message", "").find(one)) > 0]
    cause = status["message"][: min(places)].removesuffix(": ") if places else ""
    return f"{cause} ({', '.join(one['type'] for one in bad)})" if cause else ""


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(' ')[0]} …"

"""What is wrong with a file of objects, and what could be better, from text to findings."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from weirkeeper.api import names
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.gates import Gate
from weirkeeper.api.model import parse_model
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.rollout import RolloutSpec, parse_rollout
from weirkeeper.api.steps import Step
from weirkeeper.api.values import Duration
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.traffic import Traffic

STEP_REQUESTS: Final = 30
"""Requests that the candidate must answer in each step."""
CLEAN_SHARE: Final = 4.87
"""Clean requests of the candidate to a Pass, times the share of errors that the objective allows: 487 at 99 %."""
BY_LABELS: Final = ("feedback", "parity")
LABEL_SLOT: Final = 3600.0
"""Seconds of a slot of labels, unless the chart says otherwise; only whole ones within a step are judged."""
FREEZE_REQUESTS: Final = 500
"""Requests of stable from which a latency gate takes its thresholds before the first step."""
FREEZE_SECONDS: Final = 600
"""Within how many seconds these must come."""
LONG: Final = 12 * 3600.0
"""Seconds from which an attempt is called long."""

_PARSERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    names.MODEL_KIND: parse_model,
    names.ROLLOUT_KIND: parse_rollout,
    names.MONITOR_KIND: parse_monitor,
}


@dataclass(frozen=True)
class Finding:
    """One thing to say of an object: an error is refused or does nothing in a cluster, advice is not."""

    level: Literal["error", "advice"]
    subject: str
    message: str


Known = Callable[[str, str], Traffic | None]
"""Tells the traffic of a Model by its namespace (empty: that of the context) and name."""


def lint(text: str, traffic: Known | None = None) -> list[Finding]:
    """Look at every object of ours in a YAML text; with `traffic`, also how long attempts take.

    Raises:
        PluginError: it is not YAML, or has no object of ours.
    """
    try:
        objects = [item for item in yaml.safe_load_all(text) if item is not None]
    except yaml.YAMLError as error:
        raise PluginError(f"not YAML: {error}") from None
    ours = [item for item in objects if isinstance(item, dict) and _is_ours(item)]
    if not ours:
        raise PluginError(f"there is no object of {names.API_VERSION} in it")
    found = [finding for item in ours for finding in _of_object(item, traffic)]
    return [*found, *_governed_twice(ours)]


def _is_ours(item: Mapping[str, Any]) -> bool:
    return str(item.get("apiVersion", "")).partition("/")[0] == names.GROUP


def _subject(item: Mapping[str, Any]) -> str:
    return f"{item.get('kind')} {(item.get('metadata') or {}).get('name', '')}".rstrip()


def _of_object(item: Mapping[str, Any], traffic: Known | None) -> Iterator[Finding]:
    kind, subject = str(item.get("kind")), _subject(item)
    if item["apiVersion"] != names.API_VERSION or kind not in _PARSERS:
        known = ", ".join(_PARSERS)
        yield Finding("error", subject, f"{item['apiVersion']} has no such kind; {names.API_VERSION} has {known}")
        return
    name = str((item.get("metadata") or {}).get("name", ""))
    if kind == names.MODEL_KIND and not _is_model_name(name):
        told = f"metadata.name is {name!r}; at most {names.MODEL_NAME_LIMIT} small letters, digits and dashes"
        yield Finding("error", subject, f"{told}, beginning with a letter")
    try:
        spec = _PARSERS[kind](item)
    except InvalidSpec as error:
        yield Finding("error", subject, f"{error.path} is {error.given}; {error.expected}")
        return
    if isinstance(spec, RolloutSpec):
        yield from (Finding("advice", subject, told) for told in _undecided(spec, given="steps" in item["spec"]))
    if isinstance(spec, RolloutSpec) and traffic and spec.strategy == "Steps":
        given = traffic(str(item["metadata"].get("namespace", "")), spec.model_ref.name)
        yield from (Finding("advice", subject, told) for told in _of_rollout(spec, given))
    if kind == names.MODEL_KIND:
        yield from (Finding("advice", subject, told) for told in _of_model(item["spec"]))


def _is_model_name(name: str) -> bool:
    return len(name) <= names.MODEL_NAME_LIMIT and re.fullmatch(names.MODEL_NAME_PATTERN, name) is not None


def _of_model(spec: Mapping[str, Any]) -> Iterator[str]:
    artifact, server = spec.get("artifact") or {}, spec.get("server") or {}
    scheme = str(artifact.get("uri", "")).partition("://")[0]
    if scheme and scheme != "configmap" and not artifact.get("sha256"):
        yield (
            "spec.artifact.sha256 is not given: the first download decides which bytes these are; `weirkeeper digest`"
            " prints it"
        )
    if server.get("image") and "@sha256:" not in server["image"]:
        yield "spec.server.image may change under its name; name it by its digest, with @sha256:"


def _undecided(spec: RolloutSpec, *, given: bool) -> Iterator[str]:
    """Tell of gates that decide nothing in these steps, which are `given` or the usual ones."""
    if spec.strategy == "AllAtOnce":
        if given:
            yield "spec.steps are not used with strategy: AllAtOnce: leave out either"
        compare = [gate.name for gate in spec.gates if gate.kind in (*BY_LABELS, "outputs", "inputs")]
        if compare:
            told = ", ".join(compare)
            yield f"without steps nothing is compared with stable: {told} will be shown and decide nothing"
        return
    for gate in spec.gates:
        if gate.kind in BY_LABELS and gate.blocks != "Nothing":
            yield from _of_labels(gate, [step for step in spec.steps if step.weight])
            yield from (
                f"step {step.label} has requirePass and waits for gate {gate.name}, which judges steps with a weight"
                " alone: no attempt would ever leave it; ask for the Pass in a later step"
                for step in spec.steps
                if step.require_pass and not step.weight
            )


def _of_labels(gate: Gate, shares: Sequence[Step]) -> Iterator[str]:
    """Say what a gate that waits for labels takes, where steps give it less."""
    if not shares:
        yield f"gate {gate.name} judges steps with a weight alone, and there is none: no attempt would ever be promoted"
        return
    settings = gate.feedback or gate.parity
    least = settings.min_labels if settings else 0
    rows = f"{least} labelled rows of the candidate, at weight {shares[-1].weight} those of"
    needed = f"{rows} about {math.ceil(least * 100 / (shares[-1].weight or 100))} of all"
    if max(step.hold.seconds for step in shares) < LABEL_SLOT:
        yield (
            f"gate {gate.name} waits for {needed}, of whole hours within a step: hold one for"
            f" {Duration.of(LABEL_SLOT)} or more (less where feedback.slotSeconds is), or the last one lasts that"
            " long anyway"
        )


def _of_rollout(spec: RolloutSpec, traffic: Traffic | None) -> Iterator[str]:
    if traffic is None:
        yield f"nobody knows the traffic of Model {spec.model_ref.name}: give it with --rate"
        return
    told = f"{traffic.rate:.3g} requests/s" + (f" ({traffic.source})" if traffic.source else "")
    waiting = [gate.name for gate in spec.gates if gate.latency]
    if waiting and traffic.rate * FREEZE_SECONDS < FREEZE_REQUESTS:
        yield (
            f"at {told} no attempt leaves weight 0: gate {waiting[0]} takes its thresholds from {FREEZE_REQUESTS}"
            f" requests within {FREEZE_SECONDS // 60} minutes, and {traffic.rate * FREEZE_SECONDS:.3g} come; give gates"
            " without latency"
        )
        return
    seconds = attempt_seconds(spec, traffic.rate)
    labels = any(gate.kind in BY_LABELS and gate.blocks != "Nothing" for gate in spec.gates)
    apart = ", apart from what labels take to come back" if labels else ""
    yield f"at {told} an attempt takes about {Duration.of(seconds)} until it is promoted{apart}"
    held = sum(step.hold.seconds for step in spec.steps)
    if seconds > max(2 * held, LONG):
        yield (
            f"the holds are {Duration.of(held)} of it, the rest is waiting for requests: few large steps, as in 25, 50,"
            " gather them sooner"
        )


def attempt_seconds(spec: RolloutSpec, rate: float) -> float:
    """How long an attempt takes at `rate` requests a second if the candidate answers well, in seconds.

    Each step takes its hold, or as long as its requests take to come; the last one also what its errors gate takes to
    pass, which counts all clean requests of the attempt. Of a step with chosen callers only the hold is known.
    """
    clean = max(
        (_clean_requests(float(gate.error_rate.objective)) for gate in spec.gates if gate.error_rate), default=0
    )
    seconds = answered = 0.0
    for index, step in enumerate(spec.steps):
        if step.match:
            seconds += step.hold.seconds
            continue
        share = rate * (step.weight or step.mirror or 0) / 100.0
        last = index + 1 == len(spec.steps) or step.require_pass
        needed = max(STEP_REQUESTS, clean - answered) if last else STEP_REQUESTS
        length = max(step.hold.seconds, needed / share)
        seconds, answered = seconds + length, answered + length * share
    return seconds


def _clean_requests(objective: float) -> float:
    return CLEAN_SHARE / max(1.0 - objective / 100.0, 1e-6)


def _governed_twice(items: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for item in items:
        if item.get("kind") == names.ROLLOUT_KIND:
            metadata = item.get("metadata") or {}
            model = str(((item.get("spec") or {}).get("modelRef") or {}).get("name", ""))
            place = str(metadata.get("namespace", "")), model
            if model and place in seen:
                told = f"Rollout {seen[place]} governs Model {model} already: only the older one counts"
                yield Finding("error", _subject(item), told)
            seen.setdefault(place, str(metadata.get("name", "")))

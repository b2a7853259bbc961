"""What evidence ports answer, checked: pods belong to tenants, so nothing in an answer is taken on trust."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from weirkeeper.api import names
from weirkeeper.api.names import MODEL_NAME_LIMIT
from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.errors import BrokenEvidence
from weirkeeper.observe.given import LARGEST_COUNT, count_of, items_of, mapping_of, number_of, text_of
from weirkeeper.observe.label_readings import LabelReading, read_labels
from weirkeeper.observe.targets import PodTarget
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.latency import BINS
from weirkeeper.statistics.packed import PackedCounts

PROFILE_LIMIT: Final = 256 * 1024
SIGNATURE_LIMIT: Final = 64 * 1024
MESSAGE_LIMIT: Final = 2048
REASON_LIMIT: Final = 64
SERIES_LIMIT: Final = 4096
FEATURES_LIMIT: Final = 4096
BINS_LIMIT: Final = 1024
LATENCY_SLOTS_LIMIT: Final = 400
COUNTED: Final = frozenset({"counts", "missing", "invalid", "unseen", "posInf", "negInf", "sum"})
ALSO_COUNTED: Final = frozenset({"outOfRange"})
"""What servers of former versions do not count."""

STATES: Final = ("Loading", "Ready", "Failed", "Draining")


class Counters(NamedTuple):
    """Final outcomes of one series since it began; see delivery.evidence.Outcomes."""

    total: int = 0
    bad: int = 0
    failed: int = 0


@dataclass(frozen=True)
class RouterReading:
    """One answer of a router agent.

    `started` is Envoy's start in Unix seconds; `counters` are by (revision, cluster epoch), and so are the requests by
    latency bin.
    """

    started: int
    acknowledged: Mapping[str, int]
    counters: Mapping[tuple[str, int], Counters]
    latency: Mapping[tuple[str, int], Mapping[int, int]] = field(default_factory=dict)

    @cached_property
    def by_model(self) -> Mapping[str, list[tuple[str, int]]]:
        """The keys of the counters by Model: who looks for one Model need not look through all."""
        found: dict[str, list[tuple[str, int]]] = {}
        for key in self.counters:
            found.setdefault(model_of(names.revision_of(key[0])), []).append(key)
        return found


LatencySlots = Mapping[int, tuple[Mapping[int, int], int]]
"""A slot's start -> requests by bin, and requests of that slot that have not ended."""


class LostReading(NamedTuple):
    """What a pod counted in processes of its server that ended without telling; see observe.pods.Loss."""

    workers: int = 0
    seconds: float = 0.0
    rows: float = 0.0


NOTHING_LOST: Final = LostReading()


class ArmReading(NamedTuple):
    """What a pod counted of one arm's requests, which are in no other count (see PodReading)."""

    latency: LatencySlots
    inputs: Mapping[str, Counts]
    outputs: Mapping[str, Counts]


@dataclass(frozen=True)
class PodReading:
    """One answer of a model pod: what it says of itself, and what it counted since `started` (Unix seconds).

    `inputs` are the counts by feature, `outputs` those by output; `labels` is what changed of the counts of labels.
    `arms` is what it counted of requests that were not of the split, by arm (names.arm); `lost` is what it had counted
    in processes that ended without telling; `clock` is what its clock showed when it answered, by which it tells
    `started` and the slots of `latency`.
    """

    evidence: PodEvidence
    started: float
    latency: LatencySlots
    inputs: Mapping[str, Counts]
    labels: LabelReading = field(default_factory=LabelReading)
    outputs: Mapping[str, Counts] = field(default_factory=dict)
    arms: Mapping[str, ArmReading] = field(default_factory=dict)
    lost: LostReading = NOTHING_LOST
    clock: float | None = None

    def ahead(self, now: float) -> float:
        """By how many seconds its clock is ahead of ours, which shows `now`; 0 where it does not tell."""
        return 0.0 if self.clock is None else self.clock - now

    @property
    def rows(self) -> int:
        """How many rows it counted: every input counts each of them, whatever its value."""
        first: Counts | None = next(iter(self.inputs.values()), None)
        return sum(first["counts"]) + first["unseen"] + first["missing"] + first["invalid"] if first else 0

    def counts(self) -> PackedCounts:
        """What it counted, packed."""
        return PackedCounts.of(self.inputs, self.outputs)


def model_of(revision: str) -> str:
    """Name the Model of a revision `<model>-<hash8>`; empty where the name is none of ours."""
    return revision.rpartition("-")[0]


def read_router(answer: Any) -> RouterReading:
    """Check a router agent's answer.

    Raises:
        BrokenEvidence: it does not follow the schema.
    """
    found = mapping_of(answer, "answer")
    acknowledged = _bounded(found.get("acknowledged", {}), "acknowledged")
    counters: dict[tuple[str, int], Counters] = {}
    latency: dict[tuple[str, int], Mapping[int, int]] = {}
    for revision, series in _bounded(found.get("clusters", {}), "clusters").items():
        one = mapping_of(series, f"clusters.{revision}")
        total, bad, failed = (
            count_of(one.get(key, 0), f"clusters.{revision}.{key}") for key in ("total", "bad", "failed")
        )
        key = (revision, count_of(one.get("epoch", 0), f"clusters.{revision}.epoch"))
        counters[key] = Counters(total, bad, failed)
        latency[key] = _bins(one.get("latency", {}), f"clusters.{revision}.latency")
    return RouterReading(
        started=int(number_of(found.get("envoyStart"), "envoyStart")),
        acknowledged={model: count_of(decision, f"acknowledged.{model}") for model, decision in acknowledged.items()},
        counters=counters,
        latency=latency,
    )


def read_pod(answer: Any, target: PodTarget, known: PodEvidence | None) -> PodReading:
    """Check a model pod's answer; a profile that was left out because it is `known` is taken from there.

    Raises:
        BrokenEvidence: it does not follow the schema, or speaks for another revision.
    """
    found = mapping_of(answer, "answer")
    if found.get("revision") != target.revision:
        raise BrokenEvidence(f"revision is {found.get('revision')!r:.80}; the pod was made for {target.revision}")
    state = found.get("state")
    if state not in STATES:
        raise BrokenEvidence(f"state is {state!r:.80}; expected one of {', '.join(STATES)}")
    sha256 = text_of(found.get("profileSha256"), "profileSha256", 128) or None
    evidence = PodEvidence(
        pod=target.name,
        uid=target.uid,
        state=state,
        reason=_reason(found.get("reason")),
        message=text_of(found.get("message"), "message", MESSAGE_LIMIT),
        sha256=text_of(found.get("sha256"), "sha256", 128) or None,
        signature=_signature(found.get("signature"), known),
        profile=_profile(found.get("profile"), sha256, known),
        profile_sha256=sha256,
    )
    return PodReading(
        evidence=evidence,
        started=number_of(found.get("start"), "start"),
        latency=_latency(found.get("latency")),
        inputs=read_counts(found.get("inputs") or {}, "inputs"),
        outputs=read_counts(found.get("outputs") or {}, "outputs"),
        labels=read_labels(found.get("labels"), target.model),
        arms=_arms(found.get("arms"), target.revision),
        lost=_lost(found.get("lost") or {}),
        clock=None if found.get("now") is None else number_of(found["now"], "now"),
    )


def _lost(given: Any) -> LostReading:
    """Read what servers of one process, and those of former versions, do not tell."""
    found = mapping_of(given, "lost")
    seconds, rows = (number_of(found.get(name, 0), f"lost.{name}") for name in ("seconds", "rows"))
    return LostReading(count_of(found.get("workers", 0), "lost.workers"), seconds, rows)


def read_counts(given: Any, side: str) -> Mapping[str, Counts]:
    """Check the counts of one side by feature; statistics adds and subtracts them then.

    Raises:
        BrokenEvidence: they are not what a counter gives.
    """
    found = mapping_of(given, side)
    if len(found) > FEATURES_LIMIT:
        raise BrokenEvidence(f"{side} has {len(found)} features; at most {FEATURES_LIMIT}")
    for name, counts in found.items():
        counted = mapping_of(counts, f"{side}.{name}")
        if not COUNTED <= counted.keys() <= COUNTED | ALSO_COUNTED:
            raise BrokenEvidence(f"{side}.{name} has {sorted(counted)!r:.200}; expected {', '.join(sorted(COUNTED))}")
        for key, value in counted.items():
            _check_counted(f"{side}.{name}.{key}", key, value)
    return found


def _check_counted(path: str, key: str, value: Any) -> None:
    if key == "counts":
        bins = items_of(value, path)
        if len(bins) > BINS_LIMIT:
            raise BrokenEvidence(f"{path} has {len(bins)} bins; at most {BINS_LIMIT}")
        for count in bins:
            count_of(count, path)
    elif key == "sum":
        if type(value) is not int or abs(value) > LARGEST_COUNT:
            raise BrokenEvidence(f"{path} is {value!r:.80}; expected a whole number")
    else:
        count_of(value, path)


def _profile(given: Any, sha256: str | None, known: PodEvidence | None) -> Mapping[str, Any] | None:
    if sha256 is not None and known is not None and known.profile is not None and known.profile_sha256 == sha256:
        return known.profile
    # A profile that is too large hides nothing else that the pod says: its Monitors tell that there is none.
    return given if isinstance(given, dict) and _size(given) <= PROFILE_LIMIT else None


def _signature(given: Any, known: PodEvidence | None) -> Mapping[str, Any] | None:
    if known is not None and known.signature is not None and known.signature == given:
        return known.signature
    if given is None:
        return None
    signature = mapping_of(given, "signature")
    if _size(signature) > SIGNATURE_LIMIT:
        raise BrokenEvidence(f"signature has {_size(signature)} bytes; at most {SIGNATURE_LIMIT}")
    for side in ("inputs", "outputs"):
        for tensor in items_of(signature.get(side), f"signature.{side}"):
            _check_tensor(mapping_of(tensor, f"signature.{side}[]"), f"signature.{side}[]")
    return signature


def _check_tensor(tensor: Mapping[str, Any], path: str) -> None:
    match tensor:
        case {"name": str(), "datatype": str(), "shape": [*shape]} if all(type(size) is int for size in shape):
            return
    raise BrokenEvidence(f"{path} is {tensor!r:.80}; expected name, datatype and a shape of whole numbers")


def _arms(given: Any, revision: str) -> dict[str, ArmReading]:
    """What was counted apart; servers of former versions count nothing so."""
    told = mapping_of(given or {}, "arms")
    return {
        names.arm(revision, kind): _arm(mapping_of(told[kind], f"arms.{kind}"), f"arms.{kind}")
        for kind in (names.MIRROR, names.MATCH)
        if kind in told
    }


def _arm(told: Mapping[str, Any], path: str) -> ArmReading:
    inputs, outputs = (read_counts(told.get(side) or {}, f"{path}.{side}") for side in ("inputs", "outputs"))
    return ArmReading(_latency(told.get("latency")), inputs, outputs)


def _latency(given: Any) -> dict[int, tuple[Mapping[int, int], int]]:
    if given is None:
        return {}
    slots = items_of(mapping_of(given, "latency").get("slots", []), "latency.slots")
    if len(slots) > LATENCY_SLOTS_LIMIT:
        raise BrokenEvidence(f"latency.slots has {len(slots)} slots; at most {LATENCY_SLOTS_LIMIT}")
    return dict(_latency_slot(slot) for slot in slots)


def _latency_slot(given: Any) -> tuple[int, tuple[Mapping[int, int], int]]:
    match given:
        case [start, dict() as bins, active]:
            counts = _bins(bins, "latency")
            return count_of(start, "latency slot"), (counts, count_of(active, "latency active"))
    raise BrokenEvidence(f"latency slot is {given!r:.80}; expected [start, {{bin: count}}, active]")


def _bins(given: Any, path: str) -> dict[int, int]:
    return {_bin(key): count_of(count, f"{path} count") for key, count in mapping_of(given, path).items()}


def _bin(key: Any) -> int:
    if not isinstance(key, str) or not key.isascii() or not key.isdigit() or len(key) > 3 or int(key) >= BINS:  # noqa: PLR2004 - BINS has three digits
        raise BrokenEvidence(f"latency bin is {key!r:.80}; expected 0 to {BINS - 1}")
    return int(key)


def _bounded(given: Any, path: str) -> Mapping[str, Any]:
    found = mapping_of(given, path)
    longest = max(map(len, found), default=0)
    if len(found) > SERIES_LIMIT or longest > 2 * MODEL_NAME_LIMIT:
        raise BrokenEvidence(f"{path} has {len(found)} entries, the longest name {longest}; at most {SERIES_LIMIT}")
    return found


def _size(given: Mapping[str, Any]) -> int:
    return len(json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"))


def _reason(given: Any) -> str:
    reason = text_of(given, "reason", REASON_LIMIT)
    # It becomes a condition's reason, for which the API server takes no other form.
    if reason and not re.fullmatch("[A-Z][A-Za-z0-9]*", reason):
        raise BrokenEvidence(f"reason is {reason!r:.80}; expected one CamelCase word")
    return reason

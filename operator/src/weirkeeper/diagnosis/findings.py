"""What a diagnosis finds, and how it is summed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from weirkeeper.diagnosis.evidence import Change

Cause = Literal["Data", "Concept", "Model", "System"]
ORDER: Final[tuple[Cause, ...]] = ("System", "Data", "Model", "Concept")
"""What explains the others comes first: answers that fail or inputs that are broken make labels look wrong too."""

Verdict = Literal["Well", "Amiss", "Unknown"]


@dataclass(frozen=True)
class Finding:
    """One cause with the evidence for it, in a sentence; `where` is what stands out: a pod, node, revision, segment."""

    cause: Cause
    told: str
    where: str = ""


@dataclass(frozen=True)
class Gap:
    """Something that cannot be told, and what it would take."""

    unknown: str
    needed: str


@dataclass(frozen=True)
class Diagnosis:
    """All of it. `changes` are those of the hour before it began, `after` those since, the earliest first.

    `causes` are those of the findings, without repeats, the first one foremost.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    gaps: tuple[Gap, ...] = ()
    after: tuple[Change, ...] = ()

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What it is."""
        return tuple(dict.fromkeys(one.cause for one in self.findings))

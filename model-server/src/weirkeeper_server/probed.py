"""What came of the golden requests."""

from __future__ import annotations

from dataclasses import dataclass

from weirkeeper_server.errors import BundleError

FAILURES_SHOWN = 3


@dataclass(frozen=True)
class ProbeResult:
    """How many golden requests got their expected answer; `failures` names each that did not, expected and got."""

    passed: int = 0
    failures: tuple[str, ...] = ()

    def __add__(self, other: ProbeResult) -> ProbeResult:
        return ProbeResult(self.passed + other.passed, self.failures + other.failures)


class ProbeError(BundleError):
    """Golden requests were answered otherwise than expected; `result` has the count."""

    def __init__(self, result: ProbeResult, differences: str) -> None:
        self.result = result
        count = len(result.failures)
        shown = "; ".join(result.failures[:FAILURES_SHOWN])
        message = f"{count} of {count + result.passed} golden requests failed: {shown}"
        super().__init__(
            "LibraryMismatch" if differences else "ProbeFailed", f"{differences}; {message}" if differences else message
        )

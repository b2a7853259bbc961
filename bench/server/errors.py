"""What ends a measurement: BenchError > Missing (a program or peer), Disagreement (a wrong answer), RunFailed."""

from __future__ import annotations


class BenchError(Exception):
    """No figure can be given."""


class Missing(BenchError):
    """Something that is measured, or measured with, is not installed and cannot be installed now."""


class Disagreement(BenchError):
    """Two servers answer the same request differently: a faster wrong answer does not count."""


class RunFailed(BenchError):
    """A run had errors, or a server did not start or ended."""

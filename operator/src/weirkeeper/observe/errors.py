"""What can be wrong with an answer of an evidence port or with a checkpoint.

ObserveError
├── BrokenEvidence      an answer that does not follow the schema; it counts as no answer
└── BrokenCheckpoint    stored windows that cannot be read; they start anew
"""

from __future__ import annotations


class ObserveError(Exception):
    """Something observed or stored cannot be used."""


class BrokenEvidence(ObserveError):
    """An evidence port answered something that its schema refuses; says which field and what was expected."""


class BrokenCheckpoint(ObserveError):
    """A checkpoint of windows cannot be read; says what was found and what was expected."""

"""What can go wrong when labels are sent back.

FeedbackError
├── UnusableLabels    the file, or the lists given, are not tokens with labels or values
├── OtherLabels       a state file is of another file or another model
└── NotTaken          nobody answers, or the server does not take the post as a whole
"""

from __future__ import annotations


class FeedbackError(Exception):
    """Labels cannot be sent; the message says what to change."""


class UnusableLabels(FeedbackError):
    """The labels are not given as they must be."""


class OtherLabels(FeedbackError):
    """What was sent before was something else."""


class NotTaken(FeedbackError):
    """The server did not take the labels."""

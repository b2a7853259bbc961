"""What can go wrong when a model is asked, or told what was true.

AskingError
├── UnusableAddress   the model's address is none
├── UnfitRows         the rows do not have what the model takes; the message names the column
├── UnusableLabels    the file, or the lists given, are not tokens with labels or values
├── OtherLabels       a state file is of another file or another model
├── NoAnswer          nobody answers at the address, or not by the Open Inference Protocol
└── RequestRefused    the server answered with an error; `status` is its HTTP status
"""

from __future__ import annotations


class AskingError(Exception):
    """A model cannot be asked; the message says what to change."""


class UnusableAddress(AskingError):
    """The model's address is none."""


class UnfitRows(AskingError):
    """The rows do not have what the model takes."""


class UnusableLabels(AskingError):
    """The labels are not given as they must be."""


class OtherLabels(AskingError):
    """What was sent before was something else."""


class NoAnswer(AskingError):
    """Nobody answers at the address, or not by the Open Inference Protocol."""


class RequestRefused(AskingError):
    """The server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)

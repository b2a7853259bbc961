"""What can go wrong when a model is asked.

AskingError
├── UnusableAddress   the model's address is none
├── UnfitRows         the rows do not have what the model takes; the message names the column
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


class NoAnswer(AskingError):
    """Nobody answers at the address, or not by the Open Inference Protocol."""


class RequestRefused(AskingError):
    """The server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)

"""Why a label is not counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Reason = Literal[
    "Malformed", "Foreign", "UnknownKey", "Forged", "Expired", "Repeated", "WrongRows", "WrongLabel", "WrongValue"
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Refused(Exception):
    """A token, or one of its rows, is not counted; the message says what was given and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason: Reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Refusal:
    """What was refused of a post: an item, or one `row` of it."""

    item: int
    row: int | None
    reason: Reason
    message: str

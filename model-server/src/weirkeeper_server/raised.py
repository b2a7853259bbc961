"""Logs what was raised on a request, without its words where these may hold a value that nobody may keep."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator


def log_raised(log: logging.Logger, error: BaseException, message: str, *given: object, reticent: bool) -> None:
    """Log a message with an error, those that led to it, and the places where they were raised.

    Models put what they were given into the words of their errors. Where inputs are sensitive, `reticent` leaves the
    words of all of them out: types and places tell what went wrong, and hold no value.
    """
    if reticent:
        told = "\n".join(_without_words(one) for one in reversed(list(_chain(error))))
        log.error(f"{message}\n%s", *given, told)  # noqa: G004  the message itself is none of a request's
    else:
        log.error(message, *given, exc_info=error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _without_words(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{places}{type(error).__qualname__} (its words are left out: inputs of the model are sensitive)"

"""How often something is tried again that may pass by itself, and how long is waited before."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import Final

from weirkeeper_server.errors import FetchError

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that say nothing against the next try."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retries:
    """Tries of one request without progress in between; pauses in seconds, which double from the first on."""

    tries: int = 5
    first_pause: float = 0.5
    longest_pause: float = 15.0

    def pause(self, failures: int, asked: float = 0.0) -> float:
        """Seconds to wait after so many failures; `asked` is what the server asked for (Retry-After)."""
        doubled = self.first_pause * 2.0 ** (failures - 1) * random.uniform(0.5, 1.0)  # noqa: S311  spreads out, no secret
        return min(self.longest_pause, max(doubled, asked))


DEFAULT_RETRIES: Final = Retries()


class Passing(FetchError):
    """A failure that the next try may not meet; `after` is how many seconds the server asked for."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__("Unreachable", message)
        self.after = after


class Attempts:
    """Counts the failures of one request."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._failures = 0

    def progressed(self) -> None:
        """Begin to count anew: a long download may be interrupted as often as it goes on."""
        self._failures = 0

    def failed(self, error: Passing) -> float:
        """Give the seconds to wait before the next try.

        Raises:
            FetchError: Unreachable, these were enough.
        """
        self._failures += 1
        if self._failures >= self._retries.tries:
            raise FetchError("Unreachable", f"{error}; tried {self._failures} times") from error
        pause = self._retries.pause(self._failures, error.after)
        log.warning("%s; trying again in %.1f s (%d of %d)", error, pause, self._failures + 1, self._retries.tries)
        return pause

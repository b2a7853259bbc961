"""How much of what brings nothing forward is taken from one peer. Pure."""

from __future__ import annotations

from weirkeeper_server.http2.faults import Code, ConnectionFault


class Budget:
    """So many at once, so many a second, and more for those who also do something useful."""

    def __init__(self, what: str, most: float, a_second: float) -> None:
        self._what = what
        self._most = most
        self._a_second = a_second
        self._left = most
        self._at = 0.0

    def spend(self, now: float) -> None:
        """Take one, at a time in seconds.

        Raises:
            ConnectionFault: there have been too many.
        """
        self._left = min(self._most, self._left + (now - self._at) * self._a_second) - 1
        self._at = now
        if self._left < 0:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"too many {self._what}")

    def earn(self, amount: float) -> None:
        """Take back the worth of something useful."""
        self._left = min(self._most, self._left + amount)

"""Which rows this process has counted already, within bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class SeenRows:
    """The rows counted of the last `most` tokens; what was counted longer ago is forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: OrderedDict[bytes, int] = OrderedDict()

    def __contains__(self, place: tuple[bytes, int]) -> bool:
        token, row = place
        return bool(self._rows.get(token, 0) >> row & 1)

    def add(self, token: bytes, row: int) -> None:
        """Remember a row; the token that was added to longest ago goes where there are too many."""
        self._rows[token] = self._rows.get(token, 0) | 1 << row
        self._rows.move_to_end(token)
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)

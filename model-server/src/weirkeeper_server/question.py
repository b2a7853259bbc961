"""What a body asks, whichever way it was read."""

from __future__ import annotations

from typing import NamedTuple

from weirkeeper_server.decode import InferRequest
from weirkeeper_server.tensors import Columns


class Question(NamedTuple):
    """A request, the outputs that its answer is to have as bytes, and the seconds that its caller waits, if told."""

    request: InferRequest
    binary: frozenset[str]
    seconds: float | None

    def of(self, inputs: Columns) -> Question:
        """Ask the same about other rows, as many."""
        asked = self.request
        return Question(InferRequest(asked.identifier, inputs, asked.rows, asked.wanted), self.binary, self.seconds)

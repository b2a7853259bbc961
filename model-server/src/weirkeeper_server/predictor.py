"""What predicts: columns in, arrays of outputs back, whichever runtime reads the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from weirkeeper.api.bundle import Signature
from weirkeeper_server.tensors import Array, Columns


class Predictor(Protocol):
    """A model behind its signature; called by several threads at once."""

    signature: Signature

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, each an array with one entry or row for each row of `inputs`.

        All of them are computed, whatever was asked for, so that the counts of outputs are complete. Raises whatever
        the model raises.
        """
        ...

    def unconfigured(self) -> Predictor:
        """Give the model as its bundle has it, without the Model's parameters."""
        ...

    def shortcuts(self) -> Mapping[str, Predictor]:
        """Give, by what computes there, predictors that may be quicker and ought to answer the same."""
        ...

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:
        """Say whether a shortcut answers the same where the model's answer changes: on rows made of `rows`."""
        ...

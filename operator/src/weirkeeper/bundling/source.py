"""What a bundle is made of: something that answers as a server will, and can be written to the bundle's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from weirkeeper.api.bundle import Runtime
from weirkeeper.bundling.metrics import Answers
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.tensors import Array


class Source(Protocol):
    """A model of one runtime."""

    runtime: Runtime

    def tensors(self, sample: Any) -> dict[str, Array]:
        """Take a sample apart into the model's inputs.

        Raises:
            UnsuitableSample: it is no sample of what the model takes.
        """
        ...

    def answers(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Give the model's outputs on a sample's inputs.

        Raises:
            UnsuitableEstimator: the model cannot answer, or not in a way that can be served.
        """
        ...

    def classes(self) -> tuple[Any, ...] | None:
        """Name a classifier's classes in the order of its probabilities, as far as the model tells."""
        ...

    def comparable(self, outputs: Mapping[str, Array], labels: Array) -> Answers | None:
        """Say which outputs are compared with labels, None where a model has no metrics here."""
        ...

    def write(self, file: Path) -> None:
        """Write the model to its file in the bundle.

        Raises:
            UnsuitableEstimator: it cannot be written.
        """
        ...

    def shortcut(self, bundle: Bundle) -> bytes | None:
        """Give the file by which a server predicts without the model's own library, None where there is none."""
        ...

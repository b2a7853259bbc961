"""The cases, each with its goal, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Way = Literal["JSON", "binary", "gRPC"]
Peer = Literal["MLServer", "KServe"]


@dataclass(frozen=True)
class Case:
    """One kind of request: `goal` is how many times the peer's rate is wanted, `p99` at most which part of its p99."""

    name: str
    title: str
    model: str
    rows: int
    goal: float
    connections: int = 16
    way: Way = "JSON"
    peer: Peer = "MLServer"
    p99: float | None = None

    @property
    def contenders(self) -> tuple[Peer, ...]:
        """Tell which peers are measured beside ours; the first is the one that the goal is about."""
        if self.way == "JSON" and self.model != "mixed":
            return ("MLServer", "KServe")
        return (self.peer,)


CASES: Final = (
    Case("iris-1", "iris logistic regression, 1 row", "iris", 1, 12, p99=1 / 3),
    Case("iris-1-alone", "iris logistic regression, 1 row", "iris", 1, 3, connections=1),
    Case("iris-100", "iris logistic regression, 100 rows", "iris", 100, 7),
    Case("trees-1", "100 boosted trees of 30 features, 1 row", "trees", 1, 15),
    Case("trees-100", "100 boosted trees of 30 features, 100 rows", "trees", 100, 2.5),
    Case("forest-1", "random forest of 100 trees, 1 row", "forest", 1, 50),
    Case("trees-100-binary", "100 boosted trees, 100 rows", "trees", 100, 15, way="binary", peer="KServe"),
    Case("iris-1-grpc", "iris logistic regression, 1 row", "iris", 1, 2.5, way="gRPC"),
    Case("mixed-1", "30 numbers and a string, 1 row", "mixed", 1, 20),
)


@dataclass(frozen=True)
class Bound:
    """A figure that must not be above `most`: a ratio to the peer's, or a figure of its own."""

    name: str
    title: str
    unit: str
    most: float
    peer: Peer | None = None


BOUNDS: Final = (
    Bound("bookkeeping", "bookkeeping of latency and drift, CPU of a request", "µs", 3.0),
    Bound("memory", "resident memory, three models, one a server", "MB", 0.60, "MLServer"),
    Bound("cold-start", "cold start to ready", "s", 0.55, "MLServer"),
    Bound("packages", "installed packages of the server's image", "MB", 230.0),
)

"""What the agent is told of its namespace: Models and EndpointSlices, first whole lists and then each change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

Object: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as the API server gave it."""

Kind = Literal["Model", "EndpointSlice"]


@dataclass(frozen=True)
class Listed:
    """Every object of a kind: what is not among `objects` does not exist."""

    kind: Kind
    objects: tuple[Object, ...]


@dataclass(frozen=True)
class Changed:
    """An object was made or changed."""

    kind: Kind
    object: Object


@dataclass(frozen=True)
class Gone:
    """An object was deleted."""

    kind: Kind
    object: Object


Event: TypeAlias = Listed | Changed | Gone


class Feed(Protocol):
    """Where the events come from.

    `events` never ends by itself: after any fault it lists again (consistently: no cached list) and goes on; while
    the API server is away it is silent, and the agent routes by what it has. The agent cancels it at its own end.
    """

    def events(self) -> AsyncIterator[Event]:
        """Tell of Models of the agent's namespace, and of its EndpointSlices labelled as a model's."""
        ...

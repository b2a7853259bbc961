"""What the agent was told of its namespace so far. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from weirkeeper.router.feed import Event, Gone, Kind, Listed, Object


class Namespace:
    """The Models and EndpointSlices of the namespace; None before the first list."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[str, Object]] = {}

    def take(self, event: Event) -> None:
        """Learn of an event. A change that comes before the first list says nothing that the list will not say."""
        if isinstance(event, Listed):
            self._objects[event.kind] = {_name(found): found for found in event.objects}
            return
        objects = self._objects.get(event.kind)
        if objects is None:
            return
        if isinstance(event, Gone):
            if _uid(objects.get(_name(event.object))) == _uid(event.object):
                del objects[_name(event.object)]
        else:
            objects[_name(event.object)] = event.object

    @property
    def models(self) -> Collection[Object] | None:
        """All Models; one that is being deleted serves until it is gone."""
        return self._of("Model")

    @property
    def endpoint_slices(self) -> Collection[Object] | None:
        """The slices of model pods."""
        return self._of("EndpointSlice")

    def _of(self, kind: Kind) -> Collection[Object] | None:
        objects = self._objects.get(kind)
        return None if objects is None else objects.values()


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])


def _uid(found: Object | None) -> Any:
    return None if found is None else found["metadata"].get("uid")

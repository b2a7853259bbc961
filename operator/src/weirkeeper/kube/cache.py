"""The cluster as we know it: raw objects by kind, namespace and name, and whose work a change of each is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from weirkeeper.api import names
from weirkeeper.kube.keys import Key, is_router, model_of
from weirkeeper.plan.snapshot import Object

Place = tuple[str, str, str]
"""Kind, namespace and name of an object."""

_SLICE: Final = "EndpointSlice"
_SERVICE: Final = "Service"


def place_of(item: Object) -> Place:
    """Where an object is kept."""
    metadata = item["metadata"]
    return item["kind"], metadata["namespace"], metadata["name"]


def version_of(item: Object) -> int:
    """An object's resourceVersion as a number that grows with every change; 0 where it has none."""
    given = str(item["metadata"].get("resourceVersion", ""))
    return int(given) if given.isdigit() else 0


class Cache:
    """Objects as last seen; every method that changes it says whose work (keys) the change is.

    News that are older than what is known of the same object change nothing: what we wrote ourselves is known before
    the watch tells it.
    """

    def __init__(self) -> None:
        self._objects: dict[Place, Object] = {}
        self._of_model: dict[tuple[str, str], set[Place]] = defaultdict(set)
        self._of_router: dict[str, set[Place]] = defaultdict(set)
        self._slices: tuple[Object, ...] | None = None

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, None where it is not known to exist."""
        return self._objects.get((kind, namespace, name))

    def put(self, item: Object) -> frozenset[Key]:
        """Take in an object as it is now."""
        place = place_of(item)
        known = self._objects.get(place)
        if known is not None and _same_or_newer(known, item):
            return frozenset()
        if known is not None:
            self._unlink(place, known)
        self._objects[place] = item
        self._link(place, item)
        return self._concerned(known, item)

    def drop(self, item: Object) -> frozenset[Key]:
        """Forget an object that is gone; one of the same name that came after it stays."""
        place = place_of(item)
        known = self._objects.get(place)
        if known is None or known["metadata"].get("uid") != item["metadata"].get("uid"):
            return frozenset()
        del self._objects[place]
        self._unlink(place, known)
        return self._concerned(known, None)

    def replace(
        self,
        kind: str,
        namespace: str | None,
        items: Iterable[Object],
        resource_version: str,
    ) -> frozenset[Key]:
        """Take in a whole list (of one namespace, or of all: None): what is not in it and not newer is gone."""
        listed = {place_of(item): item for item in items}
        moment = int(resource_version) if resource_version.isdigit() else 0
        gone = [
            known
            for place, known in self._objects.items()
            if place[0] == kind
            and namespace in {None, place[1]}
            and place not in listed
            and version_of(known) <= moment
        ]
        keys: set[Key] = set()
        for known in gone:
            keys |= self.drop(known)
        for item in listed.values():
            keys |= self.put(item)
        return frozenset(keys)

    def models(self, namespace: str | None = None) -> tuple[Object, ...]:
        """All Models, of one namespace or of all."""
        return tuple(
            item
            for (kind, where, _), item in self._objects.items()
            if kind == names.MODEL_KIND and namespace in {None, where}
        )

    def keys(self) -> frozenset[Key]:
        """Every piece of work there is."""
        found: set[Key] = set()
        for item in self.models():
            namespace = item["metadata"]["namespace"]
            found |= {Key("Model", namespace, item["metadata"]["name"]), Key("Router", namespace)}
        return frozenset(found | {Key("Router", namespace) for namespace, places in self._of_router.items() if places})

    def of_model(self, namespace: str, model: str) -> Iterator[Object]:
        """The objects that belong to a Model, without the Model itself."""
        for place in sorted(self._of_model.get((namespace, model), ())):
            if place != (names.MODEL_KIND, namespace, model):
                yield self._objects[place]

    def of_router(self, namespace: str) -> Iterator[Object]:
        """The objects that make up a namespace's routers."""
        for place in sorted(self._of_router.get(namespace, ())):
            yield self._objects[place]

    def endpoint_slices(self) -> tuple[Object, ...]:
        """All EndpointSlices of model pods and routers; the same tuple until one of them changes."""
        if self._slices is None:
            self._slices = tuple(item for (kind, _, _), item in self._objects.items() if kind == _SLICE)
        return self._slices

    def _link(self, place: Place, item: Object) -> None:
        model = model_of(item)
        if model:
            self._of_model[place[1], model].add(place)
        if is_router(item):
            self._of_router[place[1]].add(place)

    def _unlink(self, place: Place, item: Object) -> None:
        model = model_of(item)
        if model:
            self._of_model[place[1], model].discard(place)
        self._of_router[place[1]].discard(place)

    def _concerned(self, before: Object | None, after: Object | None) -> frozenset[Key]:
        """Whose work it is that an object became another: of the owners it had and of those it has."""
        sample = after or before
        if sample is not None and sample["kind"] == _SLICE:
            self._slices = None
        keys: set[Key] = set()
        for item in (before, after):
            if item is not None:
                keys |= self._concerned_by(item)
        if sample is not None and sample["kind"] == names.MODEL_KIND and _presence(before) != _presence(after):
            keys.add(Key("Router", sample["metadata"]["namespace"]))
        return frozenset(keys)

    def _concerned_by(self, item: Object) -> set[Key]:
        kind, namespace, name = place_of(item)
        if is_router(item):
            models = self.models(namespace) if kind == _SLICE else ()
            return {Key("Router", namespace), *(Key("Model", namespace, one["metadata"]["name"]) for one in models)}
        model = model_of(item)
        if model is None and kind == _SERVICE and self.get(names.MODEL_KIND, namespace, name):
            # Somebody else's Service that has the name which a Model's own should have.
            model = name
        return {Key("Model", namespace, model)} if model else set()


def _same_or_newer(known: Object, item: Object) -> bool:
    if known["metadata"].get("uid") != item["metadata"].get("uid"):
        return version_of(known) > version_of(item)
    return version_of(known) >= version_of(item) > 0


def _presence(model: Object | None) -> tuple[str, bool] | None:
    """What a namespace's routers need to know of a Model: which one it is, and whether it is about to go."""
    if model is None:
        return None
    metadata = model["metadata"]
    return str(metadata.get("uid")), "deletionTimestamp" in metadata

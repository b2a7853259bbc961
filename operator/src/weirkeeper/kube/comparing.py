"""Whether an object is already as a manifest wants it, so that nothing is written where nothing changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.plan.snapshot import Object

_SERVERS_OWN: Final = ("resourceVersion", "managedFields", "generation", "creationTimestamp", "uid")


def as_wanted(manifest: Object, live: Object) -> bool:
    """Whether `live` has every field of `manifest`, and no field that we applied once and do not want any more."""
    owned = _applied_fields(live)
    return owned is not None and _has(manifest, live) and _all_wanted(owned, manifest)


def is_ours(item: Object) -> bool:
    """Whether an object was made by us: it carries our label, or fields that we applied."""
    labels = item["metadata"].get("labels") or {}
    return labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY or _applied_fields(item) is not None


def digest(manifest: Object) -> str:
    """A short name for the content of a manifest."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def essence(live: Object) -> str:
    """A short name for everything in an object that is asked for, not told: without status and bookkeeping."""
    metadata = {name: value for name, value in live["metadata"].items() if name not in _SERVERS_OWN}
    return digest({**{name: value for name, value in live.items() if name != "status"}, "metadata": metadata})


def _has(wanted: Any, found: Any) -> bool:
    """Whether `found` has all of `wanted`: the API server adds defaults to objects, and items to no list."""
    match wanted:
        case Mapping():
            return isinstance(found, Mapping) and all(
                name in found and _has(value, found[name]) for name, value in wanted.items()
            )
        case list() | tuple():
            return (
                isinstance(found, list)
                and len(found) == len(wanted)
                and all(_has(one, other) for one, other in zip(wanted, found, strict=True))
            )
        case _:
            return bool(wanted == found)


def _applied_fields(live: Object) -> Mapping[str, Any] | None:
    """The fields that we own in an object, as the API server keeps them (fieldsV1); None where there are none."""
    for entry in live["metadata"].get("managedFields") or ():
        ours = entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            found: Mapping[str, Any] = entry.get("fieldsV1") or {}
            return found
    return None


def _all_wanted(owned: Mapping[str, Any], wanted: Any) -> bool:
    """Whether each field in `owned` (fieldsV1: `f:` fields, `k:` items by keys, `v:` items by value) is wanted."""
    for path, below in owned.items():
        mark, _, rest = path.partition(":")
        if mark == "f":
            if not isinstance(wanted, Mapping) or rest not in wanted:
                return False
            if below and not _all_wanted(below, wanted[rest]):
                return False
        elif mark == "k":
            item = _item(wanted, json.loads(rest))
            if item is None or not _all_wanted(below, item):
                return False
        elif mark == "v" and not _contains(wanted, json.loads(rest)):
            return False
    return True


def _item(wanted: Any, keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The item of a list that has these keys; a key that it does not give has its default."""
    if not isinstance(wanted, Sequence):
        return None
    for item in wanted:
        if isinstance(item, Mapping) and all(item.get(name, value) == value for name, value in keys.items()):
            return item
    return None


def _contains(wanted: Any, value: Any) -> bool:
    return isinstance(wanted, Sequence) and value in wanted

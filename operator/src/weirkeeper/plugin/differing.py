"""What changed between two revisions of a Model: pure, from their records to lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weirkeeper.plugin.errors import PluginError

Record = Mapping[str, Any]


def difference(records: Sequence[Record], first: str, second: str) -> list[str]:
    """Name every field in which the content or the server image of two revisions differs, `-` before and `+` after.

    Raises:
        PluginError: there is no record of one of them; the message has those that there are.
    """
    found = {record["metadata"]["name"]: record for record in records}
    for name in (first, second):
        if name not in found:
            raise PluginError(f"there is no revision {name}; there are: {', '.join(sorted(found)) or 'none'}")
    one, two = (dict(_leaves("", found[name].get("data") or {})) for name in (first, second))
    lines = []
    for path in sorted(one.keys() | two.keys()):
        if one.get(path) != two.get(path):
            lines += [f"- {path}: {one[path]}"] if path in one else []
            lines += [f"+ {path}: {two[path]}"] if path in two else []
    return lines


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every field of a record by its path; the pods follow from the rest, and are left out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if path or key != "pod":
                inner = key if path in {"", "content"} else f"{path}.{key}"
                yield from _leaves(inner, item)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, sort_keys=True)

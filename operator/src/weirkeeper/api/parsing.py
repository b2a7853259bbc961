"""From an object as the API server gave it to the record of its spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from weirkeeper.api.errors import InvalidSpec, first_problem
from weirkeeper.api.record import Record

Spec = TypeVar("Spec", bound=Record)


def parse_spec(kind: type[Spec], item: Mapping[str, Any]) -> Spec:
    """Understand the spec of `item`.

    Raises:
        InvalidSpec: a field is missing, unknown, or has a value that will not do.
    """
    try:
        return kind.model_validate(item.get("spec", {}))
    except ValidationError as error:
        metadata = item.get("metadata", {})
        subject = f"{item.get('kind', 'object')} {metadata.get('name', '')}".rstrip()
        raise InvalidSpec(subject, *first_problem(error, "spec")) from error

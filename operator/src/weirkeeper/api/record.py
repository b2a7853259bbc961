"""What every object of the API is made of: frozen records, and the rules that the API server itself checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

VALIDATIONS: Final = "x-kubernetes-validations"


class Record(BaseModel):
    """A frozen part of an object: snake_case in Python, camelCase in YAML, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
    )

    def to_json(self) -> dict[str, Any]:
        """Write it as Kubernetes has it; fields without a value are absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def checked(holds: Callable[[Any], bool], message: str) -> AfterValidator:
    """Refuse values of one field for which `holds` is false, with `message`; CEL says the same to the API server."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(message)
        return value

    return AfterValidator(check)


def rule(expression: str, message: str, field: str = "") -> dict[str, str]:
    """Describe a rule in CEL; `message` says how to put it right, `field` (`.name`) where."""
    described = {"rule": expression, "message": message}
    return described | {"fieldPath": field} if field else described


def rules(*described: dict[str, str]) -> dict[str, Any]:
    """Attach rules to a record or a field, as its `json_schema_extra`."""
    return {VALIDATIONS: list(described)}


def list_map(*keys: str) -> dict[str, Any]:
    """Let server-side apply merge a list by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


ATOMIC_LIST: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
SET_LIST: Final[dict[str, Any]] = {"x-kubernetes-list-type": "set"}
ATOMIC_MAP: Final[dict[str, Any]] = {"x-kubernetes-map-type": "atomic"}
UNKNOWN_KEPT: Final[dict[str, Any]] = {"x-kubernetes-preserve-unknown-fields": True}
DATE_TIME: Final[dict[str, Any]] = {"format": "date-time"}

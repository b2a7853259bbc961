"""From a record's JSON schema to a structural schema, the stricter kind that Kubernetes asks of its definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weirkeeper.api.record import UNKNOWN_KEPT, VALIDATIONS, Record

Schema = dict[str, Any]

_KEPT: Final = (
    "description",
    "type",
    "format",
    "pattern",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
"""Keywords that are taken over as they are; what is neither here nor handled below is refused."""

_DROPPED: Final = ("title", "$defs", "additionalProperties", "default", "properties", "items", "anyOf", "const")


def structural(record: type[Record], *, defaults: bool) -> Schema:
    """Give the structural schema of `record`.

    `defaults` says whether the API server fills them in: it does in a spec, never in a status, where they would
    differ from what the operator wrote.

    Raises:
        ValueError: the JSON schema has a keyword that Kubernetes does not know.
    """
    published = record.model_json_schema(by_alias=True)
    return _converted(published, published.get("$defs", {}), defaults=defaults)


def _converted(given: Mapping[str, Any], known: Mapping[str, Any], *, defaults: bool) -> Schema:
    schema = _resolved(given, known)
    either = _int_or_string(schema)
    if either:
        return either
    _refuse_unknown(schema)
    found: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if defaults and (default := _without_nulls(schema.get("default"))) not in (None, {}, []):
        found["default"] = default
    extensions = {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}
    return found | _nested(schema, known, defaults=defaults) | extensions


def _resolved(given: Mapping[str, Any], known: Mapping[str, Any]) -> Schema:
    """Put what a reference means in its place; its neighbours (the field's own words) win, rules are put together."""
    schema = dict(given)
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        schema = _merged(options[0], {key: value for key, value in schema.items() if key != "anyOf"})
    if "$ref" not in schema:
        return schema
    meant = known[schema["$ref"].rsplit("/", 1)[-1]]
    return _merged(meant, {key: value for key, value in schema.items() if key != "$ref"})


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Schema:
    merged = {**below, **above}
    validations = [*below.get(VALIDATIONS, ()), *above.get(VALIDATIONS, ())]
    return merged | {VALIDATIONS: validations} if validations else merged


def _nested(schema: Schema, known: Mapping[str, Any], *, defaults: bool) -> Schema:
    if "properties" in schema:
        properties = schema["properties"].items()
        return {"properties": {name: _converted(one, known, defaults=defaults) for name, one in properties}}
    if "items" in schema:
        return {"items": _converted(schema["items"], known, defaults=defaults)}
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        return {"additionalProperties": _converted(values, known, defaults=defaults)}
    return dict(UNKNOWN_KEPT) if values is True else {}


def _int_or_string(schema: Schema) -> Schema | None:
    kept = ("description", "anyOf", "pattern", "x-kubernetes-int-or-string")
    return {key: schema[key] for key in kept if key in schema} if "x-kubernetes-int-or-string" in schema else None


def _refuse_unknown(schema: Schema) -> None:
    unknown = [key for key in schema if key not in _KEPT + _DROPPED and not key.startswith("x-kubernetes-")]
    if unknown or "anyOf" in schema:
        raise ValueError(f"{', '.join(unknown) or 'anyOf'} cannot be said in a structural schema: {schema}")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_nulls(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in kept.items() if one != {}}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value

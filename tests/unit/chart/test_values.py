"""The chart's values: every one has a default and a comment nearby, and the schema knows each and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.unit.chart.rendering import CHART
from weirkeeper.api.rollout import RolloutPolicy
from weirkeeper.api.settings import Limits
from weirkeeper.api.structural import structural
from weirkeeper_server.settings import Limits as ServerLimits

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
Schema = dict[str, Any]
HELMS_OWN = {"global"}
OFF_UNLESS_GIVEN = {"defaults.rollout.sticky"}


def objects(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    if "properties" in schema:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, f"{path}.{name}")
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")


def for_values(schema: Any) -> Any:
    """A structural schema as JSON schema: closed, without the words that only Kubernetes knows."""
    if isinstance(schema, list):
        return [for_values(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: for_values(one) for key, one in schema.items() if not key.startswith("x-kubernetes-")}
    return plain | ({"additionalProperties": False} if isinstance(plain.get("properties"), dict) else {})


def test_every_object_is_closed() -> None:
    found = list(objects(SCHEMA))
    assert len(found) >= 19
    assert [path for path, schema in found if schema.get("additionalProperties") is not False] == []


def test_every_value_is_described() -> None:
    described = [
        (f"{path}.{name}", inner) for path, schema in objects(SCHEMA) for name, inner in schema["properties"].items()
    ]
    assert [path for path, inner in described if not inner.get("description", "").endswith(".")] == []


def compared(values: dict[str, Any], schema: Schema, path: str = "") -> Iterator[str]:
    for name, inner in schema["properties"].items():
        if path + name in HELMS_OWN | OFF_UNLESS_GIVEN:
            continue
        if name not in values:
            yield f"{path}{name}"
        elif "properties" in inner:
            yield from compared(values[name], inner, f"{path}{name}.")


def test_every_value_has_a_default() -> None:
    assert list(compared(VALUES, SCHEMA)) == []


def test_the_default_policy_follows_the_schema_of_a_rollout() -> None:
    wanted = for_values(structural(RolloutPolicy, defaults=False))
    found = SCHEMA["properties"]["defaults"]["properties"]["rollout"]
    assert found["properties"] == wanted["properties"]
    assert found["additionalProperties"] is False


def test_the_default_policy_is_that_of_a_rollout_that_says_nothing() -> None:
    assert RolloutPolicy.model_validate(VALUES["defaults"]["rollout"]) == RolloutPolicy()


def test_the_limits_are_those_of_the_records() -> None:
    """One list of what can be limited: the server's, the operator's and the chart's."""
    described = Limits.model_json_schema()["properties"]
    found = SCHEMA["properties"]["limits"]["properties"]
    words = ("type", "description", "minimum", "maximum")
    assert found == {name: {word: inner[word] for word in words if word in inner} for name, inner in described.items()}
    assert set(found) == set(ServerLimits.model_json_schema()["properties"])
    assert VALUES["limits"] == Limits().to_json()

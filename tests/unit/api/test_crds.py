"""The definitions that Kubernetes gets: complete, structural, bounded, and those that are committed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.unit.api.cases import CASES
from weirkeeper.api import crds
from weirkeeper.api.record import Record
from weirkeeper.api.rollout import MODEL_REF_FIXED
from weirkeeper.api.structural import structural

Schema = dict[str, Any]
IN_EVERY_NAME = {crds.NAME_LENGTH, crds.NAME_FORM, crds.NAME_TAKEN}


def schema_of(kind: crds.Kind) -> Schema:
    schema: Schema = crds.definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def below(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from below(inner, f"{path}.{name}")
    if "items" in schema:
        yield from below(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from below(schema["additionalProperties"], f"{path}.*")


EVERY = [(kind.kind + path, schema) for kind in crds.KINDS for path, schema in below(schema_of(kind))]


def test_all_definitions_together_are_small() -> None:
    assert sum(len(text.encode()) for text in crds.files().values()) < 100_000


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.kind)
def test_a_file_says_what_the_definition_says(kind: crds.Kind) -> None:
    text = crds.files()[f"{kind.plural}.weirkeeper.dev.yaml"]
    assert yaml.safe_load(text) == json.loads(json.dumps(crds.definition(kind)))


@pytest.mark.parametrize("text", crds.files().values(), ids=crds.files())
def test_a_file_has_no_anchors(text: str) -> None:
    assert not any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text))


def test_every_field_is_described() -> None:
    ours = [(path, schema) for path, schema in EVERY if not path.endswith(("metadata", "[]", ".*"))]
    assert len(ours) > 150
    assert [path for path, schema in ours if not schema.get("description", "").endswith(".")] == []


def test_every_list_says_how_it_merges_and_how_long_it_may_be() -> None:
    lists = [(path, schema) for path, schema in EVERY if schema.get("type") == "array"]
    assert [path for path, schema in lists if "x-kubernetes-list-type" not in schema] == []
    assert [path for path, schema in lists if "maxItems" not in schema] == []


def test_keys_of_list_maps_are_required() -> None:
    for path, schema in EVERY:
        for key in schema.get("x-kubernetes-list-map-keys", ()):
            assert key in schema["items"]["required"], path


def test_nothing_in_a_status_or_in_a_revisions_content_is_filled_in() -> None:
    content = ("Model.spec.artifact", "Model.spec.server", "Model.spec.parameters", "Model.spec.probe")
    fixed = [(path, schema) for path, schema in EVERY if ".status" in path or path.startswith(content)]
    assert len(fixed) > 80
    assert [path for path, schema in fixed if "default" in schema] == []


def required(schema: Schema) -> list[str]:
    inner = list(schema.get("required", ()))
    return inner + [f"{name}.{deep}" for name in inner for deep in required(schema["properties"][name])]


def test_two_lines_make_a_useful_object() -> None:
    found = {kind.kind: required(schema_of(kind)["properties"]["spec"]) for kind in crds.KINDS}
    assert found == {
        "Model": [],  # an artifact or a container, which a rule asks for
        "Rollout": ["modelRef", "modelRef.name"],
        "Monitor": ["modelRef", "modelRef.name"],
    }


def test_every_rule_is_tried_on_the_api_server() -> None:
    tried = {case.says for case in CASES} | {MODEL_REF_FIXED} | IN_EVERY_NAME
    messages = {rule["message"] for _, schema in EVERY for rule in schema.get("x-kubernetes-validations", ())}
    assert messages - tried == set()
    assert len(messages) >= 25


def test_replicas_are_the_users_to_scale() -> None:
    version = crds.definition(crds.MODEL)["spec"]["versions"][0]
    assert version["subresources"]["scale"]["specReplicasPath"] == ".spec.server.replicas"
    assert "default" not in version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["server"]


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.kind)
def test_columns_show_fields_that_exist(kind: crds.Kind) -> None:
    known = {path for path, _ in below(schema_of(kind))}
    shown = [column.path for column in kind.columns if column is not crds.AGE]
    plain = [path.replace("[?(@.type=='Ready')]", "[]") for path in shown]
    assert set(plain) <= known


class _Odd(Record):
    odd: int | str


def test_what_kubernetes_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be said in a structural schema"):
        structural(_Odd, defaults=True)

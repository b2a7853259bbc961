"""The page about gRPC has every call, code and limit of the code, and no other."""

from __future__ import annotations

import re

from tests.unit.docs.markdown import REFERENCE
from weirkeeper_server.grpc_door.connection import AGE_SECONDS, PING_SECONDS, SILENT_SECONDS
from weirkeeper_server.grpc_door.statuses import STATUSES, Status
from weirkeeper_server.grpc_messages import UNSERVED
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.settings import Limits, Settings

PAGE = (REFERENCE / "protocol-grpc.md").read_text()


def first_cells(section: str) -> set[str]:
    body = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)`", body, re.MULTILINE))


def test_every_call_is_in_the_table() -> None:
    assert first_cells("Calls") == set(messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name)


def test_every_code_is_in_the_table() -> None:
    own = {code.name for code in STATUSES.values()} | {"INVALID_ARGUMENT", "INTERNAL"}
    assert first_cells("Errors") == own | {Status.UNIMPLEMENTED.name}


def test_limits_are_such() -> None:
    named = set(re.findall(r"`(max\w+|request\w+)`", PAGE.split("## Limits\n")[1].split("\n## ")[0]))
    json_alone = {"maxJsonDepth", "idleTimeoutSeconds"}
    assert named == {field.alias for field in Limits.model_fields.values()} - json_alone


def test_parameters_that_are_refused_are_named() -> None:
    assert all(f"`{name}`" in PAGE for name in UNSERVED)


def test_numbers_are_those_of_the_code() -> None:
    assert f"port {Settings.model_fields['grpc_port'].default} for gRPC" in PAGE
    assert f"every {AGE_SECONDS} seconds" in PAGE
    assert f"asked after {SILENT_SECONDS:g} seconds" in PAGE
    assert f"{PING_SECONDS:g} seconds later" in " ".join(PAGE.split())

"""What a server is told when it starts: arguments, and JSON in environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.errors import SettingsError


class Limits(BaseModel):
    """How large a request may be, and how long its prediction may take."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * 2**20
    max_rows: Annotated[int, Field(gt=0)] = 10_000
    request_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0


class Settings(BaseModel):
    """Everything that one server process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path
    model: str
    revision: str
    host: str = "0.0.0.0"  # noqa: S104  a server in a pod is reached on the pod's address
    http_port: int = 8080
    grpc_port: int = 8083
    evidence_port: int = 8081
    drain_seconds: float = 5.0
    pod: str = ""
    slot_seconds: Annotated[int, Field(gt=0)] = 5
    parameters: dict[str, str] = {}
    probe: tuple[GoldenRequest, ...] = ()
    trusted_types: tuple[str, ...] = ()
    limits: Limits = Limits()


VARIABLES: Mapping[str, str] = {
    "parameters": "WEIRKEEPER_PARAMETERS",
    "probe": "WEIRKEEPER_PROBE",
    "trusted_types": "WEIRKEEPER_TRUSTED_TYPES",
    "slot_seconds": "WEIRKEEPER_SLOT_SECONDS",
    "limits": "WEIRKEEPER_LIMITS",
}


def read_settings(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Put arguments and environment together.

    Raises:
        SettingsError: a variable is no JSON, or a value is not what the field takes; the message names it.
    """
    given = {field: _json(name, environment[name]) for field, name in VARIABLES.items() if environment.get(name)}
    try:
        return Settings.model_validate({"pod": environment.get("POD_NAME", ""), **given, **arguments})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = str(problem["loc"][0])
        where = ".".join([VARIABLES.get(field, field), *map(str, problem["loc"][1:])])
        raise SettingsError(f"{where} is {problem['input']!r}: {problem['msg']}") from None


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text[:80]!r}, which is no JSON ({error}); give it a JSON value") from None

"""What a server is told when it starts: arguments, and JSON in environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper.api.limits import MOST_WORKERS, RequestLimits
from weirkeeper_server.errors import SettingsError


class Limits(RequestLimits):
    """How large a request may be, how many may be under way, and how long they may take."""

    max_body_bytes: int = Field(default=10 * 2**20, ge=1, description="Longest body in bytes, unpacked.")
    request_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Longest time for a body to arrive, and then for its answer to be predicted."
    )
    idle_timeout_seconds: float = Field(
        default=75.0, gt=0, description="Longest time in which a connection may show no whole request, and no progress."
    )


class Batching(BaseModel):
    """How many rows are predicted in one call where several requests come at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    max_rows: int = Field(
        default=1024, gt=0, description="Most rows of several requests in one prediction; 1 predicts each by itself."
    )


class FeedbackSettings(BaseModel):
    """Labels that come back: where the keys of tokens are, and what is counted."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    keys: Path | None = Field(
        default=None, description="Folder with the keys `current` and `previous`, of 32 bytes each; none, no tokens."
    )
    max_age_seconds: int = Field(
        default=30 * 86_400, gt=0, description="Age of a prediction in seconds from which its labels are refused."
    )
    slot_seconds: int = Field(default=3_600, gt=0, description="Length of the slots by which labels are counted.")
    max_items: int = Field(default=1_000, gt=0, description="Most tokens in one post.")
    max_rows: int = Field(default=10_000, gt=0, description="Most labelled rows in one post.")
    max_seen: int = Field(default=100_000, gt=0, description="Most tokens of which repeats are known.")


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
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS, description="Processes that serve behind the same ports.")
    page: bool = False
    pod: str = ""
    slot_seconds: int = Field(default=5, gt=0, description="Length of a slot of evidence in seconds.")
    parameters: dict[str, str] = Field(default={}, description="Parameters of the predictor, such as `threshold`.")
    probe: tuple[GoldenRequest, ...] = Field(default=(), description="Golden requests beyond the bundle's own.")
    trusted_types: tuple[str, ...] = Field(default=(), description="skops types to trust beyond the curated list.")
    access_log: bool = Field(default=True, description="Whether each request is told on standard output.")
    limits: Limits = Field(default=Limits(), description="Limits on requests, an object; see Limits.")
    batching: Batching = Field(default=Batching(), description="Requests predicted together, an object; see Batching.")
    feedback: FeedbackSettings = Field(
        default=FeedbackSettings(), description="Labels that come back, an object; its fields are on the page Feedback."
    )


VARIABLES: Mapping[str, str] = {
    "parameters": "WEIRKEEPER_PARAMETERS",
    "probe": "WEIRKEEPER_PROBE",
    "trusted_types": "WEIRKEEPER_TRUSTED_TYPES",
    "slot_seconds": "WEIRKEEPER_SLOT_SECONDS",
    "access_log": "WEIRKEEPER_ACCESS_LOG",
    "limits": "WEIRKEEPER_LIMITS",
    "batching": "WEIRKEEPER_BATCHING",
    "feedback": "WEIRKEEPER_FEEDBACK",
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

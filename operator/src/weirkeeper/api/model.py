"""Model: what is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api import container, names
from weirkeeper.api.artifact import Artifact, SecretReference
from weirkeeper.api.bundle import Datatype
from weirkeeper.api.container import EnvironmentVariable, Runtime
from weirkeeper.api.limits import MOST_WORKERS
from weirkeeper.api.parsing import parse_spec
from weirkeeper.api.record import ATOMIC_LIST, UNKNOWN_KEPT, Record, list_map, rules
from weirkeeper.api.values import Quantity, Tolerance

DEFAULT_REPLICAS: Final = 1


class Resources(Record):
    """What a model pod asks for, and what it may use at most."""

    requests: dict[str, Quantity] | None = Field(
        default=None,
        description="What is reserved for each pod, by resource: cpu, memory and others.",
    )
    limits: dict[str, Quantity] | None = Field(
        default=None,
        description="What each pod may use at most, by resource.",
    )


class Batching(Record):
    """Requests that come at once, and are predicted in one call."""

    max_rows: int | None = Field(
        default=None,
        description="Most rows of several requests in one call; 1024 where nothing is said, 1 for each by itself.",
        ge=1,
        le=1_000_000,
    )


class Toleration(Record):
    """A taint of nodes that model pods put up with."""

    key: str | None = Field(default=None, description="The taint's key; none means every key.")
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None,
        description="Exists for any value, Equal (the default) for this one.",
    )
    value: str | None = Field(default=None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None,
        description="The taint's effect; none means every effect.",
    )
    toleration_seconds: int | None = Field(
        default=None,
        description="For how long a NoExecute taint is put up with; none means for ever.",
    )


Word = Annotated[str, Field(max_length=4096)]
Port = Annotated[int, Field(ge=1024, le=65535)]


class Server(Record):
    """The pods that serve the Model."""

    model_config = ConfigDict(json_schema_extra=rules(*container.SERVER_RULES))

    runtime: Runtime | None = Field(
        default=None,
        description="Bundle (where nothing is said): the built-in server. Container: a server of your own, in `image`.",
    )
    image: str | None = Field(
        default=None,
        description="Container: an image whose server speaks the Open Inference Protocol and calls its model as this"
        " Model is called.",
        min_length=1,
        max_length=1024,
        pattern="^[!-~]+$",
    )
    command: tuple[Word, ...] | None = Field(
        default=None,
        description="Container: what runs instead of the image's entry point.",
        max_length=64,
        json_schema_extra=ATOMIC_LIST,
    )
    args: tuple[Word, ...] | None = Field(
        default=None,
        description="Container: arguments of what runs.",
        max_length=256,
        json_schema_extra=ATOMIC_LIST,
    )
    env: tuple[EnvironmentVariable, ...] | None = Field(
        default=None,
        description="Container: variables of its environment.",
        max_length=128,
        json_schema_extra=list_map("name"),
    )
    port: Port | None = Field(
        default=None,
        description="Container: where it answers over HTTP; 8080 where nothing is said.",
    )
    grpc_port: Port | None = Field(
        default=None,
        description="Container: where it answers gRPC; the same port as HTTP where nothing is said.",
    )
    replicas: int | None = Field(
        default=None,
        description="Pods of the stable revision; 1 where nothing is said. `kubectl scale` sets it.",
        ge=1,
        le=1000,
    )
    resources: Resources | None = Field(default=None, description="What each pod asks for and may use at most.")
    workers: int | None = Field(
        default=None,
        description="Bundle: processes in each pod that share its ports and its memory; 1 where nothing is said."
        " Each takes up to a core of `resources`.",
        ge=1,
        le=MOST_WORKERS,
    )
    batching: Batching | None = Field(
        default=None, description="Bundle: how requests that come at once are predicted together."
    )
    node_selector: dict[str, str] | None = Field(
        default=None,
        description="Labels that a node must have.",
    )
    tolerations: tuple[Toleration, ...] | None = Field(
        default=None,
        description="Taints of nodes that the pods put up with.",
        max_length=32,
        json_schema_extra=ATOMIC_LIST,
    )
    service_account_name: str | None = Field(
        default=None,
        description="Service account of the pods, for its workload identity; it must carry the label"
        f" {names.LABEL_ALLOWED_FOR_MODELS}=true.",
        min_length=1,
        max_length=253,
        pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    )
    image_pull_secrets: tuple[SecretReference, ...] | None = Field(
        default=None,
        description="Secrets for pulling the server's image; a change makes no new revision.",
        max_length=16,
        json_schema_extra=list_map("name"),
    )

    @model_validator(mode="after")
    def _goes_with_its_runtime(self) -> Self:
        if refusal := container.refusal_of_server(self.to_json()):
            raise ValueError(refusal)
        return self


class ProbeTensor(Record):
    """One tensor of a golden request, as the Open Inference Protocol writes it."""

    name: str = Field(description="Name of the input or output.", min_length=1, max_length=256)
    datatype: Datatype = Field(description="Type of its elements.")
    shape: tuple[int, ...] = Field(
        description="Its dimensions; the first counts rows.",
        min_length=1,
        max_length=8,
        json_schema_extra=ATOMIC_LIST,
    )
    data: Any = Field(description="Its elements, nested or flat, row by row.", json_schema_extra=UNKNOWN_KEPT)


class ProbeRequest(Record):
    """What is asked."""

    inputs: tuple[ProbeTensor, ...] = Field(
        description="One tensor, or one for each named column.",
        min_length=1,
        max_length=512,
        json_schema_extra=list_map("name"),
    )


class ProbeAnswer(Record):
    """What must be answered."""

    outputs: tuple[ProbeTensor, ...] = Field(
        description="Outputs that must come back; others may come too.",
        min_length=1,
        max_length=64,
        json_schema_extra=list_map("name"),
    )
    tolerance: Tolerance | None = Field(
        default=None,
        description='By how much a number may differ, relative to 1 or to its size; "1e-6" where nothing is said.',
    )


class Probe(Record):
    """A golden request: no pod becomes ready whose model answers it otherwise."""

    request: ProbeRequest = Field(description="What is asked.")
    expect: ProbeAnswer = Field(description="What must be answered.")


class Card(Record):
    """What people, catalogues and dashboards read of the Model; a change here makes no new revision."""

    owner: str | None = Field(default=None, description="The team that owns the Model.", max_length=128)
    contacts: tuple[str, ...] | None = Field(
        default=None,
        description="Where to reach the owners.",
        max_length=16,
        json_schema_extra=ATOMIC_LIST,
    )
    description: str | None = Field(default=None, description="What the Model does, for people.", max_length=4096)
    task: str | None = Field(default=None, description="Kind of task, such as classification.", max_length=128)
    intended_use: str | None = Field(default=None, description="What it is meant for.", max_length=4096)
    limitations: str | None = Field(default=None, description="What it must not be used for.", max_length=4096)
    runbook: str | None = Field(default=None, description="Address of the page for incidents.", max_length=2048)
    source_commit: str | None = Field(default=None, description="Commit of the training code.", max_length=128)
    training_run: str | None = Field(default=None, description="Name or address of the training run.", max_length=2048)
    dataset: str | None = Field(default=None, description="Data that it was trained on.", max_length=2048)
    review_by: str | None = Field(
        default=None,
        description="Date by which people look at it again, such as 2027-03-31.",
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    )
    unit: str | None = Field(default=None, description="Unit of what it predicts.", max_length=64)
    metrics: dict[str, str] | None = Field(
        default=None,
        description='Offline quality by metric, as decimals in quotes: AUC: "0.91".',
    )


class ModelSpec(Record):
    """What is wanted: a bundle or a container, the pods that serve it, and how it is checked."""

    model_config = ConfigDict(json_schema_extra=rules(*container.MODEL_RULES))

    artifact: Artifact | None = Field(
        default=None,
        description="The bundle that is served. Container: files that are fetched, verified and mounted at /model.",
    )
    server: Server = Field(default=Server(), description="The pods that serve it.")
    parameters: dict[str, str] | None = Field(
        default=None,
        description='Handed to the predictor, such as threshold: "0.42".',
        max_length=64,
    )
    probe: tuple[Probe, ...] | None = Field(
        default=None,
        description="Golden requests, beyond the bundle's own where there is a bundle.",
        max_length=32,
        json_schema_extra=ATOMIC_LIST,
    )
    allow_signature_change: bool = Field(
        default=False,
        description="Lets a candidate drop, rename or retype an input or output; otherwise it is held back.",
    )
    card: Card | None = Field(default=None, description="What people, catalogues and dashboards read of the Model.")

    @model_validator(mode="after")
    def _goes_with_its_runtime(self) -> Self:
        given = self.model_dump(mode="json", by_alias=True, exclude_none=True, include={"artifact", "parameters"})
        if refusal := container.refusal_of_model(given, self.server.runtime):
            raise ValueError(refusal)
        return self

    @property
    def replicas(self) -> int:
        """Pods of the stable revision."""
        return self.server.replicas or DEFAULT_REPLICAS


def parse_model(item: Mapping[str, Any]) -> ModelSpec:
    """Understand a Model.

    Raises:
        InvalidSpec: a field is missing, unknown, or has a value that will not do.
    """
    return parse_spec(ModelSpec, item)

"""The operator's settings, as the chart renders them into one YAML file."""

from __future__ import annotations

from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError

from weirkeeper.api.errors import InvalidSettings, first_problem
from weirkeeper.api.limits import RequestLimits
from weirkeeper.api.names import ROUTER_ROLE
from weirkeeper.api.record import Record
from weirkeeper.api.rollout import RolloutPolicy
from weirkeeper.api.values import Quantity


class Resources(Record):
    """What a container asks for and what it may use at most, by the names of the resources."""

    requests: dict[str, Quantity] = Field(default_factory=dict, description="What is reserved for the container.")
    limits: dict[str, Quantity] = Field(default_factory=dict, description="What the container may use at most.")


class ArtifactBounds(Record):
    """Within what bounds the namespaces choose their artifacts."""

    secret_name_pattern: str = Field(
        default="weirkeeper-artifact-*",
        description="Shell pattern that the name of an artifact's Secret must match.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that may be fetched from: exact names, *.suffix, or * for every public host; no others.",
    )
    trusted_types: tuple[str, ...] = Field(
        default=(),
        description="skops types beyond the curated list that a Model may trust; prefix.* names many.",
    )


class RouterSettings(Record):
    """The routers that the operator makes, one Deployment in each namespace with Models."""

    replicas: int = Field(default=2, ge=1, le=20, description="Router pods in each namespace.")
    resources: Resources = Field(default_factory=Resources, description="What each of a router pod's Envoys may use.")
    concurrency: int = Field(default=1, ge=1, le=64, description="Worker threads of each Envoy.")
    role_kind: Literal["ClusterRole", "Role"] = Field(
        default="ClusterRole",
        description="Role where the operator is installed for named namespaces.",
    )
    role_name: str = Field(default=ROUTER_ROLE, description="Name of the role that routers are bound to.")


class Limits(RequestLimits):
    """What a model server accepts."""

    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, description="Longest body in bytes, unpacked.")
    request_timeout_seconds: int = Field(
        default=15,
        ge=1,
        le=3600,
        description="Longest time for a body to arrive, and then for its answer to be predicted.",
    )
    # Routers close what was idle for 4 s: a server that did so before them would lose a request now and then.
    idle_timeout_seconds: int = Field(
        default=75,
        ge=10,
        le=3600,
        description="Longest time in which a connection may show no whole request, and no progress.",
    )


class Feedback(Record):
    """Labels that come back to the model servers."""

    max_age_days: int = Field(
        default=30, ge=1, le=400, description="Age of a prediction in days from which its labels are refused."
    )
    # Each divides the next: slots of pods from before a change add up with those from after it.
    slot_seconds: Literal[60, 300, 900, 3600] = Field(
        default=3600, description="Length in seconds of the slots by which labels are counted, those of predictions."
    )


class PrometheusSettings(Record):
    """The Prometheus that gates with promQL are put to."""

    url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="Its address, such as http://prometheus.monitoring:9090; empty: gates with promQL are refused.",
    )


class Defaults(Record):
    """What applies where nobody said otherwise."""

    rollout: RolloutPolicy = Field(
        default_factory=RolloutPolicy,
        description="The policy of a Model without a Rollout: a Rollout's spec without modelRef.",
    )


class Settings(Record):
    """Everything that whoever installed the chart decided."""

    server_image: str = Field(min_length=1, description="Image of the model server.")
    operator_image: str = Field(min_length=1, description="Image of the operator and of the router's agent.")
    envoy_image: str = Field(min_length=1, description="Image of Envoy.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent",
        description="When kubelet pulls these images.",
    )
    image_pull_secrets: tuple[str, ...] = Field(
        default=(),
        description="Secrets for pulling these images, by name, in the namespace of each Model.",
    )
    watch_namespaces: tuple[str, ...] = Field(default=(), description="Namespaces to serve; none means all.")
    artifacts: ArtifactBounds = Field(default_factory=ArtifactBounds, description="Bounds for artifacts.")
    router: RouterSettings = Field(default_factory=RouterSettings, description="The routers.")
    limits: Limits = Field(default_factory=Limits, description="Limits of the model servers.")
    feedback: Feedback = Field(default_factory=Feedback, description="Labels that come back to the model servers.")
    prometheus: PrometheusSettings = Field(
        default_factory=PrometheusSettings, description="The Prometheus that gates with promQL are put to."
    )
    slot_seconds: int = Field(default=5, ge=1, le=60, description="Length of a slot of evidence in seconds.")
    freeze: bool = Field(default=False, description="Stops all promotions; aborts and roll backs still act.")
    defaults: Defaults = Field(default_factory=Defaults, description="What applies where nobody said otherwise.")

    @classmethod
    def parse(cls, given: Any) -> Self:
        """Understand settings as YAML gives them.

        Raises:
            InvalidSettings: a field is missing, unknown, or has a value that will not do.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidSettings("settings", *first_problem(error, "settings")) from error

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Understand the text of a settings file.

        Raises:
            InvalidSettings: it is not YAML, or the settings in it will not do.
        """
        try:
            given = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InvalidSettings("settings", "settings", "not YAML", f"correct it: {error}") from error
        return cls.parse(given)

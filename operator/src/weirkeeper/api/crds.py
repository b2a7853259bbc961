"""Our kinds as Kubernetes knows them: one CustomResourceDefinition for each, made from its records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from weirkeeper.api import names
from weirkeeper.api.model import ModelSpec
from weirkeeper.api.model_status import ModelStatus
from weirkeeper.api.monitor import MonitorSpec
from weirkeeper.api.monitor_status import MonitorStatus
from weirkeeper.api.record import Record, rule
from weirkeeper.api.rollout import RolloutSpec, RolloutStatus
from weirkeeper.api.structural import structural

HEADER: Final = (
    "# Made by `weirkeeper crds` from operator/src/weirkeeper/api: edit that, then run it in the checkout.\n"
)

NAME_LENGTH: Final = (
    f"the name of a Model must not be longer than {names.MODEL_NAME_LIMIT} characters, "
    "since the names of its revisions begin with it: choose a shorter one"
)
NAME_FORM: Final = (
    "the name of a Model is also that of its Service: begin with a lower-case letter, "
    "go on with lower-case letters, digits and -, and do not end with -"
)
NAME_TAKEN: Final = f"the name {names.ROUTER_NAME} is that of the routers: choose another one"


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; `wide` ones are shown by -o wide only."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def to_json(self) -> dict[str, Any]:
        """Write it as Kubernetes has it."""
        written = {"name": self.name, "type": self.type, "description": self.description, "jsonPath": self.path}
        return written | {"priority": 1} if self.wide else written


@dataclass(frozen=True)
class Kind:
    """What Kubernetes is told of one kind."""

    kind: str
    plural: str
    short: str
    description: str
    spec: type[Record]
    status: type[Record]
    columns: tuple[Column, ...]
    rules: tuple[Mapping[str, str], ...] = ()
    scale: Mapping[str, str] | None = field(default=None)


AGE: Final = Column("Age", ".metadata.creationTimestamp", "When it was made.", "date")

MODEL: Final = Kind(
    kind=names.MODEL_KIND,
    plural=names.MODELS,
    short="wkm",
    description="A machine-learning model that is served, and brought to production by degrees when it changes.",
    spec=ModelSpec,
    status=ModelStatus,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status", "Whether the stable revision serves."),
        Column("Phase", ".status.phase", "Where the attempt stands."),
        Column("Stable", ".status.stable.revision", "The revision in production."),
        Column("Candidate", ".status.candidate.revision", "The revision on its way there."),
        Column("Weight", ".status.candidate.weight", "The candidate's share of the traffic in percent.", "integer"),
        Column("Drift", ".status.drift", "The worst that its Monitors say."),
        AGE,
        Column("URL", ".status.url", "Where it answers in the cluster.", wide=True),
        Column("Owner", ".spec.card.owner", "The team that owns it.", wide=True),
        Column("Digest", ".status.stable.sha256", "What the stable revision's artifact is pinned to.", wide=True),
    ),
    rules=(
        rule(f"self.metadata.name.size() <= {names.MODEL_NAME_LIMIT}", NAME_LENGTH),
        rule(f"self.metadata.name.matches('{names.MODEL_NAME_PATTERN}')", NAME_FORM),
        rule(f"self.metadata.name != '{names.ROUTER_NAME}'", NAME_TAKEN),
    ),
    scale={
        "specReplicasPath": ".spec.server.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
)

ROLLOUT: Final = Kind(
    kind=names.ROLLOUT_KIND,
    plural=names.ROLLOUTS,
    short="wkr",
    description="The policy by which a Model's new revisions get their traffic.",
    spec=RolloutSpec,
    status=RolloutStatus,
    columns=(
        Column("Phase", ".status.phase", "Where the attempt stands."),
        Column("Step", ".status.step", "Which step of how many."),
        Column("Weight", ".status.weight", "The candidate's share of the traffic in percent.", "integer"),
        Column("Verdict", ".status.verdict", "The worst verdict of the gates."),
        AGE,
        Column("Message", ".status.message", "What happens now and what it waits for.", wide=True),
    ),
)

MONITOR: Final = Kind(
    kind=names.MONITOR_KIND,
    plural=names.MONITORS,
    short="wkmon",
    description="What is watched while a Model serves.",
    spec=MonitorSpec,
    status=MonitorStatus,
    columns=(
        Column("Model", ".spec.modelRef.name", "The Model that is watched."),
        Column("State", ".status.state", "What the last window said."),
        Column("Rows", ".status.lastWindow.rows", "Rows in the last window.", "integer"),
        AGE,
        Column("Message", ".status.message", "What was found.", wide=True),
    ),
)

KINDS: Final = (MODEL, ROLLOUT, MONITOR)


def definition(kind: Kind) -> dict[str, Any]:
    """Make the CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [names.CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [column.to_json() for column in kind.columns],
        "subresources": {"status": {}} | ({"scale": dict(kind.scale)} if kind.scale else {}),
        "schema": {"openAPIV3Schema": _schema(kind)},
    }


def _schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of the API that this object is written in."},
            "kind": {"type": "string", "description": f"{kind.kind}."},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec, defaults=True),
            "status": structural(kind.status, defaults=False),
        },
    }
    return schema | ({"x-kubernetes-validations": [dict(one) for one in kind.rules]} if kind.rules else {})


def files() -> dict[str, str]:
    """Write all definitions as YAML, by the names of their files."""
    return {f"{kind.plural}.{names.GROUP}.yaml": HEADER + _yaml(definition(kind)) for kind in KINDS}


class _Plain(yaml.SafeDumper):
    """Writes everything out: Kubernetes' tools and reviewers read no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the base class asks for it
        return True


SHORT: Final = 200
"""Characters up to which an object is written in one line, with what is in it: indentation was a third of all bytes."""


def _sequence(dumper: yaml.SafeDumper, data: Sequence[Any]) -> yaml.Node:
    """Write a list of words in one line, a list of objects with a line for each at least."""
    words = all(isinstance(value, str | int | float) for value in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=words)


def _object(dumper: yaml.SafeDumper, data: Mapping[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", list(data.items()), flow_style=len(str(data)) < SHORT)


_Plain.add_representer(list, _sequence)
_Plain.add_representer(tuple, _sequence)
_Plain.add_representer(dict, _object)


def _yaml(value: Mapping[str, Any]) -> str:
    """Write it without folding: each line of a folded text would be indented anew."""
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=math.inf, allow_unicode=True)

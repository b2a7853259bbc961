"""What a planner sees: one Model with everything that belongs to it, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weirkeeper.api.settings import Settings
from weirkeeper.delivery.evidence import Evidence, QueryAnswer

Object = Mapping[str, Any]
"""A Kubernetes object as the API server gave it."""


@dataclass(frozen=True)
class Snapshot:
    """One Model and its surroundings.

    `children` are the objects labelled with the Model's name, by (kind, name), and the Service of the Model's own
    name even where it is somebody else's. `pods` are listed only for revisions that are not ready yet. `config_maps`
    are the ConfigMaps that the artifact names, `service_accounts` those that the server names and `cron_jobs` those
    that the gates name, by name (None: it is known to be missing). `query_answers` are what Prometheus said to the
    gates' queries, by query. `refused` are objects that could not be made, by (kind, name), with the reason. `frozen`
    is why promotions are frozen in the namespace, empty where they are not.
    """

    namespace: str
    name: str
    model: Object | None
    settings: Settings
    rollouts: tuple[Object, ...] = ()
    monitors: tuple[Object, ...] = ()
    children: Mapping[tuple[str, str], Object] = field(default_factory=dict)
    endpoint_slices: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    config_maps: Mapping[str, Object | None] = field(default_factory=dict)
    service_accounts: Mapping[str, Object | None] = field(default_factory=dict)
    cron_jobs: Mapping[str, Object | None] = field(default_factory=dict)
    query_answers: Mapping[str, QueryAnswer] = field(default_factory=dict)
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict)
    frozen: str = ""
    evidence: Evidence = field(default_factory=Evidence)

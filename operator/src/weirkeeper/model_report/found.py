"""What was read of a Model from the cluster, and how it is read here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weirkeeper.api.conditions import condition_of, unix_seconds
from weirkeeper.observe.checkpoint import Checkpoint, unpack_config_map
from weirkeeper.observe.errors import BrokenCheckpoint
from weirkeeper.plan.windows import checkpoint_name
from weirkeeper.render.server import profile_name
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.profile import ReferenceProfile

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A Model with what belongs to it, as raw objects.

    `config_maps` are by name, and None where they were refused; `records` are those of its revisions
    (ControllerRevisions), none where they were refused.
    """

    model: Object
    rollout: Object | None = None
    monitors: Sequence[Object] = ()
    config_maps: Mapping[str, Object] | None = field(default_factory=dict)
    records: Sequence[Object] = ()

    @property
    def name(self) -> str:
        """The Model's name."""
        return str(self.model["metadata"]["name"])

    @property
    def status(self) -> Mapping[str, Any]:
        """The Model's status; empty where no operator has looked at it."""
        found: Mapping[str, Any] = self.model.get("status") or {}
        return found

    @property
    def stable(self) -> str:
        """The revision in production; empty where there is none."""
        return str((self.status.get("stable") or {}).get("revision", ""))

    @property
    def asked(self) -> str:
        """The revision that the spec asks for, as far as the status tells: the stable one, or the one on trial."""
        if self.condition("Current").get("status") == "True":
            return self.stable
        return str((self.status.get("candidate") or {}).get("revision", ""))

    @property
    def stable_since(self) -> float:
        """When it was promoted, Unix seconds; 0 where nobody knows."""
        since = (self.status.get("stable") or {}).get("since")
        return unix_seconds(since) if since else 0.0

    @property
    def attempts(self) -> Sequence[Mapping[str, Any]]:
        """The last attempts, the newest last; what the running one exposed stands apart in the status until it ends."""
        so_far = {"exposedRequests": self.status.get("exposedRequests", 0)}
        return [one if one.get("ended") else {**one, **so_far} for one in self.status.get("attempts") or ()]

    def condition(self, kind: str) -> Mapping[str, Any]:
        """A condition of the Model; empty where there is none."""
        return condition_of(self.status, kind) or {}

    def profile(self, revision: str) -> ReferenceProfile | None:
        """The reference profile of a revision, None where none can be read."""
        written = self._config_map(profile_name(revision)).get("data") or {}
        try:
            return ReferenceProfile.from_json(json.loads(written["profile.json"]))
        except (KeyError, ValueError, ProfileError):
            return None

    def checkpoint(self) -> Checkpoint | None:
        """The windows as the operator keeps them, None where none can be read."""
        try:
            return unpack_config_map(self._config_map(checkpoint_name(self.name)))
        except BrokenCheckpoint:
            return None

    def _config_map(self, name: str) -> Object:
        return (self.config_maps or {}).get(name, {})

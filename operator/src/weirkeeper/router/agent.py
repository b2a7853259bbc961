"""The agent's turns: what it was told -> Envoy's files, in the order in which no request is lost.

Clusters with their endpoints first; routes once the clusters that they lead to are in use; a cluster goes when no route
has led to it for a while. Each turn begins from what is remembered, so a turn that was cut short is made good by the
next.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final

from weirkeeper.api.names import revision_of
from weirkeeper.router import memory as remembering
from weirkeeper.router.admin import EnvoyAdmin
from weirkeeper.router.clusters import clusters, read_clusters
from weirkeeper.router.counters import Counts
from weirkeeper.router.endpoints import Endpoint, endpoints
from weirkeeper.router.errors import BrokenMemory, EnvoySilent, InvalidTraffic
from weirkeeper.router.files import EnvoyFiles, replace_file
from weirkeeper.router.memory import Memory
from weirkeeper.router.namespace import Namespace
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import discovery
from weirkeeper.router.routes import route_configuration
from weirkeeper.router.traffic import Wanted, all_applied, carrying, is_stale, read_wanted

SOON: Final = 0.1
WAITING: Final = 1.0
IDLE: Final = 5.0

CATCHING_UP: Final = 15.0
"""A new router is held back from requests for at most so long by a Model that it cannot route yet, in seconds."""

STUCK: Final = 5.0
"""After so many seconds Envoy should have taken up what was written."""

UNREAD_FACTOR: Final = 10
"""A cluster whose last counters nobody reads is kept so many times as long as others."""

logger = logging.getLogger(__name__)


class Agent:
    """One router's agent. `namespace` is what it was told; `memory` what it decided; `turned` when it last did."""

    def __init__(self, options: RouterOptions, admin: EnvoyAdmin) -> None:
        self.namespace = Namespace()
        self.turned = 0.0
        self.evidence_read = 0.0
        self._options = options
        self._admin = admin
        self._files = EnvoyFiles(options.directory)
        self.memory = _load(self._files)
        self._endpoints, self._ready = read_clusters(_read_file(self._files.clusters).get("resources", ()))
        self._complaints: dict[str, str] = {}
        self._first_turn = 0.0
        self._stuck_since = 0.0

    async def turn(self, now: float) -> float:
        """Do what can be done now; gives after how many seconds to try again if nothing happens before.

        Raises:
            EnvoySilent: Envoy cannot be asked; what needs no answer of it was done.
        """
        wanted = self._wanted()
        found = self._found()
        self._keep_series(wanted, now)
        self._write_clusters(found)
        waiting = await self._route(wanted, now)
        self._keep_series(wanted, now)
        self.turned = now
        in_force = await self._admin.version() == str(self.memory.version)
        if in_force:
            self._become_ready(waiting, now)
            await self._retire(found, now)
        if not in_force or any(found.get(revision_of(arm)) for arm in waiting):
            self._repeat_when_stuck(now)
            return SOON
        self._stuck_since = 0.0
        unused = any(one.unused_since for one in self.memory.series.values())
        return WAITING if waiting or unused else IDLE

    def _wanted(self) -> dict[str, Wanted | None] | None:
        # Without the endpoints' list, every cluster would look as if it had none.
        if self.namespace.models is None or self.namespace.endpoint_slices is None:
            return None
        return {model["metadata"]["name"]: self._read(model) for model in self.namespace.models}

    def _read(self, model: Mapping[str, Any]) -> Wanted | None:
        name = model["metadata"]["name"]
        try:
            wanted = read_wanted(model)
        except InvalidTraffic as error:
            self._complain(name, str(error))
            return None
        former = self.memory.applied.get(name)
        if is_stale(former, wanted):
            self._complain(name, f"model {name}: decision {wanted.decision} was overtaken; it is not obeyed")
            return None
        self._complaints.pop(name, None)
        return wanted

    def _complain(self, name: str, message: str) -> None:
        if self._complaints.get(name) != message:
            self._complaints[name] = message
            logger.warning("%s", message)

    def _keep_series(self, wanted: Mapping[str, Wanted | None] | None, now: float) -> None:
        if wanted is not None:
            arms = {arm for asked in wanted.values() if asked for arm in asked.arms}
            self._remember(self.memory.with_wanted(arms | carrying(self.memory.applied), now))

    def _found(self) -> Mapping[str, AbstractSet[Endpoint]]:
        slices = self.namespace.endpoint_slices
        return self._endpoints if slices is None else endpoints(slices)

    def _write_clusters(self, found: Mapping[str, AbstractSet[Endpoint]]) -> None:
        # Before anything is known, what a former run wrote stays.
        if self.namespace.models is None or self.namespace.endpoint_slices is None:
            return
        wanted = {arm: found.get(revision_of(arm), frozenset()) for arm in self.memory.series}
        if wanted != self._endpoints:
            self._endpoints = wanted
            self._replace_clusters()

    def _replace_clusters(self) -> None:
        content = clusters(self._endpoints, self._options, is_ready=self._ready)
        replace_file(self._files.clusters, discovery("", content))

    async def _route(self, wanted: Mapping[str, Wanted | None] | None, now: float) -> AbstractSet[str]:
        """Write the routes as far as they can be; names the revisions and arms that are waited for."""
        if wanted is None:
            return frozenset()
        ready = await self._warm(wanted, now)
        applied = all_applied(self.memory.applied, wanted, ready)
        if applied != self.memory.applied or self.memory.version not in self.memory.versions:
            self._remember(self.memory.with_applied(applied))
            self._write_routes()
        routed = carrying(applied)
        asked = {arm for one in wanted.values() if one for arm in one.asked}
        return asked - routed

    def _write_routes(self) -> None:
        content = discovery(str(self.memory.version), [route_configuration(self.memory.applied, self._options)])
        replace_file(self._files.routes, content)
        logger.info("routes %d: %s", self.memory.version, self.memory.versions[self.memory.version])

    def _repeat_when_stuck(self, now: float) -> None:
        """Write again what Envoy has not taken up for long: it may have missed the rename, or refused the content."""
        self._stuck_since = self._stuck_since or now
        # Without its version, these are not the routes that were remembered: what lies on disk is better.
        if now - self._stuck_since > STUCK and self.memory.version in self.memory.versions:
            logger.warning("Envoy has not taken up routes %d or their clusters; written again", self.memory.version)
            self._stuck_since = now
            self._replace_clusters()
            self._write_routes()

    async def _warm(self, wanted: Mapping[str, Wanted | None], now: float) -> AbstractSet[str]:
        """Name the revisions that can get requests, as far as anybody waits for them."""
        asked = {arm for one in wanted.values() if one for arm in one.asked}
        unread = {revision for revision, one in self.memory.series.items() if one.base is None}
        if not unread and asked <= carrying(self.memory.applied):
            return set()
        try:
            await self._read_bases(unread, now)
            return await self._admin.warm()
        except EnvoySilent as error:
            logger.info("%s", error)
            return set()

    async def _read_bases(self, revisions: AbstractSet[str], now: float) -> None:
        # Clusters of the same name may have counted before; what is counted from here on belongs to the new series.
        if revisions:
            started = await self._admin.started(now)
            counted = (await self._admin.read()).counts
            bases = {revision: counted.get(revision, Counts()) for revision in revisions}
            self._remember(self.memory.with_bases(started, bases))

    def _become_ready(self, waiting: AbstractSet[str], now: float) -> None:
        if self._ready or not self.memory.version:
            return
        self._first_turn = self._first_turn or now
        blocked = any(self._endpoints.get(revision) for revision in waiting)
        if not blocked or now - self._first_turn > CATCHING_UP:
            self._ready = True
            self._replace_clusters()

    async def _retire(self, found: Mapping[str, AbstractSet[Endpoint]], now: float) -> None:
        unused = {revision: one.unused_since for revision, one in self.memory.series.items() if one.unused_since}
        due = {revision: since for revision, since in unused.items() if now - since >= self._options.retire_after}
        if not due:
            return
        active = (await self._admin.read()).active
        dropped = {
            revision for revision, since in due.items() if not active.get(revision) and self._is_read(since, now)
        }
        self._remember(self.memory.without(dropped))
        self._write_clusters(found)

    def _is_read(self, since: float, now: float) -> bool:
        final = since + self._options.route_timeout
        return self.evidence_read > final or now - since > UNREAD_FACTOR * self._options.retire_after

    def _remember(self, memory: Memory) -> None:
        if memory != self.memory:
            replace_file(self._files.memory, remembering.to_json(memory))
            self.memory = memory


def _load(files: EnvoyFiles) -> Memory:
    try:
        return remembering.from_json(json.loads(files.memory.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Memory()
    except (BrokenMemory, ValueError) as error:
        logger.warning("%s is useless: %s", files.memory, error)
        # The routes on disk stay until Models are listed. Neither versions nor epochs may be given twice.
        version = str(_read_file(files.routes).get("version_info", ""))
        return Memory(version=int(version) if version.isdigit() else 0, epochs=int(time.time()))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content

"""A namespace's plan: its routers exist as long as a Model does; owner references take them away with the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weirkeeper.api import names
from weirkeeper.plan.result import Plan
from weirkeeper.render.router import router_objects

if TYPE_CHECKING:
    from weirkeeper.api.settings import Settings
    from weirkeeper.plan.snapshot import Object


def plan_router(
    namespace: str, models: tuple[Object, ...], children: Mapping[tuple[str, str], Object], settings: Settings
) -> Plan:
    """Plan for the routers of `namespace`, given its Models and what there is of its routers, by (kind, name)."""
    living = [model for model in models if not model["metadata"].get("deletionTimestamp")]
    if not living:
        return Plan()
    existing = children.get(("Deployment", names.ROUTER_NAME))
    going = existing is not None and existing["metadata"].get("deletionTimestamp")
    return Plan() if going else Plan(applies=router_objects(namespace, living, settings))

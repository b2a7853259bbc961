"""The router's agent: what the API server tells of the pod's own namespace, given to the agent beside Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from weirkeeper.api.names import COMPONENT_MODEL, LABEL_COMPONENT
from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.client import Client
from weirkeeper.kube.resources import ENDPOINT_SLICE, MODEL, Resource
from weirkeeper.kube.watching import Changed, Removed, Replaced, WatchEvent, list_and_watch
from weirkeeper.router import RouterOptions, feed, run_agent
from weirkeeper.runtime.ending import told_to_end

_Kind = Literal["Model", "EndpointSlice"]
_WATCHED: tuple[tuple[_Kind, Resource, str], ...] = (
    ("Model", MODEL, ""),
    ("EndpointSlice", ENDPOINT_SLICE, f"{LABEL_COMPONENT}={COMPONENT_MODEL}"),
)


class NamespaceFeed:
    """Models and model pods' EndpointSlices of one namespace, as the agent wants them told."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def events(self) -> AsyncIterator[feed.Event]:
        """Tell both kinds' events as they come."""
        told: asyncio.Queue[feed.Event] = asyncio.Queue(maxsize=1000)
        tasks = [asyncio.create_task(self._tell(told, *watched)) for watched in _WATCHED]
        try:
            while True:
                yield await _next(told, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, told: asyncio.Queue[feed.Event], kind: _Kind, resource: Resource, selector: str) -> None:
        async for event in list_and_watch(self._api, resource, self._namespace, selector):
            await told.put(_told(kind, event))


async def _next(told: asyncio.Queue[feed.Event], tasks: list[asyncio.Task[None]]) -> feed.Event:
    """The next event; what ends a watch, which nothing should, is raised here."""
    getting = asyncio.create_task(told.get())
    try:
        await asyncio.wait({getting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        for task in tasks:
            if task.done():
                task.result()
        return await getting
    finally:
        getting.cancel()


def _told(kind: _Kind, event: WatchEvent) -> feed.Event:
    match event:
        case Replaced(objects):
            return feed.Listed(kind, objects)
        case Changed(item):
            return feed.Changed(kind, item)
        case Removed(item):
            return feed.Gone(kind, item)


async def run_router_agent(options: RouterOptions) -> None:
    """Run the agent until the pod ends.

    Raises:
        NoAccess: nobody says where the API server is.
    """
    stop = told_to_end()
    async with Client.connect() as api:
        await run_agent(NamespaceFeed(api, options.namespace), options, stop)

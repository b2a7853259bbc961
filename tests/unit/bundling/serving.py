"""A bundle behind the server's own HTTP door on loopback, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.unit.server.doors import DoorServer
from weirkeeper_server.core import ModelServer
from weirkeeper_server.open_inference import protocol_door
from weirkeeper_server.settings import Settings


@asynccontextmanager
async def served(bundle: Path, **changes: Any) -> AsyncIterator[str]:
    """Serve until the block ends; gives the model's URL."""
    server = ModelServer(Settings(bundle=bundle, model="tested", revision="tested-1", **changes))
    await server.start()
    assert server.state == "Ready", server.message
    async with DoorServer(protocol_door(server)) as http:
        yield str(http.make_url("/v2/models/tested"))
    server.close()

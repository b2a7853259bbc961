from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.component.router.harness import Router
from tests.component.router.stubs import HttpStub, http_stub


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    async with started(Router(tmp_path)) as router:
        yield router


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Router]:
    """A router that waits as long for an answer as a busy machine may need."""
    async with started(Router(tmp_path, route_timeout=15.0)) as router:
        yield router


@asynccontextmanager
async def started(router: Router) -> AsyncIterator[Router]:
    try:
        await router.start()
        yield router
    finally:
        await router.close()


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with http_stub() as stub:
        yield stub


@pytest.fixture
async def other() -> AsyncIterator[HttpStub]:
    async with http_stub() as stub:
        yield stub

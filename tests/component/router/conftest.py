from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.router.harness import Router
from tests.component.router.stubs import HttpStub, http_stub


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    router = Router(tmp_path)
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

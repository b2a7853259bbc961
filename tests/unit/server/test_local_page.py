"""The page that `weirkeeper serve` shows: what it tells, and that it needs and reaches nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.unit.server.churn import request
from tests.unit.server.doors import door_client
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import Settings, read_settings

Client = TestClient[Any, Any]
PAGES = Path(str(sys.modules["weirkeeper_server.local_page"].__file__)).parent


@pytest.fixture
async def server(settings: Callable[..., Settings]) -> AsyncIterator[ModelServer]:
    made = ModelServer(settings(page=True))
    yield made
    made.close()


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[Client]:
    async with door_client(server) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/.page/page.js", "text/javascript"), ("/.page/page.css", "text/css"),
     ("/.page/bundle", "application/json"), ("/.page/counts", "application/json")],
)  # fmt: skip
async def test_every_part_comes_with_a_policy_that_lets_nothing_else_in(client: Client, path: str, kind: str) -> None:
    response = await client.get(path)
    assert (response.status, response.content_type) == (200, kind)
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert not re.search(r"https?:", policy)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_refers_to_nothing_outside_and_writes_no_html() -> None:
    texts = {file.name: file.read_text() for file in PAGES.glob("page.*")}
    assert set(texts) == {"page.html", "page.js", "page.css"}
    assert set(re.findall(r"(?:src|href)=\"([^\"]*)\"", texts["page.html"])) == {
        "data:,",
        "/.page/page.css",
        "/.page/page.js",
    }
    assert re.findall(r"https?://[^\"]*", "".join(texts.values())) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in texts["page.css"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", texts["page.js"])
    assert not re.search(r"\son[a-z]+=|style=|<script>|<style>", texts["page.html"])


async def test_it_tells_the_bundle_as_soon_as_it_is_read(server: ModelServer, client: Client) -> None:
    before = await (await client.get("/.page/bundle")).json()
    assert before == {"model": "churn", "revision": "churn-1", "bundle": None}
    await server.start()
    told = (await (await client.get("/.page/bundle")).json())["bundle"]
    assert told["classes"] == ["leave", "stay"]
    assert [tensor["name"] for tensor in told["signature"]["inputs"]] == ["income", "visits", "region"]
    assert told["golden"][0]["request"]["inputs"][0]["name"] == "income"
    assert set(told["known"]["region"]) == {"north", "south"}
    assert sum(told["reference"]["income"]) == told["referenceRows"] == 200
    assert len(told["sha256"]) == 64


async def test_it_counts_what_is_asked_while_it_is_looked_at(server: ModelServer, client: Client) -> None:
    told = await (await client.get("/.page/counts")).json()
    assert (told["state"], told["rows"], told["meanSeconds"]) == ("Loading", 0, None)
    await server.start()
    await client.post("/v2/models/churn/infer", json=request(3))
    await client.post("/v2/models/churn/infer", json={})
    told = await (await client.get("/.page/counts")).json()
    assert told["outcomes"] == {"ok": 1, "invalid": 1, "failed": 0}
    assert (told["state"], told["rows"]) == ("Ready", 3)
    assert sum(told["inputs"]["income"]["counts"]) == 3
    assert told["meanSeconds"] > 0


async def test_a_bundle_that_fails_says_why(settings: Callable[..., Settings], tmp_path: Path) -> None:
    server = ModelServer(settings(bundle=tmp_path, page=True))
    await server.start()
    async with door_client(server) as client:
        assert (await client.get("/")).status == 200
        told = await (await client.get("/.page/counts")).json()
    assert (told["state"], told["reason"]) == ("Failed", "NotABundle")


async def test_without_it_the_paths_are_nobodys(settings: Callable[..., Settings]) -> None:
    async with door_client(ModelServer(settings())) as client:
        for path in ("/", "/.page/page.js", "/.page/bundle", "/.page/counts"):
            assert (await client.get(path)).status == 404


def test_neither_the_environment_nor_a_pods_command_asks_for_it() -> None:
    given = {"bundle": "b", "model": "m", "revision": "r"}
    assert not read_settings(given, {"WEIRKEEPER_PAGE": "true", "PAGE": "true"}).page
    program = "from weirkeeper_server.cli import main; main(['serve', '--help'])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "page" not in told.stdout

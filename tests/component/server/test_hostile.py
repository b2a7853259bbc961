"""The adversarial corpus, from the init container to the server: all of it refused, none of it half loaded."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.hostile import HOSTILE, URIS, Hostile, trace_of
from weirkeeper_server.cli import main
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import Settings

MOST_MEMORY = 1536 * 2**20
"""Bytes that a process may grow by while it refuses something: none of the corpus is that large."""


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def fetch(uri: str, volume: Path, destination: Path) -> tuple[int, dict[str, Any]]:
    report = destination.parent / "report"
    arguments = ["fetch", "--uri", uri, "--mounted", str(volume), "--destination", str(destination)]
    status = main([*arguments, "--termination-log", str(report)])
    return status, json.loads(report.read_text())


def refusal(uri: str, volume: Path, destination: Path) -> tuple[str, str]:
    """Reason and message, of the init container or else of the server; none of it leaves anything to predict with."""
    status, report = fetch(uri, volume, destination)
    if status:
        assert status == 1
        assert [path.name for path in destination.iterdir() if path.name != ".incoming"] == []
        return report["reason"], report["message"]
    settings = {"bundle": destination, "model": "churn", "revision": "churn-1"}
    server = asyncio.run(_started(Settings.model_validate(settings)))
    assert (server.state, server.ready, server._predictor) == ("Failed", False, None)
    return server.reason, server.message


async def _started(settings: Settings) -> ModelServer:
    server = ModelServer(settings)
    await server.start()
    server.close()
    return server


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A volume and a destination."""
    for name in ("volume", "model"):
        (tmp_path / name).mkdir()
    return tmp_path / "volume", tmp_path / "model"


@pytest.mark.parametrize("hostile", HOSTILE, ids=str)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_artifact_is_refused_with_a_clear_reason(
    hostile: Hostile, bundle_folder: Path, places: tuple[Path, Path], tmp_path: Path
) -> None:
    volume, destination = places
    path = hostile.place(volume, bundle_folder)
    outside = {"volume", "model", "report", "secret"}
    reason, message = refusal(f"pvc://models/{path}", volume, destination)
    assert reason in hostile.reasons, message
    assert 20 < len(message) < 1000
    assert "Traceback" not in message
    assert message.isprintable()
    assert {entry.name for entry in tmp_path.iterdir()} <= outside
    assert not trace_of(volume).exists()


@pytest.mark.parametrize("uri", URIS, ids=lambda uri: repr(uri[:60]))
def test_a_hostile_uri_is_not_followed(uri: str, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIRKEEPER_ALLOWED_HOSTS", '["*"]')
    status, report = fetch(uri, *places)
    assert (status, report["reason"]) == (1, URIS[uri]), report["message"]
    assert 20 < len(report["message"]) < 1000


def test_what_is_good_passes_the_same_way(bundle_folder: Path, places: tuple[Path, Path]) -> None:
    assert fetch("pvc://models/", bundle_folder, places[1])[0] == 0


def test_the_init_container_needs_none_of_the_models_libraries() -> None:
    heavy = ("numpy", "sklearn", "skops", "pandas", "onnxruntime", "botocore", "google.auth", "azure")
    code = f"import sys, weirkeeper_server.fetching.command; print([n for n in {heavy!r} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"

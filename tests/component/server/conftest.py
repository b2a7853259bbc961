from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.component.server.fetches import Handler, Serve, listen
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import maker


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that was verified in a process of its own, as its owner's would be."""
    return maker.bundle(fitted(), rows(), path=tmp_path_factory.mktemp("bundles") / "churn")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return folder / "both.pem"


@pytest.fixture
async def https(certificate: Path) -> AsyncIterator[Serve]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    runners: list[web.AppRunner] = []

    async def serve(handler: Handler) -> int:
        runners.append(await listen(handler, tls))
        return int(runners[-1].addresses[0][1])

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def serve(handler: Handler) -> int:
        runners.append(await listen(handler, None))
        return int(runners[-1].addresses[0][1])

    yield serve
    for runner in runners:
        await runner.cleanup()

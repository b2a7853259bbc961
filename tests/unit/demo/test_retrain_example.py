"""The program of examples/retrain: what it reads, packs and signs; the cluster's tests run all of it."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from demo.names import ROOT
from weirkeeper_server.fetching.archive import bundle_root, unpack
from weirkeeper_server.fetching.landing import DEFAULT_CAPS, Landing

SINCE = "2026-11-30T01:00:00Z"


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("retrain_example", ROOT / "examples" / "retrain" / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labelled(rows: int, time: str) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"tenure": random.normal(size=rows), "spend": random.normal(size=rows)})
    return frame.assign(label=np.where(frame["tenure"] + frame["spend"] > 0, "stay", "leave"), time=time)


def test_it_trains_on_the_rows_since_the_window_alone(train: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    old, new = labelled(1000, "2026-11-30T00:59:59+00:00"), labelled(400, "2026-11-30T01:00:00+00:00")
    pd.concat([old, new]).to_csv(source, index=False)
    found = train.new_rows(str(source), SINCE)
    assert (len(found), list(found.columns)) == (400, ["tenure", "spend", "label"])
    old.to_csv(source, index=False)
    with pytest.raises(SystemExit, match="0 labelled rows since"):
        train.new_rows(str(source), SINCE)


def test_a_server_takes_the_archive_that_it_makes(train: ModuleType, tmp_path: Path) -> None:
    folder = train.bundled(labelled(400, SINCE).drop(columns="time"), tmp_path / "bundle")
    (tmp_path / "landing").mkdir()
    unpack(train.archived(folder), Landing(tmp_path / "landing", DEFAULT_CAPS))
    landed = bundle_root(tmp_path / "landing")
    assert {path.name for path in landed.iterdir()} == {path.name for path in folder.iterdir()}
    assert all((landed / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())


class Store(BaseHTTPRequestHandler):
    """Keeps what is put into it."""

    puts: list[tuple[str, Any, bytes]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.puts.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[str]:
    Store.puts = []
    server = HTTPServer(("127.0.0.1", 0), Store)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_it_uploads_is_signed(
    train: ModuleType, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "ENDPOINT_URL": store}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(b"bundle")
    train.upload(file, "s3://models/churn/1.tar.gz")
    ((path, headers, body),) = Store.puts
    assert (path, body) == ("/models/churn/1.tar.gz", b"bundle")
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
    assert headers["X-Amz-Content-SHA256"] in {hashlib.sha256(b"bundle").hexdigest(), "UNSIGNED-PAYLOAD"}

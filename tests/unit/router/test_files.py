from __future__ import annotations

import json
from pathlib import Path

import pytest

from weirkeeper.router import RouterOptions, bootstrap
from weirkeeper.router.files import EnvoyFiles, replace_file


def test_bootstrap_never_blanks_what_a_router_has(tmp_path: Path) -> None:
    options = RouterOptions("team-a", "router-1", tmp_path)
    files = EnvoyFiles(tmp_path)
    bootstrap(options)
    for path in (files.routes, files.clusters):
        replace_file(path, {"version_info": "7", "resources": []})
    bootstrap(RouterOptions("team-a", "router-1", tmp_path, http_port=9090))
    for path in (files.routes, files.clusters):
        assert json.loads(path.read_text())["version_info"] == "7"
    assert "9090" in files.bootstrap.read_text()


def test_the_admin_port_stays_on_loopback(tmp_path: Path) -> None:
    bootstrap(RouterOptions("team-a", "router-1", tmp_path))
    written = json.loads(EnvoyFiles(tmp_path).bootstrap.read_text())
    assert written["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9901}


def test_a_file_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    replace_file(path, {"version": 1})
    with pytest.raises(TypeError):
        replace_file(path, {"version": object()})
    assert json.loads(path.read_text()) == {"version": 1}
    assert list(tmp_path.iterdir()) == [path]

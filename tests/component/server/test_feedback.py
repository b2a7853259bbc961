"""Labels and real server processes: any replica counts any token, keys rotate under way, a restart forgets repeats."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.component.server.processes import Server
from tests.unit.server.churn import request
from weirkeeper.client.connection import Connection, address_of
from weirkeeper.runtime.cli import main

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
WAIT_SECONDS = 60.0


def mounted(folder: Path, **keys: bytes) -> Path:
    """Change a Secret's files as kubelet does: a new folder, then one link that is changed for another."""
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir(parents=True)
    for name, key in keys.items():
        (version / name).write_bytes(key)
    new = folder / "..new"
    new.symlink_to(version.name)
    new.rename(folder / "..data")
    for name in ("current", "previous"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    return folder


def replica(bundle: Path, log: Path, keys: Path) -> Server:
    return Server(bundle, log, environment={"WEIRKEEPER_FEEDBACK": json.dumps({"keys": str(keys)})})


def token(server: Server) -> str:
    body = json.dumps(request()).encode()
    headers = {"Content-Type": "application/json"}
    url = f"http://127.0.0.1:{server.http}/v2/models/churn/infer"
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as response:
        return str(json.loads(response.read())["parameters"]["feedback_token"])


def count(server: Server, *tokens: str, label: str = "stay") -> dict[str, Any]:
    items = [{"token": one, "labels": [label]} for one in tokens]
    return dict(Connection(address_of("churn", f"http://127.0.0.1:{server.http}"), 30.0).feedback(items))


def counted(server: Server) -> dict[str, int]:
    found: dict[str, int] = {}
    for revision, _, table in server.evidence["labels"]["slots"]:
        found[revision] = found.get(revision, 0) + table["rows"]
    return found


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_replica_counts_what_another_answered(bundle_folder: Path, tmp_path: Path) -> None:
    keys = mounted(tmp_path / "keys", current=OLD)
    with replica(bundle_folder, tmp_path / "1", keys) as first, replica(bundle_folder, tmp_path / "2", keys) as second:
        first.wait_for("Ready")
        second.wait_for("Ready")
        given = token(first)
        assert count(second, given)["counted"] == 1
        assert counted(second) == {f"churn-{first.http}": 1}
        assert count(second, given)["reasons"] == {"Repeated": 1}
        assert count(first, given)["counted"] == 1, "a replica knows its own repeats alone"


def test_keys_rotate_under_way(bundle_folder: Path, tmp_path: Path) -> None:
    keys = mounted(tmp_path / "keys", current=OLD)
    with replica(bundle_folder, tmp_path / "1", keys) as server:
        server.wait_for("Ready")
        before = [token(server) for _ in range(2)]
        identifier = before[0][:6]
        mounted(keys, current=NEW, previous=OLD)
        wait_until(lambda: token(server)[:6] != identifier)
        assert count(server, before[0])["counted"] == 1
        mounted(keys, current=NEW)
        wait_until(lambda: count(server, before[1], label="nothing")["reasons"] == {"UnknownKey": 1})


def test_without_keys_a_server_serves_and_takes_them_up_when_they_come(bundle_folder: Path, tmp_path: Path) -> None:
    with replica(bundle_folder, tmp_path / "1", tmp_path / "keys") as server:
        server.wait_for("Ready")
        assert server.get("/v2")[1]["feedback"] == "no tokens: the Secret has no key 'current'"
        mounted(tmp_path / "keys", current=OLD)
        wait_until(lambda: "feedback" in server.get("/v2")[1]["extensions"])
        assert count(server, token(server))["counted"] == 1


def test_a_restart_forgets_repeats_and_starts_its_counts_anew(bundle_folder: Path, tmp_path: Path) -> None:
    keys = mounted(tmp_path / "keys", current=OLD)
    with replica(bundle_folder, tmp_path / "1", keys) as server:
        server.wait_for("Ready")
        given = token(server)
        assert count(server, given)["counted"] == 1
        cursor = server.evidence["labels"]["cursor"]
    with replica(bundle_folder, tmp_path / "2", keys) as again:
        again.wait_for("Ready")
        assert counted(again) == {}
        assert count(again, given)["counted"] == 1
        told = again.get(f"/evidence?labels={cursor}", again.evidence_port)[1]["labels"]
        assert len(told["slots"]) == 1, "a cursor of another process hides nothing"


def test_the_command_sends_a_file_to_a_server(bundle_folder: Path, tmp_path: Path) -> None:
    keys = mounted(tmp_path / "keys", current=os.urandom(32))
    with replica(bundle_folder, tmp_path / "1", keys) as server:
        server.wait_for("Ready")
        file = tmp_path / "labels.csv"
        lines = [f"{token(server)},{label},{value}" for label, value in (("stay", 2.5), ("leave", ""), ("gone", 1))]
        file.write_text("\n".join(["token,label,value", *lines]) + "\n")
        assert main(["feedback", "churn", str(file), "--url", f"http://127.0.0.1:{server.http}"]) == 3
        ((_, _, table),) = server.evidence["labels"]["slots"]
        assert (table["rows"], table["valued"], table["sums"]["value"]) == (2, 1, 2.5)

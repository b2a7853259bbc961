"""The init container's work on what kubelet mounts, from the command line to its report."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import artifacts, onnx_models
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.cli import main
from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import BundleError

Fetch = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    (folder := tmp_path / "model").mkdir()
    return folder


@pytest.fixture
def fetch(tmp_path: Path, destination: Path) -> Fetch:
    def run(uri: str, mounted: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
        report = tmp_path / "termination-log"
        command = ["fetch", "--uri", uri, "--mounted", str(mounted), "--destination", str(destination)]
        status = main([*command, "--termination-log", str(report), *arguments])
        return status, json.loads(report.read_text())

    return run


@pytest.fixture
def volume(bundle_folder: Path, tmp_path: Path) -> Path:
    """A claim with the bundle as a folder and as archives."""
    (root := tmp_path / "volume").mkdir()
    shutil.copytree(bundle_folder, root / "churn" / "7")
    (root / "churn.tar.gz").write_bytes(artifacts.archive_of(bundle_folder))
    (root / "nested.tgz").write_bytes(artifacts.archive_of(bundle_folder, top="churn-7"))
    shutil.make_archive(str(root / "churn"), "zip", bundle_folder)
    return root


@pytest.mark.parametrize("path", ["churn/7", "churn/7/", "churn.tar.gz", "nested.tgz", "churn.zip"])
def test_a_bundle_arrives_verified_and_whole(fetch: Fetch, volume: Path, destination: Path, path: str) -> None:
    expected = digest_of(volume / path)
    status, report = fetch(f"pvc://models/{path}", volume, "--sha256", expected)
    assert status == 0
    assert report["sha256"] == expected
    assert report["files"] == 5
    assert read_bundle(destination).sha256 == expected
    copies = [file for file in destination.iterdir() if not file.is_symlink()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in copies} == {0o444}


def test_a_claims_folder_is_not_copied_and_what_is_loaded_is_what_was_hashed(
    fetch: Fetch, volume: Path, destination: Path
) -> None:
    assert fetch("pvc://models/churn/7", volume)[0] == 0
    assert {file.name for file in destination.iterdir() if not file.is_symlink()} == {".fetched.json"}
    assert all(file.resolve().parent == volume / "churn" / "7" for file in destination.iterdir() if file.is_symlink())
    assert read_bundle(destination).sha256 == digest_of(volume / "churn/7")
    with (volume / "churn/7/golden.json").open("a") as golden:
        golden.write(" ")
    with pytest.raises(BundleError, match="are not those that were fetched and verified") as refused:
        read_bundle(destination)
    assert refused.value.reason == "ModelLoadFailed"


def test_files_for_another_server_need_be_no_bundle_and_are_verified_all_the_same(
    fetch: Fetch, destination: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "volume" / "own").mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"\x80\x04whatever its server reads")
    expected = digest_of(folder)
    assert fetch("pvc://models/own", folder.parent)[1]["reason"] == "PickleRefused"
    status, report = fetch("pvc://models/own", folder.parent, "--any-files", "--sha256", expected)
    assert (status, report["sha256"]) == (0, expected)
    assert (destination / "model.joblib").read_bytes() == (folder / "model.joblib").read_bytes()
    status, report = fetch("pvc://models/own", folder.parent, "--any-files", "--sha256", "0" * 64)
    assert (status, report["reason"]) == (1, "DigestMismatch")


def test_a_config_map_is_read_through_kubelets_links(
    fetch: Fetch, bundle_folder: Path, destination: Path, tmp_path: Path
) -> None:
    (mounted := tmp_path / "config").mkdir()
    shutil.copytree(bundle_folder, mounted / "..2026_11_21")
    (mounted / "..data").symlink_to("..2026_11_21")
    for file in bundle_folder.iterdir():
        (mounted / file.name).symlink_to(Path("..data") / file.name)
    status, report = fetch("configmap://churn-v1", mounted)
    assert (status, report["sha256"]) == (0, digest_of(bundle_folder))
    assert read_bundle(destination).sha256 == digest_of(bundle_folder)


def test_a_second_try_begins_anew(fetch: Fetch, volume: Path, destination: Path) -> None:
    (destination / ".incoming").mkdir()
    (destination / ".incoming" / "half").touch()
    (destination / "model.skops").touch()
    assert fetch("pvc://models/churn/7", volume)[0] == 0
    assert fetch("pvc://models/churn.zip", volume)[0] == 0
    assert not (destination / ".incoming").exists()


def test_another_digest_than_the_models_is_refused(fetch: Fetch, volume: Path, destination: Path) -> None:
    status, report = fetch("pvc://models/churn/7", volume, "--sha256", "0" * 64)
    assert (status, report["reason"]) == (1, "DigestMismatch")
    assert digest_of(volume / "churn/7") in report["message"]
    assert not (destination / "model.skops").exists()


def test_other_bytes_than_the_first_pod_saw_are_refused(fetch: Fetch, volume: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin"
    assert fetch("pvc://models/churn/7", volume, "--pin-file", str(pin))[0] == 0
    pin.write_text(digest_of(volume / "churn/7") + "\n")
    assert fetch("pvc://models/churn/7", volume, "--pin-file", str(pin))[0] == 0
    (volume / "churn/7/golden.json").write_text("[]")
    status, report = fetch("pvc://models/churn/7", volume, "--pin-file", str(pin))
    assert (status, report["reason"]) == (1, "ArtifactChanged")
    assert "use a new path or digest" in report["message"]


def test_a_pickle_is_refused_under_its_own_name_and_under_another(fetch: Fetch, volume: Path, tmp_path: Path) -> None:
    trace = tmp_path / "opened"
    evil = artifacts.evil_pickles(trace)
    (pickles := volume / "pickles").mkdir()
    (pickles / "model.pkl").write_bytes(evil["protocol 5"])
    assert fetch("pvc://models/pickles", volume)[1]["reason"] == "PickleRefused"
    for content in evil.values():
        (volume / "churn/7/model.skops").write_bytes(content)
        assert fetch("pvc://models/churn/7", volume)[1]["reason"] == "PickleRefused"
    assert not trace.exists()


@pytest.mark.parametrize(
    ("uri", "reason", "message"),
    [
        ("pvc://models/churn/8", "Unreachable", "does not exist in the volume"),
        ("pvc://models/empty", "NotABundle", "lacks; the folder holds nothing"),
        ("pvc://models/note.txt", "NotABundle", "is a file; give a folder"),
        ("pvc://models/outside", "UnsafeArchive", "a link that leads out of the volume"),
        ("pvc://models/linked", "UnsafeArchive", "a link that leads out of the volume"),
        ("pvc://models/evil.tar.gz", "UnsafeArchive", "would lie outside the folder"),
        ("pvc://models/../../etc", "HostNotAllowed", "leads upwards"),
        ("file:///etc/passwd", "HostNotAllowed", "scheme 'file' is not allowed"),
        ("https://models.example.org/churn.zip", "HostNotAllowed", "not on the platform's list"),
    ],
)
def test_what_cannot_be_had_is_told_with_its_reason(
    fetch: Fetch, volume: Path, tmp_path: Path, uri: str, reason: str, message: str
) -> None:
    (tmp_path / "secret").write_text("secret")
    (volume / "empty").mkdir()
    (volume / "note.txt").touch()
    (volume / "outside").symlink_to(tmp_path)
    (volume / "linked").mkdir()
    (volume / "linked" / "model.yaml").symlink_to(tmp_path / "secret")
    (volume / "evil.tar.gz").write_bytes(artifacts.tar_with(name="../escaped"))
    status, report = fetch(uri, volume)
    assert (status, report["reason"]) == (1, reason)
    assert message in report["message"]


def test_settings_that_mean_nothing_are_a_wrong_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], destination: Path
) -> None:
    monkeypatch.setenv("WEIRKEEPER_ALLOWED_HOSTS", "models.example.org")
    assert main(["fetch", "--uri", "pvc://models/churn", "--destination", str(destination)]) == 2
    assert "give a JSON list of host names" in capsys.readouterr().err


def test_an_onnx_model_is_fetched_and_a_pickle_in_its_place_is_not(
    fetch: Fetch, volume: Path, destination: Path, tmp_path: Path
) -> None:
    (volume / "churn/7/model.skops").unlink()
    (volume / "churn/7/model.onnx").write_bytes(onnx_models.linear().SerializeToString())
    assert fetch("pvc://models/churn/7", volume)[0] == 0
    assert (destination / "model.onnx").read_bytes() == (volume / "churn/7/model.onnx").read_bytes()
    (volume / "churn/7/model.onnx").write_bytes(artifacts.evil_pickles(tmp_path / "opened")["gzip"])
    status, report = fetch("pvc://models/churn/7", volume)
    assert (status, report["reason"]) == (1, "PickleRefused")
    assert not (tmp_path / "opened").exists()

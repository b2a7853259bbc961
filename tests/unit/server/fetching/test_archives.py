"""Archives that must not be unpacked, and what of them is on the disk afterwards: nothing outside."""

from __future__ import annotations

import random
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus import artifacts
from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching import archive
from weirkeeper_server.fetching.archive import bundle_root, unpack
from weirkeeper_server.fetching.landing import Caps, Landing


def unpacked(tmp_path: Path, content: bytes, name: str = "archive.tar.gz", caps: Caps | None = None) -> Path:
    folder = tmp_path / "volume" / "landing"
    folder.mkdir(parents=True)
    file = tmp_path / name
    file.write_bytes(content)
    unpack(file, Landing(folder, caps or Caps()))
    return folder


def everything_below(tmp_path: Path) -> set[str]:
    return {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()}


def test_plain_files_are_unpacked_and_may_only_be_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.yaml").write_text("runtime: ScikitLearn")
    folder = unpacked(tmp_path, artifacts.archive_of(source, top="churn"))
    assert (bundle_root(folder) / "model.yaml").read_text() == "runtime: ScikitLearn"
    assert stat.S_IMODE((folder / "churn" / "model.yaml").stat().st_mode) == 0o444


@pytest.mark.parametrize("kind", ["--format=gnu", "--format=posix"])
def test_an_archive_of_a_folder_as_tar_makes_it_is_unpacked(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.yaml").write_text("runtime: Sklearn")
    command = ["tar", kind, "-czf", str(tmp_path / "made.tar.gz"), "-C", str(source), "."]
    subprocess.run(command, check=True)
    folder = unpacked(tmp_path, (tmp_path / "made.tar.gz").read_bytes())
    assert [path.name for path in folder.iterdir()] == ["model.yaml"]


@pytest.mark.parametrize("make", [artifacts.tar_with, artifacts.zip_with])
def test_a_bundles_shortcut_is_no_archive_within_the_archive(tmp_path: Path, make: Callable[..., bytes]) -> None:
    suffix = ".zip" if make is artifacts.zip_with else ".tar.gz"
    folder = unpacked(tmp_path, make(name="churn/shortcut.zip"), f"archive{suffix}")
    assert (folder / "churn" / "shortcut.zip").is_file()


@pytest.mark.parametrize("kind", artifacts.TAR_MEMBERS)
def test_a_tar_member_that_is_no_plain_file_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FetchError, match="member ") as refused:
        unpacked(tmp_path, artifacts.tar_with(**artifacts.TAR_MEMBERS[kind]))
    assert refused.value.reason == "UnsafeArchive"
    assert everything_below(tmp_path) == {"archive.tar.gz", "volume/landing/model.yaml"}


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (target := tmp_path / "target").mkdir()
    with pytest.raises(FetchError, match="'inside' is a link"):
        unpacked(tmp_path, artifacts.tar_through_link(target))
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("../escaped", stat.S_IFREG | 0o644),
        ("/escaped", stat.S_IFREG | 0o644),
        ("a/../../escaped", stat.S_IFREG | 0o644),
        ("C:\\escaped", stat.S_IFREG | 0o644),
        ("link", stat.S_IFLNK | 0o777),
        ("device", stat.S_IFCHR | 0o644),
        ("program", stat.S_IFREG | 0o4755),
        ("inner.zip", stat.S_IFREG | 0o644),
        (".incoming/x", stat.S_IFREG | 0o644),
    ],
)
def test_a_zip_member_that_is_no_plain_file_is_refused(tmp_path: Path, name: str, mode: int) -> None:
    with pytest.raises(FetchError, match="member ") as refused:
        unpacked(tmp_path, artifacts.zip_with(name, mode), "archive.zip")
    assert refused.value.reason == "UnsafeArchive"
    assert everything_below(tmp_path) == {"archive.zip"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="two members are named") as refused:
        unpacked(tmp_path, artifacts.duplicated_names(), "archive.zip")
    assert refused.value.reason == "UnsafeArchive"


@pytest.mark.parametrize(("caps", "message"), [(Caps(max_bytes=99), "more than 99 bytes"), (Caps(max_files=0), "more")])
def test_caps_hold_whatever_the_headers_say(tmp_path: Path, caps: Caps, message: str) -> None:
    with pytest.raises(FetchError, match=message) as refused:
        unpacked(tmp_path, artifacts.zip_with("big", content=bytes(100)), "archive.zip", caps)
    assert refused.value.reason == "TooLarge"


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "RATIO_COUNTS_FROM", 2**20)
    with pytest.raises(FetchError, match="more than 200 times its size") as refused:
        unpacked(tmp_path, artifacts.zip_with("zeros", content=bytes(8 * 2**20)), "archive.zip")
    assert refused.value.reason == "TooLarge"


@pytest.mark.parametrize("name", ["archive.tar", "archive.tar.gz", "archive.zip"])
def test_what_is_no_archive_is_no_bundle(tmp_path: Path, name: str) -> None:
    with pytest.raises(FetchError, match="the archive cannot be read") as refused:
        unpacked(tmp_path, random.Random(1).randbytes(2000), name)
    assert refused.value.reason == "NotABundle"


def test_a_truncated_archive_is_no_bundle(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "model.yaml").write_bytes(random.Random(1).randbytes(5000))
    with pytest.raises(FetchError, match="the archive cannot be read"):
        unpacked(tmp_path, artifacts.archive_of(source)[:3000])

"""What the build makes of the C: the same bytes anywhere, a wheel for one architecture, the compiler's words."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hatch_build
from hatch_build import CompilationFailed

ROOT = Path(hatch_build.__file__).parent
FOLDER = ROOT / hatch_build.FOLDER
HERE = os.uname().machine if sys.platform == "linux" else ""
ON_LINUX = pytest.mark.skipif(HERE not in hatch_build.PROCESSORS, reason="nothing is compiled for this machine")
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
INPUTS = ("hatch_build.py", "pyproject.toml", "README.md", "LICENSE", "operator/src", "model-server/src")
"""What the Dockerfiles copy for it."""


def copied(tmp_path: Path) -> Path:
    for path in [*FOLDER.glob("*.c"), *FOLDER.glob("*.h")]:
        shutil.copy(path, tmp_path)
    return tmp_path


@ON_LINUX
def test_the_same_sources_give_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    """By a compiler that keeps nothing of before, in another folder."""
    name = next(iter(hatch_build.PROCESSORS[HERE]))
    (tmp_path / "sources").mkdir()
    environment = {**os.environ, hatch_build.CACHE: str(tmp_path / "cache")}
    made = hatch_build.compile_one(copied(tmp_path / "sources"), name, HERE, environment)
    assert made.read_bytes() == (FOLDER / made.name).read_bytes()


@pytest.mark.parametrize("architecture", sorted(hatch_build.PROCESSORS))
def test_each_architecture_is_compiled_for(tmp_path: Path, architecture: str) -> None:
    """Also the one that this machine is not: a warning there fails here."""
    (tmp_path / hatch_build.FOLDER).mkdir(parents=True)
    copied(tmp_path / hatch_build.FOLDER)
    paths = hatch_build.compile_all(tmp_path, architecture)
    assert [path.name for path in paths] == [f"kernels-{name}.so" for name in hatch_build.PROCESSORS[architecture]]
    for path in paths:
        assert struct.unpack_from("<H", path.read_bytes(), 18) == (ELF_MACHINES[architecture],)


@ON_LINUX
def test_what_is_there_is_compiled_again_when_a_source_changed_and_not_before(tmp_path: Path) -> None:
    name = next(iter(hatch_build.PROCESSORS[HERE]))
    folder = copied(tmp_path)
    first = hatch_build.compile_one(folder, name, HERE, os.environ).stat()
    assert hatch_build.compile_one(folder, name, HERE, os.environ).stat().st_ino == first.st_ino
    with (folder / "library.h").open("a") as header:
        header.write("// more\n")
    assert hatch_build.compile_one(folder, name, HERE, os.environ).stat().st_ino != first.st_ino
    assert not list(folder.glob(".*"))


@ON_LINUX
def test_a_mistake_is_told_in_the_compilers_words(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text("int wrong(int unused) { return 0; }\n")
    with pytest.raises(CompilationFailed, match=r"wrong\.c:1:15: error: unused parameter 'unused'"):
        hatch_build.compile_one(tmp_path, next(iter(hatch_build.PROCESSORS[HERE])), HERE, os.environ)
    assert not list(tmp_path.glob("*.so"))


def test_the_compilers_cache_is_kept_where_that_can_be_written_and_otherwise_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler never comes to an end where it cannot make its folder."""
    monkeypatch.delenv(hatch_build.CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with hatch_build.cache() as environment:
        assert environment[hatch_build.CACHE] == str(tmp_path / "weirkeeper" / "zig")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")
    with hatch_build.cache() as environment:
        once = Path(environment[hatch_build.CACHE])
        assert once.is_dir()
    assert not once.exists()
    monkeypatch.setenv(hatch_build.CACHE, str(tmp_path))
    with hatch_build.cache() as environment:
        assert environment[hatch_build.CACHE] == str(tmp_path)


@ON_LINUX
def test_the_wheel_is_for_this_architecture_and_brings_its_libraries_without_sources(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in INPUTS:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(source)], check=True)
    (path,) = tmp_path.glob("*.whl")
    assert path.stem.split("-")[2:] == ["py3", "none", f"manylinux_2_17_{HERE}"]
    with zipfile.ZipFile(path) as wheel:
        compiled = {name.rpartition("/")[2]: name for name in wheel.namelist() if "/compiled/" in name}
        libraries = {f"kernels-{name}.so" for name in hatch_build.PROCESSORS[HERE]}
        assert set(compiled) == libraries | {module.name for module in FOLDER.glob("*.py")}
        for name in libraries:
            content = wheel.read(compiled[name])
            assert content == (FOLDER / name).read_bytes()
            assert b".debug_" not in content
        (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/WHEEL"))
        assert b"Root-Is-Purelib: false" in wheel.read(metadata)

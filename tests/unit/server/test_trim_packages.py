"""What the image leaves out of its libraries."""

from __future__ import annotations

import ctypes
import importlib
import runpy
import shutil
from pathlib import Path

import pytest

from weirkeeper import compiled
from weirkeeper.compiled.library import LIBRARY, VERSION

PROGRAM = Path(__file__).parents[3] / "model-server" / "trim_packages.py"
PARTS = runpy.run_path(str(PROGRAM))
trim, cut_symbols = PARTS["trim"], PARTS["cut_symbols"]

KEPT = (
    "numpy/core.py",
    "numpy/testing/private.py",
    "sklearn/tree/_tree.so",
    "onnxruntime/capi/onnxruntime_pybind11_state.so",
    "botocore/auth.py",
    "azure/storage/blob/_generated/models.py",
    "_cffi_backend.so",
    "tests/module.py",
)
LEFT_OUT = (
    "sklearn/tests/test_base.py",
    "sklearn/tree/tests/deep/data.csv",
    "sklearn/tree/_tree.pyx",
    "numpy/core.pyi",
    "onnxruntime/capi/libonnxruntime.so.1.32.0",
    "botocore/data/ec2/2016/service.json.gz",
    "botocore/data/endpoints.json",
    "azure/storage/blob/aio/_models.py",
    "cffi/api.py",
    "pydantic/v1/main.py",
    "numpy-2.4.6.dist-info/RECORD",
    "skops/card/_model_card.py",
    "wcwidth/table_wide.py",
    "pip/__main__.py",
    "pip-26.1.dist-info/METADATA",
)


def test_leaves_out_what_no_server_reads_and_nothing_else(tmp_path: Path) -> None:
    for name in KEPT + LEFT_OUT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    trim(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(KEPT)


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    with pytest.raises(SystemExit, match="has no numpy"):
        trim(tmp_path)
    assert (tmp_path / "tests").is_dir()


def test_a_library_is_cut_to_what_is_loaded_of_it_and_still_loads(tmp_path: Path) -> None:
    """What is cut is a file of its own: others may have linked, and mapped, the one that was there."""
    original = Path(str(importlib.import_module("numpy._core._multiarray_umath").__file__))
    library, elsewhere = tmp_path / original.name, tmp_path / "cache"
    elsewhere.write_bytes(original.read_bytes() + b"symbols for debuggers")
    library.hardlink_to(elsewhere)
    cut_symbols(library)
    assert elsewhere.read_bytes().endswith(b"symbols for debuggers")
    assert library.stat().st_size < elsewhere.stat().st_size
    ctypes.CDLL(str(library))


def test_a_library_that_two_packages_bring_is_kept_once_and_loads_from_either(tmp_path: Path) -> None:
    """Of the same name alone, one is another's."""
    original = Path(str(importlib.import_module("numpy._core._multiarray_umath").__file__))
    paths = [tmp_path / "site" / package / "lib.so" for package in ("numpy", "numpy.libs", "scipy.libs", "a.libs")]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(original.read_bytes())
    paths[-1].write_bytes(b"another")
    trim(tmp_path / "site")
    moved = (tmp_path / "site").rename(tmp_path / "elsewhere")
    assert [(moved / path.parent.name / path.name).is_symlink() for path in paths] == [False, False, True, False]
    ctypes.CDLL(str(moved / "scipy.libs" / "lib.so"))


@pytest.mark.parametrize("content", [b"", b"GROUP ( libgcc_s.so.1 )", b"\x7fELF\x01\x01" + bytes(200)])
def test_files_of_other_formats_are_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "libother.so").write_bytes(content)
    cut_symbols(tmp_path / "libother.so")
    assert (tmp_path / "libother.so").read_bytes() == content


@pytest.mark.skipif(LIBRARY is None, reason="nothing is compiled for this machine")
def test_the_libraries_of_the_project_still_load_when_they_are_cut(tmp_path: Path) -> None:
    """The image gets the package after its libraries were cut; an environment that is cut whole works, too."""
    for original in Path(compiled.__file__).parent.glob("*.so"):
        library = tmp_path / original.name
        shutil.copy(original, library)
        cut_symbols(library)
        assert library.stat().st_size < original.stat().st_size
        assert ctypes.CDLL(str(library)).weirkeeper_version() == VERSION

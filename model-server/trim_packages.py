#!/usr/bin/env python3
"""Take out of a folder of installed packages what a model server never reads; the image is built with it.

Called with a `site-packages` folder. Nothing that can be imported by a model's estimator goes: tests, sources that were
compiled, the descriptions of cloud services (requests are signed, by names and dates alone), a second copy of
onnxruntime for programs in C, and pip itself.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TESTS: Final = frozenset({"tests", "test"})
SOURCES: Final = frozenset({".a", ".c", ".cc", ".cpp", ".f90", ".h", ".hpp", ".pxd", ".pyi", ".pyx", ".tp"})
UNREAD: Final = (
    "botocore/data/*/",
    "onnx/backend/test/",
    # The module for Python has all of it inside, and is linked to nothing beside the C library.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/datasets/",
    "onnxruntime/quantization/",
    "onnxruntime/tools/",
    "onnxruntime/transformers/",
    # What installs is no part of what runs.
    "_distutils_hack/",
    "distutils-precedence.pth",
    "pip/",
    "pip-*.dist-info/",
    "pkg_resources/",
    "setuptools/",
    "setuptools-*.dist-info/",
)


def unread(packages: Path) -> Iterator[Path]:
    """List what goes: files and whole folders."""
    for pattern in UNREAD:
        yield from packages.glob(pattern)
    for path in packages.rglob("*"):
        # A package of that name itself would be somebody's library.
        inside = len(path.relative_to(packages).parts) > 1
        if inside and ((path.is_dir() and path.name in TESTS) or path.suffix in SOURCES):
            yield path


def trim(packages: Path) -> None:
    """Remove it.

    Raises:
        SystemExit: there is no package in the folder.
    """
    if not (packages / "numpy").is_dir():
        raise SystemExit(f"{packages} has no numpy in it; give the site-packages folder of a model server")
    for path in list(unread(packages)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    trim(*map(Path, sys.argv[1:]))

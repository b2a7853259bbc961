#!/usr/bin/env python3
"""Take out of a folder of installed packages what a model server never reads; the image is built with it.

Called with a `site-packages` folder. Nothing that can be imported by a model's estimator goes: tests, sources that were
compiled, the descriptions of cloud services (requests are signed, by names and dates alone), a second copy of
onnxruntime for programs in C, what draws skops' model cards, and pip itself. Of compiled libraries what no loader reads
is cut off: symbols for debuggers. Libraries that several packages bring, byte for byte
the same, are kept once.
"""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TESTS: Final = frozenset({"tests", "test"})
SOURCES: Final = frozenset({".a", ".c", ".cc", ".cpp", ".f90", ".h", ".hpp", ".pxd", ".pyi", ".pyx", ".tp"})
UNREAD: Final = (
    # Requests to clouds are signed, by names and dates alone, and sent by aiohttp.
    "azure/storage/blob/_generated/aio/",
    "azure/storage/blob/aio/",
    "botocore/cacert.pem",
    "botocore/data/",
    # cryptography is built with cffi and needs none of it afterwards; google-auth signs by cryptography.
    "cffi/",
    "pyasn1_modules/",
    "pyasn1_modules-*.dist-info/",
    "pycparser/",
    "pycparser-*.dist-info/",
    # Tests of numpy's vector instructions, and the first version of pydantic for those who have not left it.
    "numpy/_core/_simd.*.so",
    "pydantic/v1/",
    # The module for Python has all of it inside, and is linked to nothing beside the C library.
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/datasets/",
    "onnxruntime/quantization/",
    "onnxruntime/tools/",
    "onnxruntime/transformers/",
    # skops' model cards, which no server writes, draw tables.
    "prettytable/",
    "prettytable-*.dist-info/",
    "skops/card/",
    "wcwidth/",
    "wcwidth-*.dist-info/",
    "sklearn/datasets/data/",
    "sklearn/datasets/images/",
    # What installs, and what lists it, is no part of what runs.
    "*.dist-info/RECORD",
    "*.dist-info/sboms/",
    "_distutils_hack/",
    "distutils-precedence.pth",
    "pip/",
    "pip-*.dist-info/",
    "pkg_resources/",
    "setuptools/",
    "setuptools-*.dist-info/",
)


ELF_64: Final = b"\x7fELF\x02\x01"
ELF_HEADER: Final = 64
"""Bytes of the header of a library."""


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
    for library in list(packages.rglob("*.so*")):
        if library.is_file() and not library.is_symlink():
            cut_symbols(library)
    keep_once(sorted(packages.glob("*.libs/*.so*")))


def keep_once(libraries: list[Path]) -> None:
    """Let a library that is there before, byte for byte, be a link to that one; a process then loads it once, too."""
    first: dict[bytes, Path] = {}
    for library in libraries:
        other = first.setdefault(library.read_bytes(), library)
        if other is not library:
            library.unlink()
            library.symlink_to(Path("..") / other.parent.name / other.name)


def cut_symbols(library: Path) -> None:
    """Shorten a library to what is loaded of it: debuggers' symbols and the table of sections stand behind.

    Libraries of other formats than ELF for 64 bits, lowest byte first, are left alone.
    """
    data = library.read_bytes()
    if len(data) < ELF_HEADER or data[:6] != ELF_64:
        return
    (headers,) = struct.unpack_from("<Q", data, 32)
    length, count = struct.unpack_from("<HH", data, 54)
    ends = [ELF_HEADER, headers + length * count]
    for number in range(count):
        start, _, _, size = struct.unpack_from("<4Q", data, headers + number * length + 8)
        ends.append(start + size)
    if max(ends) < len(data):
        # No table of sections: place, length of an entry, entries, and which of them has the names.
        head = bytearray(data[: max(ends)])
        struct.pack_into("<Q", head, 40, 0)
        struct.pack_into("<3H", head, 58, 0, 0, 0)
        # A new file: the old one may be linked from an installer's cache, and be mapped by processes elsewhere.
        shorter = library.with_name(f"{library.name}.shorter")
        shorter.write_bytes(head)
        shutil.copymode(library, shorter)
        shorter.replace(library)


if __name__ == "__main__":
    trim(*map(Path, sys.argv[1:]))

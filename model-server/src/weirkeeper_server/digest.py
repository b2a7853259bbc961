"""The digest of an artifact: sha256 of a file, or of a folder's sorted "<sha256>  <path>" lines."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

BLOCK = 2**20


def digest_of_files(digests: Mapping[str, str]) -> str:
    """Combine files' digests, by path relative to the folder with `/` between its parts, into the folder's."""
    lines = sorted(f"{digest}  {path}\n" for path, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Read a file and give its sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, Path]:
    """Find the files of a folder by their relative paths.

    Names that begin with ".." are left out: kubelet keeps the versions of a mounted ConfigMap under such names and
    links the visible files into them.
    """
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith("..")
    }


def digest_of(path: Path) -> str:
    """Give the digest of a file or a folder.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_dir():
        return digest_of_file(path)
    return digest_of_files({name: digest_of_file(file) for name, file in files_of(path).items()})

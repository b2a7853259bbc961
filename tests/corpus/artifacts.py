"""Files that a server must refuse, each made where a test wants it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final


class Evil:
    """Unpickling it makes the file whose path it was given."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mknod, (str(self.trace),)


def evil_pickles(trace: Path) -> dict[str, bytes]:
    """Pickles in every protocol and compression that joblib reads."""
    plain = {f"protocol {number}": pickle.dumps(Evil(trace), protocol=number) for number in range(6)}
    newest = plain["protocol 5"]
    return {
        **plain,
        "gzip": gzip.compress(newest),
        "zlib": zlib.compress(newest),
        "zlib, fast": zlib.compress(newest, 1),
        "bz2": bz2.compress(newest),
    }


def skops_file(schema: object, members: Mapping[str, bytes] = {}) -> bytes:
    """A skops archive around a schema of one's own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def function_schema(module: str, name: str) -> dict[str, object]:
    """A schema whose object is a function by its name: what a forged file would call."""
    return {
        "__class__": name,
        "__module__": module,
        "__loader__": "FunctionNode",
        "protocol": 2,
        "_skops_version": "0.16.0",
    }


def duplicated_names() -> bytes:
    """A zip with two schemas: one to look at, one to load."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("second.json", "{}")
    return file.getvalue().replace(b"second.json", b"schema.json")


def swollen() -> bytes:
    """A zip with a member that unpacks to 1,000 times its size."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("zeros.npy", bytes(64 * 2**20))
    return file.getvalue()


TAR_MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "a symbolic link": {"type": tarfile.SYMTYPE, "linkname": "/etc"},
    "a hard link": {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
    "a device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "a pipe": {"type": tarfile.FIFOTYPE},
    "a set-user bit": {"mode": 0o4755},
    "a name that leads upwards": {"name": "../escaped"},
    "a name that leads upwards within": {"name": "model/../../escaped"},
    "an absolute name": {"name": "/escaped"},
    "a backslash": {"name": "..\\escaped"},
    "a drive": {"name": "C:escaped"},
    "a control character": {"name": "model\x1b[2J"},
    "an archive within": {"name": "more.tar.gz"},
}


def tar_with(**attributes: object) -> bytes:
    """A tar archive with one harmless member and one of the given kind."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member in (tarfile.TarInfo("model.yaml"), tarfile.TarInfo("member")):
            if member.name == "member":
                for attribute, value in attributes.items():
                    setattr(member, attribute, value)
            archive.addfile(member)
    return file.getvalue()


def tar_through_link(target: Path) -> bytes:
    """A tar archive with a link to a folder outside, and a file to be written through it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        link = tarfile.TarInfo("inside")
        link.type, link.linkname = tarfile.SYMTYPE, str(target)
        archive.addfile(link)
        written = tarfile.TarInfo("inside/written")
        written.size = 4
        archive.addfile(written, io.BytesIO(b"evil"))
    return file.getvalue()


def zip_with(name: str, mode: int = stat.S_IFREG | 0o644, content: bytes = b"x") -> bytes:
    """A zip archive with one member of the given name and Unix mode."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, content)
    return file.getvalue()


def archive_of(folder: Path, top: str = "") -> bytes:
    """A .tar.gz of a folder's files, within a folder `top` where that is given."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, f"{top}/{path.name}" if top else path.name)
    return file.getvalue()

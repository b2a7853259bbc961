"""Unpacking an archive that may be hostile: plain files with plain names, within bounds, and nothing else."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NoReturn

from weirkeeper.api.bundle import SHORTCUT_FILE
from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.landing import BLOCK, Landing, blocks_of, safe_name
from weirkeeper_server.fetching.uri import ARCHIVE_SUFFIXES
from weirkeeper_server.zips import ENTRY_BYTES, METHODS, directory_bytes

HIGHEST_RATIO: Final = 200
RATIO_COUNTS_FROM: Final = 16 * 2**20
SPECIAL_BITS: Final = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
NESTED_SUFFIXES: Final = (*ARCHIVE_SUFFIXES, ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
ENCRYPTED: Final = 0x1
THE_FOLDER: Final = "."
"""What `tar -C FOLDER .` puts first."""


def unpack(archive: Path, landing: Landing) -> None:
    """Unpack the archive into `landing`, by the suffix of its name.

    Raises:
        FetchError: UnsafeArchive, TooLarge, or NotABundle for an archive that cannot be read.
    """
    most = max(RATIO_COUNTS_FROM, HIGHEST_RATIO * archive.stat().st_size)
    try:
        if archive.name.endswith(".zip"):
            _unzip(archive, landing, most)
        elif archive.name.endswith(".tar"):
            with archive.open("rb") as file:
                _untar(file, landing, most)
        else:
            with gzip.open(archive) as unzipped:
                _untar(unzipped, landing, most)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        what = (isinstance(error, OSError) and error.strerror) or str(error)
        raise FetchError("NotABundle", f"the archive cannot be read: {type(error).__name__}: {what}") from error


def _untar(file: IO[bytes] | gzip.GzipFile, landing: Landing, most: int) -> None:
    with tarfile.open(fileobj=_Sparing(file, most), mode="r:") as tar:
        for count, member in enumerate(tar, 1):
            landing.check_count(count)
            if member.isdir() and member.name == THE_FOLDER:
                continue
            name = safe_name(member.name)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                _refuse(name, "is a link, a device or another special file")
            if member.mode & SPECIAL_BITS:
                _refuse(name, "has a set-user, set-group or sticky bit")
            _check_nested(name)
            content = tar.extractfile(member)
            if content is not None:
                landing.write(name, blocks_of(content))


class _Sparing(io.RawIOBase):
    """A tar's bytes, of which no header may ask for much at once and all together stay within `most`."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, most: int) -> None:
        self._file = file
        self._most = most

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= BLOCK:
            raise FetchError("UnsafeArchive", f"the archive has a header of {size} bytes; make it anew with tar")
        if self._file.tell() + size > self._most + BLOCK:
            raise _outgrown()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset > self._most + BLOCK:
            raise _outgrown()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _unzip(archive: Path, landing: Landing, most: int) -> None:
    with archive.open("rb") as file:
        # zipfile makes an object of each entry before anything can be counted.
        landing.check_count(directory_bytes(file) // ENTRY_BYTES)
        with zipfile.ZipFile(file) as found:
            for member in found.infolist():
                _unzip_member(found, member, landing, most)


def _unzip_member(found: zipfile.ZipFile, member: zipfile.ZipInfo, landing: Landing, most: int) -> None:
    name = safe_name(member.filename)
    if member.is_dir():
        return
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or mode & SPECIAL_BITS:
        _refuse(name, "is a link, a device or another special file")
    if member.flag_bits & ENCRYPTED:
        _refuse(name, "is encrypted")
    if member.compress_type not in METHODS:
        _refuse(name, "is compressed otherwise than by deflate")
    _check_nested(name)
    with found.open(member) as content:
        landing.write(name, _bounded(blocks_of(content), landing, most))


def _check_nested(name: str) -> None:
    # A bundle's shortcut is a zip that is read within bounds of its own, and never unpacked.
    if name.rpartition("/")[2] == SHORTCUT_FILE:
        return
    if name.lower().endswith(NESTED_SUFFIXES):
        _refuse(name, "is an archive within the archive")


def _bounded(blocks: Iterable[bytes], landing: Landing, most: int) -> Iterator[bytes]:
    """Stop where the contents outgrow the archive beyond reason, whatever its headers say."""
    for block in blocks:
        if landing.bytes + len(block) > most:
            raise _outgrown()
        yield block


def _outgrown() -> FetchError:
    return FetchError("TooLarge", f"the archive unpacks to more than {HIGHEST_RATIO} times its size")


def _refuse(name: str, what: str) -> NoReturn:
    raise FetchError("UnsafeArchive", f"member {name!r} {what}; an archive of a bundle has plain files alone")


def bundle_root(folder: Path) -> Path:
    """Find the bundle within what was unpacked: the folder itself, or the only one in it."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder

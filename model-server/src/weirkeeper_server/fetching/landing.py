"""Where fetched files land: counted and hashed while they are written, shown to the server when all is verified."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from weirkeeper_server.errors import FetchError

INCOMING: Final = ".incoming"
READ_ONLY: Final = 0o444
LONGEST_NAME: Final = 200
DEEPEST: Final = 8
BLOCK: Final = 2**20
TOLD_EVERY: Final = 5.0
"""Seconds between two lines about progress."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caps:
    """How much may come: bytes, files, and seconds for the whole."""

    max_bytes: int = 8 * 2**30
    max_files: int = 10_000
    max_seconds: float = 900.0


DEFAULT_CAPS: Final = Caps()


def safe_name(name: str) -> str:
    """Check a relative path that somebody else chose.

    Raises:
        FetchError: UnsafeArchive, it is absolute, leads upwards, or has characters that paths of bundles never have.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
        raise FetchError("UnsafeArchive", f"member {name[:200]!r} would lie outside the folder; make the artifact anew")
    if not name.isprintable() or parts[0] == INCOMING or len(name.encode()) > LONGEST_NAME or len(parts) > DEEPEST:
        raise FetchError(
            "UnsafeArchive", f"member {name[:200]!r} has a name that no bundle has; make the artifact anew"
        )
    return PurePosixPath(*parts).as_posix()


class Landing:
    """A folder of its own within the destination; `digests` are those of the files written so far, by name."""

    def __init__(self, folder: Path, caps: Caps, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}
        self.bytes = 0
        self._caps = caps
        self._progress = Progress(clock)

    def expect(self, total: int) -> None:
        """Take note of how many bytes a store says there are; nothing but the lines about progress trusts it."""
        self._progress.total = total

    def check_count(self, files: int) -> None:
        """Check that so many files may come.

        Raises:
            FetchError: TooLarge.
        """
        if files > self._caps.max_files:
            raise FetchError("TooLarge", f"more than {self._caps.max_files} files; a bundle has four")

    def write(self, name: str, blocks: Iterable[bytes]) -> Path:
        """Write one file.

        Raises:
            FetchError: TooLarge, or UnsafeArchive for a second file of that name.
        """
        with self._file(name) as (file, digest):
            for block in blocks:
                self._take(file, digest, block)
        return self.folder / name

    async def receive(
        self, name: str, blocks: AsyncGenerator[bytes], total: Callable[[], int | None] = lambda: None
    ) -> Path:
        """Write one file that arrives over the network, and hang up in any case; errors as in `write`."""
        async with aclosing(blocks):
            with self._file(name) as (file, digest):
                async for block in blocks:
                    self._progress.total = self._progress.total or total()
                    self._take(file, digest, block)
        return self.folder / name

    def link(self, name: str, target: Path) -> None:
        """Hash a file that stays where it is and link to it; errors as in `write`."""
        self.check_count(len(self.digests) + 1)
        digest = hashlib.sha256()
        with target.open("rb") as file:
            for block in blocks_of(file):
                self._count(block)
                digest.update(block)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
        self.digests[name] = digest.hexdigest()

    @contextmanager
    def _file(self, name: str) -> Iterator[tuple[IO[bytes], Any]]:
        self.check_count(len(self.digests) + 1)
        path = self.folder / name
        digest = hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                yield file, digest
                file.flush()
                os.fsync(file.fileno())
        except (FileExistsError, NotADirectoryError):
            raise FetchError("UnsafeArchive", f"two members are named {name!r}; make the artifact anew") from None
        path.chmod(READ_ONLY)
        self.digests[name] = digest.hexdigest()

    def _take(self, file: IO[bytes], digest: Any, block: bytes) -> None:
        self._count(block)
        digest.update(block)
        file.write(block)

    def _count(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.bytes > self._caps.max_bytes:
            raise FetchError("TooLarge", f"more than {self._caps.max_bytes} bytes; a bundle has far fewer")
        self._progress.tell(self.bytes, len(self.digests))


class Progress:
    """Says now and then in the log how far a download is; `total` bytes are expected, None where nobody knows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.total: int | None = None
        self._clock = clock
        self._began = self._told = clock()

    def tell(self, count: int, files: int) -> None:
        """Write a line where the last is some time ago."""
        now = self._clock()
        if now - self._told < TOLD_EVERY:
            return
        self._told = now
        of = f" of {self.total / BLOCK:.1f}" if self.total else ""
        speed = count / BLOCK / (now - self._began)
        log.info("fetching: %.1f%s MiB, %d files complete, %.1f MiB/s", count / BLOCK, of, files, speed)


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file in blocks."""
    while block := file.read(BLOCK):
        yield block


def prepare(destination: Path) -> Path:
    """Empty the destination, where an earlier try may have left something, and make the folder to land in."""
    for path in destination.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    incoming = destination / INCOMING
    incoming.mkdir(mode=0o700)
    return incoming


def reveal(folder: Path, destination: Path) -> None:
    """Move the verified contents of `folder` to where the server looks for them."""
    for path in sorted(folder.iterdir()):
        path.rename(destination / path.name)
    shutil.rmtree(destination / INCOMING)

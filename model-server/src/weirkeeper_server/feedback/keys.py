"""The keys of the seals: files of a mounted Secret, read again when they change: no restart to rotate them."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

KEY_BYTES: Final = 32
IDENTIFIER_BYTES: Final = 4
LOOK_SECONDS: Final = 5.0
"""Time between two looks at the files."""

FILES: Final = ("current", "previous")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A key under the short name that tokens carry in clear; it tells nothing about the key."""

    identifier: bytes
    cipher: AESGCMSIV

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Take 32 bytes as a key."""
        return cls(hashlib.sha256(b"weirkeeper feedback key\0" + secret).digest()[:IDENTIFIER_BYTES], AESGCMSIV(secret))


class KeyRing:
    """The keys in `folder`: `current` seals, both open. Without a folder, or without a key in it, there is none.

    `problem` says why there is no key to seal with; it is empty where there is one.
    """

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._looked = float("-inf")
        self._contents: tuple[bytes | None, ...] | None = None
        self._keys: dict[bytes, Key] = {}
        self._current: Key | None = None
        self.problem = "no keys are mounted"

    def current(self) -> Key | None:
        """The key to seal with, if there is one."""
        self._look()
        return self._current

    def find(self, identifier: bytes) -> Key | None:
        """The key that a token names, if it is one of ours."""
        self._look()
        return self._keys.get(identifier)

    def _look(self) -> None:
        if self._folder is None or self._clock() < self._looked + LOOK_SECONDS:
            return
        self._looked = self._clock()
        contents = tuple(_read(self._folder / name) for name in FILES)
        if contents != self._contents:
            self._contents = contents
            self._take(dict(zip(FILES, contents, strict=True)))

    def _take(self, contents: dict[str, bytes | None]) -> None:
        good = {name: Key.of(secret) for name, secret in contents.items() if secret and len(secret) == KEY_BYTES}
        bad = [name for name, secret in contents.items() if secret is not None and name not in good]
        for name in bad:
            log.error("the feedback key %r is no key: give exactly %d random bytes", name, KEY_BYTES)
        self._current = good.get("current")
        self._keys = {key.identifier: key for key in good.values()}
        self.problem = "" if self._current else _problem(bad)
        log.info("feedback keys: %s", ", ".join(good) or self.problem)


def _problem(bad: list[str]) -> str:
    if "current" in bad:
        return f"the key 'current' has not {KEY_BYTES} bytes"
    return "the Secret has no key 'current'"


def _read(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(KEY_BYTES + 1)
    except OSError:
        return None

"""The files between the agent and Envoy: replaced whole, so that neither ever reads half of one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EnvoyFiles:
    """Where everything lies below one directory.

    Envoy watches two of the files. It opens one inotify instance for each that it watches, of which Linux allows 128
    a user and node, and aborts when there is none left: the number of files must not grow with that of Models.
    """

    directory: Path

    @property
    def bootstrap(self) -> Path:
        """What Envoy is started with."""
        return self.directory / "bootstrap.json"

    @property
    def clusters(self) -> Path:
        """Two clusters a revision, with the addresses of its pods."""
        return self.directory / "clusters.json"

    @property
    def routes(self) -> Path:
        """Which Model's requests go where, and in which shares."""
        return self.directory / "routes.json"

    @property
    def memory(self) -> Path:
        """What the agent must know after a restart."""
        return self.directory / "agent.json"


def replace_file(path: Path, content: Mapping[str, Any]) -> None:
    """Put `content` as JSON in the place of `path` by one rename."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, separators=(",", ":"))
        # mkstemp makes it 0600; Envoy may run as another user of the same group.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def ensure_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write `path` unless it exists already: what a running router has is never blanked."""
    if not path.exists():
        replace_file(path, content)

"""Bundles of the three versions, each small enough for a ConfigMap."""

from pathlib import Path
from typing import Final

import weirkeeper
from demo.names import artifact
from demo.training import Tables, Version, tables, train

CONFIG_MAP_LIMIT: Final = 700_000  # bytes; a ConfigMap holds 1 MiB, of which base64 takes a quarter


def write(version: Version, folder: Path) -> Path:
    """Write the bundle of ``version`` below ``folder`` and return its path."""
    path = folder / artifact(version.name)
    weirkeeper.bundle(version.pipeline, version.train, version.train_labels, path=path)
    return path


def write_all(folder: Path) -> tuple[Tables, dict[str, Version], dict[str, Path]]:
    """Train the three versions and write their bundles below ``folder``."""
    data = tables()
    versions = train(data)
    return data, versions, {name: write(version, folder) for name, version in versions.items()}


def size(path: Path) -> int:
    """Bytes of all files of a bundle."""
    return sum(file.stat().st_size for file in path.iterdir())

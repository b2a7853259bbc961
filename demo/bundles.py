"""Bundles of the three versions, each small enough for a ConfigMap."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import weirkeeper
from demo.names import artifact
from demo.training import Tables, Version, tables, train

CONFIG_MAP_LIMIT: Final = 700_000  # bytes; a ConfigMap holds 1 MiB, of which base64 takes a quarter


def write(version: Version, folder: Path) -> Path:
    """Write the bundle of ``version`` below ``folder`` and return its path."""
    path = folder / artifact(version.name)
    weirkeeper.bundle(version.pipeline, version.train, path=path)
    return path


def write_all(folder: Path) -> tuple[Tables, dict[str, Version], dict[str, Path]]:
    """Train the three versions and write their bundles below ``folder``."""
    data = tables()
    versions = train(data)
    with ThreadPoolExecutor() as pool:  # each bundle is proven in a process of its own, which takes most of the time
        paths = pool.map(lambda version: write(version, folder), versions.values())
        return data, versions, dict(zip(versions, paths, strict=True))


def size(path: Path) -> int:
    """Bytes of all files of a bundle."""
    return sum(file.stat().st_size for file in path.iterdir())

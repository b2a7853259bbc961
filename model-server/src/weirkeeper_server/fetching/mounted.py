"""Artifacts that kubelet mounts: a claim's folder or archive, or a ConfigMap's files.

A claim's folder is not copied, however many pods read it: it is hashed and linked to, the server has it mounted as
well, and the server's own digest of what it loads must be the one that was found here. A ConfigMap is copied, since
kubelet exchanges its files under a running pod, and an archive, since it is read twice.
"""

from __future__ import annotations

from pathlib import Path

from weirkeeper_server.digest import files_of
from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.landing import Landing, blocks_of, safe_name
from weirkeeper_server.fetching.uri import ArtifactUri


def take_mounted(uri: ArtifactUri, mounted: Path, name: str, landing: Landing) -> None:
    """Take the folder, or the archive as `name`, while hashing it; `mounted` is where the volume's root is.

    Raises:
        FetchError: Unreachable where nothing lies there, UnsafeArchive for a link that leads out of the volume.
    """
    root = mounted.resolve()
    try:
        source = (root / uri.path).resolve() if uri.scheme == "pvc" else root
        if not source.is_relative_to(root):
            raise FetchError("UnsafeArchive", f"{uri.text} is a link that leads out of the volume; copy what it names")
        if not source.exists():
            raise FetchError("Unreachable", f"{uri.text} does not exist in the volume; check the path")
        if uri.is_archive and source.is_file():
            _copy(source, name, landing)
        else:
            _take_folder(root, source, uri, landing)
    except PermissionError as error:
        raise FetchError("AccessDenied", f"{uri.text} must not be read by this pod: {error.strerror}") from error
    except (OSError, RuntimeError) as error:
        what = (isinstance(error, OSError) and error.strerror) or "it is a link to itself"
        raise FetchError("Unreachable", f"{uri.text[:200]} cannot be read: {what}; check the path") from error


def _take_folder(root: Path, source: Path, uri: ArtifactUri, landing: Landing) -> None:
    if not source.is_dir():
        raise FetchError("NotABundle", f"{uri.text} is a file; give a folder, or an archive (.tar.gz, .zip)")
    for name, path in sorted(files_of(source).items()):
        target = path.resolve()
        if not target.is_relative_to(root):
            raise FetchError("UnsafeArchive", f"{name!r} is a link that leads out of the volume; copy the file itself")
        if uri.scheme == "pvc":
            landing.link(safe_name(name), target)
        else:
            _copy(target, safe_name(name), landing)


def _copy(path: Path, name: str, landing: Landing) -> None:
    with path.open("rb") as file:
        landing.write(name, blocks_of(file))

"""Where an artifact lies: the grammar of its URI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

from weirkeeper_server.errors import FetchError

Scheme = Literal["configmap", "pvc", "https", "s3", "gs", "az"]
SCHEMES: Final = ("configmap", "pvc", "https", "s3", "gs", "az")
ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar", ".zip")


@dataclass(frozen=True)
class ArtifactUri:
    """`place` is the ConfigMap, claim, host, bucket or container; `path` is below it, decoded once, no `/` first."""

    text: str
    scheme: Scheme
    place: str
    path: str

    @property
    def is_archive(self) -> bool:
        """Say by the name whether it is an archive; what it holds is never guessed at."""
        return self.path.lower().endswith(ARCHIVE_SUFFIXES)


def parse_uri(text: str) -> ArtifactUri:
    """Read a URI.

    Raises:
        FetchError: HostNotAllowed for another scheme, credentials within it or a path that leads upwards.
    """
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise FetchError("HostNotAllowed", f"{text[:200]!r} is no URI; give s3://BUCKET/PATH, for example") from None
    if parts.scheme not in SCHEMES:
        raise FetchError("HostNotAllowed", f"scheme {parts.scheme!r} is not allowed; use one of {', '.join(SCHEMES)}")
    if "@" in parts.netloc:
        raise FetchError("HostNotAllowed", "the URI carries credentials; put them into a Secret and name it: secretRef")
    path = unquote(parts.path).lstrip("/")
    if ".." in path.replace("\\", "/").split("/") or "\0" in path:
        raise FetchError("HostNotAllowed", f"the path {path[:200]!r} leads upwards; name the folder itself")
    if not host:
        raise FetchError("HostNotAllowed", f"{text[:200]!r} names no host, bucket, claim or ConfigMap")
    place = host if parts.scheme == "https" else parts.netloc
    return ArtifactUri(text, cast("Scheme", parts.scheme), place, path)

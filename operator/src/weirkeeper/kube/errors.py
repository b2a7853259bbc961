"""What can go wrong between us and the API server.

KubeError
├── NotFound       the object, or its kind, is not there
├── Conflict       the object is not what we planned from: look again, plan again
│   └── Foreign    an object of the name that we want belongs to somebody else
├── Expired        the resourceVersion asked for is too old: list again
├── Invalid        the API server refuses what we sent
├── Forbidden      we may not
├── Transient      busy, broken or away: try again later (`retry_after` seconds where the server said so)
├── NoAccess       there is neither a service account nor a kubeconfig
├── NotLeading     another process may write, this one may not
└── Deposed        this process led, and sees that another does now
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class KubeError(Exception):
    """The API server did not do what was asked."""


class NotFound(KubeError):
    """The object, or its kind, is not there."""


class Conflict(KubeError):
    """The object is not what we planned from."""


class Foreign(Conflict):
    """An object of the name that we want belongs to somebody else and is not touched."""


class Expired(KubeError):
    """The resourceVersion asked for is no longer known."""


class Invalid(KubeError):
    """The API server refuses what we sent."""


class Forbidden(KubeError):
    """We may not do this."""


class Transient(KubeError):
    """The API server is busy, broken or away; `retry_after` is in seconds, None where it said nothing."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class NoAccess(KubeError):
    """There is no way to find the API server."""


class NotLeading(KubeError):
    """This process holds no valid lease, so it writes nothing."""


class Deposed(KubeError):
    """Another process holds the lease that was ours."""


_BY_STATUS: Mapping[int, type[KubeError]] = {
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Expired,
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
}
_UNTYPED = "failed to create typed patch object"
"""Said by the API server, with a 500, of a server-side apply with a field that does not exist; it will not pass."""
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def error_of(what: str, status: int, answer: Mapping[str, Any], retry_after: str | None = None) -> KubeError:
    """Name what an answer with `status` means; `answer` is the API server's Status object, or empty."""
    message = f"{what}: {status} {answer.get('message') or answer.get('reason') or 'without a reason'}"
    if _UNTYPED in message:
        return Invalid(message)
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient(message, _seconds(retry_after or answer.get("details", {}).get("retryAfterSeconds")))
    return _BY_STATUS.get(status, Invalid)(message)


def _seconds(given: object) -> float | None:
    try:
        return max(0.0, float(str(given)))
    except ValueError:
        return None

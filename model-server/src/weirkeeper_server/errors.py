"""What can go wrong in a model server.

    ServerError
    ├── BundleError               the bundle cannot be served; `reason` is what status shows
    ├── FetchError                the artifact cannot be had; `reason` is what status shows
    ├── SettingsError             the process was started with values that it cannot use
    └── RequestError              one request cannot be answered; `status` is its HTTP status
        ├── InvalidRequest        400: the caller corrects the request
        ├── UnknownModel          404
        ├── RequestTooSlow        408
        ├── NoFeedback            409
        ├── RequestTooLarge       413
        ├── UnknownEncoding       415
        ├── Overloaded            429
        ├── PredictionFailed      500: the estimator raised; details are in the log alone
        ├── NotReady              503
        └── PredictionTimedOut    504

Messages for callers say what was given, what was expected and what to do; they carry no paths and no stack traces.
"""

from __future__ import annotations

from typing import ClassVar, Literal

BundleReason = Literal[
    "NotABundle", "PickleRefused", "UntrustedType", "LibraryMismatch", "ModelLoadFailed", "ProbeFailed"
]
FetchReason = Literal[
    "DigestMismatch",
    "ArtifactChanged",
    "Unreachable",
    "NotABundle",
    "PickleRefused",
    "UnsafeArchive",
    "TooLarge",
    "HostNotAllowed",
    "AccessDenied",
]


class ServerError(Exception):
    """Something that this server cannot do, with a message for whoever asked for it."""


class SettingsError(ServerError):
    """An argument or an environment variable has a value that cannot be used."""


class BundleError(ServerError):
    """A bundle cannot be served; other versions of libraries than the bundle's may explain it, `by_versions`."""

    def __init__(self, reason: BundleReason, message: str, *, by_versions: bool = False) -> None:
        self.reason: BundleReason = reason
        self.by_versions = by_versions
        super().__init__(message)


class FetchError(ServerError):
    """An artifact cannot be fetched, or must not be."""

    def __init__(self, reason: FetchReason, message: str) -> None:
        self.reason: FetchReason = reason
        super().__init__(message)


class RequestError(ServerError):
    """A request cannot be answered."""

    status: ClassVar[int] = 500


class InvalidRequest(RequestError):
    """The request is not one that this model can answer."""

    status = 400


class UnknownModel(RequestError):
    """The path names a model or a version that is not served here."""

    status = 404


class RequestTooSlow(RequestError):
    """The body did not arrive in time."""

    status = 408


class NoFeedback(RequestError):
    """Labels cannot be counted: this server has no key to open their tokens with."""

    status = 409


class RequestTooLarge(RequestError):
    """The body, or something within it, is beyond the limits; split the request."""

    status = 413


class UnknownEncoding(RequestError):
    """The body has a Content-Encoding that this server does not read."""

    status = 415


class Overloaded(RequestError):
    """As many requests as may be under way already are; try again in a moment, as Retry-After says."""

    status = 429


class PredictionFailed(RequestError):
    """The model raised, or gave an answer that cannot be sent."""

    status = 500


class NotReady(RequestError):
    """The model is not loaded (yet)."""

    status = 503


class PredictionTimedOut(RequestError):
    """The model took longer than the limit."""

    status = 504

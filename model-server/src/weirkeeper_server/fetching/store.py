"""What every kind of object store is to the client that asks it, and where its credentials come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Ask


@dataclass(frozen=True)
class Listing:
    """One page of a listing: sizes in bytes by key, and the token of the next page, None on the last."""

    sizes: Mapping[str, int]
    following: str | None


class Store(Protocol):
    """A bucket or container, with credentials at hand."""

    def object(self, key: str) -> Ask:
        """How to ask for an object."""
        ...

    def listing(self, prefix: str, following: str) -> Ask:
        """How to ask for a page of the objects whose keys begin with `prefix`."""
        ...

    def read_listing(self, text: bytes) -> Listing:
        """Understand the answer.

        Raises:
            FetchError: Unreachable, it is no listing of such a store.
        """
        ...


def no_credentials(names: str) -> FetchError:
    """Say which variables would do."""
    return FetchError(
        "AccessDenied",
        f"no credentials for the store; give {names} in a Secret and name it in secretRef, or name a service account "
        "with a workload identity in server.serviceAccountName",
    )


def token_of(file: str) -> str:
    """Read the token of the pod's service account.

    Raises:
        FetchError: AccessDenied.
    """
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError("AccessDenied", f"the service account's token {file} cannot be read: {error}") from error

"""Loading `model.skops`: checked before anything in it is opened, and no other format is ever tried.

A skops file is a zip of a schema (JSON) and numpy arrays. What is no such zip is refused, pickles by that name, so
that nobody takes a fallback for granted; types that are not on the list are refused before anything is built.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Collection
from tokenize import TokenError
from typing import Any, Final

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from weirkeeper_server.errors import BundleError
from weirkeeper_server.pickles import LOOKED_AT, refuse_pickle
from weirkeeper_server.structure import check_trees
from weirkeeper_server.trusted import TRUSTED_TYPES
from weirkeeper_server.zips import METHODS, directory_bytes

MOST_MEMBERS: Final = 100_000
ENTRY_LENGTH: Final = 128
"""Bytes of an entry in the zip's directory with a name as skops gives it, and some more."""
MOST_BYTES: Final = 4 * 2**30
HIGHEST_RATIO: Final = 1000
RATIO_COUNTS_FROM: Final = 2**20
SCHEMA: Final = "schema.json"
LIBRARIES: Final = ("sklearn.", "skops.", "numpy.", "scipy.")


def load(data: bytes, name: str, trusted_types: Collection[str]) -> Any:
    """Build the estimator of a skops file, with scikit-learn's own types and `trusted_types` alone.

    Raises:
        BundleError: PickleRefused, NotABundle, UntrustedType or ModelLoadFailed.
    """
    refuse_pickle(data[:LOOKED_AT], data[-LOOKED_AT:], name)
    _check_members(data, name)
    try:
        # A difference in versions is judged by the golden requests, not by a warning.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = skops.io.loads(data, trusted=sorted(TRUSTED_TYPES.union(trusted_types)))
    except UntrustedTypesFoundException as error:
        named = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED_TYPES - set(trusted_types))
        # Such a type of the libraries' own is one that another version named otherwise.
        renamed = all(one.startswith(LIBRARIES) for one in named)
        raise BundleError("UntrustedType", _untrusted(name, named), by_versions=renamed) from error
    except (
        ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError,
        RuntimeError, SyntaxError, TokenError, TypeError, ValueError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        message = f"{name} cannot be read: {type(error).__name__}: {error}"
        raise BundleError("ModelLoadFailed", message, by_versions=True) from error
    check_trees(estimator)
    return estimator


def _untrusted(name: str, types: list[str]) -> str:
    return (
        f"{name} holds {', '.join(types)}, not on the list of scikit-learn's own types; "
        "build the model without it, or name it in artifact.trustedTypes where that is allowed"
    )


def _check_members(data: bytes, name: str) -> None:
    try:
        # zipfile makes an object of each entry before anything can be counted.
        if directory_bytes(io.BytesIO(data)) > MOST_MEMBERS * ENTRY_LENGTH:
            raise BundleError(
                "ModelLoadFailed", f"{name} has more than {MOST_MEMBERS} members; no skops file is like that"
            )
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BundleError("NotABundle", f"{name} is a damaged zip archive: {error}") from error
    if SCHEMA not in {member.filename for member in members}:
        raise BundleError("NotABundle", f"{name} has no {SCHEMA}, so it is no skops file; make it with skops.io.dump")
    if problem := _unreasonable(members):
        raise BundleError("ModelLoadFailed", f"{name} {problem}; no skops file of a model is like that")


def _unreasonable(members: list[zipfile.ZipInfo]) -> str:
    if len(members) > MOST_MEMBERS:
        return f"has {len(members)} members, more than {MOST_MEMBERS}"
    if len({member.filename for member in members}) != len(members):
        return "has two members of the same name"
    if any("/" in member.filename or "\\" in member.filename or ".." in member.filename for member in members):
        return "has a member with a path"
    if sum(member.file_size for member in members) > MOST_BYTES:
        return f"unpacks to more than {MOST_BYTES} bytes"
    if any(member.compress_type not in METHODS for member in members):
        return "has a member that is compressed otherwise than by deflate"
    swollen = [m for m in members if m.file_size > max(RATIO_COUNTS_FROM, HIGHEST_RATIO * m.compress_size)]
    return f"has a member that unpacks to more than {HIGHEST_RATIO} times its size" if swollen else ""

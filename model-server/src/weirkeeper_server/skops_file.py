"""Loading `model.skops`: checked before anything in it is opened, and no other format is ever tried.

Types that are not on the list are refused before anything is built.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Collection
from tokenize import TokenError
from typing import Any, Final

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from weirkeeper_server.errors import BundleError
from weirkeeper_server.skops_zip import check_skops
from weirkeeper_server.structure import check_trees
from weirkeeper_server.trusted import TRUSTED_TYPES

LIBRARIES: Final = ("sklearn.", "skops.", "numpy.", "scipy.")


def load(data: bytes, name: str, trusted_types: Collection[str]) -> Any:
    """Build the estimator of a skops file, with scikit-learn's own types and `trusted_types` alone.

    Raises:
        BundleError: PickleRefused, NotABundle, UntrustedType or ModelLoadFailed.
    """
    check_skops(data, name)
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

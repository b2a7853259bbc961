"""Taking a bundle's shortcut at its word only where it answers as scikit-learn was recorded to."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass

from weirkeeper_server.bundle import Bundle
from weirkeeper_server.errors import BundleError
from weirkeeper_server.recorded.document import NotRecorded, Recorded, from_bytes
from weirkeeper_server.recorded.predicting import is_proven, predictor_of
from weirkeeper_server.recorded.skops_names import unknown_types
from weirkeeper_server.settings import Settings
from weirkeeper_server.shortcuts.predicting import ShortcutPredictor
from weirkeeper_server.skops_zip import check_skops


@dataclass(frozen=True)
class Taken:
    """What was proven by what the bundle keeps, without scikit-learn, and the name of what computes it."""

    by: str
    predictor: ShortcutPredictor
    recorded: Recorded


def take(bundle: Bundle, settings: Settings) -> Taken:
    """Check the skops file as far as that goes without building it, then the shortcut.

    Raises:
        NotRecorded: the model has to be read with scikit-learn; the message says why.
        BundleError: PickleRefused, NotABundle or ModelLoadFailed, as `skops_file.load` and `EstimatorPredictor` say.
    """
    if bundle.shortcut is None:
        raise NotRecorded("the bundle has no shortcut.zip")
    check_skops(bundle.model, bundle.manifest.model_file)
    recorded = from_bytes(bundle.shortcut)
    if recorded.model_sha256 != hashlib.sha256(bundle.model).hexdigest():
        raise NotRecorded("shortcut.zip is of another model.skops")
    _check_types(bundle.model)
    try:
        by, made = predictor_of(recorded.shortcut, bundle.manifest.signature, settings.parameters)
        proven = is_proven(recorded, made.unconfigured())
    except BundleError:
        raise
    except Exception as error:  # arrays of a forged file may have any shape and type, also where they are no numbers
        raise NotRecorded(f"shortcut.zip cannot be computed: {type(error).__name__}: {str(error)[:200]}") from error
    if not proven:
        raise NotRecorded("shortcut.zip answers otherwise than scikit-learn did when it was made")
    return Taken(by, made, recorded)


def _check_types(model: bytes) -> None:
    """Leave it to skops to judge, and to refuse, types that are not known here."""
    try:
        unknown = unknown_types(model)
    except (ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise NotRecorded(f"the types in model.skops cannot be listed: {error}") from error
    if unknown:
        raise NotRecorded(f"model.skops holds {', '.join(sorted(unknown)[:5])}")

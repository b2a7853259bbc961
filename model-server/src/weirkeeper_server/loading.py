"""From a bundle's folder to a model that is known to answer as it should."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass
from importlib.metadata import version

from weirkeeper.api.bundle import MODEL_FILE, BundleManifest
from weirkeeper_server import skops_file
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import BundleError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.probe import probe
from weirkeeper_server.probed import ProbeError, ProbeResult
from weirkeeper_server.settings import Settings
from weirkeeper_server.shortcuts.agreement import agrees

LIBRARIES = ("scikit-learn", "skops", "numpy")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to predict; `remark` is for people, such as a difference in versions that did no harm."""

    bundle: Bundle
    predictor: Predictor
    probed: ProbeResult
    remark: str = ""


def running_versions() -> dict[str, str]:
    """Tell the versions that a bundle made here would carry."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def load(bundle: Bundle, settings: Settings) -> tuple[Predictor, str]:
    """Build the predictor; the text tells how libraries differ from those the model was made with.

    Raises:
        BundleError: as in `skops_file.load`, or LibraryMismatch where that is the likely cause.
    """
    differences = _differences(bundle.manifest)
    try:
        estimator = skops_file.load(bundle.model, MODEL_FILE, settings.trusted_types)
    except BundleError as error:
        if error.reason == "ModelLoadFailed" and differences:
            raise BundleError("LibraryMismatch", f"{differences}; {error}") from error
        raise
    return Predictor(estimator, bundle.manifest.signature, settings.parameters), differences


def judge(bundle: Bundle, predictor: Predictor, differences: str, settings: Settings) -> LoadedModel:
    """Send the golden requests: the bundle's own to the model as it is, the Model's to the model as configured.

    Raises:
        BundleError: ProbeFailed with what was expected and got, or LibraryMismatch where versions differ.
    """
    bare = Predictor(predictor.estimator, bundle.manifest.signature, {})
    own = probe(bare, bundle.golden, "golden request", settings.limits.max_rows)
    result = own + probe(predictor, settings.probe, "probe", settings.limits.max_rows)
    if result.failures:
        # Versions are to blame only where the bundle no longer answers as it did when it was made.
        raise ProbeError(result, differences if own.failures else "")
    remark = f"LibraryMismatch: {differences}; the golden requests agree" if differences else ""
    return LoadedModel(bundle, _quickest(bundle, predictor, settings), result, remark)


def _quickest(bundle: Bundle, predictor: Predictor, settings: Settings) -> Predictor:
    """Take the shortcuts where they are proven on the golden requests' rows."""
    signature = bundle.manifest.signature
    quick = Predictor(predictor.estimator, signature, settings.parameters, shortcuts=True)
    asked = [{"inputs": list(golden.request.inputs)} for golden in bundle.golden]
    rows = [read_request(document, signature, settings.limits.max_rows).inputs for document in asked]
    proven = bool(rows) and agrees(predictor, quick, rows)
    log.info("shortcuts are %s", "taken" if proven else "not taken: they would answer otherwise")
    return quick if proven else predictor


def _differences(manifest: BundleManifest) -> str:
    """Tell libraries whose version is another; Python's patch releases do not count."""
    here = running_versions()
    differing = [
        f"{name} {made} (here {here[name]})"
        for name, made in manifest.versions.items()
        if name in here and _significant(name, made) != _significant(name, here[name])
    ]
    return f"the bundle was made with {', '.join(differing)}" if differing else ""


def _significant(name: str, found: str) -> str:
    return ".".join(found.split(".")[:2]) if name == "python" else found

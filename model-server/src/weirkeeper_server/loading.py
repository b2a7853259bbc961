"""From a bundle's folder to a model that is known to answer as it should."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

from weirkeeper.api.bundle import BundleManifest, Runtime
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.choosing import Choice, choose
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import BundleError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.probe import probe
from weirkeeper_server.probed import ProbeError, ProbeResult
from weirkeeper_server.recorded.document import NotRecorded
from weirkeeper_server.recorded.taking import take
from weirkeeper_server.settings import Settings
from weirkeeper_server.tensors import Columns

LIBRARIES: Final[Mapping[Runtime, tuple[str, ...]]] = {
    "ScikitLearn": ("python", "scikit-learn", "skops", "numpy"),
    "ONNX": ("onnxruntime",),
}
"""What may change, with its version, what a model answers or whether it can be read."""

MOST_GOLDEN_ROWS: Final = 10_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to predict; `remark` is for people, such as a difference in versions that did no harm."""

    bundle: Bundle
    predictor: Predictor
    probed: ProbeResult
    remark: str
    choice: Choice


def running_versions(runtime: Runtime) -> dict[str, str]:
    """Tell the versions that a bundle made here for `runtime` would carry."""
    return {name: platform.python_version() if name == "python" else version(name) for name in LIBRARIES[runtime]}


def load_model(bundle: Bundle, settings: Settings) -> LoadedModel:
    """Make a model ready: by the shortcut that the bundle keeps, or else by the library that its runtime names.

    Raises:
        BundleError: as `load` and `judge`.
    """
    model = _recorded_or_read(bundle, settings) if bundle.manifest.runtime == "ScikitLearn" else _read(bundle, settings)
    told = "; ".join(f"{name} {value}" for name, value in model.choice.described().items())
    log.info("predictions are %s", told)
    return model


def _read(bundle: Bundle, settings: Settings) -> LoadedModel:
    predictor, differences = load(bundle, settings)
    return judge(bundle, predictor, differences, settings)


def _recorded_or_read(bundle: Bundle, settings: Settings) -> LoadedModel:
    try:
        return _recorded(bundle, settings)
    except NotRecorded as why:
        log.info("scikit-learn is loaded: %s", why)
        model = _read(bundle, settings)
        reason = f"{model.choice.reason}; scikit-learn is loaded because {why}"
        return replace(model, choice=replace(model.choice, reason=reason))


def _recorded(bundle: Bundle, settings: Settings) -> LoadedModel:
    """Take the shortcut where it gives the recorded and the golden answers.

    Raises:
        NotRecorded: it does not; whether the model does is another question.
    """
    taken = take(bundle, settings)
    own, others = _probed(bundle, taken.predictor, settings)
    if not own.passed or own.failures or others.failures:
        raise NotRecorded("shortcut.zip does not give the golden answers")
    choice = choose(taken.predictor, taken.by, golden_rows(bundle))
    reason = (
        f"it gives the {taken.recorded.answers} answers of scikit-learn "
        f"{taken.recorded.made_with.get('scikit-learn', '')} that the bundle keeps, without loading it"
    )
    choice = replace(choice, together=choice.together and taken.recorded.together, reason=reason)
    remark = _remark(_differences(bundle.manifest), own.passed)
    return LoadedModel(bundle, choice.predictor, own + others, remark, choice)


def load(bundle: Bundle, settings: Settings) -> tuple[Predictor, str]:
    """Build the predictor; the text tells how libraries differ from those the model was made with.

    Raises:
        BundleError: as in `skops_file.load` and `onnx_file.load`, or LibraryMismatch where that is the likely cause.
    """
    differences = _differences(bundle.manifest)
    try:
        return _PREDICTORS[bundle.manifest.runtime](bundle, settings), differences
    except BundleError as error:
        if differences and error.by_versions:
            raise BundleError("LibraryMismatch", f"{differences}; {error}") from error
        raise


def _estimator_predictor(bundle: Bundle, settings: Settings) -> Predictor:
    from weirkeeper_server import skops_file  # noqa: PLC0415  a server of ONNX needs no scikit-learn, nor the reverse
    from weirkeeper_server.estimator import EstimatorPredictor  # noqa: PLC0415  see above

    estimator = skops_file.load(bundle.model, bundle.manifest.model_file, settings.trusted_types)
    return EstimatorPredictor(estimator, bundle.manifest.signature, settings.parameters)


def _onnx_predictor(bundle: Bundle, settings: Settings) -> Predictor:
    from weirkeeper_server import onnx_file  # noqa: PLC0415  see _estimator_predictor
    from weirkeeper_server.onnx_predictor import OnnxPredictor  # noqa: PLC0415  see _estimator_predictor

    if settings.parameters:
        named = ", ".join(sorted(settings.parameters))
        raise BundleError("ModelLoadFailed", f"parameters name {named}; an ONNX bundle takes no parameters")
    return OnnxPredictor(onnx_file.load(bundle.model), bundle.manifest)


_COMPUTED_BY: Final[Mapping[Runtime, str]] = {"ScikitLearn": "scikit-learn", "ONNX": "onnxruntime"}
_PREDICTORS: Final = {"ScikitLearn": _estimator_predictor, "ONNX": _onnx_predictor}


def judge(bundle: Bundle, predictor: Predictor, differences: str, settings: Settings) -> LoadedModel:
    """Send the golden requests: the bundle's own to the model as it is, the Model's to the model as configured.

    Raises:
        BundleError: ProbeFailed with what was expected and got, or LibraryMismatch where versions differ.
    """
    own, others = _probed(bundle, predictor, settings)
    result = own + others
    if result.failures:
        # Versions are to blame only where the bundle no longer answers as it did when it was made.
        raise ProbeError(result, differences if own.failures else "")
    if differences and not own.passed:
        raise BundleError(
            "LibraryMismatch",
            f"{differences}; the bundle has no golden requests that would show whether it still answers as it did: "
            "make it again with `weirkeeper bundle`",
        )
    choice = choose(predictor, _COMPUTED_BY[bundle.manifest.runtime], golden_rows(bundle))
    return LoadedModel(bundle, choice.predictor, result, _remark(differences, own.passed), choice)


def _probed(bundle: Bundle, predictor: Predictor, settings: Settings) -> tuple[ProbeResult, ProbeResult]:
    """Send the bundle's own golden requests, and those of the Model."""
    most = settings.limits.max_rows
    own = probe(predictor.unconfigured(), bundle.golden, "golden request", most)
    return own, probe(predictor, settings.probe, "probe", most)


def golden_rows(bundle: Bundle) -> list[Columns]:
    """Give the rows of each golden request."""
    asked = [{"inputs": list(golden.request.inputs)} for golden in bundle.golden]
    return [read_request(document, bundle.manifest.signature, MOST_GOLDEN_ROWS).inputs for document in asked]


def _remark(differences: str, agreeing: int) -> str:
    return f"LibraryMismatch: {differences}; the {agreeing} golden requests agree" if differences else ""


def _differences(manifest: BundleManifest) -> str:
    """Tell libraries whose version is another; Python's patch releases do not count."""
    here = running_versions(manifest.runtime)
    made = manifest.versions
    told = [f"{name} {made[name]} (here {here[name]})" for name in here if name in made and _differ(name, made, here)]
    return f"the bundle was made with {', '.join(told)}" if told else ""


def _differ(name: str, made: Mapping[str, str], here: Mapping[str, str]) -> bool:
    return _significant(name, made[name]) != _significant(name, here[name])


def _significant(name: str, found: str) -> str:
    return ".".join(found.split(".")[:2]) if name == "python" else found

"""A process of its own that loads a bundle as a server does: `python -m weirkeeper.bundling.verification FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import LoadedModel, judge, load
from weirkeeper_server.recorded.document import NotRecorded
from weirkeeper_server.recorded.taking import take
from weirkeeper_server.settings import Settings
from weirkeeper_server.tensors import Array, datatype_of


def refusal(folder: Path, trusted_types: Sequence[str]) -> str:
    """Tell why a server would refuse the bundle, or answer otherwise; nothing where it would serve it."""
    settings = Settings(bundle=folder, model="bundle", revision="bundle", trusted_types=tuple(trusted_types))
    try:
        bundle = read_bundle(folder)
        predictor, differences = load(bundle, settings)
        model = judge(bundle, predictor, differences, settings)
        if bundle.shortcut is not None:
            take(bundle, settings)
    except NotRecorded as error:
        return f"ModelLoadFailed: {error}"
    except BundleError as error:
        return f"{error.reason}: {error}"
    if not bundle.golden:
        return "ProbeFailed: the bundle has no golden requests"
    shapes = (_wrongly_shaped(model, golden, settings.limits.max_rows) for golden in bundle.golden)
    return next((f"ProbeFailed: {problem}" for problem in shapes if problem), "")


def _wrongly_shaped(model: LoadedModel, golden: GoldenRequest, max_rows: int) -> str:
    """Compare what values alone do not show: names, datatypes and shapes of all outputs, as they would be sent."""
    request = read_request({"inputs": list(golden.request.inputs)}, model.predictor.signature, max_rows)
    given = {name: _described(array) for name, array in model.predictor.predict(request.inputs).items()}
    wanted = {one["name"]: _entry(one) for one in golden.expect.outputs}
    return "" if given == wanted else f"golden request {golden.name}: expected outputs {wanted}, got {given}"


def _described(array: Array) -> tuple[str, list[int]]:
    return datatype_of(array.dtype), list(array.shape)


def _entry(output: Mapping[str, Any]) -> tuple[str, list[int]]:
    return output["datatype"], output["shape"]


if __name__ == "__main__":
    refused = refusal(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(refused)
    sys.exit(1 if refused else 0)

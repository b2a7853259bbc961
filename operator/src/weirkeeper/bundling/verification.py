"""A process of its own that loads a bundle as a server does: `python -m weirkeeper.bundling.verification FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import judge, load
from weirkeeper_server.settings import Settings


def refusal(folder: Path, trusted_types: Sequence[str]) -> str:
    """Tell why a server would refuse the bundle; nothing where it would serve it."""
    settings = Settings(bundle=folder, model="bundle", revision="bundle", trusted_types=tuple(trusted_types))
    try:
        bundle = read_bundle(folder)
        predictor, differences = load(bundle, settings)
        judge(bundle, predictor, differences, settings)
    except BundleError as error:
        return f"{error.reason}: {error}"
    return ""


if __name__ == "__main__":
    refused = refusal(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(refused)
    sys.exit(1 if refused else 0)

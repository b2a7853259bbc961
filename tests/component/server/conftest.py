from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import maker


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that was verified in a process of its own, as its owner's would be."""
    return maker.bundle(fitted(), rows(), path=tmp_path_factory.mktemp("bundles") / "churn")

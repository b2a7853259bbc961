from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import maker
from weirkeeper_server.settings import Settings


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of named columns: two numbers and a string, two classes."""
    folder = tmp_path_factory.mktemp("bundles") / "churn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "verify", lambda *_: None)
        return maker.bundle(fitted(), rows(), path=folder)


@pytest.fixture
def settings(bundle_folder: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        given = {"bundle": bundle_folder, "model": "churn", "revision": "churn-1", "pod": "churn-1-x"}
        return Settings.model_validate({**given, **changes})

    return make

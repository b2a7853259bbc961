"""Every library that this processor can run: one is judged as the other, for no machine may answer otherwise.

`WEIRKEEPER_SANITISED` is the path of one more, which `make test-sanitised` compiles.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from weirkeeper.compiled import library as finding

NAMES = finding._names_here()
FOLDER = Path(finding.__file__).parent
SANITISED = [path] if (path := os.environ.get("WEIRKEEPER_SANITISED")) else []
NOTHING = [] if NAMES else [pytest.param("", marks=pytest.mark.skip("nothing is compiled for this machine"))]


@pytest.fixture(scope="session", params=[*NAMES, *SANITISED, *NOTHING])
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    if request.param in SANITISED:
        return ctypes.CDLL(request.param)
    found = finding.load(FOLDER, NAMES, request.param)
    assert found is not None
    return found

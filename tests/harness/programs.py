"""Programs beside which a test runs: installed and kept when they are not there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.errors import MissingProgram


def or_skip(find: Callable[[], Path]) -> Path:
    """The program's path; the test is skipped where this machine has not got what installing it takes."""
    try:
        return find()
    except MissingProgram as missing:
        pytest.skip(str(missing))

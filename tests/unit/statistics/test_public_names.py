from __future__ import annotations

import subprocess
import sys

from weirkeeper import statistics


def test_every_public_name_is_there_and_sorted() -> None:
    assert all(hasattr(statistics, name) for name in statistics.__all__)
    assert len(set(statistics.__all__)) == len(statistics.__all__)


def test_nothing_but_numpy_is_imported() -> None:
    program = (
        "import sys, weirkeeper.statistics;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'scipy', 'pandas', 'sklearn', 'pydantic'}))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, resource
import numpy as np
from weirkeeper_server.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        arrays = [np.ones(15_000) for _ in range(30)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

unset = faults()
keep_freed_memory()
faults()
print(json.dumps([unset, faults()]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's way with memory")
def test_what_a_batch_gave_back_is_there_for_the_next() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    unset, kept = json.loads(told.stdout)
    assert kept < unset / 10, told.stdout

"""The pipeline of the page about comparing files tells drift from failure; that it finds drift, the walk shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.following import Follower
from tests.harness.pages import fences


def test_the_pipeline_of_the_page_ends_with_what_failed(tmp_path: Path) -> None:
    (script,) = [fence.text for fence in fences("docs/how-to/compare-two-files.md") if "case $status" in fence.text]
    for name in ("january.csv", "june.parquet"):
        (tmp_path / name).write_bytes(b"PAR1")
    told = Follower("folder", tmp_path).run(script, statuses=(1,))
    assert told == ""
    with pytest.raises(AssertionError, match="exit status 1 instead of"):
        Follower("folder", tmp_path).run(script)

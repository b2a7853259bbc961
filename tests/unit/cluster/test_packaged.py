from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import packaged
from tests.cluster.errors import MissingProgram


@pytest.mark.parametrize(
    ("find", "what"), [(packaged.azurite, r"install Node\.js 20"), (packaged.chromium, "`chromium` is not on PATH")]
)
def test_what_installing_takes_is_named_where_it_lacks(
    find: Callable[[], Path], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=what):
        find()


def test_an_older_node_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.20.4\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=r"install Node\.js 20"):
        packaged.azurite()

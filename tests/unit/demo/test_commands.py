"""What kubectl is given to read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from demo import commands


def test_objects_and_texts_are_applied_together_as_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def run(_command: list[str], *, stdin: str = "", **_rest: Any) -> str:
        given.append(stdin)
        return ""

    monkeypatch.setattr(commands, "run", run)
    commands.Kubectl("team-a").apply({"kind": "A"}, {"kind": "B"}, "kind: C\n---\nkind: D")
    (stdin,) = given
    assert not stdin.startswith("{"), "kubectl would read JSON, and stumble over the second object"
    assert [one["kind"] for one in yaml.safe_load_all(stdin) if one] == ["A", "B", "C", "D"]

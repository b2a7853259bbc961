"""The table of a rollout's subtle cases names tests that there are."""

from __future__ import annotations

import re

import pytest

from tests.cluster.places import CHECKOUT

E2E = CHECKOUT / "tests" / "e2e"
DELIVERY = CHECKOUT / "tests" / "unit" / "delivery"
SHORT = {"rollout": DELIVERY / "test_rollout.py", "cases": DELIVERY / "test_rollout_cases.py"}
ROWS = [line for line in (E2E / "README.md").read_text().splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_case_has_its_tests(row: str) -> None:
    _, _, machine, cluster, _ = row.split("|")
    for cell, folder in ((machine, DELIVERY), (cluster, E2E)):
        named = re.findall(r"`([\w/.]+)(?:::(\w+))?`", cell)
        assert named or cell.strip() == "no decision"
        for file, function in named:
            path = SHORT.get(file) or (CHECKOUT / file if "/" in file else folder / file)
            assert path.exists(), file
            assert not function or f"def {function}(" in path.read_text(), function

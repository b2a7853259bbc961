"""Argo CD's health checks, run by a Lua interpreter on statuses that a real cluster had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua54 import LuaRuntime

from tests.cluster.places import CHECKOUT

CHECKS = yaml.safe_load((CHECKOUT / "gitops" / "argocd-cm.yaml").read_text())["data"]
SEEN = json.loads((Path(__file__).parent / "seen.json").read_text())
"""Objects as a cluster had them, cut to what tells their health, and that health."""


def health(found: dict[str, Any]) -> tuple[str, str]:
    """What Argo CD would show: the check is the body of a function that has the object as `obj`."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.globals().obj = lua.table_from(found, recursive=True)
    said = lua.execute(CHECKS[f"resource.customizations.health.weirkeeper.dev_{found['kind']}"])
    return said["status"], said["message"]


@pytest.mark.parametrize("case", SEEN, ids=[case["name"] for case in SEEN])
def test_what_a_cluster_had(case: dict[str, Any]) -> None:
    status, message = health(case["object"])
    assert status == case["health"], message
    assert case.get("says", "") in message


@pytest.mark.parametrize("case", SEEN, ids=[case["name"] for case in SEEN])
def test_a_spec_that_the_operator_has_not_seen_is_in_progress(case: dict[str, Any]) -> None:
    found = case["object"]
    edited = {**found, "metadata": {**found["metadata"], "generation": found["metadata"]["generation"] + 1}}
    assert health(edited)[0] == "Progressing"


@pytest.mark.parametrize("kind", ["Model", "Rollout", "Monitor"])
def test_an_object_without_a_status_is_in_progress(kind: str) -> None:
    assert health({"kind": kind, "metadata": {"generation": 1}})[0] == "Progressing"


def test_every_kind_has_a_check() -> None:
    kinds = {name.rpartition("_")[2] for name in CHECKS}
    assert kinds == {"Model", "Rollout", "Monitor"} == {case["object"]["kind"] for case in SEEN}

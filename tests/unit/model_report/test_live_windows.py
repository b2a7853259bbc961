"""With a live reference the report compares with the live rows that the operator keeps, as the Monitor does."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from tests.unit.model_report.world import END, HOUR, PROMOTED, STABLE, checkpoint, config_maps, counted, found, monitor
from weirkeeper.model_report.windows import Watch, watches
from weirkeeper.observe.checkpoint import pack, unpack
from weirkeeper.plan.windows import CHECKPOINT_KEY, WarmUp, WarmUpRule

DRIFTED = counted(900, PROMOTED, 0.6).counts
"""What the last four hours look like."""


def watched(warm_up: WarmUp | None) -> Watch:
    kept = {} if warm_up is None else {WarmUpRule(300, 4 * HOUR, 500): warm_up}
    packed = pack(replace(unpack(checkpoint()), warm_ups=kept))
    assert packed is not None
    maps = config_maps()
    maps["churn-windows"]["binaryData"] = {CHECKPOINT_KEY: base64.b64encode(packed).decode()}
    live: dict[str, Any] = monitor()
    live["spec"] = {**live["spec"], "reference": {"from": "Live", "warmUp": "4h"}}
    (watch,) = watches(found(monitors=[live], config_maps=maps))
    return watch


def test_windows_are_compared_with_the_live_rows() -> None:
    watch = watched(WarmUp(STABLE, PROMOTED, PROMOTED, PROMOTED + 4 * HOUR, 800, DRIFTED))
    assert watch.last.inputs.state == "OK"
    states = {one.start: one.inputs.state for one in watch.past if one.revision == STABLE}
    assert [states[PROMOTED + hour * HOUR] for hour in (0, 3, 4, 5)] == ["Insufficient"] * 2 + ["Drifting"] * 2
    assert states[END - HOUR] == "OK"


def test_without_them_nothing_is_compared() -> None:
    for gathered in (None, WarmUp(STABLE, PROMOTED, PROMOTED, 0, 800, DRIFTED)):
        watch = watched(gathered)
        assert watch.last.inputs.state == "Insufficient"
        assert "live rows to compare with are gathered" in watch.last.inputs.message

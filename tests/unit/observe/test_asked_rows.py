from __future__ import annotations

import pytest

from tests.unit.observe.test_readings import POD, TARGET
from weirkeeper.api.names import MATCH, MIRROR, arm
from weirkeeper.observe.asked_rows import AskedRows
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.readings import PodReading, read_pod
from weirkeeper.statistics.feature import Counts

REVISION, PROCESS = TARGET.revision, Process("a", 1.0)
COPIES = arm(REVISION, MIRROR)


def counted(name: str, rows: int) -> dict[str, Counts]:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    return {name: {"counts": [rows, 0], **rest}}


def told(rows: int, **arms: int) -> PodReading:
    """A pod that counted so many rows of the split and, by arm, apart."""

    def sides(count: int) -> dict[str, dict[str, Counts]]:
        return {"inputs": counted("age", count), "outputs": counted("predict", count)}

    return read_pod({**POD, **sides(rows), "arms": {kind: sides(count) for kind, count in arms.items()}}, TARGET, None)


def booked(*sides: str) -> AskedRows:
    book = AskedRows(frozenset(sides))
    for end, split, copies in ((5, 0, 0), (60, 250, 300), (120, 260, 340)):
        book.book(end, REVISION, PROCESS, told(split, mirror=copies, match=split))
        book.close(end, {"a"})
    return book


def test_rows_of_each_arm_are_kept_apart() -> None:
    book = booked("inputs", "outputs")
    assert {name: [one.inputs["age"]["counts"][0] for one in found] for name, found in book.blocks().items()} == {
        REVISION: [250],
        COPIES: [300],
        arm(REVISION, MATCH): [250],
    }
    assert [slot.rows for slot in book.slots()[COPIES]] == [300, 40]
    assert [slot.rows for slot in book.slots()[REVISION]] == [250, 10]


@pytest.mark.parametrize(("sides", "blocks", "slots"), [(("inputs",), True, False), (("outputs",), False, True)])
def test_no_side_is_kept_that_no_gate_asks_for(sides: tuple[str, ...], blocks: bool, slots: bool) -> None:  # noqa: FBT001  a table
    book = booked(*sides)
    assert (bool(book.blocks()), bool(book.slots())) == (blocks, slots)

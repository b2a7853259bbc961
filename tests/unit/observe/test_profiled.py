from __future__ import annotations

from weirkeeper.observe.latencies import Process
from weirkeeper.observe.profiled import BLOCK_ROWS, BLOCKS, ProfiledBlocks
from weirkeeper.statistics.feature import Counts

REVISION = "m-1"
ONE, OTHER = Process("a", 1.0), Process("b", 1.0)
PRESENT = {"a", "b"}


def counted(rows: int, bins: int = 2) -> dict[str, Counts]:
    counts = {"counts": [rows] + [0] * (bins - 1), "missing": 0, "invalid": 0, "unseen": 0, "posInf": 0, "negInf": 0}
    return {"age": {**counts, "sum": 0}}


def looked(book: ProfiledBlocks, end: int, **rows: int) -> None:
    for pod, count in rows.items():
        book.book(end, REVISION, Process(pod, 1.0), counted(count))
    book.close(end, PRESENT)


def test_a_block_ends_with_the_slot_in_which_it_has_enough_rows() -> None:
    book = ProfiledBlocks()
    for end, one, other in ((5, 50, 0), (10, 150, 20), (15, 250, 20), (20, 260, 20)):
        looked(book, end, a=one, b=other)
    (block,) = book.blocks()[REVISION]
    # What was counted before anybody looked is in no block.
    assert (block.start, block.end, block.inputs["age"]["counts"]) == (5, 15, [220, 0])


def test_a_restarted_process_and_one_with_another_profile_are_left_out() -> None:
    book = ProfiledBlocks()
    looked(book, 5, a=100)
    book.book(10, REVISION, ONE, counted(90))
    book.book(10, REVISION, OTHER, counted(10, bins=3))
    book.book(15, REVISION, OTHER, counted(900, bins=3))
    book.book(15, REVISION, ONE, counted(90 + BLOCK_ROWS))
    book.close(15, PRESENT)
    assert [one.inputs["age"]["counts"] for one in book.blocks().get(REVISION, ())] in (
        [[BLOCK_ROWS, 0]],
        [[890, 0, 0]],
    )


def test_the_last_blocks_are_kept_and_pods_that_are_gone_begin_anew() -> None:
    book = ProfiledBlocks()
    for look in range(BLOCKS + 5):
        looked(book, 5 * look, a=look * BLOCK_ROWS)
    assert [block.end for block in book.blocks()[REVISION]] == [5 * look for look in range(5, BLOCKS + 5)]
    book.close(1000, set())
    book.book(1005, REVISION, ONE, counted(10**6))
    book.close(1005, PRESENT)
    assert book.blocks()[REVISION][-1].end == 5 * (BLOCKS + 4)

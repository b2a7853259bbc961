"""Latency slots of pods, merged by revision."""

from __future__ import annotations

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.observe.latencies import LatencyBook, Process

V1 = "churn-11111111"
ONE, OTHER = Process("pod-1", 1.0), Process("pod-2", 2.0)
NOW = 10_000


def test_pods_add_up_slot_by_slot() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {9990: ({100: 2}, 1), 9995: ({100: 1}, 0)})
    book.book(NOW, V1, OTHER, {9990: ({100: 3, 101: 1}, 2)})
    assert book.slots() == {V1: (LatencySlot(9990, {100: 5, 101: 1}, 3), LatencySlot(9995, {100: 1}, 0))}


def test_a_slot_told_again_replaces_what_was_told_before() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {9990: ({100: 2}, 1)})
    assert book.slots()[V1] == (LatencySlot(9990, {100: 2}, 1),)
    book.book(NOW + 5, V1, ONE, {9990: ({100: 2, 200: 1}, 0)})
    assert book.slots()[V1] == (LatencySlot(9990, {100: 2, 200: 1}, 0),)


def test_a_restarted_container_adds_to_what_the_former_one_counted() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {9990: ({100: 2}, 0)})
    book.book(NOW, V1, Process("pod-1", 9992.0), {9990: ({100: 1}, 0)})
    assert book.slots()[V1] == (LatencySlot(9990, {100: 3}, 0),)


def test_what_was_active_in_a_pod_that_is_gone_is_not_waited_for() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {9990: ({100: 2}, 4)})
    book.book(NOW, V1, OTHER, {9990: ({}, 1)})
    assert book.slots()[V1] == (LatencySlot(9990, {100: 2}, 5),)
    book.gone("pod-1")
    assert book.slots()[V1] == (LatencySlot(9990, {100: 2}, 1),)


def test_slots_out_of_the_ring_and_in_the_future_are_let_be() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {NOW - 905: ({1: 1}, 0), NOW + 5: ({1: 1}, 0), NOW - 900: ({1: 1}, 0)})
    assert [slot.start for slot in book.slots()[V1]] == [NOW - 900]


def test_old_slots_are_forgotten() -> None:
    book = LatencyBook()
    book.book(NOW, V1, ONE, {NOW - 5: ({1: 1}, 0)})
    assert book.forget(NOW + 895)
    assert not book.forget(NOW + 900)
    assert book.slots() == {}

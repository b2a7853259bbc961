"""Routers' latencies become slots by when requests ended: nothing is counted twice, and nothing that is in doubt."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.observe.readings import RouterReading, read_router
from weirkeeper.observe.router_latencies import RouterLatencies

A, B = "aaaaaaaa-1", "bbbbbbbb-2"
V1, V2 = "churn-11111111", "churn-22222222"
START = 1_000_000


def reading(latency: Mapping[str, Mapping[int, int]], *, started: int = START - 500, epoch: int = 1) -> RouterReading:
    return RouterReading(started, {}, {}, {(revision, epoch): bins for revision, bins in latency.items()})


def begun(slot_seconds: int = 5) -> RouterLatencies:
    book = RouterLatencies(slot_seconds)
    book.book(START, {A: reading({V1: {200: 7}, V2: {}}), B: reading({V1: {210: 1}, V2: {}})})
    assert book.slots("churn") == {}, "what was there before anybody looked"
    return book


def test_what_all_routers_counted_since_makes_one_slot_of_each_revision() -> None:
    book = begun()
    book.book(START + 5, {A: reading({V1: {200: 9, 220: 1}, V2: {200: 3}}), B: reading({V1: {210: 2}, V2: {}})})
    assert book.slots("churn") == {
        V1: (LatencySlot(START, {200: 2, 210: 1, 220: 1}, by_router=True),),
        V2: (LatencySlot(START, {200: 3}, by_router=True),),
    }
    assert book.slots("other") == {}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(reading({V1: {200: 2}}, started=START + 2), id="Envoy restarted"),
        pytest.param(reading({V1: {200: 90}}, epoch=2), id="clusters made anew"),
        pytest.param(reading({V1: {200: 6}}), id="counts went back"),
        pytest.param(reading({V1: {200: 7}}), id="nothing came"),
    ],
)
def test_what_is_in_doubt_is_no_evidence(after: RouterReading) -> None:
    book = begun()
    book.book(START + 5, {A: after})
    assert book.slots("churn") == {}


def test_what_ended_while_nobody_looked_is_in_no_slot() -> None:
    book = begun()
    book.book(START + 10, {A: reading({V1: {200: 50}})})
    book.book(START + 15, {A: reading({V1: {200: 51}})})
    assert book.slots("churn") == {V1: (LatencySlot(START + 10, {200: 1}, by_router=True),)}


def test_a_slot_is_booked_once() -> None:
    book = begun()
    for _ in range(2):
        book.book(START + 5, {A: reading({V1: {200: 8}})})
    assert book.slots("churn") == {V1: (LatencySlot(START, {200: 1}, by_router=True),)}


def test_slots_leave_after_a_quarter_of_an_hour() -> None:
    book = begun()
    book.book(START + 5, {A: reading({V1: {200: 8}})})
    for end in range(START + 10, START + 910, 5):
        book.book(end, {A: reading({V1: {200: 8}})})
    assert book.slots("churn") == {}


def test_bins_are_read_by_revision_and_epoch() -> None:
    series = {"epoch": 3, "total": 2, "bad": 0, "failed": 0, "latency": {"200": 2}}
    found = read_router({"envoyStart": START, "acknowledged": {}, "clusters": {V1: series}})
    assert found.latency == {(V1, 3): {200: 2}}

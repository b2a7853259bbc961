import asyncio
import itertools

import pytest

from weirkeeper.kube.keys import Key
from weirkeeper.kube.queue import LONGEST_BACKOFF, QUIET, Queue, Schedule

A, B = Key("Model", "n", "a"), Key("Model", "n", "b")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_key_waits_only_once() -> None:
    schedule = Schedule()
    schedule.add(A, 1.0)
    schedule.add(A, 2.0)
    assert schedule.pop(5.0) == A
    assert schedule.pop(5.0) is None


def test_an_earlier_time_holds() -> None:
    schedule = Schedule()
    schedule.add(A, 9.0)
    schedule.add(A, 3.0)
    assert schedule.next_due() == 3.0
    assert schedule.pop(2.9) is None
    assert schedule.pop(3.0) == A
    assert schedule.next_due() is None


def test_the_one_that_is_due_longest_comes_first() -> None:
    schedule = Schedule()
    schedule.add(B, 2.0)
    schedule.add(A, 1.0)
    assert [schedule.pop(3.0), schedule.pop(3.0)] == [A, B]


def test_pauses_grow_up_to_a_limit_and_begin_anew_after_success() -> None:
    schedule = Schedule()
    pauses = []
    for _ in range(12):
        pauses.append(schedule.failed(A, 0.0, None, forgiven=0))
        schedule.pop(1000.0)
    assert pauses[0] < 0.7
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses[:7]))
    assert max(pauses) <= LONGEST_BACKOFF * 1.2
    schedule.succeeded(A)
    assert schedule.failed(A, 0.0, None, forgiven=0) < 0.7


def test_the_first_failures_may_be_forgiven() -> None:
    schedule = Schedule()
    assert [schedule.failed(A, 0.0, None, forgiven=2) for _ in range(2)] == [0.0, 0.0]
    assert schedule.failed(A, 0.0, None, forgiven=2) > 0.0


def test_news_after_a_failure_come_sooner_than_the_pause_ends_but_not_at_once() -> None:
    schedule = Schedule()
    for _ in range(6):
        schedule.failed(A, 0.0, None, forgiven=0)
        schedule.pop(1000.0)
    schedule.failed(A, 0.0, None, forgiven=0)
    schedule.add(A, 0.1)
    assert schedule.next_due() == QUIET


def test_a_wait_that_the_server_asked_for_holds_against_news() -> None:
    schedule = Schedule()
    assert schedule.failed(A, 0.0, 20.0, forgiven=0) == 20.0
    schedule.add(A, 1.0)
    assert schedule.next_due() == 20.0


async def test_a_key_that_is_worked_at_comes_again_afterwards_and_not_meanwhile() -> None:
    queue = Queue(Clock())
    queue.add(A)
    assert await queue.take() == A
    queue.add(A)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(), 0.01)
    queue.succeeded(A)
    assert await asyncio.wait_for(queue.take(), 1.0) == A


async def test_a_key_that_was_not_asked_for_again_does_not_come_again() -> None:
    queue = Queue(Clock())
    queue.add(A)
    await queue.take()
    queue.succeeded(A)
    assert len(queue) == 0


async def test_who_waits_is_woken_by_news() -> None:
    queue = Queue(Clock())
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.add(B)
    assert await asyncio.wait_for(taking, 1.0) == B


async def test_who_waits_for_a_wake_up_is_woken_by_an_earlier_one() -> None:
    clock = Clock()
    queue = Queue(clock)
    queue.add(A, delay=3600.0)
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.add(B, delay=0.0)
    assert await asyncio.wait_for(taking, 1.0) == B


async def test_many_waiting_workers_each_get_a_key() -> None:
    queue = Queue(Clock())
    takers = [asyncio.create_task(queue.take()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add_all([A, B])
    assert set(await asyncio.wait_for(asyncio.gather(*takers), 1.0)) == {A, B}


async def test_the_longest_work_is_told() -> None:
    clock = Clock()
    queue = Queue(clock)
    queue.add(A)
    await queue.take()
    clock.now = 42.0
    assert queue.longest() == 42.0
    queue.succeeded(A)
    assert queue.longest() == 0.0

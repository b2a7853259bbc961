from __future__ import annotations

import asyncio

import pytest

from weirkeeper_server.promise import Promise, begun


async def test_who_waits_is_called_in_the_moment_in_which_the_answer_is_there() -> None:
    promise: Promise[int] = Promise(asyncio.get_running_loop())
    told: list[int] = []
    begun(promise).add_done_callback(lambda done: told.append(done.result()))
    assert not promise.done()
    promise.set_result(5)
    assert told == [5]


async def test_a_task_waits_for_it_or_for_its_error() -> None:
    loop = asyncio.get_running_loop()
    kept, broken, early = Promise[int](loop), Promise[int](loop), Promise[int](loop)
    early.set_result(1)
    loop.call_soon(kept.set_result, 2)
    loop.call_soon(broken.set_exception, ValueError("3"))
    assert (await early, await kept) == (1, 2)
    with pytest.raises(ValueError, match="3"):
        await broken


async def test_a_task_that_is_cancelled_wants_it_no_more() -> None:
    promise: Promise[int] = Promise(asyncio.get_running_loop())

    async def wait() -> int:
        return await promise

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert promise.cancelled()
    assert not promise.cancel()


async def test_a_bug_of_who_waits_is_told_by_the_loop_and_hurts_nobody_else() -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    promise: Promise[int] = Promise(loop)
    promise.add_done_callback(lambda _: int("none"))
    promise.set_result(1)
    assert [type(error) for error in told] == [ValueError]

"""What a real Envoy counts becomes the tally of an objective, once, also where clusters are made anew."""

from __future__ import annotations

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.stubs import HttpStub
from weirkeeper.observe.objective_book import ObjectiveBook
from weirkeeper.observe.readings import read_router
from weirkeeper.statistics.error_budget import PERIOD, Tally
from weirkeeper.statistics.latency import bin_of

START = 1_800_000_000 // 3600 * 3600
BELOW = bin_of(250_000)
MODEL = "churn"


class Looks:
    """Looks at a router, five minutes apart."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._now = START
        self.book = ObjectiveBook(0)
        self.book.set_slow({BELOW})

    async def look(self) -> tuple[Tally, Tally]:
        self._now += 300
        reading = read_router(await self._router.evidence())
        self.book.book(self._now, MODEL, {"uid": "router"}, {"uid": reading})
        view = self.book.view()
        return view.answered[PERIOD], view.in_time[BELOW][PERIOD]

    async def until(self, requests: int) -> tuple[Tally, Tally]:
        async def all_are_counted() -> bool:
            answered, in_time = await self.look()
            return answered.requests == in_time.requests == requests

        await eventually(all_are_counted)
        return await self.look()


async def test_failures_and_slow_answers_are_told_apart_and_counted_once(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", other.port)]
    router.feed.lists([model(MODEL, 1, {"churn-a": 100})], slices)
    await router.acknowledges(MODEL, 1)
    looks = Looks(router)
    for path, count in (("200", 5), ("503", 2), ("slow", 1), ("404", 1)):
        for _ in range(count):
            await router.status(f"/v2/models/{MODEL}/{path}")
    answered, in_time = await looks.until(9)
    assert answered == Tally(9, 2)  # a 404 is the client's own mistake
    assert in_time == Tally(9, 1)
    router.feed.lists([model(MODEL, 2, {"churn-b": 100})], slices)
    await router.acknowledges(MODEL, 2)
    await router.status(f"/v2/models/{MODEL}/503")
    assert await looks.until(10) == (Tally(10, 3), Tally(10, 1))
    kept = ObjectiveBook(0, looks.book.kept())
    assert kept.view().answered == looks.book.view().answered

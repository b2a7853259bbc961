import pytest

from tests.unit.kube.fake_api import FakeApi
from weirkeeper.kube.errors import Deposed, Transient
from weirkeeper.kube.leader import DEADLINE, DURATION, Leader

LEASE = ("Lease", "sys", "op")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def candidate(api: FakeApi, clock: Clock, identity: str, gains: list[str] | None = None) -> Leader:
    return Leader(api, "sys", "op", identity, clock, lambda: (gains if gains is not None else []).append(identity))


async def test_the_first_one_leads_and_the_second_does_not(api: FakeApi, clock: Clock) -> None:
    first, second = candidate(api, clock, "a"), candidate(api, clock, "b")
    for one in (first, second):
        await one.attempt()
    assert [first.holds(), second.holds()] == [True, False]


async def test_a_lease_that_cannot_be_renewed_stops_all_writes_in_time(api: FakeApi, clock: Clock) -> None:
    leader = candidate(api, clock, "a")
    await leader.attempt()
    api.fail["get"] = Transient("away")
    clock.now += DEADLINE - 0.1
    with pytest.raises(Transient):
        await leader.attempt()
    assert leader.holds()
    clock.now += 0.2
    assert not leader.holds()
    assert DEADLINE < DURATION


async def test_after_an_outage_the_same_process_leads_on_and_says_so(api: FakeApi, clock: Clock) -> None:
    gains: list[str] = []
    leader = candidate(api, clock, "a", gains)
    for _ in range(2):
        await leader.attempt()
    assert gains == ["a"]
    clock.now += 600.0
    assert not leader.holds()
    await leader.attempt()
    assert leader.holds()
    assert gains == ["a", "a"]


async def test_a_lease_that_ran_out_is_taken_only_after_it_was_watched_for_its_duration(
    api: FakeApi, clock: Clock
) -> None:
    await candidate(api, clock, "a").attempt()
    clock.now += 3600.0
    second = candidate(api, clock, "b")
    await second.attempt()
    assert not second.holds()
    clock.now += DURATION - 0.1
    await second.attempt()
    assert not second.holds()
    clock.now += 0.2
    await second.attempt()
    assert second.holds()
    assert api.objects[LEASE]["spec"]["leaseTransitions"] == 1


async def test_a_lease_that_is_renewed_is_never_taken(api: FakeApi, clock: Clock) -> None:
    first, second = candidate(api, clock, "a"), candidate(api, clock, "b")
    for _ in range(20):
        await first.attempt()
        await second.attempt()
        clock.now += 5.0
    assert not second.holds()


async def test_who_led_and_sees_another_is_deposed_and_writes_nothing(api: FakeApi, clock: Clock) -> None:
    first, second = candidate(api, clock, "a"), candidate(api, clock, "b")
    await first.attempt()
    await second.attempt()
    clock.now += DURATION
    await second.attempt()
    with pytest.raises(Deposed, match="held by b"):
        await first.attempt()
    assert [first.holds(), second.holds()] == [False, True]


async def test_two_never_lead_at_the_same_time(api: FakeApi, clock: Clock) -> None:
    first, second = candidate(api, clock, "a"), candidate(api, clock, "b")
    await first.attempt()
    for _ in range(100):
        await second.attempt()
        assert not (first.holds() and second.holds())
        clock.now += 0.3
    assert second.holds()


async def test_who_steps_down_lets_another_lead_at_once(api: FakeApi, clock: Clock) -> None:
    first, second = candidate(api, clock, "a"), candidate(api, clock, "b")
    await first.attempt()
    await second.attempt()
    await first.release()
    assert not first.holds()
    await second.attempt()
    assert second.holds()


async def test_a_write_that_was_overtaken_is_no_renewal(api: FakeApi, clock: Clock) -> None:
    leader = candidate(api, clock, "a")
    await leader.attempt()
    api.overtaken = True
    clock.now += DEADLINE + 1
    await leader.attempt()
    assert not leader.holds()

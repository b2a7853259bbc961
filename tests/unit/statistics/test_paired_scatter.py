"""The dispersion between two arms: what shakes both alike, or makes one steadily worse, does not count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from weirkeeper.statistics.sequential import Block, PairedScatter, Scatter

SLOTS = 400
REQUESTS = 60


def factor(share: Callable[[int, int], float], cluster: int = 1) -> float:
    """The factor after slots in which arm 0 and arm 1 have these shares of bad requests, in clusters of one arm."""
    random = np.random.default_rng(7)
    scatter = PairedScatter()
    for slot in range(SLOTS):
        bad = [cluster * int(random.binomial(REQUESTS // cluster, share(slot, arm))) for arm in (0, 1)]
        scatter = scatter.with_slot(Block(bad[0], REQUESTS, bad[1], REQUESTS))
    return scatter.factor(99.0)


@pytest.mark.parametrize(
    ("what", "share"),
    [
        ("alike", lambda _slot, _arm: 0.1),
        ("both shaken from slot to slot", lambda slot, _arm: (0.05, 0.9)[slot % 3 == 0]),
        ("a day's tide", lambda slot, _arm: 0.3 + 0.25 * np.sin(slot / 30)),
        ("one steadily worse", lambda _slot, arm: (0.1, 0.5)[arm]),
    ],
)
def test_what_both_arms_have_in_common_and_what_stays_does_not_count(
    what: str, share: Callable[[int, int], float]
) -> None:
    assert factor(share) == pytest.approx(1.0, abs=0.25), what


@pytest.mark.parametrize("cluster", [3, 6])
def test_bursts_of_one_arm_count_as_their_size(cluster: int) -> None:
    assert factor(lambda _slot, _arm: 0.1, cluster) == pytest.approx(cluster, rel=0.25)


def test_the_former_estimate_holds_until_enough_was_seen() -> None:
    scatter = PairedScatter()
    for _ in range(8):
        scatter = scatter.with_slot(Block(1, 50, 1, 50))
        assert scatter.factor(7.5) == 7.5
    assert scatter.with_slot(Block(0, 50, 5, 50)).factor(7.5) < 7.5


def test_a_slot_without_one_arm_is_left_out() -> None:
    assert PairedScatter().with_slot(Block(0, 0, 5, 50)) == PairedScatter()


def test_a_shaken_machine_blinds_the_dispersion_of_one_arm_only() -> None:
    random = np.random.default_rng(3)
    one, both = Scatter(), PairedScatter()
    for slot in range(120):
        share = 0.9 if slot % 4 == 0 else 0.3
        candidate, stable = (int(random.binomial(REQUESTS, share)) for _ in range(2))
        one = one.with_slot(stable, REQUESTS)
        both = both.with_slot(Block(candidate, REQUESTS, stable, REQUESTS))
    assert one.factor > 10
    assert both.factor(1.0) < 1.5

"""What a rollout promises of pods, shares and callers, as assertions; test_broken_promises shows each of them fail."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection

DEVIATIONS = 4.0
CALLS = 16
"""Calls of one caller: at a weight of 50 %, chance alone gives all of them to one revision once in 30,000 times."""


def keeps_pods(before: Collection[str], after: Collection[str]) -> None:
    """A promotion restarts and replaces no pod; both are UIDs."""
    assert set(before) <= set(after), f"pods were moved: {sorted(set(before) - set(after))} are gone"


def fits_the_weight(seen: int, requests: int, weight: int) -> None:
    """What a revision answered of all requests is its weight, as far as chance allows."""
    share = weight / 100
    bound = DEVIATIONS * math.sqrt(requests * share * (1 - share))
    assert abs(seen - requests * share) <= bound, f"{seen} of {requests} at {weight} %"


def stays(answered: Counter[str]) -> None:
    """A caller meets one revision alone."""
    assert answered.total() > 0, "nobody answered"
    assert len(answered) == 1, f"a caller was flipped back: {dict(answered)}"

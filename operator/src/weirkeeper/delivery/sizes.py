"""How many pods an arm needs and how much weight its ready pods may carry (gates.md, Sizes)."""

from __future__ import annotations

from collections.abc import Mapping

ALL = 100
"""The whole traffic, in percent."""


def candidate_pods(stable_pods: int, weight: int) -> int:
    """Pods of the candidate at `weight` percent, so that a pod of either arm carries a like load.

    `stable_pods` is S, stable's replicas when the attempt started; at weight 100 the candidate has S pods too.
    """
    if weight >= ALL:
        return stable_pods
    return min(stable_pods, max(1, -(-stable_pods * weight // (ALL - weight))))


def mirror_pods(stable_pods: int, percent: int) -> int:
    """Pods of the candidate that take copies of `percent` of the requests, loaded as stable's are."""
    return -(-stable_pods * percent // ALL)


def effective_weight(weight: int, ready: int, stable_pods: int) -> int:
    """The part of `weight` that `ready` pods of the candidate can carry, in percent."""
    return min(weight, ALL * ready // stable_pods)


def split(stable: str, candidate: str | None, weight: int) -> Mapping[str, int]:
    """The traffic split in percent by revision; it always sums to 100."""
    if candidate is None:
        return {stable: ALL}
    return {stable: ALL - weight, candidate: weight}

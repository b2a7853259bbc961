from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.api.steps import Callers, Sticky
from weirkeeper.router.beside import Beside
from weirkeeper.router.errors import InvalidTraffic
from weirkeeper.router.traffic import Applied, Wanted, Weights, all_applied, is_stale, next_applied, read_wanted

A, B, C = "churn-a", "churn-b", "churn-c"


def applied(decision: int, *split: tuple[str, int], seen: int | None = None, uid: str = "u1") -> Applied:
    return Applied(uid, "2026-01-01T00:00:00Z", decision, decision if seen is None else seen, split)


def wanted(decision: int, *traffic: tuple[str, int], uid: str = "u1", created: str = "2026-01-01T00:00:00Z") -> Wanted:
    return Wanted(uid, created, decision, traffic)


@pytest.mark.parametrize(
    ("former", "asked", "ready", "decision", "split"),
    [
        # nothing routed yet
        (None, wanted(1, (A, 100)), {A}, 1, ((A, 100),)),
        (None, wanted(1, (A, 100)), set(), 0, ()),
        (None, wanted(0), set(), 0, ()),
        # a step: the new revision is waited for, the one that has requests is not
        (applied(1, (A, 100)), wanted(2, (A, 95), (B, 5)), {B}, 2, ((A, 95), (B, 5))),
        (applied(1, (A, 100)), wanted(2, (A, 95), (B, 5)), set(), 1, ((A, 100),)),
        (applied(2, (A, 95), (B, 5)), wanted(3, (A, 75), (B, 25)), set(), 3, ((A, 75), (B, 25))),
        # weight 0 keeps a cluster warm and needs nobody ready
        (applied(1, (A, 100)), wanted(2, (A, 100), (B, 0)), set(), 2, ((A, 100),)),
        # abort and promotion go through even when nobody is healthy
        (applied(3, (A, 75), (B, 25)), wanted(4, (A, 100)), set(), 4, ((A, 100),)),
        (applied(3, (A, 50), (B, 50)), wanted(4, (B, 100)), set(), 4, ((B, 100),)),
        # taking weight away does not wait for the rest of the decision
        (applied(3, (A, 75), (B, 25)), wanted(4, (A, 95), (C, 5)), set(), 3, ((A, 100),)),
        (applied(3, (A, 50), (B, 50)), wanted(4, (A, 70), (B, 10), (C, 20)), set(), 3, ((A, 90), (B, 10))),
        # but somebody must answer
        (applied(3, (A, 100)), wanted(4, (B, 100)), set(), 3, ((A, 100),)),
        # all weight taken away: obeyed at once
        (applied(3, (A, 100)), wanted(4), set(), 4, ()),
        # overtaken
        (applied(3, (A, 100)), wanted(2, (B, 100)), {B}, 3, ((A, 100),)),
        (applied(1, (A, 100), seen=3), wanted(2, (B, 100)), {B}, 1, ((A, 100),)),
        # the same name made anew: its decisions begin anew, its routes stay until the new ones can be
        (applied(9, (A, 100)), wanted(1, (B, 100), uid="u2"), {B}, 1, ((B, 100),)),
        (applied(9, (A, 100)), wanted(1, (B, 100), uid="u2"), set(), 0, ((A, 100),)),
        (applied(9, (A, 100)), wanted(1, (B, 100), uid="u0", created="2025-01-01T00:00:00Z"), {B}, 9, ((A, 100),)),
    ],
)
def test_what_is_routed_next(
    former: Applied | None, asked: Wanted, ready: set[str], decision: int, split: Weights
) -> None:
    following = next_applied(former, asked, ready)
    assert (following.decision, following.split) == (decision, split)


def test_a_damaged_status_changes_nothing_and_a_deleted_model_goes() -> None:
    former = {"churn": applied(3, (A, 100)), "price": applied(1, ("price-a", 100))}
    assert all_applied(former, {"churn": None, "new": None}, set()) == {"churn": former["churn"]}


revisions = st.sampled_from([A, B, C])


@st.composite
def splits(draw: st.DrawFn) -> Weights:
    chosen = draw(st.lists(revisions, unique=True, max_size=3))
    if not chosen:
        return ()
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=len(chosen) - 1, max_size=len(chosen) - 1)))
    weights = [right - left for left, right in zip([0, *cuts], [*cuts, 100], strict=True)]
    return tuple(zip(chosen, weights, strict=True))


@given(st.lists(st.tuples(st.integers(0, 6), splits(), st.frozensets(revisions)), max_size=12))
def test_no_sequence_of_events_breaks_a_split_or_goes_back(events: list[tuple[int, Weights, frozenset[str]]]) -> None:
    former: Applied | None = None
    for decision, traffic, ready in events:
        asked = wanted(decision, *traffic)
        following = next_applied(former, asked, ready)
        weights = dict(following.split)
        routed = {revision for revision, _ in former.split} if former else set()
        assert sum(weights.values()) in {0, 100}
        assert all(0 < weight <= 100 for weight in weights.values())
        assert weights.keys() <= routed | ready
        assert following.seen >= (former.seen if former else 0)
        assert following.decision >= (former.decision if former else 0)
        assert next_applied(following, asked, ready) == following
        if not is_stale(former, asked) and former and following.decision != decision:
            above = [revision for revision, weight in following.split if weight > dict(traffic).get(revision, 0)]
            assert len(above) <= 1 or following.split == former.split
        former = following


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        ([{"revision": A, "weight": 60}], "must sum to 100"),
        ([{"revision": A, "weight": 100}, {"revision": A, "weight": 0}], "must sum to 100"),
        ([{"revision": A, "weight": 120}, {"revision": B, "weight": -20}], "must sum to 100"),
        ([{"revision": "../../etc/passwd", "weight": 100}], "no revision's name"),
        ([{"revision": "", "weight": 100}], "no revision's name"),
        ([{"revision": "x" * 64, "weight": 100}], "no revision's name"),
    ],
)
def test_a_status_that_cannot_be_routed_is_refused(traffic: list[dict[str, Any]], expected: str) -> None:
    with pytest.raises(InvalidTraffic, match=expected):
        read_wanted({"metadata": {"name": "churn"}, "status": {"decision": 1, "traffic": traffic}})


ALPHA = {"headers": [{"name": "x-cohort", "value": "alpha"}]}
CALLERS = (Callers.model_validate(ALPHA),)
SHADOW = Beside(mirrored="churn-b~mirror", percent=100)
CHOSEN = Beside(matched="churn-b~match", callers=CALLERS)


def test_what_is_routed_beside_the_split_is_read() -> None:
    traffic = [{"revision": A, "weight": 95}, {"revision": B, "weight": 5, "mirror": 50, "match": [ALPHA]}]
    sticky = {"header": "x-user", "revision": B}
    asked = read_wanted({"metadata": {"name": "churn"}, "status": {"traffic": traffic, "sticky": sticky}})
    assert asked.beside == Beside("churn-b~mirror", 50, "churn-b~match", CALLERS, Sticky(header="x-user"), B)
    assert asked.asked == {A, B, "churn-b~mirror", "churn-b~match"}


@pytest.mark.parametrize(
    "status",
    [
        {"traffic": [{"revision": A, "weight": 100, "match": [{"headers": []}]}]},
        {"traffic": [{"revision": A, "weight": 100, "match": [{"headers": [{"name": "a", "regex": "("}]}]}]},
        {"traffic": [{"revision": A, "weight": 100}], "sticky": {"revision": A}},
    ],
)
def test_callers_that_are_told_by_no_rule_are_refused(status: dict[str, Any]) -> None:
    with pytest.raises(InvalidTraffic, match="callers cannot be told apart"):
        read_wanted({"metadata": {"name": "churn"}, "status": status})


@pytest.mark.parametrize(
    ("had", "asked", "ready", "decision", "beside"),
    [
        # arms are waited for, like revisions
        (Beside(), SHADOW, {"churn-b~mirror"}, 2, SHADOW),
        (Beside(), SHADOW, set(), 1, Beside()),
        (SHADOW, CHOSEN, {"churn-b~match"}, 2, CHOSEN),
        # taking away does not wait: the copies end although the callers cannot be served yet
        (SHADOW, CHOSEN, set(), 1, Beside()),
        (SHADOW, Beside(), set(), 2, Beside()),
        (CHOSEN, Beside(), set(), 2, Beside()),
        (SHADOW, replace(SHADOW, percent=10, matched="churn-b~match", callers=CALLERS), set(), 1,
         replace(SHADOW, percent=10)),
        # nothing is added either
        (replace(SHADOW, percent=10), replace(SHADOW, matched="churn-b~match", callers=CALLERS), set(), 1,
         replace(SHADOW, percent=10)),
    ],
)  # fmt: skip
def test_what_is_routed_beside_the_split_next(
    had: Beside, asked: Beside, ready: set[str], decision: int, beside: Beside
) -> None:
    former = replace(applied(1, (A, 100)), beside=had)
    following = next_applied(former, replace(wanted(2, (A, 100), (B, 0)), beside=asked), ready)
    assert (following.decision, following.split, following.beside) == (decision, ((A, 100),), beside)


def test_a_model_without_status_has_no_traffic() -> None:
    assert read_wanted({"metadata": {"name": "churn", "uid": "u1"}}) == Wanted("u1", "", 0, ())


def test_revisions_of_weight_zero_are_wanted_and_get_nothing() -> None:
    asked = wanted(1, (A, 100), (B, 0))
    assert asked.arms == {A, B}
    assert asked.split == ((A, 100),)

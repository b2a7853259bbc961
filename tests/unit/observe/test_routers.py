"""What routers acknowledged, and since when none answers."""

from __future__ import annotations

from weirkeeper.delivery.evidence import RouterEvidence
from weirkeeper.observe.readings import RouterReading
from weirkeeper.observe.routers import NamespaceRouters
from weirkeeper.observe.targets import RouterTarget

ONE = RouterTarget("team-a", "router-1", "uid-1", "10.0.0.1")
TWO = RouterTarget("team-a", "router-2", "uid-2", "10.0.0.2")


def said(**acknowledged: int) -> RouterReading:
    return RouterReading(0, acknowledged, {})


def test_models_are_named_when_a_router_acknowledges_something_else() -> None:
    routers = NamespaceRouters(5, 0)
    assert routers.answered(100.0, [ONE], {"uid-1": said(churn=1, fraud=7)}) == {"churn", "fraud"}
    assert routers.answered(105.0, [ONE], {"uid-1": said(churn=2, fraud=7)}) == {"churn"}
    assert routers.answered(110.0, [ONE], {"uid-1": said(churn=2, fraud=7)}) == set()


def test_each_router_is_shown_with_what_it_acknowledged_and_how_long_ago() -> None:
    routers = NamespaceRouters(5, 0)
    routers.answered(100.0, [ONE, TWO], {"uid-1": said(churn=3), "uid-2": said()})
    routers.answered(105.0, [ONE, TWO], {"uid-1": said(churn=4)})
    assert routers.evidence("churn", [ONE, TWO], 107.0) == (
        RouterEvidence("router-1", 4, 2.0),
        RouterEvidence("router-2", 0, 7.0),
    )


def test_what_a_silent_router_acknowledged_is_not_known_after_three_slots() -> None:
    routers = NamespaceRouters(5, 0)
    routers.answered(100.0, [ONE], {"uid-1": said(churn=3)})
    assert routers.evidence("churn", [ONE], 115.0)[0].acknowledged == 3
    assert routers.evidence("churn", [ONE], 115.5)[0] == RouterEvidence("router-1", None, 15.5)


def test_a_router_that_never_answered_is_as_old_as_it_has_been_asked() -> None:
    routers = NamespaceRouters(5, 0)
    routers.answered(100.0, [ONE], {})
    routers.answered(105.0, [ONE], {})
    assert routers.evidence("churn", [ONE, TWO], 120.0) == (
        RouterEvidence("router-1", None, 20.0),
        RouterEvidence("router-2", None, 0.0),
    )


def test_a_router_that_went_and_came_back_must_answer_anew() -> None:
    routers = NamespaceRouters(5, 0)
    routers.answered(100.0, [ONE], {"uid-1": said(churn=3)})
    routers.answered(105.0, [], {})
    assert routers.evidence("churn", [ONE], 106.0)[0].acknowledged is None


def test_evidence_is_unavailable_since_the_first_question_that_nobody_answered() -> None:
    routers = NamespaceRouters(5, 0)
    since = []
    for now, readings in [(100.0, {"uid-2": said()}), (105.0, {}), (110.0, {}), (115.0, {"uid-1": said()})]:
        routers.answered(now, [ONE, TWO], readings)
        since.append(routers.unavailable_since)
    assert since == [None, 105.0, 105.0, None]

"""Causes that were injected, and what is said of each: one case a line of the table in docs/how-to/find-out-why.md."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from weirkeeper.diagnosis.diagnosing import diagnose, sentences, short
from weirkeeper.diagnosis.evidence import HOUR, Change, Dependency, Evidence, Measured, Moved, Pod, Seen
from weirkeeper.diagnosis.findings import Verdict

NOW = 1_795_000_000.0
BEGAN = NOW - 2 * HOUR
STABLE, CANDIDATE = "churn-5d9c7f02", "churn-1a2b3c4d"
WELL = {
    kind: Seen("OK", "all is well", NOW - 90 * HOUR) for kind in ("InputDrift", "OutputDrift", "DataQualityDegraded")
}
LABELS = {kind: Seen("OK", "all is well", NOW - 90 * HOUR) for kind in ("PerformanceDegraded", "ConceptDrift")}


def bad(*kinds: str, since: float = BEGAN) -> dict[str, Seen]:
    """Conditions of a Monitor that watches everything, of which these are bad."""
    return {**WELL, **LABELS, **{kind: Seen("Drifting", f"{kind} in numbers", since) for kind in kinds}}


def pods(**special: Any) -> tuple[Pod, ...]:
    """Four pods on three nodes; what is special is of the one on node-c."""
    usual = [
        Pod(f"{STABLE}-{number}", STABLE, f"node-{node}", requests=400, failed=0, seconds=0.004 + number / 10_000)
        for number, node in enumerate("aabc")
    ]
    return (*usual[:-1], replace(usual[-1], **special))


def told(**given: Any) -> Evidence:
    known: dict[str, Any] = {"stable": STABLE, "stable_since": NOW - 90 * HOUR, "labels": (900, 1000), "pods": pods()}
    return Evidence("churn", NOW, **{"conditions": bad(), **known, **given})


def accuracy(realised: float, **given: Any) -> Measured:
    return Measured(
        "Accuracy", "Drifting" if realised < 0.85 else "OK", realised=realised, low=realised - 0.02,
        high=realised + 0.02, bound=0.85, offline=0.91, **given,
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What was done to a Model's world, what that leaves as evidence, and what has to be said of it."""

    evidence: Evidence
    causes: tuple[str, ...]
    says: tuple[str, ...] = ()
    where: str = ""
    verdict: Verdict = "Amiss"
    never: tuple[str, ...] = field(default=())


INCOME = Moved("income", "income: median 5,200,000 EUR instead of 52,000 EUR", BEGAN)
CASES = {
    "a unit was changed upstream": Case(
        told(conditions=bad("InputDrift", "DataQualityDegraded"), moved=(INCOME,)),
        ("Data",), ("fault upstream", "income", "Performance holds all the same", "median 5,200,000 EUR"), "",
    ),
    "a join was lost and values are missing": Case(
        told(conditions=bad("DataQualityDegraded", "PerformanceDegraded", "ConceptDrift"), measured=(accuracy(0.7),)),
        ("Data",), ("fault upstream", "which broken values alone can make"), never=("world",),
    ),
    "other customers came, as hard to judge as before": Case(
        told(conditions=bad("InputDrift"), moved=(INCOME,), measured=(accuracy(0.9, expected=0.9),)),
        ("Data",), ("Performance holds",), "income",
    ),
    "other customers came, who are harder to judge": Case(
        told(
            conditions=bad("InputDrift", "PerformanceDegraded"),
            moved=(INCOME,),
            measured=(accuracy(0.8, expected=0.8),),
        ),
        ("Data",), ("fell as far as they explain",), "income", never=("concept", "world"),
    ),
    "the world changed": Case(
        told(conditions=bad("PerformanceDegraded", "ConceptDrift"), measured=(accuracy(0.7, expected=0.9),)),
        ("Concept",), ("Labels left what the inputs explain", "nothing that is on record changed"),
        never=("the model", "system"),
    ),
    "the world changed, and other customers came": Case(
        told(conditions=bad("InputDrift", "PerformanceDegraded", "ConceptDrift"), moved=(INCOME,)),
        ("Data", "Concept"), ("explain a part of what labels say, and not all",),
    ),
    "the world changed for one region": Case(
        told(
            conditions=bad("PerformanceDegraded", "ConceptDrift"),
            measured=(accuracy(0.6, segment="region=north"), accuracy(0.92, segment="region=south"), accuracy(0.88)),
        ),
        ("Concept",), ("the segment region=north alone",), "region=north",
    ),
    "the world changed, and the bundle has no held-out rows": Case(
        told(
            conditions=bad("PerformanceDegraded") | {"ConceptDrift": Seen("Error", "no held-out rows")},
            measured=(accuracy(0.7, expected=0.9),),
        ),
        ("Concept",), ("worse than the answers alone let expect", "It takes a bundle made with `held_out`"),
    ),
    "a worse model was promoted": Case(
        told(
            conditions=bad("PerformanceDegraded", "ConceptDrift"),
            stable_since=BEGAN - 600,
            measured=(accuracy(0.7, expected=0.9),),
            changes=(Change(BEGAN - 600, "Promotion", f"{STABLE} was promoted"),),
        ),
        ("Model",), (f"Since {STABLE} was promoted", f"{STABLE} was promoted"), never=("world",),
    ),
    "the world changed soon after a promotion": Case(
        told(
            conditions={
                one: Seen("Drifting", f"{one} in numbers", BEGAN, BEGAN - 60)
                for one in ("PerformanceDegraded", "ConceptDrift")
            },
            stable_since=BEGAN - 600,
            measured=(accuracy(0.7, expected=0.9),),
        ),
        ("Concept",), ("Labels left what the inputs explain",), never=("promoted",),
    ),
    "a worse model was promoted in the place of one that was well": Case(
        told(
            conditions={"ConceptDrift": Seen("Drifting", "ConceptDrift in numbers", BEGAN, BEGAN - 700)},
            stable_since=BEGAN - 600,
        ),
        ("Model",), (f"Since {STABLE} was promoted",),
    ),
    "the model was never as good as is asked": Case(
        told(conditions=bad("PerformanceDegraded"), measured=(accuracy(0.8, expected=0.81),)),
        ("Model",), ("0.850 is asked", "labels at each score too"),
    ),
    "a promoted model answers otherwise": Case(
        told(conditions=bad("OutputDrift"), stable_since=BEGAN - 60), ("Model",), ("answers otherwise",),
    ),
    "rows of two customers were mixed up": Case(
        told(conditions=bad("OutputDrift")), ("Data",), ("belong together in another way",),
    ),
    "a candidate fails": Case(
        told(
            candidate=CANDIDATE,
            pods=(*pods(), Pod(f"{CANDIDATE}-0", CANDIDATE, "node-a", requests=100, failed=30, seconds=0.004)),
        ),
        ("Model",), (f"Revision {CANDIDATE} stands out", "fails 30 of 100"), CANDIDATE,
    ),
    "a candidate is slow": Case(
        told(
            candidate=CANDIDATE,
            pods=(*pods(), Pod(f"{CANDIDATE}-0", CANDIDATE, "node-a", requests=100, failed=0, seconds=0.05)),
        ),
        ("Model",), ("takes 50 ms",), CANDIDATE,
    ),
    "a node is slow": Case(
        told(conditions=bad("LatencyAtRisk"), pods=pods(seconds=0.08)),
        ("System",), ("Node node-c stands out", "takes 80 ms"), "node-c",
    ),
    "a pod among others on its node fails": Case(
        told(pods=tuple(replace(pod, node="node-a") for pod in pods(failed=40))),
        ("System",), (f"Pod {STABLE}-3 stands out", "fails 40 of 400"), f"{STABLE}-3",
    ),
    "a pod runs out of memory": Case(
        told(pods=pods(ready=False, restarts=4, trouble="OOMKilled, restarted 4 times", ended=NOW - 60)),
        ("System",), ("1 of 4 pods is in trouble", "OOMKilled"), f"{STABLE}-3",
    ),
    "a node went down": Case(
        told(pods=tuple(replace(pod, ready=False, trouble="gone") if pod.node == "node-a" else pod for pod in pods())),
        ("System",), ("All pods on node node-a",), "node-a",
    ),
    "the image cannot be pulled": Case(
        told(not_ready="ImagePull: no such image", conditions={}), ("System",), ("does not serve: ImagePull",),
    ),
    "what the container asks became slow": Case(
        told(
            conditions=bad("LatencyAtRisk"),
            dependencies=(Dependency("features", 0.4, 0.05), Dependency("users", 0.01, 0.01)),
        ),
        ("System",), ("features takes 400 ms now, and took 50 ms before",), "features", never=("users",),
    ),
    "pods were taken away": Case(
        told(conditions=bad("LatencyAtRisk"), changes=(Change(BEGAN - 300, "Scaling", "from 4 pods to 1"),)),
        ("System",), ("scaled in the hour before", "from 4 pods to 1", "--dependency"),
    ),
    "one group is given less": Case(
        told(conditions=bad() | {"FairnessDegraded": Seen("Drifting", "sex: 0.61 of 0.8")}),
        ("Model",), ("Groups fare differently",),
    ),
    "nothing": Case(told(), (), ("nothing that is watched is amiss",), verdict="Well"),
    "no traffic": Case(
        told(conditions={kind: Seen("Insufficient", "0 of 500 rows") for kind in WELL}, pods=()),
        (), ("too little is known", "It takes a window that ended with enough rows"), verdict="Unknown",
    ),
    "nobody watches": Case(
        told(conditions={}, monitored=False), (), ("a Monitor that names this Model",), verdict="Unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_was_injected_is_found(case: Case) -> None:
    found = diagnose(case.evidence)
    text = "\n".join(sentences(case.evidence, found))
    assert (found.causes, found.verdict) == (case.causes, case.verdict), text
    for words in case.says:
        assert words in text
    for words in case.never:
        assert words not in text, text
    if case.where:
        assert case.where in {one.where for one in found.findings}, text


def test_it_says_since_when_inputs_moved_and_only_what_was_done_before() -> None:
    after = Change(NOW - 60, "Promotion", "something later")
    long_ago = Change(BEGAN - 2 * HOUR, "Promotion", "something long ago")
    before = Change(BEGAN - 0.5 * HOUR, "Scaling", "from 2 pods to 3")
    evidence = told(conditions=bad("InputDrift"), moved=(INCOME,), changes=(after, before, long_ago))
    found = diagnose(evidence)
    assert (found.changes, found.after) == ((before,), (after,))
    assert "income: median 5,200,000 EUR instead of 52,000 EUR, since 18 Nov" in "\n".join(sentences(evidence, found))


def test_a_training_that_began_with_it_is_told_as_an_answer_and_not_as_a_cause() -> None:
    training, step = Change(BEGAN, "Retraining", "Monitor m began a training"), Change(BEGAN, "Step", "25 % to churn-7")
    evidence = told(conditions=bad("ConceptDrift"), changes=(training, step))
    lines = list(sentences(evidence, diagnose(evidence)))
    since = lines.index("Since then:")
    assert lines[since - 1].endswith("25 % to churn-7")
    assert lines[since + 1].endswith("Monitor m began a training")


def test_how_bad_it_is_stands_with_a_changed_concept() -> None:
    evidence = told(conditions=bad("PerformanceDegraded", "ConceptDrift"), measured=(accuracy(0.7, expected=0.9),))
    (finding,) = diagnose(evidence).findings
    assert finding.told.endswith(
        "ConceptDrift in numbers. Accuracy is 0.700 (at least 0.850 is asked, 0.900 expected)."
    )


def test_chance_does_not_make_a_pod_stand_out() -> None:
    assert not diagnose(told(pods=pods(failed=3))).findings
    assert not diagnose(told(pods=pods(seconds=0.007))).findings
    assert not diagnose(told(pods=pods(requests=5, failed=5, seconds=0.9))).findings


def test_few_labels_are_said_to_be_few() -> None:
    (gap,) = diagnose(told(labels=(30, 1000))).gaps
    assert "3.0 % have a label" in gap.unknown


def test_the_short_form_is_for_the_message_of_a_monitor() -> None:
    assert short(bad("PerformanceDegraded", "ConceptDrift")) == "it is the concept: the world behind the data changed"
    assert short(bad("InputDrift")) == "it is the data"
    assert short(bad("PerformanceDegraded"), STABLE, BEGAN - 60) == "it is the model"
    assert not short(bad())


@pytest.mark.parametrize(("since", "told"), [(BEGAN, True), (NOW - 60, False)])
def test_that_events_of_then_are_forgotten_is_said(since: float, told: bool) -> None:  # noqa: FBT001  a case
    given = Evidence("churn", NOW, STABLE, NOW - 90 * HOUR, conditions=bad("ConceptDrift", since=since))
    before = next(one for one in sentences(given, diagnose(given)) if one.startswith("In the hour before"))
    assert ("as far as is kept" in before) == told

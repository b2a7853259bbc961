"""Scenes three and four: the better version is promoted step by step, the broken one rolls itself back."""

import time
from typing import Final

from demo.load import describe_failures
from demo.names import MODEL
from demo.rollout import Attempted, standing
from demo.shares import rises
from demo.stage import Stage

WEIGHTS: Final = (5, 25, 50)
QUIET: Final = 3.0  # seconds in which a revision that is out must answer nothing


def _attempt(stage: Stage, version: str) -> Attempted:
    before = standing(stage.kubectl).stable
    stage.apply(f"model-{version}.yaml")
    return Attempted(stage.kubectl, stage.load, before)


def promote_v2(stage: Stage) -> None:
    """v2 goes 5, 25, 50, 100 by the default gates, and no caller notices."""
    story = stage.story
    story.chapter("v2 is better: by percentage to production")
    attempted = _attempt(stage, "v2")
    story.wait("v2's attempt has ended", attempted.look, within=300, every=2)
    stage.revisions["v2"] = attempted.revision
    story.check("v2 was promoted", true=attempted.outcome == "Promoted", found=attempted.outcome)
    _check_shares(stage, attempted)
    for name, message in attempted.messages.items():
        story.say(f"  gate {name}: {message}")
    after = attempted.last
    story.check(
        "v2 is stable and has all traffic",
        true=after.stable == attempted.revision and after.current,
        found=f"{after.stable}, {after.weights.get(attempted.revision)} %",
    )
    _check_nothing_failed(stage, None)


def _check_shares(stage: Stage, attempted: Attempted) -> None:
    found = attempted.shares
    weights = tuple(share.weight for share in found)
    stage.story.check(
        "the steps were 5, 25 and 50 percent",
        true=weights == WEIGHTS and rises(weights),
        found=" → ".join(map(str, weights)),
    )
    for share in found:
        stage.story.check("requests follow the weight", true=share.fits, found=str(share))


def _check_nothing_failed(stage: Stage, apart_from: str | None) -> None:
    counts = stage.load.counts()
    failed = counts.failed(apart_from)
    name = "no request has failed" + (" but those which v3 answered" if apart_from else "")
    found = describe_failures(counts, apart_from) if failed else f"{counts.finished} requests"
    stage.story.check(name, true=failed == 0, found=found)


def roll_back_v3(stage: Stage) -> None:
    """v3 scores well offline and raises on one live row in twenty; the gate sees it, nobody has to."""
    story = stage.story
    story.chapter("v3 has a bug that offline scores do not show: it rolls itself back")
    attempted = _attempt(stage, "v3")
    story.wait("v3's attempt has ended", attempted.look, within=300, every=2)
    stage.revisions["v3"] = attempted.revision
    attempt = attempted.last.attempt_of(attempted.revision)
    assert attempt is not None  # it has ended
    story.check("v3 was rolled back", true=attempt.outcome == "RolledBack", found=attempt.outcome)
    told = attempted.failing.message if attempted.failing else attempt.reason
    story.check("the errors gate tells why", true="error" in attempt.reason or bool(attempted.failing), found=told)
    weights = attempted.last.weights
    story.check(
        "v2 has all traffic again",
        true=attempted.last.stable == stage.revisions["v2"] and weights.get(stage.revisions["v2"]) == 100,
        found=f"{weights}",
    )
    _check_exposure(stage, attempted.revision, attempt.exposed_requests)
    _check_nothing_failed(stage, attempted.revision)


def _check_exposure(stage: Stage, revision: str, exposed: int) -> None:
    story = stage.story
    exposure = stage.load.counts().of(revision)
    time.sleep(QUIET)
    again = stage.load.counts().of(revision)
    story.check(
        "v3 answers nothing any more",
        true=again.total == exposure.total,
        found=f"{again.total - exposure.total} requests in {QUIET:g} s",
    )
    story.check(
        "v3 failed some of what it answered",
        true=exposure.failed > 0,
        found=f"{exposure.total} answered, {exposure.failed} of them badly, "
        f"{exposure.last - exposure.first:.0f} s from its first answer to its last",
    )
    close = abs(exposed - exposure.total) <= max(10, exposure.total * 0.1)
    story.check(
        "the status counts as the callers do",
        true=close,
        found=f"exposedRequests {exposed} of {MODEL}, {exposure.total} answers met",
    )

"""Whether it is data, concept or model: what the conditions of Monitors say together."""

from __future__ import annotations

from collections.abc import Iterator

from weirkeeper.diagnosis.evidence import Evidence, Measured
from weirkeeper.diagnosis.findings import Finding


def data(evidence: Evidence) -> Iterator[Finding]:
    """Find inputs that are broken, and inputs that moved."""
    if evidence.bad("DataQualityDegraded"):
        told = evidence.conditions["DataQualityDegraded"].message
        yield Finding("Data", f"Values are out of order, as a fault upstream makes them: {told}.")
    if evidence.bad("InputDrift"):
        names = ", ".join(one.name for one in evidence.moved[:3])
        more = f" and {len(evidence.moved) - 3} more" if len(evidence.moved) > 3 else ""  # noqa: PLR2004  named in it
        told = f"Inputs moved: {names}{more}." if names else "Inputs moved."
        yield Finding("Data", f"{told} {_effect(evidence)}", evidence.moved[0].name if evidence.moved else "")


def _effect(evidence: Evidence) -> str:
    """What the moved inputs did to performance, as far as labels tell."""
    if evidence.bad("ConceptDrift"):
        return "They explain a part of what labels say, and not all of it."
    if evidence.bad("PerformanceDegraded"):
        known = evidence.state("ConceptDrift") == "OK"
        return (
            "Performance fell as far as they explain: at each score labels are as they were."
            if known
            else "Whether they explain the performance that was lost is not known."
        )
    if evidence.state("PerformanceDegraded") == "OK":
        return "Performance holds all the same."
    return "What that does to performance is not known without labels."


def labels(evidence: Evidence) -> Iterator[Finding]:
    """Find a changed concept or a model that does not do, by labels."""
    concept, performance = evidence.bad("ConceptDrift"), evidence.bad("PerformanceDegraded")
    if concept:
        yield _concept(evidence)
    elif performance and not (evidence.bad("InputDrift") or evidence.bad("DataQualityDegraded")):
        yield _model(evidence)
    elif performance and evidence.state("ConceptDrift") != "OK" and (left := _left(evidence)):
        yield Finding("Concept", f"{_told(left)}: worse than the answers alone let expect.{_where(evidence)}")
    if evidence.bad("FairnessDegraded"):
        yield Finding("Model", f"Groups fare differently: {evidence.conditions['FairnessDegraded'].message}.")


def _concept(evidence: Evidence) -> Finding:
    """Labels left what scores explain: the world's doing, unless it began with a promotion."""
    told = evidence.conditions["ConceptDrift"].message
    if evidence.began_with_promotion("ConceptDrift") and not evidence.bad("InputDrift"):
        told = f"Since {evidence.stable} was promoted its scores are not what labels say: {told}."
        return Finding("Model", f"{told}{_performance(evidence)}")
    if evidence.bad("DataQualityDegraded"):
        return Finding("Data", f"Labels left what scores explain, which broken values alone can make: {told}.")
    told = f"Labels left what the inputs explain: {told}.{_performance(evidence)}{_where(evidence)}"
    return Finding("Concept", told, _segment(evidence))


def _performance(evidence: Evidence) -> str:
    """What it costs, where a metric is bad."""
    bad = [one for one in evidence.measured if one.state == "Drifting"]
    return f" {'; '.join(map(_told, bad[:2]))}." if bad else ""


def _model(evidence: Evidence) -> Finding:
    """Performance is too low, and inputs are as they were."""
    bad = [one for one in evidence.measured if one.state == "Drifting"]
    told = "; ".join(_told(one) for one in bad[:2]) or evidence.conditions["PerformanceDegraded"].message
    if evidence.began_with_promotion("PerformanceDegraded"):
        return Finding("Model", f"{told}, and was not before {evidence.stable} was promoted.{_where(evidence)}")
    if evidence.state("ConceptDrift") != "OK" and (left := _left(evidence)):
        return Finding("Concept", f"{_told(left)}: worse than the answers alone let expect.{_where(evidence)}")
    if _segment(evidence):
        return Finding(
            "Concept", f"{told}, while inputs as a whole are as they were.{_where(evidence)}", _segment(evidence)
        )
    return Finding("Model", f"{told}, while inputs are as they were and labels at each score too: it does no better.")


def _left(evidence: Evidence) -> Measured | None:
    """A metric whose whole interval is worse than what the answers let expect."""
    for one in evidence.measured:
        edge = one.low if one.lower_is_better else one.high
        if one.state == "Drifting" and one.expected is not None and edge is not None:
            sign = -1.0 if one.lower_is_better else 1.0
            if sign * edge < sign * one.expected:
                return one
    return None


def _told(one: Measured) -> str:
    name = f"{one.metric} of {one.segment}" if one.segment else one.metric
    if one.realised is None or one.bound is None:
        return f"{name} is too low"
    asked = "at most" if one.lower_is_better else "at least"
    expected = f", {one.expected:.3f} expected" if one.expected is not None else ""
    return f"{name} is {one.realised:.3f} ({asked} {one.bound:.3f} is asked{expected})"


def _segment(evidence: Evidence) -> str:
    """The one segment in which performance is bad while others, and all rows together, are well; empty otherwise."""
    bad = [one for one in evidence.measured if one.state == "Drifting"]
    segments = {one.segment for one in bad}
    others = any(one.state == "OK" and one.segment not in segments for one in evidence.measured)
    return segments.pop() if len(segments) == 1 and "" not in segments and others else ""


def _where(evidence: Evidence) -> str:
    segment = _segment(evidence)
    return f" It is the segment {segment} alone; the others are well." if segment else ""


def answers(evidence: Evidence) -> Iterator[Finding]:
    """Find answers that moved where no input did."""
    if evidence.bad("OutputDrift") and not (evidence.bad("InputDrift") or evidence.bad("DataQualityDegraded")):
        told = evidence.conditions["OutputDrift"].message
        if evidence.began_with_promotion("OutputDrift"):
            yield Finding("Model", f"{evidence.stable} answers otherwise than to its reference rows: {told}.")
        else:
            yield Finding(
                "Data", f"Answers moved though no single input did: inputs belong together in another way: {told}."
            )

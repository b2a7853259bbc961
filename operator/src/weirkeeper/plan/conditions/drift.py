"""InputDrift and OutputDrift: whether live rows, and the answers to them, still look like the reference.

A feature begins to drift with one window that is above a threshold. That needs no second window: the threshold is made
so that in a month all conditions, features and windows together alarm `falseAlarmsPerMonth` times where nothing is
wrong (statistics.budget), and to wait for two of three windows would only make it later. It ends to drift when the
debiased PSI is below 0.7 of delta, which chance does not bring about from far above: so a state does not flutter. Both
depend on the window, on those kept before it, and on what was said before alone, so judging again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from weirkeeper.api.monitor import MonitorSpec
from weirkeeper.plan.conditions.too_few import too_few_rows
from weirkeeper.plan.conditions.watched import ConditionState, Watched
from weirkeeper.statistics.drift import FeaturePolicy, History, WindowReport, assess, held, policy_of, reported

INPUTS = "features"
OUTPUTS = "outputs"


def judge_inputs(watched: Watched) -> WindowReport:
    """Judge the inputs of a window.

    Raises:
        StatisticsError: the counts cannot be judged by the profile.
    """
    policies, delta = policies_of(watched.spec), watched.spec.inputs.delta.number
    count = sum(policy_of(one, policies, delta).watched for one in watched.profile.features)
    window = watched.window
    report = assess(
        watched.profile,
        window.counts.inputs,
        alpha=watched.share(count),
        delta=delta,
        min_rows=watched.rule.min_rows,
        overrides=policies,
        history=History([slot.inputs for slot in window.slots], [one.inputs for one in window.past]),
    )
    return _with_window(report, watched)


def judge_outputs(watched: Watched) -> WindowReport:
    """Judge the outputs of a window, as if they were inputs.

    Raises:
        StatisticsError: the counts cannot be judged by the profile.
    """
    profile, window = replace(watched.profile, features=watched.profile.outputs), watched.window
    if not profile.features:
        return WindowReport("Insufficient", window.rows, (), "the reference has no outputs; make the bundle anew")
    report = assess(
        profile,
        window.counts.outputs,
        alpha=watched.share(len(profile.features)),
        delta=watched.spec.outputs.delta.number,
        min_rows=watched.rule.min_rows,
        history=History([slot.outputs for slot in window.slots], [one.outputs for one in window.past]),
    )
    return _with_window(report, watched)


def _with_window(report: WindowReport, watched: Watched) -> WindowReport:
    """The same report; of too few rows it says in which window, which the counts alone do not tell."""
    few = report.rows < watched.rule.min_rows and report.state == "Insufficient"
    return replace(report, message=too_few_rows(watched)) if few else report


def policies_of(spec: MonitorSpec) -> dict[str, FeaturePolicy]:
    """What the Monitor says of single inputs."""
    deltas = {name: spec.inputs.delta_of(name) for name in spec.inputs.features}
    return {name: FeaturePolicy(delta, delta is not None) for name, delta in deltas.items()}


def going_on(report: WindowReport, drifted: Callable[[str], bool], noun: str) -> WindowReport:
    """The same report, where what `drifted` before goes on until it is well below what matters."""
    if not report.features:
        return report
    features = [held(feature) if drifted(feature.name) else feature for feature in report.features]
    return reported(report.rows, features, noun)


def input_drift(report: WindowReport) -> ConditionState:
    """Say what the inputs did."""
    return ConditionState("InputDrift", report.state, report.message)


def output_drift(report: WindowReport) -> ConditionState:
    """Say what the outputs did."""
    return ConditionState("OutputDrift", report.state, report.message)

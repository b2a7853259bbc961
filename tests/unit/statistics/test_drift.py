from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.statistics.splits import SPLITS
from weirkeeper.statistics import (
    FeaturePolicy,
    History,
    ProfileCounters,
    ReferenceProfile,
    WindowReport,
    add,
    alarm_share,
    assess,
    held,
)
from weirkeeper.statistics.drift import reported

RNG = np.random.default_rng(5)
ALPHA = alarm_share(0.1, 60, 6)
ROWS = 2000
REFERENCE: dict[str, Any] = {
    "mean radius": RNG.normal(14.1, 3.5, ROWS),
    "texture": RNG.normal(19, 4, ROWS),
    "region": RNG.choice(["eu", "us", "asia"], ROWS, p=[0.6, 0.3, 0.1]),
    "visits": RNG.integers(0, 4, ROWS),
    "member": RNG.random(ROWS) < 0.3,
    "constant": np.ones(ROWS),
}
PROFILE = ReferenceProfile.from_columns(REFERENCE, {})


def window(rows: int, **changes: Any) -> dict[str, Any]:
    drawn = np.random.default_rng(rows).integers(0, ROWS, rows)
    columns = {name: column[drawn] for name, column in REFERENCE.items()} | changes
    counters = ProfileCounters(PROFILE)
    counters.ingest(columns, {})
    counts: dict[str, Any] = counters.totals()["inputs"]
    return counts


def judged(rows: int, changes: dict[str, Any] | None = None, **options: Any) -> WindowReport:
    return assess(PROFILE, window(rows, **(changes or {})), alpha=ALPHA, **options)


def test_a_window_like_the_reference_does_not_drift() -> None:
    report = judged(1000)
    assert (report.state, report.drifting, report.rows) == ("OK", (), 1000)
    assert len([feature for feature in report.features if not feature.joint]) == 6


def test_a_shifted_feature_is_named_first_with_its_medians() -> None:
    report = judged(500, {"mean radius": RNG.normal(19.3, 3.5, 500)})
    worst = report.features[0]
    assert report.state == "Drifting"
    assert (worst.name, worst.drifting) == ("mean radius", True)
    assert worst.message.startswith("mean radius: median 14.")
    assert " → 19." in worst.message
    assert "(PSI " in worst.message
    assert "threshold " in worst.message
    assert worst.message in report.message
    assert worst.ks_lower == pytest.approx(0.54, abs=0.08)
    assert worst.psi is not None
    assert worst.psi_debiased is not None
    assert worst.psi_lower is not None
    assert 0.1 < worst.psi_lower < worst.psi_debiased < worst.psi


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        pytest.param("region", np.repeat(["eu", "asia"], 250), "region: share of ", id="categories moved"),
        pytest.param(
            "region", np.repeat(["eu", "mars"], 250), "values that the reference never had 0 % → 50 %", id="unseen"
        ),
        pytest.param("visits", np.full(500, 3), "visits: share of `3` ", id="one number only"),
        pytest.param("member", np.ones(500, dtype=bool), "member: share of ", id="all true"),
        pytest.param("constant", np.full(500, 2.0), "constant: mean 1 → 2", id="no longer constant"),
        pytest.param(
            "texture", np.full(500, np.inf), "texture: share of infinite values 0 % → 100 %", id="all infinite"
        ),
    ],
)
def test_what_changed_is_said_in_the_features_own_terms(name: str, column: Any, message: str) -> None:
    report = judged(500, {name: column})
    assert [feature.name for feature in report.drifting] == [name]
    assert message in report.drifting[0].message


def test_worst_comes_first() -> None:
    changes = {"mean radius": RNG.normal(17.5, 3.5, 500), "texture": RNG.normal(31, 4, 500)}
    report = judged(500, changes)
    assert [feature.name for feature in report.drifting] == ["texture", "mean radius"]
    severities = [feature.severity for feature in report.features]
    assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize("rows", [1, 499])
def test_too_few_rows_are_insufficient_and_never_zero(rows: int) -> None:
    report = judged(rows)
    assert (report.state, report.rows, report.features) == ("Insufficient", rows, ())
    assert f"{rows} of 500 rows" in report.message


def test_an_empty_window_is_insufficient() -> None:
    empty = ProfileCounters(PROFILE).totals()["inputs"]
    assert assess(PROFILE, empty, alpha=ALPHA, min_rows=0).state == "Insufficient"
    assert assess(PROFILE, {}, alpha=ALPHA).state == "Insufficient"


def test_a_constant_column_has_no_distance() -> None:
    constant = next(feature for feature in judged(500).features if feature.name == "constant")
    assert (constant.psi, constant.drifting, constant.state) == (0.0, False, "OK")


def test_a_feature_that_went_missing_drifts_though_its_values_cannot_be_judged() -> None:
    report = judged(500, {"texture": np.full(500, np.nan)})
    texture = report.features[0]
    assert (texture.name, texture.state, texture.psi, texture.missing) == ("texture", "Drifting", None, 1.0)
    assert texture.message.startswith("texture: missing 0 % → 100 % (missing ")
    assert report.state == "Drifting"


def test_a_few_missing_values_more_do_not_matter() -> None:
    texture = REFERENCE["texture"][:500].copy()
    texture[:4] = np.nan
    assert judged(500, {"texture": texture}).state == "OK"


def test_a_feature_with_too_few_values_is_not_judged() -> None:
    reference = np.where(RNG.random(ROWS) < 0.95, np.nan, RNG.normal(0, 1, ROWS))
    profile = ReferenceProfile.from_columns({"rare": reference}, {})
    counters = ProfileCounters(profile)
    counters.ingest({"rare": np.concatenate((np.full(470, np.nan), np.full(30, 9.0)))}, {})
    report = assess(profile, counters.totals()["inputs"], alpha=ALPHA)
    assert report.state == "Insufficient"
    assert "30 valid values" in report.features[0].message


def test_a_feature_may_have_its_own_delta_or_none() -> None:
    shifted = {"mean radius": RNG.normal(17.0, 3.5, 500)}
    assert judged(500, shifted).state == "Drifting"
    assert judged(500, shifted, overrides={"mean radius": FeaturePolicy(delta=2.0)}).state == "OK"
    ignored = judged(500, shifted, overrides={"mean radius": FeaturePolicy(watched=False)})
    assert ignored.state == "OK"
    # What is made of it goes unwatched with it.
    assert not any("mean radius" in feature.columns for feature in ignored.features)


def test_counts_of_another_profile_are_an_error() -> None:
    counts = window(500)
    counts["texture"] = counts["texture"] | {"counts": [500]}
    report = assess(PROFILE, counts, alpha=ALPHA)
    assert report.state == "Error"
    assert "'texture' was counted in 1 bins" in report.message


def test_atoms_lie_in_their_interval_for_the_order_of_values() -> None:
    reference = np.concatenate((np.zeros(500), np.linspace(-2, 2, 500)))
    live = np.concatenate((np.zeros(250), np.linspace(-2, 2, 750)))
    profile = ReferenceProfile.from_columns({"x": reference}, {})
    counters = ProfileCounters(profile)
    counters.ingest({"x": live}, {})
    found = assess(profile, counters.totals()["inputs"], alpha=0.01).features[0].ks_lower
    edges = np.asarray(profile.features[0].edges)
    exact = max(abs((reference <= edge).mean() - (live <= edge).mean()) for edge in edges)
    assert found == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(("split", "state"), [("breast_cancer_even_odd", "OK"), ("wine_01_vs_12", "Drifting")])
def test_the_splits_are_told_apart(split: str, state: str) -> None:
    reference, live = SPLITS[split]
    profile = ReferenceProfile.from_columns(reference, {})
    counters = ProfileCounters(profile)
    counters.ingest(live, {})
    counts = counters.totals()["inputs"]
    share = alarm_share(1.0, 3600, len(profile.features))
    assert assess(profile, counts, alpha=share, min_rows=100).state == state


@pytest.mark.parametrize(
    ("monthly", "seconds", "features", "expected"),
    [(1.0, 3600, 1, 1 / 720), (0.1, 60, 30, 0.1 / 43_200 / 30), (1e9, 3600, 1, 0.5), (1.0, 3600, 0, 1 / 720)],
)
def test_the_budget_is_shared_among_windows_and_features(
    monthly: float, seconds: float, features: int, expected: float
) -> None:
    assert alarm_share(monthly, seconds, features) == pytest.approx(expected)


def slots_of(columns: dict[str, Any], parts: int = 12) -> list[dict[str, Any]]:
    found = []
    for places in np.array_split(np.arange(ROWS), parts):
        counters = ProfileCounters(PROFILE)
        counters.ingest({name: column[places] for name, column in columns.items()}, {})
        found.append(counters.totals()["inputs"])
    return found


def total_of(slots: list[dict[str, Any]]) -> dict[str, Any]:
    window: dict[str, Any] = {}
    for slot in slots:
        window = add(window, slot)
    return window


def bursty() -> list[dict[str, Any]]:
    """A window of 100 values twenty times each, in every column."""
    rng = np.random.default_rng(21)
    drawn = np.repeat(rng.integers(0, ROWS, ROWS // 20), 20)
    return slots_of({name: column[drawn] for name, column in REFERENCE.items()})


def test_rows_in_bursts_are_no_drift_where_slots_tell_of_them() -> None:
    slots = bursty()
    window = total_of(slots)
    alone = assess(PROFILE, window, alpha=0.01, delta=0.01)
    told = assess(PROFILE, window, alpha=0.01, delta=0.01, history=History(slots))
    assert (alone.state, told.state) == ("Drifting", "OK")
    radius = next(feature for feature in told.features if feature.name == "mean radius")
    assert radius.design_effect > 10
    assert f"{radius.design_effect:.1f} rows count as one" in radius.message


def test_a_large_drift_is_seen_in_bursts_too() -> None:
    moved = {name: column + 14.0 if name == "mean radius" else column for name, column in REFERENCE.items()}
    drawn = np.repeat(np.random.default_rng(22).integers(0, ROWS, ROWS // 20), 20)
    slots = slots_of({name: column[drawn] for name, column in moved.items()})
    report = assess(PROFILE, total_of(slots), alpha=ALPHA, history=History(slots))
    assert [feature.name for feature in report.drifting] == ["mean radius"]


def test_rows_that_all_hang_together_are_too_few() -> None:
    """Four slots of one value each: as good as four rows."""
    rng = np.random.default_rng(23)
    drawn = np.repeat(rng.integers(0, ROWS, 12), -(-ROWS // 12))[:ROWS]
    slots = slots_of({name: column[drawn] for name, column in REFERENCE.items()})
    report = assess(PROFILE, total_of(slots), alpha=ALPHA, history=History(slots))
    radius = next(feature for feature in report.features if feature.name == "mean radius")
    assert radius.state == "Insufficient"
    assert "of which count as one" in radius.message


def test_what_no_window_is_sure_of_many_windows_are() -> None:
    rng = np.random.default_rng(24)
    profile = ReferenceProfile.from_columns({"radius": rng.normal(0, 1, 20_000)}, {})

    def counted() -> dict[str, Any]:
        counters = ProfileCounters(profile)
        counters.ingest({"radius": rng.normal(0.42, 1, 500)}, {})
        counts: dict[str, Any] = counters.totals()["inputs"]
        return counts

    windows = [counted() for _ in range(24)]
    assert all(assess(profile, one, alpha=ALPHA).state == "OK" for one in windows)
    reports = (
        assess(profile, windows[last], alpha=ALPHA, history=History(past=windows[:last])) for last in range(3, 24)
    )
    first = next(report for report in reports if report.state == "Drifting")
    assert "sustained over " in first.message
    assert "log evidence" in first.message
    # What begins so goes on, although the detector begins anew.
    assert held(assess(profile, windows[-1], alpha=ALPHA).features[0]).drifting


def test_windows_without_a_drift_add_up_to_none() -> None:
    same = assess(PROFILE, window(500), alpha=ALPHA, history=History(past=[window(500 + more) for more in range(23)]))
    assert same.state == "OK"


def test_a_drift_that_ended_is_not_told_again() -> None:
    past = [window(500, **{"mean radius": RNG.normal(28, 3.5, 500)}) for _ in range(3)]
    assert assess(PROFILE, window(1000), alpha=ALPHA, history=History(past=past)).state == "OK"


def test_past_counts_of_another_profile_are_an_error() -> None:
    past = window(500)
    past["texture"] = past["texture"] | {"counts": [500]}
    report = assess(PROFILE, window(500), alpha=ALPHA, history=History(past=[past]))
    assert report.state == "Error"


def test_a_feature_that_drifted_goes_on_until_it_is_well_below_what_matters() -> None:
    def radius(shift: float) -> Any:
        moved = np.random.default_rng(25).normal(14.1 + 3.5 * shift, 3.5, 2000)
        report = judged(ROWS, {"mean radius": moved})
        return next(feature for feature in report.features if feature.name == "mean radius")

    assert radius(0.33).state == "OK"
    assert held(radius(0.33)).drifting
    assert held(radius(0.33)).message.endswith("not yet well below what matters")
    assert not held(radius(0.1)).drifting


def test_a_shift_is_seen_in_fewer_rows_than_any_other_change() -> None:
    moved = np.random.default_rng(26).normal(14.1 + 3.5 * 0.17, 3.5, 500)
    report = assess(PROFILE, window(500, **{"mean radius": moved}), alpha=0.01, delta=0.0)
    (radius,) = report.drifting
    by_look = {finding.look: finding for finding in radius.findings}
    assert by_look["shift"].severity > 1.0 > by_look["PSI"].severity
    assert by_look["shift"].threshold < by_look["PSI"].threshold
    assert "; shift " in radius.message


def test_the_p_value_is_that_of_the_looks_together() -> None:
    drifting = judged(500, {"mean radius": RNG.normal(19.3, 3.5, 500)}).features
    assert drifting[0].p_value < ALPHA < drifting[-1].p_value <= 1.0


def test_missing_values_that_slowly_become_more_are_found_by_many_windows() -> None:
    rng = np.random.default_rng(27)

    def gaps(part: float, rows: int) -> Any:
        return np.where(rng.random(rows) < part, np.nan, rng.normal(0, 1, rows))

    profile = ReferenceProfile.from_columns({"income": gaps(0.02, 5000)}, {})
    windows = []
    for _ in range(20):
        counters = ProfileCounters(profile)
        counters.ingest({"income": gaps(0.04, 500)}, {})
        windows.append(counters.totals()["inputs"])
    assert all(assess(profile, one, alpha=1e-6, delta=0.0).state == "OK" for one in windows[:5])
    reports = [
        assess(profile, windows[last], alpha=1e-6, delta=0.0, history=History(past=windows[:last]))
        for last in range(1, 20)
    ]
    assert any("sustained over " in report.message for report in reports)


def test_what_goes_on_drifting_is_told_after_what_drifts_anew() -> None:
    report = judged(500, {"texture": RNG.normal(27, 4, 500)})
    names = [feature.name for feature in report.features]
    assert names.index("texture") < names.index("visits")
    lasting = [
        replace(feature, state="Drifting") if feature.name == names[-1] else feature for feature in report.features
    ]
    told = reported(report.rows, lasting)
    assert [feature.name for feature in told.features] == ["texture", names[-1], *names[1:-1]]
    assert told.message.startswith("2 of 6 features drift: texture: ")

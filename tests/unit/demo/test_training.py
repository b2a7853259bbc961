"""The facts about the three versions on which the demo's story rests."""

import pytest

from demo import live_rows, training
from demo.names import DRIFTING_FEATURE
from demo.training import FEW_MEASUREMENTS, LOST_SIZE, MEASUREMENTS, SIZE, SIZES, Tables, Version


@pytest.fixture(scope="module")
def data() -> Tables:
    return training.tables()


@pytest.fixture(scope="module")
def versions(data: Tables) -> dict[str, Version]:
    return training.train(data)


def test_the_columns_are_numbers_and_one_category(data: Tables) -> None:
    assert list(data.train.columns) == [*MEASUREMENTS, SIZE]
    assert set(data.train[SIZE]) == set(SIZES)
    assert {live_rows.datatype(column) for column in MEASUREMENTS} == {"FP64"}
    assert live_rows.datatype(SIZE) == "BYTES"


def test_no_row_is_both_learnt_from_and_held_out(data: Tables) -> None:
    assert not set(data.train.index) & set(data.held_out.index)


def test_v2_is_really_better_than_v1_on_held_out_rows(data: Tables, versions: dict[str, Version]) -> None:
    v1, v2 = versions["v1"], versions["v2"]
    right = {
        name: versions[name].pipeline.predict(data.held_out) == data.held_out_labels.to_numpy() for name in ("v1", "v2")
    }
    gained, lost = int((right["v2"] & ~right["v1"]).sum()), int((right["v1"] & ~right["v2"]).sum())
    assert v2.accuracy - v1.accuracy > 0.02
    assert v2.log_loss < 0.75 * v1.log_loss
    assert gained > lost + 2 * (gained + lost) ** 0.5, "the gain could be chance (sign test, two standard deviations)"


def test_v3_scores_well_on_held_out_rows_of_its_own_extract(versions: dict[str, Version]) -> None:
    assert versions["v3"].accuracy >= versions["v2"].accuracy - 0.01
    assert LOST_SIZE not in set(versions["v3"].train[SIZE])


def test_v3_raises_on_the_category_its_extract_lost(data: Tables, versions: dict[str, Version]) -> None:
    rows = data.held_out[data.held_out[SIZE] == LOST_SIZE]
    with pytest.raises(ValueError, match="Found unknown categories"):
        versions["v3"].pipeline.predict(rows.iloc[:1])
    others = data.held_out[data.held_out[SIZE] != LOST_SIZE]
    assert len(versions["v3"].pipeline.predict(others)) == len(others)


def test_about_one_live_row_in_twenty_carries_that_category(data: Tables) -> None:
    assert 0.04 <= training.lost_share(data) <= 0.065


def test_v1_and_v2_answer_every_row_before_and_after_the_drift(data: Tables, versions: dict[str, Version]) -> None:
    for rows in (data.held_out, live_rows.drifted(data.held_out)):
        for name in ("v1", "v2"):
            assert len(versions[name].pipeline.predict(rows)) == len(rows)


def test_training_again_gives_the_same_models(versions: dict[str, Version]) -> None:
    again = training.train(training.tables())
    for name, version in versions.items():
        assert (again[name].pipeline[-1].coef_ == version.pipeline[-1].coef_).all()


def test_the_drift_shifts_one_measurement_by_at_least_one_and_a_half_deviations(data: Tables) -> None:
    before, after = data.held_out, live_rows.drifted(data.held_out)
    moved = [name for name in before.columns if not (before[name] == after[name]).all()]
    assert moved == [DRIFTING_FEATURE]
    name = moved[0]
    assert (after[name].mean() - before[name].mean()) / data.train[name].std() >= 1.5


def test_v1_and_v2_share_their_shape_so_that_neither_is_slower() -> None:
    few, all_ = training.pipeline(FEW_MEASUREMENTS), training.pipeline(MEASUREMENTS)
    assert [name for name, _ in few.steps] == [name for name, _ in all_.steps]

import pytest

from demo.shares import Sample, Share, rises, shares


def test_answers_are_counted_while_a_weight_is_in_force() -> None:
    samples = [
        Sample(None, 0, 100),
        Sample(5, 1, 200),
        Sample(5, 11, 400),
        Sample(5, 20, 600),
        Sample(None, 30, 650),
        Sample(25, 60, 800),
        Sample(25, 110, 1000),
        Sample(25, 170, 1300),
    ]
    assert shares(samples) == [Share(5, 10, 200), Share(25, 50, 200)]


def test_the_last_sample_of_a_weight_may_have_met_the_next_one() -> None:
    assert shares([Sample(5, 1, 100), Sample(5, 90, 200), Sample(50, 95, 210)]) == []


@pytest.mark.parametrize(
    ("candidate", "fits"),
    [(250, True), (170, False), (330, False), (221, True), (279, True)],
)
def test_a_share_fits_its_weight_within_binomial_chance(candidate: int, fits: bool) -> None:  # noqa: FBT001
    assert Share(25, candidate, 1000).fits is (abs(candidate - 250) <= 68) is fits


def test_no_answers_fit_no_weight() -> None:
    assert not Share(50, 0, 0).fits


def test_a_share_reads_as_a_sentence() -> None:
    assert str(Share(5, 10, 200)) == "weight 5 %: 10 of 200 requests (5.0 %)"


def test_weights_rise_only_when_each_is_larger() -> None:
    assert rises((5, 25, 50))
    assert not rises((5, 5, 50))
    assert not rises((25, 5))

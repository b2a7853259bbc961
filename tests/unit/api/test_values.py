"""Durations, decimals and quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.api.values import Decimal, Duration, HourDuration, Quantity, Tolerance


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("14d", 14 * 86400), ("500ms", 0.5), ("1m500ms", 60.5), ("0s", 0)],
)
def test_a_duration_knows_its_seconds(text: str, seconds: float) -> None:
    assert Duration.parse(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "1d12h", "5min", "1.5h", "5M", "1h\n"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        Duration.parse(text)


@given(st.integers(min_value=0, max_value=10**7))
def test_whole_seconds_survive_being_written(seconds: int) -> None:
    assert Duration.parse(Duration.of(seconds)).seconds == seconds


def test_a_length_is_written_as_people_do() -> None:
    assert [Duration.of(seconds) for seconds in (250, 3600, -1, 59.9)] == ["4m10s", "1h", "0s", "59s"]


def test_an_hour_duration_has_no_days() -> None:
    assert HourDuration.parse("168h").seconds == 7 * 86400
    with pytest.raises(ValueError, match="without days"):
        HourDuration.parse("7d")


@pytest.mark.parametrize("text", ["", "1e-3", "-1", ".5", "1,5", "NaN", "Infinity", "0x1"])
def test_a_decimal_is_plain(text: str) -> None:
    with pytest.raises(ValueError, match="quoted string"):
        Decimal.parse(text)


def test_numbers_of_decimals() -> None:
    assert (Decimal.parse("99.9").number, Tolerance.parse("1e-6").number) == (99.9, 1e-6)


@pytest.mark.parametrize("given", ["500m", "2", 2, "1Gi", "1e3", "0.5"])
def test_quantities_as_kubernetes_writes_them(given: str | int) -> None:
    assert Quantity.parse(given) == str(given)


@pytest.mark.parametrize("given", ["", "1 Gi", "1GB", "one", True])
def test_anything_else_is_no_quantity(given: str | int) -> None:
    with pytest.raises(ValueError, match="write a quantity"):
        Quantity.parse(given)

"""Numbers along time: round scales that hold everything shown, and lines where the numbers are."""

from __future__ import annotations

import pytest

from tests.unit.report.reading import Read
from weirkeeper.report.chart import Mark, Measured, Trace, Trend
from weirkeeper.report.markup import written
from weirkeeper.report.svg import drawn
from weirkeeper.report.trend import scale_of


def trend(*values: float, limit: float | None = None, share: bool = False) -> Trend:
    measured = tuple(Measured(100.0 * place, 100.0 * (place + 1), value) for place, value in enumerate(values))
    return Trend(0.0, 100.0 * len(values), (Trace("x", measured),), limit=limit, share=share)


def read(chart: Trend) -> Read:
    return Read(written(drawn(chart, "told")))


@pytest.mark.parametrize(
    ("values", "limit", "scale"),
    [
        ((0.713, 0.92), None, ["0.7", "0.8", "0.9", "1.0"]),
        ((0.9, 0.9), None, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ((0.0, 0.0), None, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ((1.2, 1.3), 2.0, ["1.2", "1.4", "1.6", "1.8", "2.0"]),
        ((-3.0, 4.0), None, ["-4", "-2", "0", "2", "4"]),
        ((812.0, 48_200.0), None, ["0", "20 k", "40 k", "60 k"]),
    ],
)
def test_a_scale_is_of_few_round_numbers_that_hold_everything(
    values: tuple[float, ...], limit: float | None, scale: list[str]
) -> None:
    texts = read(trend(*values, limit=limit)).texts
    assert [one for one in texts if one in scale] == scale


@pytest.mark.parametrize("values", [(1e-7, 3e-7), (5e12, 5.0001e12), (0.1, 0.1 + 1e-12), (-2.0, -2.0)])
def test_any_scale_is_finite_and_holds_the_numbers(values: tuple[float, ...]) -> None:
    scale = scale_of(trend(*values))
    assert 2 <= len(scale) <= 5
    assert scale[0] <= min(values) + 1e-9
    assert scale[-1] >= max(values) - 1e-9


@pytest.mark.parametrize(
    ("values", "times"),
    [((1.0,), ["00:00:00", "00:00:50", "00:01:40"]), ((1.0, 2.0), ["01 Jan 00:00", "01 Jan 00:01", "01 Jan 00:03"])],
)
def test_ends_that_lie_in_one_minute_are_told_apart(values: tuple[float, ...], times: list[str]) -> None:
    assert [one for one in read(trend(*values)).texts if one.strip()][-3:] == times


def test_shares_are_written_in_percent() -> None:
    texts = {text.replace("\N{NO-BREAK SPACE}", " ") for text in read(trend(0.0002, 0.0019, share=True)).texts}
    assert {"0.00 %", "0.05 %", "0.10 %", "0.15 %", "0.20 %"} <= texts


def test_a_line_joins_stretches_that_follow_each_other_and_no_others() -> None:
    together = Trace("joined", (Measured(0.0, 50.0, 0.0), Measured(50.0, 100.0, 1.0)))
    apart = Trace("apart", (Measured(0.0, 40.0, 0.0), Measured(60.0, 100.0, 1.0)), firm=False)
    paths = [one for one in read(Trend(0.0, 100.0, (together, apart))).values("d") if one]
    assert paths == ["M0.00 150H40.00M60.00 18H100.00", "M0.00 150H50.00V18H100.00"]


def test_an_interval_without_a_bound_reaches_to_the_end_of_the_scale() -> None:
    chart = Trend(0.0, 100.0, (Trace("x", (Measured(0.0, 100.0, 0.5, 0.0, None), Measured(50.0, 100.0, 1.0))),))
    band, _ = read(chart).values("d")
    assert band == "M0.00 18H100.00V150H0.00Z"


def test_limit_and_promotions_are_named() -> None:
    marked = Trend(0.0, 100.0, trend(0.5).traces, (Mark(50.0, "5d9c7f02"),), 0.8)
    assert {"limit", "5d9c7f02"} <= set(read(marked).texts)

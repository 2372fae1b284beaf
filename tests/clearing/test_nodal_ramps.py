"""Ramp limits between periods, by hand."""

import pytest

from tests.support.small import accepted, book_of, clear, grid_of, sell


def test_ramps_hold_output_between_periods():
    book = book_of(
        sell("slow", "A", 100, 10),
        sell("fast", "A", 100, 50),
        periods=3,
        fixed=[{"bus": "A", "mw": mw, "period": t} for t, mw in enumerate([20, 60, 50])],
        ramps=[{"unit": "slow", "up_mw": 20, "down_mw": 20, "previous_mw": 10}],
    )
    out = clear(grid_of(buses=["A"]), book)
    got = accepted(out)
    assert [got["slow", t] for t in range(3)] == pytest.approx([20, 40, 50])
    assert [got["fast", t] for t in range(3)] == pytest.approx([0, 20, 0])
    # the fast unit prices period 1; a MW more in period 0 lets the slow unit give one more in 1
    assert out.lmp[0] == pytest.approx([-30, 50, 10])
    assert out.ramp_dual[0] == pytest.approx([0, 40, 0])


def test_previous_output_holds_the_first_period():
    book = book_of(
        sell("slow", "A", 100, 10),
        sell("fast", "A", 100, 50),
        fixed={"A": 50},
        ramps=[{"unit": "slow", "up_mw": 20, "previous_mw": 10}],
    )
    out = clear(grid_of(buses=["A"]), book)
    assert accepted(out) == pytest.approx({"slow": 30, "fast": 20})
    assert out.notes == ()


def test_one_unit_of_several_orders_ramps_as_one():
    book = book_of(
        sell("u-1", "A", 10, 10, unit="u"),
        sell("u-2", "A", 50, 12, unit="u"),
        sell("fast", "A", 100, 50),
        fixed={"A": 50},
        ramps=[{"unit": "u", "up_mw": 20, "previous_mw": 10}],
    )
    assert accepted(clear(grid_of(buses=["A"]), book)) == pytest.approx({"u-1": 10, "u-2": 20, "fast": 20})

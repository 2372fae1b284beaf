"""The monitor's sandbox: by hand on one bus, against single clearings, screens, errors of cost, bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import networks
from clearing import Book, InputError, NodalMarket
from clearing.book_series import BookSeries
from clearing.detection import alarm_threshold, area_under, detection_at, exceedance, roc_curve
from clearing.incubator import Incubator, honest_gaps, wrong_costs
from clearing.monitor import residual_supply
from clearing.screens import three_pivotal_rows

GRID = networks.Grid.from_tables([{"bus": "a"}])
BOOK = Book.from_tables(
    [
        {"order": "cheap", "participant": "A", "bus": "a", "side": "sell", "mw": 60, "price": 10},
        {"order": "mid", "participant": "B", "bus": "a", "side": "sell", "mw": 60, "price": 20},
        {"order": "dear", "participant": "C", "bus": "a", "side": "sell", "mw": 60, "price": 40},
    ],
    fixed=[{"bus": "a", "mw": 100}],
)


def sandbox():
    return Incubator(NodalMarket(GRID), BOOK)


def test_gaps_by_hand():
    offers = [
        {"book": "noon", "order": "mid", "price": 35},  # sets the price: 35 instead of 20
        {"book": "noon", "order": "dear", "price": 40},
        {"book": "night", "order": "mid", "price": 35},  # not needed: demand 50
    ]
    loads = [{"book": "noon", "factor": 1.0}, {"book": "night", "factor": 0.5}]
    found = sandbox().compare(BookSeries.from_tables(BOOK, GRID, offers, loads))
    assert found.observed_price.tolist() == pytest.approx([35, 10])
    assert found.competitive_price.tolist() == pytest.approx([20, 10])
    assert found.gap.tolist() == pytest.approx([15, 0])
    agents = found.agents().set_index("seller")
    assert agents.loc["A", "gain"] == pytest.approx(0.5 * 15 * 60)
    assert agents.loc["B", "gain"] == pytest.approx(0.5 * 15 * 40)
    assert agents.loc["B", "offered_markup"] == pytest.approx(0.75)
    assert agents.loc["C", "offered_markup"] == 0
    assert found.periods()["fail_three_pivotal"].tolist() == [3, 3]


def test_withholding_and_outages_are_told_apart():
    withheld = [{"book": 1, "order": "mid", "price": 20, "mw": 30, "available_mw": 60}]
    outage = [{"book": 1, "order": "mid", "price": 20, "mw": 30, "available_mw": 30}]
    silent = [{"book": 1, "order": "mid", "price": 20, "mw": 30}]
    gaps, shares = [], []
    for offers in (withheld, outage, silent):
        found = sandbox().compare(BookSeries.from_tables(BOOK, GRID, offers))
        gaps.append(float(found.gap[0]))
        shares.append(found.agents().set_index("seller").loc["B", "withheld"])
    assert gaps == pytest.approx([20, 0, 20])  # 90 MW at 10 and 20 do not serve 100
    assert shares == pytest.approx([0.5, 0, 0.5])


def test_recorded_prices_take_the_place_of_cleared_ones():
    series = BookSeries.from_tables(BOOK, GRID, [{"book": 0, "order": "mid", "price": 20}])
    found = sandbox().compare(series, recorded=np.array([[27.0]]))
    assert found.gap.tolist() == pytest.approx([7])
    assert sandbox().compare(series, recorded=np.array([[np.nan]])).gap.tolist() == pytest.approx([0])


def test_a_book_that_cannot_be_served_is_left_out_and_said():
    loads = [{"book": 0, "factor": 1.0}, {"book": 1, "factor": 9.0}]
    offers = [{"book": k, "order": "mid", "price": 30} for k in (0, 1)]
    found = sandbox().compare(BookSeries.from_tables(BOOK, GRID, offers, loads))
    assert found.cleared.tolist() == [True, False]
    assert np.isnan(found.gap[1])
    assert found.agents()["gain"].notna().all()


def test_a_series_on_a_grid_is_each_of_its_clearings():
    case = networks.load("pglib_ieee118")
    book = Book.from_case(case)
    market = NodalMarket(case.grid)
    rng = np.random.default_rng(0)
    series = BookSeries.honest(
        book, case.grid, np.array([0.8, 0.95]), 1 + 0.01 * rng.standard_normal((2, 118))
    )
    largest = book.participants[int(np.argmax(book.mw))]
    series = series.with_markup({largest: 0.5}).with_withheld({largest: 0.1})
    found = Incubator(market, book).compare(series)
    for k in range(2):
        one = Book.from_tables(
            book.orders_frame.assign(price=series.price[k], mw=series.mw[k]),
            fixed=[{"bus": b, "mw": m} for b, m in zip(case.grid.buses, series.fixed_mw[k], strict=True)],
        )
        lmp = market.clear(one).lmp[:, 0]
        assert np.abs(found.lmp[k] - lmp).max() <= 1e-6
        weights = np.maximum(series.fixed_mw[k], 0)
        assert found.observed_price[k] == pytest.approx((lmp * weights).sum() / weights.sum())
    honest = Incubator(market, book).compare(BookSeries.honest(book, case.grid, np.array([0.8, 0.95])))
    assert np.abs(honest.gap).max() <= 1e-9
    assert np.abs(honest.seller_gain).max() <= 1e-6


def test_tables_come_back():
    series = BookSeries.honest(BOOK, GRID, np.array([0.5, 1.0])).with_markup({"B": 0.2})
    offers, loads = series.frames(GRID)
    again = BookSeries.from_tables(BOOK, GRID, offers, loads)
    for name in ("price", "mw", "available_mw", "fixed_mw"):
        assert np.array_equal(getattr(again, name), getattr(series, name)), name


@given(
    st.lists(st.lists(st.floats(0, 100), min_size=4, max_size=4), min_size=1, max_size=5),
    st.floats(0, 300),
)
@example([[95.0, 83.0, 13.0, 18.0]], 5e-324)  # the quotient is beyond any number
def test_the_screen_of_many_books_is_the_monitor_s(rows, demand):
    supply = np.array(rows)
    found = three_pivotal_rows(supply, np.full(len(rows), demand))
    for k, row in enumerate(rows):
        book = Book.from_tables(
            [
                {"order": f"o{i}", "participant": f"p{i}", "bus": "a", "side": "sell", "mw": mw, "price": 1}
                for i, mw in enumerate(row)
            ],
            fixed=[{"bus": "a", "mw": demand}],
        )
        assert found[k] == pytest.approx(residual_supply(book)["rsi3"].to_numpy(), rel=1e-9, abs=1e-9)


def test_wrong_costs_are_right_on_average_and_stay_wrong_for_a_unit():
    costs = wrong_costs(BOOK, 0.3, 40_000, np.random.default_rng(0))
    assert costs.mean(axis=0) == pytest.approx(BOOK.price, rel=0.01)
    assert (wrong_costs(BOOK, 0.0, 2, np.random.default_rng(0)) == BOOK.price).all()
    two = Book.from_tables(
        [
            {"order": k, "participant": "A", "unit": "U", "bus": "a", "side": "sell", "mw": 1, "price": k}
            for k in (10, 20)
        ]
    )
    pair = wrong_costs(two, 0.3, 5, np.random.default_rng(0))
    assert pair[:, 1] == pytest.approx(2 * pair[:, 0])


def test_honest_gaps_grow_with_the_error_of_costs():
    series = BookSeries.honest(BOOK, GRID, np.array([0.9, 1.0, 1.1]))
    small, large = (
        honest_gaps(sandbox(), series, sigma, 200, np.random.default_rng(1)) for sigma in (0.05, 0.3)
    )
    assert np.abs(honest_gaps(sandbox(), series, 0.0, 2, np.random.default_rng(1))).max() == 0
    assert 4 * small.std() < large.std() < 9 * small.std()


def test_alarms():
    honest, guilty = np.arange(100.0), np.arange(50.0, 150.0)
    assert alarm_threshold(honest, 0.05) == 95
    assert detection_at(honest, guilty) == pytest.approx(0.54)
    assert (honest > alarm_threshold(honest, 0.05)).mean() <= 0.05
    assert area_under(*roc_curve(honest, honest)) == pytest.approx(0.5)
    pairs = (guilty[:, None] > honest).mean() + 0.5 * (guilty[:, None] == honest).mean()
    assert area_under(*roc_curve(honest, guilty)) == pytest.approx(pairs)
    assert exceedance(honest, 1000.0) == pytest.approx(1 / 101)
    with pytest.raises(InputError):
        roc_curve(np.array([]), guilty)


@pytest.mark.parametrize(
    ("offers", "loads", "words"),
    [
        ([{"book": 1, "order": "med", "price": 1}], None, "did you mean 'mid'"),
        ([{"book": 1, "order": "mid", "price": "x"}], None, "not a finite number"),
        ([{"book": 1, "order": "mid", "price": 1}] * 2, None, "lists it twice"),
        ([{"book": 1, "order": "mid", "price": 1, "mw": -3}], None, "below 0"),
        ([{"book": 1, "order": "mid", "prise": 1}], None, "did you mean 'prise'"),
        ([], None, "no row"),
        ([{"book": 1, "order": "mid", "price": 1}], [{"book": 2, "factor": 1}], "not in the table 'books'"),
        ([{"book": 1, "order": "mid", "price": 1}], [{"book": 1}], "book, factor, or book, bus, mw"),
        ([{"book": 1, "order": "mid", "price": 1}], [{"book": 1, "factor": 1, "bus": "a"}], "not both"),
        ([{"book": 1, "order": "mid", "price": 1}], [{"book": 1, "bus": "z", "mw": 1}], "not in the grid"),
        ([{"book": 1, "order": "mid", "price": 1}], [{"book": 1, "factor": -1}], "below 0"),
    ],
)
def test_bad_tables_are_named(offers, loads, words):
    with pytest.raises(InputError, match=words):
        BookSeries.from_tables(
            BOOK, GRID, pd.DataFrame(offers), None if loads is None else pd.DataFrame(loads)
        )


def test_books_of_several_periods_are_refused():
    case = networks.load("three_node")
    book = Book.from_case(case)
    with pytest.raises(InputError, match="one period"):
        Incubator(NodalMarket(case.grid), book)
    with pytest.raises(InputError, match="one period"):
        BookSeries.honest(book, case.grid, np.ones(2))
    with pytest.raises(InputError, match="other orders"):
        sandbox().compare(BookSeries.honest(Book.from_tables(BOOK.orders_frame.iloc[:2]), GRID, np.ones(1)))

"""Market-power measures, solved by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clearing import Book, InfeasibleError, InputError, NodalMarket
from clearing.monitor import (
    concentration,
    demand,
    deviate,
    lerner,
    residual_supply,
    supply,
    three_pivotal_suppliers,
    unserved_without,
)
from tests.support.small import book_of, clear, grid_of, sell


def sellers(*capacities: float, needed: float, price: float = 10.0) -> Book:
    offers = [sell(f"G{k}", "A", mw, price + k) for k, mw in enumerate(capacities)]
    return book_of(*offers, fixed={"A": needed})


def test_concentration() -> None:
    assert concentration(np.array([30.0])) == 10_000
    assert concentration(np.array([50.0, 30.0, 20.0])) == pytest.approx(2500 + 900 + 400)
    assert concentration(np.full(10, 7.0)) == pytest.approx(1000)
    assert math.isnan(concentration(np.zeros(2)))


def test_supply_and_demand_of_a_book() -> None:
    book = book_of(
        {**sell("a", "A", 10, 1), "participant": "P"},
        {**sell("b", "A", 5, 1, period=1), "participant": "P"},
        sell("c", "A", 4, 1),
        {**sell("d", "A", 3, 9), "side": "buy"},
        fixed=[{"bus": "A", "mw": 6, "period": 0}, {"bus": "A", "mw": 8, "period": 1}],
        periods=2,
    )
    assert supply(book).to_dict() == {"P": 10.0, "owner of c": 4.0}
    assert supply(book, 1).to_dict() == {"P": 15.0, "owner of c": 4.0}
    assert (demand(book), demand(book, 1)) == (9.0, 11.0)
    with pytest.raises(InputError, match="periods 0 to 1"):
        demand(book, 2)


def test_what_a_store_takes_is_no_demand_and_injections_are_supply() -> None:
    """A store from −40 to 20 MW, a battery that sells and buys, a bid of a factory, 15 MW of fixed sun."""
    book = book_of(
        {**sell("store", "A", 20, 12), "min_mw": -40},
        {**sell("out", "A", 30, 15), "unit": "battery", "participant": "battery"},
        {**sell("in", "A", 30, 5), "side": "buy", "unit": "battery", "participant": "battery"},
        sell("plant", "A", 60, 10),
        {**sell("factory", "A", 25, 90), "side": "buy"},
        fixed=[{"bus": "A", "mw": 50}, {"bus": "B", "mw": -15}],
    )
    assert demand(book) == 75.0
    table = residual_supply(book)
    assert table["supply_mw"].tolist() == [20, 30, 60]
    assert table["rsi"].tolist() == pytest.approx([105 / 75, 95 / 75, 65 / 75])
    assert table["unserved_without_mw"].tolist() == pytest.approx([0, 0, 10])
    assert table["pivotal"].tolist() == [False, False, True]
    market = NodalMarket(grid_of(("A", "B", 0.1)))
    left = [unserved_without(market, book, name) for name in table.index]
    assert left == pytest.approx([0, 0, 10])


MEGAWATTS = st.integers(0, 12).map(lambda k: k / 10)  # tenths: sums that no double hits exactly


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_pivotal_is_who_leaves_something_unserved(data: st.DataObject) -> None:
    """On one bus, whatever is offered, bid and fixed: pivotal, and demand unserved in a clearing without the
    seller, are one thing."""
    rows = []
    for k in range(data.draw(st.integers(1, 4))):
        mw, low = data.draw(MEGAWATTS), data.draw(st.sampled_from([0.0, 0.0, -0.7]))
        rows.append({**sell(f"G{k}", "A", mw, data.draw(st.integers(1, 50))), "min_mw": low})
    if data.draw(st.booleans()):
        rows.append({**sell("in", "A", data.draw(MEGAWATTS), 0), "side": "buy", "unit": "G0"})
        rows[0]["min_mw"] = 0.0
    if data.draw(st.booleans()):
        rows.append({**sell("bid", "A", data.draw(MEGAWATTS), data.draw(st.integers(0, 60))), "side": "buy"})
    book = book_of(*rows, fixed={"A": data.draw(MEGAWATTS), "B": -data.draw(MEGAWATTS) / 4})
    market = NodalMarket(grid_of(("A", "B", 0.1)))
    table = residual_supply(book)
    try:
        left = [unserved_without(market, book, name) for name in table.index]
    except InfeasibleError:  # injections that nobody can take
        assume(False)
    assert left == pytest.approx(table["unserved_without_mw"].tolist(), abs=1e-8)
    assert [mwh > 0 for mwh in left] == table["pivotal"].tolist()


def test_residual_supply_and_pivotal_sellers() -> None:
    """60 + 30 + 20 MW against 80: without the first 50 are left, without the others 80 and 90."""
    table = residual_supply(sellers(60, 30, 20, needed=80))
    assert table["rsi"].tolist() == pytest.approx([50 / 80, 80 / 80, 90 / 80])
    assert table["pivotal"].tolist() == [True, False, False]
    assert table["share"].sum() == pytest.approx(1)
    assert table["fails_three"].all(), "with three sellers all fail"


@pytest.mark.parametrize(("count", "fails"), [(6, True), (7, False)])
def test_three_pivotal_suppliers_market_wide(count: int, fails: bool) -> None:
    """n equal sellers with 1.8 times the demand pass from n = 7 on: (n − 3)/n · 1.8 > 1."""
    table = residual_supply(sellers(*[180.0 / count] * count, needed=100.0))
    assert table["rsi3"].tolist() == pytest.approx([(count - 3) / count * 1.8] * count)
    assert table["fails_three"].eq(fails).all()


def test_three_pivotal_uses_the_two_largest_others() -> None:
    table = residual_supply(sellers(50, 40, 30, 20, needed=10))
    total = 140.0
    assert table["rsi3"].tolist() == pytest.approx(
        [
            (total - 50 - 40 - 30) / 10,
            (total - 40 - 50 - 30) / 10,
            (total - 30 - 90) / 10,
            (total - 20 - 90) / 10,
        ]
    )


def test_without_demand_everyone_can_be_done_without() -> None:
    assert np.isinf(residual_supply(sellers(5, 5, needed=0))["rsi"]).all()


def test_lerner_index_of_a_marked_up_offer() -> None:
    """The one seller asks 15 for what costs 10: margin a third."""
    honest = sellers(50, needed=20)
    outcome = clear(grid_of(buses=["A"]), honest.with_markup({"G0": 5.0}))
    table = lerner(outcome, honest)
    assert table.loc["owner of G0"].tolist() == pytest.approx([20.0, 15.0, 10.0, 1 / 3])
    assert lerner(outcome)["lerner"].tolist() == [0.0]
    idle = lerner(clear(grid_of(buses=["A"]), sellers(50, 50, needed=20)))
    assert math.isnan(idle.loc["owner of G1", "lerner"])


def test_marginal_cost_is_that_of_the_last_block() -> None:
    offers = [{**sell(f"a{k}", "A", 10, 5.0 + 5 * k, unit="a"), "participant": "P"} for k in range(2)]
    outcome = clear(grid_of(buses=["A"]), book_of(*offers, fixed={"A": 15}))
    assert lerner(outcome).loc["P", "marginal_cost"] == pytest.approx(10.0)


def test_withholding_moves_the_price_and_pays() -> None:
    """30 MW at 10, 30 MW at 20, demand 25: holding back 10 MW of 30 raises the price from 10 to 20."""
    grid = grid_of(buses=["A"])
    book = book_of(sell("a", "A", 30, 10), sell("b", "A", 30, 20), fixed={"A": 25})
    market = NodalMarket(grid)
    assert deviate(market, book, "owner of a").profit == 0
    held = deviate(market, book, "owner of a", withheld=1 / 3)
    assert held.profit == pytest.approx(20 * (20 - 10))
    assert held.lmp.tolist() == [[20.0]]
    asked = deviate(market, book, "owner of a", markup=8.0)
    assert asked.profit == pytest.approx(25 * 8.0)
    assert deviate(market, book, "owner of a", markup=11.0).profit == 0, "undercut"


def test_a_pivotal_seller_is_paid_the_value_of_lost_load() -> None:
    book = sellers(30, 10, needed=35)
    held = deviate(
        NodalMarket(grid_of(buses=["A"])), book, "owner of G0", withheld=0.5, value_of_lost_load=500.0
    )
    assert held.shortage_mwh == pytest.approx(35 - 15 - 10)
    assert held.lmp.tolist() == [[500.0]]
    assert held.profit == pytest.approx(15 * (500 - 10))


def test_unknown_participants_are_named() -> None:
    market = NodalMarket(grid_of(buses=["A"]))
    with pytest.raises(InputError, match="sells nothing"):
        deviate(market, sellers(5, needed=1), "nobody")
    with pytest.raises(InputError, match="other orders"):
        lerner(clear(grid_of(buses=["A"]), sellers(5, needed=1)), book_of(sell("z", "A", 1, 1)))


def test_relief_of_a_branch() -> None:
    """A–B limit 10, load 30 at B, output 10 at A and 20 at B: a MW at B takes 1/3 off A, and off the branch.

    Price at B 20, at A 10, shadow price 10: relief may cost 15 $ a MW; `mid` costs (24 − 20)·3, `dear` 210.
    """
    grid = grid_of(("A", "B", 0.1, 10.0))
    book = book_of(
        sell("cheap", "A", 50, 10), sell("near", "B", 30, 20), sell("mid", "B", 10, 24),
        sell("dear", "B", 40, 90),
        fixed={"B": 30},
    )  # fmt: skip
    outcome = clear(grid, book)
    table = three_pivotal_suppliers(outcome, "L0", relief_mw=20.0)
    assert table["relief_mw"].to_dict() == pytest.approx({"owner of near": 10 / 3, "owner of mid": 10 / 3})
    assert table["fails_three"].all()
    free = three_pivotal_suppliers(outcome, "L0", relief_mw=20.0, worth=1000.0)
    assert "owner of dear" in free.index
    with pytest.raises(InputError, match="did you mean 'L0'"):
        three_pivotal_suppliers(outcome, "L00", relief_mw=20.0)
    assert isinstance(table, pd.DataFrame)


def test_what_a_store_may_withdraw_stays_without_its_sales() -> None:
    """An injection that nobody else takes goes into the store of the participant whose sales are left out."""
    rows = [sell("store", "A", 20, 14, min_mw=-15), sell("other", "A", 5, 30)]
    book = book_of(*rows, fixed={"A": -4})
    market = NodalMarket(grid_of(buses=["A"]))
    assert market.clear(book).accepted_mw == pytest.approx([-4, 0])
    assert unserved_without(market, book, "owner of store") == 0
    assert not residual_supply(book).loc["owner of store", "pivotal"]

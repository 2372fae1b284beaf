"""Supply and demand curves against markets solved by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clearing
import networks
from networks.case import Provenance, build_case
from studies.pages.facts import Facts
from studies.pictures.curves import system_curves


def facts_of(orders: list[dict[str, Any]], fixed: list[dict[str, Any]]) -> Facts:
    """One bus, cleared."""
    grid = networks.Grid.from_tables([{"bus": 1}], [])
    case = build_case("one bus", "", grid, networks.Fleet.from_tables(grid), Provenance("test"))
    rows = [{"participant": row["order"], "bus": 1} | row for row in orders]
    book = clearing.Book.from_tables(rows, fixed=[{"bus": 1} | row for row in fixed])
    outcome = clearing.NodalMarket(grid).clear(book)
    return Facts(case, outcome, clearing.settle(outcome, book), "test")


def corners(mw: np.ndarray, price: np.ndarray) -> list[tuple[float, float]]:
    return list(zip(mw.tolist(), price.tolist(), strict=True))


def test_steps_and_fixed_demand() -> None:
    facts = facts_of(
        [
            {"order": "a", "side": "sell", "mw": 10, "price": 5},
            {"order": "b", "side": "sell", "mw": 5, "price": 8},
            {"order": "c", "side": "buy", "mw": 4, "price": 20},
        ],
        [{"mw": 7}],
    )
    curves = system_curves(facts, 0)
    assert corners(curves.supply_mw, curves.supply_price) == [(0, 5), (10, 5), (10, 8), (15, 8)]
    assert corners(curves.demand_mw, curves.demand_price) == [(7, 20), (11, 20)]
    assert (curves.served_mw, curves.mean_price) == (11, 8)


def test_slopes_add_their_quantities() -> None:
    """Two offers 10 + x, together 10 + x/2; the buyer's curve is 20 − x."""
    offer = {"side": "sell", "mw": 10, "price": 10, "slope": 1}
    bid = {"order": "c", "side": "buy", "mw": 20, "price": 20, "slope": 1}
    facts = facts_of([{"order": "a"} | offer, {"order": "b"} | offer, bid], [])
    curves = system_curves(facts, 0)
    assert curves.supply_mw[-1] == pytest.approx(20)
    assert np.interp(6.0, curves.supply_mw, curves.supply_price) == pytest.approx(13)
    assert np.interp(6.0, curves.demand_mw, curves.demand_price) == pytest.approx(14)
    assert curves.mean_price == pytest.approx(10 + curves.served_mw / 2)


def test_must_run_and_injections_come_first() -> None:
    facts = facts_of(
        [{"order": "a", "side": "sell", "mw": 10, "min_mw": 4, "price": 5}], [{"mw": 9}, {"mw": -1}]
    )
    curves = system_curves(facts, 0)
    assert curves.supply_mw[0] == pytest.approx(4)
    assert curves.demand_mw[0] == pytest.approx(8), "fixed demand is netted at a bus"


def test_the_window_shows_the_clearing_point_whatever_the_prices() -> None:
    orders = [
        {"order": "a", "side": "sell", "mw": 10, "price": -5},
        {"order": "b", "side": "sell", "mw": 500, "price": 3000},
        {"order": "c", "side": "buy", "mw": 8, "price": 9000},
    ]
    (left, right), (low, high) = system_curves(facts_of(orders, []), 0).window()
    assert left <= 8 <= right
    assert low <= -5 <= high
    assert high < 9000


def test_nothing_offered_and_nothing_asked() -> None:
    (left, right), (low, high) = system_curves(facts_of([], []), 0).window()
    assert left < right
    assert low < high

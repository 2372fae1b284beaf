"""Settlements against independent expected values, and as invariants of random markets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

from clearing import ClearingError, InputError, NodalMarket, settle
from tests.support.random_books import instances
from tests.support.small_markets import read_instance, read_reference

REFERENCE = read_reference("lmp")
RULES = ("lmp", "uniform", "pay_as_bid")


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_settlements(name):
    """Surpluses, rents and payments of independent instances, constant costs counted as theirs."""
    entry = REFERENCE[name]
    if not entry["expected"]["lmp_unique"]:
        pytest.skip("its settlement depends on which of several prices is used")
    grid, book, constant = read_instance(entry["instance"])
    found = settle(NodalMarket(grid).clear(book))
    expected = entry["expected"]["settlement"]
    ours = {
        "consumer_surplus": found.consumer_surplus,
        "producer_surplus": found.producer_surplus - constant,
        "merchandising_surplus": found.merchandising_surplus,
        "congestion_rent": found.branch_rent.sum() + found.shift_rent.sum(),
        "generator_revenue": found.summary["sellers' receipts"],
        "elastic_demand_payment": found.summary["buyers' payments"],
        "fixed_load_payment": found.fixed_paid.sum(),
        "cost": found.summary["cost"] + constant,
        "utility": found.summary["utility"],
    }
    assert ours == pytest.approx(expected, rel=1e-6, abs=1e-3)


@given(instances())
def test_money_balances_under_each_rule(instance):
    grid, book = instance
    outcome = cleared(grid, book)
    for rule in RULES:
        found = settle(outcome, rule=rule)
        totals = found.totals
        paid, received = totals["payments"].sum(), totals["receipts"].sum()
        scale = 1.0 + abs(paid) + abs(received)
        assert paid - received == pytest.approx(found.merchandising_surplus, abs=1e-7 * scale)
        assert totals["sold_mwh"].sum() == pytest.approx(totals["bought_mwh"].sum(), abs=1e-6 * scale)
        worth = totals["utility"].sum() - totals["cost"].sum()
        assert worth == pytest.approx(outcome.welfare, abs=1e-7 * scale)
        assert totals["surplus"].sum() + found.merchandising_surplus == pytest.approx(worth, abs=1e-7 * scale)
        assert found.redispatch_cost >= -1e-7 * scale


@given(instances(ramps=False, minima=False))
def test_nobody_loses_at_locational_prices(instance):
    """Individual rationality (Q2): without minima and ramps each order gains, and no uplift is due."""
    grid, book = instance
    outcome = cleared(grid, book)
    found = settle(outcome)
    side = book.side[book.column_row]
    gain = side * (found.order_paid - found.order_worth)
    assert (gain >= -1e-6 * (1.0 + np.abs(found.order_paid))).all()
    assert found.uplifts.empty


@given(instances())
def test_uplift_makes_every_seller_whole_and_no_more(instance):
    grid, book = instance
    found = settle(cleared(grid, book))
    cost, paid = {}, {}
    for row, worth, money in zip(book.column_row, found.order_worth, found.order_paid, strict=True):
        if book.side[row] > 0:
            key = book.participants[row], book.units[row]
            cost[key], paid[key] = cost.get(key, 0.0) + worth, paid.get(key, 0.0) + money
    uplift = dict(zip(found.uplift_units, found.uplift_paid, strict=True))
    for key in cost:
        assert uplift.get(key, 0.0) == pytest.approx(max(0.0, cost[key] - paid[key]), abs=1e-5)


def cleared(grid, book):
    try:
        return NodalMarket(grid).clear(book)
    except (ClearingError, InputError):
        assume(False)

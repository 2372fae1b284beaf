"""Certificates where sizes differ widely: of both paths, and of claims that are a little wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket, certify
from clearing.prepared import PreparedMarket
from clearing.structure import Numbers
from networks import Grid
from tests.clearing.engine.test_engine_batches import REGIMES, elastic_book
from tests.support.claims import certify_row
from tests.support.small import book_of, buy, clear, grid_of, sell

ONE_BUS = Grid.from_tables([{"bus": "a"}], [])
WANT = ("accepted", "lmp", "flow", "welfare")


def engine_rows(prepared: PreparedMarket, **arrays: np.ndarray) -> tuple[Any, Any]:
    """What the engine alone proves, and the rows."""
    given = {"price": prepared.numbers.price, "mw": None, "slope": None, "fixed_mw": None, "limit_mw": None}
    rows = prepared._check(*(given | arrays).values())
    assert prepared.engine is not None
    return prepared.engine.clear_many(rows, WANT, np.arange(len(prepared.market.grid.branches)), 1.0), rows


def assert_proven(prepared: PreparedMarket, share: float, **arrays: np.ndarray) -> None:
    """Every round that the engine proves holds by the independent routine; at least a share of them is."""
    batch, rows = engine_rows(prepared, **arrays)
    for r in np.flatnonzero(batch.certified).tolist():
        _, numbers = prepared._numbers(rows, r)
        found = certify_row(prepared.structure, numbers, batch, r)
        assert found.holds, (r, str(found))
    assert batch.certified.mean() >= share


@pytest.mark.parametrize("cap", [1.0, 1e3, 1e6, 1e8, 1e9, 1e10])
def test_an_unlimited_offer_beside_a_street_hides_nothing(cap: float) -> None:
    """Seven flats bid from 300 down to 180 $/MWh for 4 kW each, two roofs sell 5 kW, the grid asks 205."""
    flats = [buy(f"flat {k}", "a", 0.004, 300.0 - 20 * k) for k in range(7)]
    roofs = [sell("roof 1", "a", 0.005, 40.0), sell("roof 2", "a", 0.005, 45.0)]
    book = book_of(*flats, *roofs, sell("grid", "a", cap, 205.0))
    expected = np.array([0.004] * 5 + [0.0, 0.0, 0.005, 0.005, 0.010])
    outcome = clear(ONE_BUS, book)
    assert outcome.lmp[0, 0] == pytest.approx(205.0)
    assert outcome.accepted_mw == pytest.approx(expected, abs=1e-12)
    batch = NodalMarket(ONE_BUS).prepare(book).clear_many(book.price)
    assert batch.lmp[0, 0] == pytest.approx(205.0)
    assert batch.accepted[0] == pytest.approx(expected, abs=1e-12)
    assert batch.welfare[0] == pytest.approx(outcome.welfare, rel=1e-9)
    if cap <= 1e9:
        assert batch.fallbacks == 0, "the engine searches at the scale of what can be traded"


@pytest.mark.parametrize("need", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_tiny_trade_beside_a_large_offer_that_stands_by(need: float) -> None:
    book = book_of(
        sell("own", "a", 0.4 * need, 7.0), sell("plant", "a", 500.0, 31.0), buy("need", "a", need, 90.0)
    )
    batch = NodalMarket(ONE_BUS).prepare(book).clear_many(book.price)
    assert batch.certified[0]
    assert batch.lmp[0, 0] == pytest.approx(31.0)
    assert batch.accepted[0] == pytest.approx([0.4 * need, 0.6 * need, need], rel=1e-6)
    assert clear(ONE_BUS, book).accepted_mw == pytest.approx([0.4 * need, 0.6 * need, need], rel=1e-6)


@pytest.mark.parametrize("want", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_a_tiny_trade_where_all_that_is_large_is_not_worth_trading(want: float, slope: float) -> None:
    """60 MW at 9 $/MWh meet no offer below 21: all that is traded is what two lamps buy."""
    book = book_of(
        sell("plant", "a", 80.0, 21.0, slope=slope),
        sell("dear plant", "b", 30.0, 34.0),
        buy("pump", "b", 60.0, 9.0),
        buy("lamp 1", "a", want, 26.0),
        buy("lamp 2", "b", 0.5 * want, 25.0),
    )
    outcome = clear(grid_of(("a", "b", 0.1)), book)
    assert outcome.accepted_mw == pytest.approx([1.5 * want, 0, 0, want, 0.5 * want], rel=1e-6, abs=1e-20)
    assert outcome.lmp == pytest.approx(21.0 + slope * 1.5 * want)


@pytest.mark.parametrize("fixed", [1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_tiny_fixed_demand_displaces_as_much_of_a_large_bid(fixed: float, slope: float) -> None:
    """25 MW are offered below every bid for them: fixed demand takes its part from the bid."""
    book = book_of(
        sell("plant", "a", 25.0, 12.0, slope=slope),
        sell("dear plant", "b", 25.0, 70.0, slope=slope),
        buy("works", "a", 25.0, 61.0, slope=slope),
        buy("pump", "b", 10.0, 3.0, slope=slope),
        fixed={"b": fixed},
    )
    outcome = clear(grid_of(("a", "b", 0.1, 900.0)), book)
    price = 61.0 - slope * (25.0 - fixed)
    assert outcome.lmp == pytest.approx(price)
    assert 25.0 - outcome.accepted_mw[2] == pytest.approx(fixed, rel=1e-4)


def test_a_household_left_out_beside_a_bulk_trade_fails() -> None:
    """A kilowatt that somebody would have paid for is not lost in a thousand megawatts."""
    grid = grid_of(("a", "b", 0.1))
    book = book_of(
        sell("plant", "a", 2000.0, 20.0), buy("city", "b", 1000.0, 200.0), buy("house", "b", 1e-3, 150.0)
    )
    claim = clear(grid, book).claim
    left_out = replace(claim, accepted=np.array([1000.0, 1000.0, 0.0]), flow_mw=np.array([[1000.0]]))
    assert "D1" in _failing(book, grid, left_out)
    half_served = replace(
        claim, accepted=np.array([1000.0005, 1000.0, 5e-4]), flow_mw=np.array([[1000.0005]])
    )
    assert "D1" in _failing(book, grid, half_served)
    unpaid = replace(claim, accepted=np.array([1000.0, 1000.0, 1e-3]))
    assert "P1" in _failing(book, grid, unpaid)


def test_a_price_beside_one_at_the_value_of_lost_load_is_proven_as_well() -> None:
    """Two islands: scarcity at 9000 $/MWh in one says nothing about 30 or 31 $/MWh in the other."""
    grid = grid_of(("a", "b", 0.1), ("c", "d", 0.1))
    book = book_of(
        sell("a", "a", 10.0, 20.0), buy("short", "b", 30.0, 9000.0), sell("c1", "c", 5.0, 30.0),
        sell("c2", "c", 5.0, 31.0), buy("d", "d", 8.0, 300.0),
    )  # fmt: skip
    claim = clear(grid, book).claim
    assert claim.lmp[:, 0] == pytest.approx([9000.0, 9000.0, 31.0, 31.0])
    cheap = replace(claim, lmp=claim.lmp - np.array([[0.0], [0.0], [0.01], [0.01]]))
    assert "D1" in _failing(book, grid, cheap)
    swapped = replace(claim, accepted=claim.accepted + np.array([0.0, 0.0, -0.01, 0.01, 0.0]))
    assert "D1" in _failing(book, grid, swapped)


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1e3, 1e9])
def test_a_wrong_dispatch_fails_in_any_unit(unit: float) -> None:
    book = book_of(sell("low", "a", 5 * unit, 10.0), sell("high", "a", 5 * unit, 20.0), fixed={"a": 6 * unit})
    claim = clear(ONE_BUS, book).claim
    assert claim.accepted == pytest.approx([5 * unit, unit], rel=1e-9)
    for change in ([-0.01, 0.01], [0.0, -0.01], [0.01, -0.01]):
        wrong = replace(claim, accepted=claim.accepted + unit * np.array(change))
        assert _failing(book, ONE_BUS, wrong), change


def _failing(book: Book, grid: Grid, claim: Any) -> set[str]:
    found = certify(book, grid, claim)
    return {row for row, value in found.residuals.items() if not value <= found.tolerances[row]}


def wide_book(rng: np.random.Generator, buses: int, orders: int, mw: float, price: float) -> Book:
    """Orders whose MW and prices spread over `mw` and `price` orders of magnitude, half of each side."""
    rows = []
    for k in range(orders):
        size = 10.0 ** rng.uniform(-mw / 2, mw / 2)
        worth = 10.0 ** rng.uniform(-price / 2, price / 2)
        side = sell if k % 2 else buy
        rows.append(side(f"o{k}", int(rng.integers(buses)), size, worth * (0.5 if k % 2 else 2.0)))
    return Book.from_tables(rows)


def wide_grid(rng: np.random.Generator, buses: int) -> Grid:
    """A ring with a chord; every other line has a limit."""
    lines = [(k, (k + 1) % buses) for k in range(buses)] + [(0, buses // 2)]
    return Grid.from_tables(
        [{"bus": k} for k in range(buses)],
        [
            {"branch": k, "from_bus": a, "to_bus": b, "x_pu": 0.1, "limit_mw": 10.0 ** rng.uniform(-1, 3)}
            if k % 2
            else {"branch": k, "from_bus": a, "to_bus": b, "x_pu": 0.1, "limit_mw": None}
            for k, (a, b) in enumerate(lines)
        ],
    )


def clear_wide(seed: int, mw: float, price: float, rounds: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    buses = int(rng.integers(1, 7))
    grid = wide_grid(rng, buses) if buses > 2 else ONE_BUS
    book = wide_book(rng, buses if buses > 2 else 1, int(rng.integers(4, 30)), mw, price)
    if grid is ONE_BUS:
        book = Book.from_tables([row | {"bus": "a"} for row in book.orders_frame.to_dict("records")])
    prepared = NodalMarket(grid).prepare(book)
    shape = (rounds, prepared.orders)
    assert_proven(
        prepared,
        share,
        price=book.price * rng.uniform(0.5, 2.0, shape),
        mw=book.mw * rng.uniform(0.1, 2.0, shape),
    )


@pytest.mark.parametrize("seed", range(12))
def test_what_the_engine_proves_of_wide_books_the_certificate_proves(seed: int) -> None:
    clear_wide(seed, mw=[2, 6, 12][seed % 3], price=[1, 6][seed % 2], rounds=8, share=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("price", [1, 4, 8, 12])
@pytest.mark.parametrize("mw", [1, 4, 8, 12])
def test_every_round_over_twelve_orders_of_magnitude(mw: int, price: int) -> None:
    for seed in range(60):
        clear_wide(
            1000 * mw + 100 * price + seed, mw, price, rounds=16, share=1.0 if mw + price <= 2 else 0.0
        )


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", ["ieee14", "ieee57", "pglib_ieee118", "pglib_ieee300"])
def test_a_sample_of_every_batch_is_certified_by_the_independent_routine(name: str, regime: str) -> None:
    case = networks.load(name)
    book, rng = elastic_book(case), np.random.default_rng(29)
    prepared = NodalMarket(case.grid).prepare(book)
    price, mw = REGIMES[regime](np.tile(book.price, (40, 1)), np.tile(book.mw, (40, 1)), rng)
    slope = rng.uniform(0.01, 0.2, price.shape) * (rng.random(price.shape) < 0.5)
    for arrays in ({"price": price, "mw": mw}, {"price": price, "mw": mw, "slope": slope}):
        assert_proven(prepared, 1.0, **arrays)


def test_numbers_of_a_row_are_those_that_are_certified() -> None:
    """The helper itself: a row with demand and slopes of its own, and a wrong claim about it."""
    book = book_of(sell("a", "a", 9.0, 10.0), sell("b", "b", 9.0, 30.0), fixed={"b": 6.0})
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 5.0))).prepare(book)
    batch, rows = engine_rows(prepared, fixed_mw=np.array([[1.0, 7.0]]), slope=np.array([[0.5, 0.1]]))
    _, numbers = prepared._numbers(rows, 0)
    assert isinstance(numbers, Numbers)
    found = certify_row(prepared.structure, numbers, batch, 0)
    assert found.holds
    batch.accepted[0] += [0.1, -0.1]
    assert not certify_row(prepared.structure, numbers, batch, 0).holds

"""Tied orders beside sloped ones: law 3 where duals are near the width of a tie or orders nearly alike."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from clearing.tolerances import TIE_WIDTH
from tests.support.small import book_of, buy, grid_of, sell

ROUNDS = 300
WIDTH = TIE_WIDTH * 3000.0  # of a tie [$/MWh]


@pytest.mark.parametrize(("share", "near"), [(0.8, 75.0), (1.5, 50.0)])
def test_lines_in_series_hold_a_tied_flow_by_what_they_are_worth_together(share: float, near: float) -> None:
    """The far sale is cheaper by `share` tie widths: below 1 the sales share, above it the lines are full."""
    grid = grid_of(("a", "b", 0.1, 100.0), ("b", "c", 0.1, 100.0))
    book = book_of(
        sell("far", "a", 400, 30),
        sell("near", "c", 400, 30 + share * WIDTH),
        sell("rising", "c", 100, 20, slope=0.5),
        buy("must", "c", 170, 3000),
    )
    market = NodalMarket(grid)
    price = np.stack([book.price, book.price + np.array([-10.0, 0.0, 0.0, 0.0]), book.price])
    batch = market.prepare(book).clear_many(price, slope=book.slope)
    alone = market.prepare(book).clear_many(book.price, slope=book.slope)
    assert batch.certified.all()
    assert batch.fallbacks == 0
    assert batch.accepted[0] == pytest.approx([150 - near, near, 20, 170], abs=1e-4)
    for name in ("accepted", "lmp", "welfare"):
        values = getattr(batch, name)
        assert np.array_equal(values[0], values[2])
        assert np.array_equal(values[0], getattr(alone, name)[0])


def test_a_steep_order_stays_inside_its_bounds_beside_tied_ones() -> None:
    """At the price of the tied orders the steep one sells 2 W: less than the tolerance, more than a tie."""
    grid = grid_of(("a", "b", 0.1, 4000.0))
    book = book_of(
        sell("big", "a", 2600, 30),
        sell("like", "a", 100, 30),
        sell("steep", "a", 10, 30 - 2.5 * WIDTH, slope=7.3),
        buy("must", "b", 1000, 3000),
    )
    batch = NodalMarket(grid).prepare(book).clear_many(book.price, slope=book.slope)
    assert batch.fallbacks == 0
    assert batch.accepted[0] == pytest.approx([26000 / 27, 1000 / 27, 2.5 * WIDTH / 7.3, 1000], rel=1e-6)
    assert batch.lmp[0] == pytest.approx(30.0, abs=1e-9)


@pytest.mark.parametrize(("seed", "share", "step"), [(1, 0.1, 5), (1, 0.05, 20), (2, 0.5, 5), (2, 0.5, 20)])
def test_same_bits_where_tied_orders_are_nearly_alike(seed: int, share: float, step: float) -> None:
    """IEEE 300, prices on a grid: buses whose MW differ by 1e-6 on a line, duals near the width of a tie."""
    assert fallbacks_in_two_orders(seed, share, step) == 0


def test_a_round_that_falls_back_is_certified_by_the_general_path() -> None:
    """One of 300 rounds, in either order: on its tied face three lines nearly depend on one another."""
    assert fallbacks_in_two_orders(3, 0.7, 5) == 2


@pytest.mark.slow
def test_same_bits_in_27000_tied_sloped_rounds() -> None:
    fallbacks = sum(
        fallbacks_in_two_orders(seed, share, step)
        for seed in range(1, 7)
        for share in (0.05, 0.1, 0.3, 0.5, 0.7)
        for step in (5, 10, 20)
    )
    print(f"{fallbacks} of 54,000 clearings by fallback")
    assert fallbacks <= 10


def fallbacks_in_two_orders(seed: int, share: float, step: float) -> int:
    """Clear 300 rounds of IEEE 300, `share` of whose orders rise, in two orders, which must not show."""
    case = networks.load("ieee300")
    book = elastic_book(case, np.random.default_rng(seed))
    grid = case.grid
    free = grid.with_settings(limit_mw=np.full(len(grid.branches), np.inf))
    size = np.abs(NodalMarket(free).prepare(book).clear_many(book.price, want=("flow",)).flow[0])
    limit = 1.5 * size + 0.1 * size.max()
    tight = np.argsort(-size, kind="stable")[:10]
    limit[tight] = 0.9 * size[tight]
    market = NodalMarket(grid.with_settings(limit_mw=limit))
    steep = 0.2 * np.minimum(book.price, 100.0) / book.mw
    slope = np.where(np.random.default_rng(seed).random(len(steep)) < share, steep, 0.0)
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.8, 1.2, (ROUNDS, len(book.price)))
    price = np.where(book.price < 3000.0, step * np.round(book.price * spread / step), book.price)
    mw = 10.0 * np.ceil(book.mw * rng.uniform(0.8, 1.2, (ROUNDS, 1)) / 10.0)
    order = rng.permutation(ROUNDS)
    batch = market.prepare(book).clear_many(price, mw, slope=slope)
    shuffled = market.prepare(book).clear_many(price[order], mw[order], slope=slope)
    assert batch.certified.all()
    assert shuffled.certified.all()
    for name in ("accepted", "lmp", "welfare"):
        assert np.array_equal(getattr(batch, name)[order], getattr(shuffled, name))
    return int(batch.fallbacks + shuffled.fallbacks)


def elastic_book(case: networks.Case, rng: np.random.Generator) -> Book:
    """Offers of 1.5 times the load at 10 to 60 $/MWh; bids for 60 % of it at 3000, the rest at 30 to 120."""
    load = np.zeros(len(case.grid.buses))
    np.add.at(load, case.fleet.load_bus, np.maximum(case.fleet.load_mw[:, 0], 0.0))
    room = np.clip(case.fleet.max_mw, 1.0, 1e5)
    room *= 1.5 * load.sum() / room.sum()
    buses = case.grid.buses
    offers = [
        sell(f"s{k}", buses[bus], room[k], rng.uniform(10, 60))
        for k, bus in enumerate(case.fleet.unit_bus.tolist())
    ]
    bids = [
        buy(f"{kind}{bus}", buses[bus], part * load[bus], value)
        for bus in np.flatnonzero(load)
        for kind, part, value in (("must", 0.6, 3000.0), ("may", 0.4, rng.uniform(30, 120)))
    ]
    return Book.from_tables(offers + bids)

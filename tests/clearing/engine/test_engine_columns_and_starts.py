"""Columns in layers, the two starts of a round, and duals that a single order holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import networks
from clearing import NodalMarket
from clearing.engine.grid.column_layout import lay_out
from clearing.engine.linalg.simd import LANES
from tests.clearing.engine.test_engine_batches import elastic_book
from tests.support.small import book_of, buy, grid_of, sell


@given(
    bus=st.lists(st.integers(0, 12), max_size=60) | st.lists(st.just(3), max_size=300),
    links=st.integers(0, 5),
)
def test_every_order_has_a_column_beneath_its_site(bus: list[int], links: int) -> None:
    layout = lay_out(np.array(bus, dtype=np.int64), links)
    columns = np.concatenate([layout.order, layout.link])
    assert len(np.unique(columns)) == len(bus) + links
    assert (columns < layout.columns).all()
    assert (layout.width % LANES == 0).all()
    assert (np.diff(layout.width) <= 0).all()
    assert layout.sites == layout.width[0]
    assert layout.columns == layout.width.sum()
    layer = np.searchsorted(layout.first, layout.order, side="right") - 1
    assert (layout.site_bus[layout.order - layout.first[layer]] == bus).all()
    assert (layout.link == len(layout.site_bus) + np.arange(links)).all()


def test_the_start_that_takes_fewer_pivots_shows_in_no_result() -> None:
    case = networks.load("pglib_ieee118")
    book, rng = elastic_book(case), np.random.default_rng(8)
    price = book.price * rng.uniform(0.7, 1.3, (400, len(book.price)))
    prepared = NodalMarket(case.grid).prepare(book)
    batch = prepared.clear_many(price)
    assert batch.certified.all()
    assert prepared.engine is not None
    views = prepared.engine._idle[-1]
    assert views["anchor_size"] > 0
    assert (
        0.0 < views["start_pivots"][1] < views["start_pivots"][0]
    )  # the average is nearer to each round than the last one
    cold = NodalMarket(case.grid).prepare(book).clear_many(price[::-7])
    assert np.array_equal(cold.accepted, batch.accepted[::-7])
    assert np.array_equal(cold.lmp, batch.lmp[::-7])
    still = price[:1].repeat(300, axis=0)
    still[:, 0] += np.arange(300) * 1e-3
    assert prepared.clear_many(still).certified.all()
    assert views["start_pivots"][0] < 2.0  # where rounds resemble each other, the last one is the start again


@pytest.mark.parametrize("rule", ["canonical", "low", "high"])
@pytest.mark.parametrize("demand", [0.0, 4.0])
def test_duals_that_one_bus_alone_can_move(rule: str, demand: float) -> None:
    """All lines of a bus at their limits: its price is free between the bids that it rejects and accepts."""
    grid = grid_of(
        ("gen", "hub", 0.2, 30.0), ("hub", "city", 0.2, 26.0), ("gen", "city", 0.4, 100.0),
        ("far", "city", 0.3, 40.0),
    )  # fmt: skip
    fixed = [{"bus": "hub", "mw": demand}] if demand else []
    book = book_of(
        sell("cheap", "gen", 200.0, 20.0), sell("other", "far", 100.0, 35.0),
        sell("dear", "city", 300.0, 70.0), sell("blocked", "hub", 10.0, 90.0),
        buy("hub bid", "hub", 4.0 - demand, 400.0), buy("more", "hub", 9.0, 15.0),
        buy("must", "city", 150.0, 3000.0),
        fixed=fixed,
    )  # fmt: skip
    prepared = NodalMarket(grid, price_rule=rule).prepare(book)
    rng = np.random.default_rng(5)
    price = book.price * rng.uniform(0.8, 1.2, (40, len(book.price)))
    batch = prepared.clear_many(price, want=("accepted", "lmp"))
    assert batch.certified.all()
    assert batch.fallbacks == 0
    rows = prepared._check(price, None, None, None, None)
    local = 0
    for r in range(40):
        prepared.clear(price[r])
        assert prepared.engine is not None
        views = prepared.engine._idle[-1]
        free = int(views["cache_rows"] - views["cache_columns"])
        local += bool(free > 0 and views["moved_column_count"][0] > 0)
        found = prepared._optimum(rows, r)
        assert batch.accepted[r] == pytest.approx(found.claim.accepted, abs=1e-6)
        assert batch.lmp[r] == pytest.approx(found.claim.lmp[:, 0], abs=1e-6)
    assert local > 5


def test_what_is_kept_between_rounds_of_all_kinds_shows_in_no_result() -> None:
    """Ties, slopes, limits, demand and empty orders in turn: each batch as by a fresh engine."""
    case = networks.load("pglib_ieee118")
    book, rng = elastic_book(case), np.random.default_rng(21)
    market = NodalMarket(case.grid)
    prepared, orders = market.prepare(book), len(book.price)
    for k in range(60):
        rounds = int(rng.integers(1, 10))
        price = book.price * rng.uniform(0.7, 1.3, (rounds, orders))
        mw = book.mw * rng.uniform(0.7, 1.3, (rounds, orders))
        more: dict[str, np.ndarray] = {}
        if k % 6 == 1:
            price, mw = 5 * np.round(price / 5), 10 * np.ceil(mw / 10)
        elif k % 6 == 2:
            more["slope"] = np.where(rng.random(orders) < 0.5, 0.1 * book.price / (1 + book.mw), 0.0)
        elif k % 6 == 3:
            more["limit_mw"] = case.grid.limit_mw * rng.uniform(0.8, 1.5, (rounds, len(case.grid.limit_mw)))
        elif k % 6 == 4:
            more["fixed_mw"] = rng.uniform(0.0, 5.0, (rounds, len(case.grid.buses)))
        elif k % 6 == 5:
            mw[rng.random(mw.shape) < 0.2] = 0.0
        batch = prepared.clear_many(price, mw, **more)
        assert batch.certified.all()
        assert batch.fallbacks == 0
        if k % 5 == 4:
            alone = market.prepare(book).clear_many(price, mw, **more)
            assert np.array_equal(alone.accepted, batch.accepted), k
            assert np.array_equal(alone.lmp, batch.lmp), k

"""Rounds in which few orders differ from the last one, on the basis that it ended with (law 3)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import networks
from clearing import InputError, NodalMarket
from clearing.prepared import PreparedMarket
from tests.clearing.engine.test_engine_batches import elastic_book
from tests.support.small import book_of, buy, grid_of, sell

CASES = {name: networks.load(name) for name in ("ieee14", "ieee30", "pglib_ieee118")}


def market_of(name: str) -> PreparedMarket:
    case = CASES[name]
    return NodalMarket(case.grid).prepare(elastic_book(case))


def drift(
    price: np.ndarray, mw: np.ndarray, rounds: int, agents: int, step: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rounds in each of which so many orders draw a new price, a new quantity, both, or nothing at all."""
    rng = np.random.default_rng(seed)
    now_price, now_mw = price.copy(), mw.copy()
    prices, quantities = [], []
    for _ in range(rounds):
        for j in rng.choice(len(price), min(agents, len(price)), replace=False):
            kind = rng.integers(4)
            if kind in (0, 2):
                now_price[j] = price[j] * rng.uniform(0.7, 1.3)
                if step:
                    now_price[j] = step * np.round(now_price[j] / step)
            if kind in (1, 2):
                now_mw[j] = mw[j] * rng.choice([0.0, rng.uniform(0.5, 1.5)], p=[0.2, 0.8])
        prices.append(now_price.copy())
        quantities.append(now_mw.copy())
    return np.array(prices), np.array(quantities)


@pytest.mark.parametrize("name", CASES)
@given(agents=st.integers(0, 40), step=st.sampled_from([0.0, 5.0]), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_a_chain_of_small_changes_is_cleared_as_each_round_alone(
    name: str, agents: int, step: float, seed: int
) -> None:
    prepared, again = market_of(name), market_of(name)
    price, mw = drift(prepared.numbers.price, prepared.numbers.mw, 40, agents, step, seed)
    want = ("accepted", "lmp", "welfare", "flow")
    batch = prepared.clear_many(price, mw, want=want)
    assert batch.certified.all()
    order = np.random.default_rng(seed).permutation(len(price))
    other = again.clear_many(price[order], mw[order], want=want)
    for field in want:
        assert np.array_equal(getattr(other, field), getattr(batch, field)[order]), field
    for r in (7, 23):
        one = market_of(name).clear(price[r], mw[r])
        assert np.array_equal(one.accepted, batch.accepted[r])
        assert np.array_equal(one.lmp, batch.lmp[r])
        assert one.welfare == batch.welfare[r]


def test_most_of_such_rounds_go_on_where_the_last_one_ended() -> None:
    prepared = market_of("pglib_ieee118")
    price, mw = drift(prepared.numbers.price, prepared.numbers.mw, 400, 2, 0.0, seed=1)
    prepared.clear_many(price[:100], mw[:100])
    assert prepared.engine is not None
    work = prepared.engine._idle[-1]
    ready = 0
    for r in range(100, 400):
        prepared.clear_many(price[r], mw[r])
        assert 0 <= work["changed_count"] <= 2
        ready += int(work["is_warm"])
    assert ready > 200


def test_what_comes_between_is_not_gone_on_from() -> None:
    prepared = market_of("ieee30")
    base = prepared.numbers
    price, mw = drift(base.price, base.mw, 30, 2, 0.0, seed=3)
    alone = [market_of("ieee30").clear(p, q) for p, q in zip(price, mw, strict=True)]
    slope = np.full(len(base.price), 0.02)
    limit = 0.7 * np.minimum(prepared.market.grid.limit_mw, 1e4)
    wrong = price[0].copy()
    wrong[2] = np.nan
    for r in range(30):
        if r % 5 == 1:
            prepared.clear_many(price[r], mw[r], slope=slope)
        elif r % 5 == 2:
            prepared.clear_many(price[r], mw[r], limit_mw=limit)
        elif r % 5 == 3:
            prepared.clear_many(price[r], mw[r], want=("lmp_low", "lmp_high"))
        elif r % 5 == 4:
            with pytest.raises(InputError, match="round 0, order"):
                prepared.clear_many(wrong, mw[r])
        found = prepared.clear(price[r], mw[r])
        assert np.array_equal(found.accepted, alone[r].accepted), r
        assert np.array_equal(found.lmp, alone[r].lmp), r


@pytest.mark.parametrize("orders", [1, 2, 7, 8, 9, 15, 16, 17, 31])
def test_numbers_are_taken_whatever_stood_there_before(orders: int) -> None:
    """Blocks of eight orders, a last one that overlaps, and the greatest numbers come and go."""
    rng = np.random.default_rng(orders)
    grid = grid_of(("a", "b", 0.1, 300.0), ("b", "c", 0.2, 200.0), ("a", "c", 0.1, 250.0))
    rows = [
        (sell if k % 2 == 0 else buy)(f"o{k}", "abc"[k % 3], 50.0 + k, 20.0 + 3.0 * k) for k in range(orders)
    ]
    book = book_of(*rows)
    price, mw = drift(book.price, book.mw, 30, 2, 0.0, seed=orders)
    for r in range(0, 30, 3):  # one number that is far greater than all others, for a round
        price[r, rng.integers(orders)] = 4e4
        mw[r + 1, rng.integers(orders)] = 9e5
    batch = NodalMarket(grid).prepare(book).clear_many(price, mw)
    assert batch.certified.all()
    for r in range(30):
        alone = NodalMarket(grid).prepare(book).clear_many(price[r], mw[r])
        for field in ("accepted", "lmp", "welfare"):
            one, other = getattr(batch, field)[r], getattr(alone, field)[0]
            assert np.array_equal(one, other, equal_nan=True), (r, field)


def test_a_number_that_no_book_may_hold_is_refused_each_time() -> None:
    prepared = market_of("ieee14")
    price, mw = prepared.numbers.price, prepared.numbers.mw
    expected = prepared.clear(price, mw)
    for bad in (np.nan, np.inf):
        wrong = price.copy()
        wrong[3] = bad
        for _ in range(2):
            with pytest.raises(InputError, match="array 'price', round 0, order"):
                prepared.clear_many(wrong, mw)
        assert np.array_equal(prepared.clear(price, mw).accepted, expected.accepted)

"""The cache of outcomes: same bits with and without it, memory bounded, nothing cleared twice at once."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from clearing.batches import Status
from clearing.outcome_cache import OutcomeCache, _distinct
from tests.support.small import book_of, grid_of, sell

WANT = ("accepted", "lmp", "welfare", "lmp_low", "flow")


def five_bus():
    case = networks.load("five_bus")
    book = Book.from_case(case)
    return NodalMarket(case.grid).prepare(book), book


@pytest.mark.parametrize("limit_bytes", [2**20, 3000])
def test_same_bits_as_without_and_bound_respected(limit_bytes: int) -> None:
    prepared, book = five_bus()
    plain = NodalMarket(prepared.market.grid).prepare(book)
    cache = OutcomeCache(prepared, want=WANT, limit_bytes=limit_bytes)
    size = cache._keys.nbytes + cache._rows.nbytes + cache._used.nbytes
    assert size <= limit_bytes
    rng = np.random.default_rng(1)
    for _ in range(6):
        price = np.repeat(book.price[None], 80, axis=0) + rng.integers(0, 2, (80, len(book.price)))
        mw = np.tile(book.mw, (80, 1))
        ours, theirs = cache.clear_many(price, mw), plain.clear_many(price, mw, want=WANT)
        for name in (*WANT, "status", "certified"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=True)
        assert ours.accepted.shape == theirs.accepted.shape
        assert cache.held <= cache.places


def test_nothing_is_cleared_twice() -> None:
    prepared, book = five_bus()
    cache = OutcomeCache(prepared, profile=("price",), want=("welfare",))
    price = np.stack([book.price, book.price + 1, book.price, book.price + 1, book.price])
    first = cache.clear_many(price)
    assert (cache.cleared, cache.held) == (2, 2)
    again = cache.clear_many(price[[1, 0]])
    assert cache.cleared == 2
    assert again.welfare.tolist() == first.welfare[[1, 0]].tolist()


def test_equal_hashes_are_no_equal_profiles() -> None:
    keys = np.array([[1, 2], [3, 4], [1, 2], [5, 6]], dtype=np.uint64)
    first, back = _distinct(keys, np.array([7, 7, 7, 8], dtype=np.uint64))
    assert np.array_equal(keys[first][back], keys)


def test_failed_rounds_are_not_remembered_and_named() -> None:
    book = book_of(sell("A", "a", 50.0, 20.0), fixed=[{"bus": "b", "mw": 5.0}])
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 10.0))).prepare(book)
    cache = OutcomeCache(prepared, profile=("price", "fixed_mw"))
    price, demand = np.full((3, 1), 20.0), np.array([[0.0, 5.0], [0.0, 15.0], [0.0, 8.0]])
    for cleared in (3, 4):
        batch = cache.clear_many(price, fixed_mw=demand)
        assert batch.status.tolist() == [Status.OPTIMAL, Status.INFEASIBLE, Status.OPTIMAL]
        assert np.isnan(batch.accepted[1]).all()
        assert (cache.held, cache.cleared) == (2, cleared)
    with pytest.raises(InfeasibleError, match="round 1"):
        cache.clear_many(price, fixed_mw=demand, on_error="raise")


def test_refusals() -> None:
    prepared, book = five_bus()
    with pytest.raises(InputError, match="'prices' is unknown"):
        OutcomeCache(prepared, profile=("prices",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'price' is missing"):
        OutcomeCache(prepared, profile=("mw",))
    with pytest.raises(InputError, match="bytes hold no outcome"):
        OutcomeCache(prepared, limit_bytes=100)
    with pytest.raises(InputError, match="name it in profile"):
        OutcomeCache(prepared, profile=("price",)).clear_many(book.price, book.mw)
    with pytest.raises(InputError, match="give it"):
        OutcomeCache(prepared).clear_many(book.price)

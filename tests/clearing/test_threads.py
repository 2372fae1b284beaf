"""Threads that share a market get, each of them, the bits that one thread alone gets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from clearing.arrays.kept import KeptModels
from clearing.nodal import MODELS_KEPT
from clearing.outcome_cache import OutcomeCache
from clearing.prepared import PreparedMarket
from tests.support.small import book_of, buy, grid_of, sell

THREADS = 8
ARRAYS = ("accepted", "lmp", "welfare")


def at_once(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """work(item) of all items, the first eight of which begin together."""
    start = Barrier(THREADS)

    def run(k: int) -> Any:
        if k < THREADS:
            start.wait(60)
        return work(items[k])

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(len(items))))


def prepared_market(name: str = "pglib_ieee118") -> PreparedMarket:
    case = networks.load(name)
    return NodalMarket(case.grid).prepare(Book.from_case(case))


def batches(prepared: PreparedMarket, count: int, rounds: int) -> list[dict[str, np.ndarray]]:
    """Rounds of every kind by turns: prices apart and on a grid, slopes, other demand, other limits."""
    rng = np.random.default_rng(7)
    numbers, grid = prepared.numbers, prepared.market.grid
    out = []
    for k in range(count):
        price = numbers.price * rng.uniform(0.8, 1.2, (rounds, prepared.orders))
        batch = {"price": 5 * np.round(price / 5) if k % 2 else price}
        if k % 8 == 2:
            batch["slope"] = rng.uniform(0.01, 0.1, price.shape)
        if k % 8 == 4:
            demand = numbers.fixed_mw[:, 0] - grid.shunt_mw
            batch["fixed_mw"] = demand * rng.uniform(0.9, 1.0, (rounds, len(demand)))
        if k % 8 == 6:
            batch["limit_mw"] = grid.limit_mw * rng.uniform(0.98, 1.1, (rounds, len(grid.branches)))
        out.append(batch)
    return out


def assert_same_bits(found: Any, expected: Any) -> None:
    assert np.array_equal(found.status, expected.status)
    for name in ARRAYS:
        assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True), name


def test_eight_threads_share_a_prepared_market() -> None:
    prepared = prepared_market()
    work = batches(prepared, 4 * THREADS, 40)
    alone = [prepared.clear_many(**batch) for batch in work]
    shared = prepared_market()  # its engine is made by whoever comes first
    for found, expected in zip(at_once(lambda b: shared.clear_many(**b), work), alone, strict=True):
        assert_same_bits(found, expected)
    assert shared.engine is not None
    assert 1 <= len(shared.engine._idle) <= THREADS, "a workspace for each call at a time, and all come back"


def test_eight_threads_clear_round_by_round() -> None:
    prepared = prepared_market("ieee14")
    prepared = prepared.market.prepare(replace(prepared.book, slope=0 * prepared.book.slope))
    rng = np.random.default_rng(3)
    price = prepared.numbers.price * rng.uniform(0.5, 1.5, (THREADS, 400, prepared.orders))
    alone = [prepared.clear_many(rows) for rows in price]
    found = at_once(lambda rows: [prepared.clear(row) for row in rows], list(price))
    for rounds, expected in zip(found, alone, strict=True):
        assert np.array_equal([r.accepted for r in rounds], expected.accepted)
        assert np.array_equal([r.lmp for r in rounds], expected.lmp)
        assert np.array_equal([r.welfare for r in rounds], expected.welfare)


def test_eight_threads_share_a_market_that_forgets_models() -> None:
    """More structures of books than models are kept, each cleared by several threads."""
    grid = grid_of(("a", "b", 0.1, 30.0), ("b", "c", 0.1, 30.0), ("a", "c", 0.2))
    books = [
        book_of(
            *(sell(f"s{j}", "abc"[j % 3], 10.0, 10.0 + j) for j in range(n)), buy("d", "c", 15.0, 40.0),
            fixed={"b": 5.0},
        )
        for n in range(2, 2 + MODELS_KEPT + 4)
    ]  # fmt: skip
    alone = [NodalMarket(grid).clear(book) for book in books]
    market = NodalMarket(grid)
    found = at_once(market.clear, books * 3)
    for outcome, expected in zip(found, alone * 3, strict=True):
        assert outcome.certificate.holds
        assert np.array_equal(outcome.accepted_mw, expected.accepted_mw)
        assert np.array_equal(outcome.lmp, expected.lmp)


def test_eight_threads_share_an_outcome_cache() -> None:
    """So small a table that profiles displace each other all the time."""
    prepared = prepared_market("ieee14")
    rng = np.random.default_rng(5)
    profiles = prepared.numbers.price * rng.uniform(0.7, 1.3, (60, prepared.orders))
    expected = prepared.clear_many(profiles)
    cache = OutcomeCache(prepared, profile=("price",), limit_bytes=8 * 1024)
    assert cache.places < 60
    picks = [rng.integers(0, 60, 50) for _ in range(4 * THREADS)]
    for chosen, batch in zip(picks, at_once(lambda c: cache.clear_many(profiles[c]), picks), strict=True):
        for name in ARRAYS:
            assert np.array_equal(getattr(batch, name), getattr(expected, name)[chosen])


def test_a_model_asked_for_by_eight_threads_is_built_once() -> None:
    kept: KeptModels[object] = KeptModels(2)
    built: list[int] = []

    def ask(key: int) -> object:
        return kept.get(key, lambda: built.append(key) or object())  # type: ignore[func-returns-value]

    models = at_once(ask, [0] * THREADS)
    assert built == [0]
    assert all(model is models[0] for model in models)
    assert [ask(key) is models[0] for key in (1, 0, 2, 0)] == [False, True, False, True]
    assert built == [0, 1, 2], "the one used last stays"
    assert len(kept) == 2


def test_prepared_markets_travel_without_compiled_code() -> None:
    prepared = prepared_market("ieee14")
    price = prepared.numbers.price * np.random.default_rng(1).uniform(0.8, 1.2, (5, prepared.orders))
    before = prepared.clear_many(price)
    prepared.clear(price[0])
    assert_same_bits(pickle.loads(pickle.dumps(prepared)).clear_many(price), before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pglib_ieee300", "pegase1354"])
def test_many_threads_for_long(name: str) -> None:
    prepared = prepared_market(name)
    work = batches(prepared, 8 * THREADS, 60)
    alone = [prepared.clear_many(**batch) for batch in work]
    for found, expected in zip(at_once(lambda b: prepared.clear_many(**b), work), alone, strict=True):
        assert_same_bits(found, expected)

"""A hundred thousand rounds against HiGHS, and in two processes."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from tests.clearing.engine.test_engine_batches import (
    REGIMES,
    elastic_book,
    in_islands,
    random_limits,
    regime_rounds,
    without_own_flows,
)


@pytest.mark.slow
def test_a_hundred_thousand_certified_clearings() -> None:
    """Every round certified, a sample compared with the general path, fallbacks below 1 in 10 000."""
    tally: dict[tuple[str, str], tuple[int, int]] = {}

    def clear(name: str, regime: str, market: NodalMarket, book: Book, arrays: tuple, **limits: Any) -> None:
        prepared = market.prepare(book)
        batch = prepared.clear_many(*arrays, want=("welfare",), **limits)
        assert batch.certified.all(), (name, regime)
        tally[name, regime] = len(arrays[0]), batch.fallbacks
        rows = prepared._check(*arrays, None, None, limits.get("limit_mw"))
        for r in (0, len(arrays[0]) - 1):
            claim = prepared._optimum(rows, r).claim
            welfare = float((-prepared.structure.side * arrays[0][r] * claim.accepted).sum())
            assert batch.welfare[r] == pytest.approx(welfare, rel=1e-7, abs=1e-5), (name, regime, r)

    for name, size in (("ieee14", 6000), ("ieee57", 5000), ("pglib_ieee118", 3000), ("pglib_ieee300", 1000)):
        case = networks.load(name)
        bare = without_own_flows(case.grid)
        book, market = elastic_book(case), NodalMarket(bare)
        for k, regime in enumerate((*REGIMES, "single seller")):
            clear(name, regime, market, book, regime_rounds(book, regime, size, k))
        rounds = size // 3
        limits = random_limits(case.grid, rounds, np.random.default_rng(size))
        clear(name, "limits", market, book, regime_rounds(book, "independent", rounds, 7), limit_mw=limits)
        apart = NodalMarket(in_islands(bare))
        clear(name, "islands", apart, book, regime_rounds(book, "independent", rounds, 8))
    rounds, fallbacks = (sum(column) for column in zip(*tally.values(), strict=True))
    assert rounds >= 100_000
    assert fallbacks < rounds / 10_000, {key: counts for key, counts in tally.items() if counts[1]}


def _clear_part(rows: np.ndarray) -> np.ndarray:
    case = networks.load("pglib_ieee118")
    book = elastic_book(case)
    price, mw = regime_rounds(book, "five-dollar grid", 400, 1)
    return NodalMarket(case.grid).prepare(book).clear_many(price[rows], mw[rows], want=("lmp",)).lmp


@pytest.mark.slow
def test_same_bits_on_one_and_two_processes() -> None:
    """Law 3 across processes, each with its own part of a shuffled batch."""
    order = np.random.default_rng(4).permutation(400)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = np.concatenate(list(pool.map(_clear_part, np.split(order, 2))))
    assert np.array_equal(parts, _clear_part(np.arange(400))[order], equal_nan=True)

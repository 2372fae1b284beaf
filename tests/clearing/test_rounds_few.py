"""Rounds in which few orders differ from the last one, on the basis that it ended with (law 3)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import networks
from clearing import InputError, NodalMarket
from clearing.prepared import PreparedMarket
from clearing.rounds import fields as F
from tests.clearing.test_rounds import elastic_book

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
    state = prepared.engine._views()["state"]
    ready = 0
    for r in range(100, 400):
        prepared.clear_many(price[r], mw[r])
        assert 0 <= state[F.CHANGED] <= 2
        ready += int(state[F.READY])
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

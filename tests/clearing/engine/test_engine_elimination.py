"""The elimination of an active set's coefficients, against dense linear algebra."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import networks
from clearing import NodalMarket
from clearing.engine.canonical.active_set import cached_dispatch, cached_duals
from clearing.engine.canonical.elimination import dependence, eliminate_tall
from clearing.engine.compilation.decorators import door
from clearing.engine.memory.store import unpack
from tests.clearing.engine.test_engine_batches import elastic_book


@door
def _eliminate(floats, ints, m, own, f):  # type: ignore[no-untyped-def]
    return eliminate_tall(unpack(floats, ints), m, own, f)


@door
def _solve(floats, ints, m, f):  # type: ignore[no-untyped-def]
    s = unpack(floats, ints)
    cached_dispatch(s, m, f)
    cached_duals(s, m, f)


@door
def _depend(floats, ints, h, f, m):  # type: ignore[no-untyped-def]
    s = unpack(floats, ints)
    dependence(s, h, f, m, s.null_vectors[0])


@cache
def _arrays():  # type: ignore[no-untyped-def]
    """A store whose active set the tests put in themselves."""
    case = networks.load("pglib_ieee118")
    engine = NodalMarket(case.grid).prepare(elastic_book(case)).engine
    assert engine is not None
    work = engine.workspace()
    return work.floats, work.ints, work


@given(f=st.integers(1, 13), more=st.integers(0, 6), twins=st.integers(0, 4), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_dispatch_duals_and_dependences_of_any_active_set(f: int, more: int, twins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = f + more
    whole = rng.normal(size=(own, f))
    whole[f:] = rng.normal(size=(more, f)) @ whole[:f]  # rows that depend on the first ones
    whole = whole[rng.permutation(own)]
    whole = np.vstack([whole, whole[rng.integers(own, size=twins)]])
    m = own + twins
    place = rng.permutation(m)
    whole = whole[place]  # twins stand anywhere among the others
    mine = np.sort(np.flatnonzero(place < own))
    floats, ints, v = _arrays()
    v["kept_entries"][:f], v["own_rows"][:own] = 0.0, mine
    v["kept_entries"][:f, :m] = whole.T
    assert _eliminate(floats, ints, m, own, f)
    order = v["elimination_order"][:own]
    assert sorted(order.tolist()) == mine.tolist()
    assert np.linalg.matrix_rank(whole[order[:f]]) == f

    x, cost = rng.normal(size=f), rng.normal(size=f)
    v["canonical.right_side"][:m] = whole @ x
    v["kept_cost"][: -(-f // 8) * 8] = 0.0
    v["kept_cost"][:f] = cost
    columns = np.sort(rng.choice(v["layer_first"][1], f, replace=False))
    v["interior_columns"][:f] = columns
    _solve(floats, ints, m, f)
    close = {"rtol": 1e-7, "atol": 1e-7 * np.linalg.cond(whole[order[:f]])}
    assert np.allclose(v["dispatch"][columns], x, **close)
    y = v["dual"][:m]
    assert np.allclose(whole.T @ y, cost, **close)
    assert not np.delete(y, order[:f]).any()
    for h in range(f, own):
        _depend(floats, ints, h, f, m)
        z = v["null_vectors"][0, :m]
        assert z[order[h]] == 1.0
        assert np.allclose(z @ whole, 0.0, **close)
        assert not np.delete(z, [*order[:f], order[h]]).any()


def test_a_set_without_independent_columns_has_no_elimination() -> None:
    floats, ints, v = _arrays()
    v["kept_entries"][:2], v["own_rows"][:3] = 0.0, np.arange(3)
    v["kept_entries"][0, :3] = v["kept_entries"][1, :3] = (1.0, 2.0, 3.0)
    assert not _eliminate(floats, ints, 3, 3, 2)

"""Parts of the round engine: eight numbers at a time, the certificate of eight rounds, lines that depend."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from clearing.engine.compilation.decorators import door
from clearing.engine.linalg import simd
from clearing.engine.linalg.simd import LANES, load, splat, total, turn
from clearing.engine.memory.store import unpack
from clearing.engine.proof.certificate import prove
from clearing.prepared import PreparedMarket
from tests.clearing.engine.test_engine_batches import elastic_book
from tests.support.small import book_of, buy, grid_of, sell


@door
def _pieces(source, target, indices, signed):  # type: ignore[no-untyped-def]
    turn(source, 0, 0, target)
    a, b = load(source[0], 0), load(source[1], 0)
    gathered = simd.gather(source[2], indices, 0)
    return (
        total(a + a * b - b / splat(2.0)),
        simd.greatest(simd.larger(a, b)),
        simd.smallest(simd.smaller(a, simd.magnitude(b))),
        simd.less_bits(a, b),
        simd.equal_bits(a, a),
        simd.wrong_bits(a, splat(np.nan)),
        total(simd.where_less(a, b, gathered, splat(0.0))),
        simd.trailing_zeros(40),
        simd.negative_bits(signed, 0),
    )


def test_eight_numbers_at_a_time() -> None:
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(8, 8)), np.zeros((8, 8))
    indices = rng.permutation(8).astype(np.uint64)
    a, b = source[0], source[1]
    found = _pieces(source, target, indices, np.array([3, -1, 0, -7, 5, 2, -2, 1]))
    assert np.array_equal(target, source.T)
    bits = int(((a < b) * 2 ** np.arange(8)).sum())
    assert found[0] == pytest.approx((a + a * b - b / 2).sum(), rel=1e-12)
    assert found[1:6] == (np.maximum(a, b).max(), np.minimum(a, np.abs(b)).min(), bits, 255, 255)
    assert found[6] == pytest.approx(np.where(a < b, source[2][indices.astype(int)], 0.0).sum(), rel=1e-12)
    assert found[7:] == (3, 0b1001010)


@door
def _prove(floats, ints, lane, bus, line, what, change):  # type: ignore[no-untyped-def]
    """Worst residuals of the eight rounds put aside last, with one number of one of them changed."""
    t = unpack(floats, ints)
    if what == 0:
        t.proof.injection_rows[lane, bus] += change
    elif what == 1:
        t.proof.price_rows[lane, bus] += change
    elif what == 2:
        t.proof.tight_dual[lane, line] += change
    elif what == 3:
        t.proof.tight_count[lane] -= 1
    prove(t, LANES)
    if what == 0:
        t.proof.injection_rows[lane, bus] -= change
    elif what == 1:
        t.proof.price_rows[lane, bus] -= change
    elif what == 2:
        t.proof.tight_dual[lane, line] -= change
    elif what == 3:
        t.proof.tight_count[lane] += 1
    return t.proof.worst[0], t.proof.worst[1], t.proof.worst[5], t.proof.tight_count[5]


def _eight_rounds() -> PreparedMarket:
    """A prepared market that has just cleared eight rounds in which lines bind."""
    case = networks.load("pglib_ieee118")
    book = elastic_book(case)
    prepared = NodalMarket(case.grid).prepare(book)
    rng = np.random.default_rng(5)
    prices = book.price * rng.uniform(0.8, 1.2, (16, len(book.price)))
    assert prepared.clear_many(prices).certified.all()
    assert prepared.clear_many(prices[8:]).certified.all()
    return prepared


def test_the_certificate_finds_a_wrong_number_in_its_round_alone() -> None:
    engine = _eight_rounds().engine
    assert engine is not None
    work = engine.workspace()
    arrays = work.floats, work.ints
    first, second, sixth, lines = _prove(*arrays, 5, 0, 0, -1, 0.0)
    assert max(first, second, sixth) <= 1.0
    assert lines > 0
    for what, change in ((0, 1.0), (1, 1.0), (2, 1.0), (3, 0.0)):
        changed = _prove(*arrays, 5, 7, 0, what, change)
        assert changed[:2] == (first, second)
        assert changed[2] > 1.0, what
    assert _prove(*arrays, 5, 0, 0, -1, 0.0)[:3] == (first, second, sixth)


def test_places_behind_the_basis_stay_zero() -> None:
    """Else what is done eight at a time would drag along numbers that grow without end."""
    case = networks.load("pglib_ieee118")
    book, rng = elastic_book(case), np.random.default_rng(2)
    prepared, sizes = NodalMarket(case.grid).prepare(book), set()
    for _ in range(20):
        price = book.price * rng.uniform(0.3, 1.7, (50, len(book.price)))
        assert prepared.clear_many(price).certified.all()
        engine = prepared.engine
        assert engine is not None
        views = engine._idle[-1]
        size = int(views["basis_size"])
        sizes.add(size)
        assert not views["basis_inverse"][:size, size:].any()
        assert not views["matrix"][:, views["sign"][: views["matrix"].shape[1]] == 0].any()
    assert len(sizes) > 1


def test_rows_of_the_store_are_padded_and_aligned() -> None:
    engine = _eight_rounds().engine
    assert engine is not None
    work = engine.workspace()
    for name in (
        "cost", "matrix", "ptdf", "heat", "dual", "basis_inverse", "square_work", "wide_work", "lmp",
        "proof.angle", "proof.injection_rows", "proof.tight_dual", "proof.flow", "proof.worst",
    ):  # fmt: skip
        array = work[name]
        assert array.ctypes.data % 64 == 0, name
        assert array.shape[-1] % LANES == 0, name


def _branching_grid() -> tuple[NodalMarket, Book]:
    """Lines in series and in parallel, and a bus without orders where three meet, all near their limits."""
    grid = grid_of(
        ("gen", "m1", 0.1, 60.0), ("m1", "m2", 0.2, 60.0), ("m2", "city", 0.1, 60.0),  # in series
        ("gen", "city", 0.6, 15.0), ("gen", "city", 0.6, 15.0),  # parallel
        ("gen", "hub", 0.2, 40.0), ("far", "hub", 0.3, 20.0), ("hub", "city", 0.2, 60.0),  # 40 + 20 = 60
        ("far", "gen", 0.5, 100.0),
    )  # fmt: skip
    book = book_of(
        sell("cheap", "gen", 400.0, 20.0), sell("other", "far", 150.0, 25.0),
        sell("dear", "city", 300.0, 70.0),
        buy("must", "city", 150.0, 3000.0), buy("may", "city", 60.0, 80.0), buy("out", "far", 30.0, 60.0),
    )  # fmt: skip
    return NodalMarket(grid), book


@pytest.mark.parametrize("rule", ["canonical", "low", "high"])
def test_lines_that_share_a_dual_are_priced_by_the_rule(rule: str) -> None:
    market, book = _branching_grid()
    market = NodalMarket(market.grid, price_rule=rule)
    prepared, rng = market.prepare(book), np.random.default_rng(9)
    price = book.price * rng.uniform(0.7, 1.3, (60, len(book.price)))
    mw = book.mw * np.where(rng.random((60, 1)) < 0.5, rng.uniform(0.6, 1.4, (60, len(book.price))), 1.0)
    batch = prepared.clear_many(price, mw, want=("accepted", "lmp", "lmp_low", "lmp_high", "flow"))
    assert batch.certified.all()
    assert batch.fallbacks == 0
    limit = market.grid.limit_mw
    together = (np.abs(np.abs(batch.flow) - limit) < 1e-6).sum(axis=1)
    assert (together >= 3).mean() > 0.3  # the grid does what it is made for
    rows = prepared._check(price, mw, None, None, None)
    for r in range(60):
        found = prepared._optimum(rows, r)
        assert batch.accepted[r] == pytest.approx(found.claim.accepted, abs=1e-6)
        assert batch.lmp[r] == pytest.approx(found.claim.lmp[:, 0], abs=1e-6)
    alone = np.array(
        [prepared.clear_many(p, m, want=("lmp",)).lmp[0] for p, m in zip(price, mw, strict=True)]
    )
    assert np.array_equal(alone, batch.lmp)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("rule", ["canonical", "low", "high"])
def test_lines_that_share_a_dual_beside_sloped_orders(rule: str, share: float) -> None:
    """Twins and lines that depend on others, where slopes decide the dispatch; price intervals too."""
    market, book = _branching_grid()
    market = NodalMarket(market.grid, price_rule=rule)
    prepared, rng = market.prepare(book), np.random.default_rng(9)
    price = book.price * rng.uniform(0.7, 1.3, (40, len(book.price)))
    mw = book.mw * np.where(rng.random((40, 1)) < 0.5, rng.uniform(0.6, 1.4, (40, len(book.price))), 1.0)
    slope = np.minimum(price, 100.0) / mw * rng.uniform(0.02, 0.2, mw.shape) * (rng.random(mw.shape) < share)
    batch = prepared.clear_many(
        price, mw, slope=slope, want=("accepted", "lmp", "lmp_low", "lmp_high", "flow")
    )
    assert batch.certified.all()
    assert batch.fallbacks == 0
    together = (np.abs(np.abs(batch.flow) - market.grid.limit_mw) < 1e-6).sum(axis=1)
    assert (together >= 3).mean() > 0.3
    rows = prepared._check(price, mw, slope, None, None)
    for r in range(0, 40, 3):
        found = prepared._optimum(rows, r)
        assert batch.accepted[r] == pytest.approx(found.claim.accepted, abs=1e-5)
        assert batch.lmp[r] == pytest.approx(found.claim.lmp[:, 0], abs=1e-5)
        low, high = (ends[:, 0] for ends in found.intervals)
        for ours, theirs in ((batch.lmp_low[r], low), (batch.lmp_high[r], high)):
            finite = np.isfinite(theirs)
            assert (np.isfinite(ours) == finite).all()
            assert ours[finite] == pytest.approx(theirs[finite], abs=1e-5)


def test_sloped_rounds_between_plenty_and_scarcity() -> None:
    """Prices jump from those of units to the value of lost load: orders that stood still have to move."""
    case = networks.load("ieee14")
    book = elastic_book(case)
    prepared, rng = NodalMarket(case.grid).prepare(book), np.random.default_rng(4)
    price = np.tile(book.price, (30, 1)) * rng.uniform(0.9, 1.1, (30, len(book.price)))
    mw = np.tile(book.mw, (30, 1))
    mw[::2, book.side > 0] *= 0.1
    slope = rng.uniform(0.02, 0.1, mw.shape) * price / np.maximum(mw, 1e-3)
    batch = prepared.clear_many(price, mw, slope=slope)
    assert batch.certified.all()
    assert batch.fallbacks == 0
    assert np.ptp(batch.lmp.mean(axis=1)) > 1000.0
    rows = prepared._check(price, mw, slope, None, None)
    for r in range(0, 30, 5):
        claim = prepared._optimum(rows, r).claim
        assert batch.accepted[r] == pytest.approx(claim.accepted, abs=1e-6 * (1 + mw[r].max()))
        assert batch.lmp[r] == pytest.approx(claim.lmp[:, 0], abs=1e-6 * (1 + price[r].max()))
    back = NodalMarket(case.grid).prepare(book).clear_many(price[::-1], mw[::-1], slope=slope[::-1])
    assert np.array_equal(batch.accepted[::-1], back.accepted), "law 3"
    assert np.array_equal(batch.lmp[::-1], back.lmp), "law 3"

"""The tie width in the round engine (law 4), and bits that no history shows in (law 3)."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from clearing.tolerances import TIE_WIDTH
from tests.support.small import book_of, buy, grid_of, sell


@pytest.mark.parametrize(("slope", "left"), [(0.0, 100.0), (0.0, 130.0), (1e-3, 130.0)])
@pytest.mark.parametrize("price", [30.0, 3000.0])
@pytest.mark.parametrize("step", 10.0 ** np.arange(-12, -2))
def test_two_offers_share_just_where_they_differ_by_the_tie_width_at_most(
    step: float, price: float, slope: float, left: float
) -> None:
    """What is left for the two is half from each, or all that the cheaper one has; beside a slope too."""
    book = book_of(
        sell("first", "a", 100.0, price),
        sell("second", "a", 100.0, price + step),
        sell("rising", "a", 10.0, 1.0, slope=slope),
        buy("load", "a", 10.0 + left, 1.2 * price),
    )
    batch = NodalMarket(grid_of(("a", "b", 0.1))).prepare(book).clear_many(book.price, slope=book.slope)
    shares = [left / 2, left / 2] if step <= TIE_WIDTH * 1.2 * price else [100.0, left - 100.0]
    assert batch.certified.all()
    assert batch.fallbacks == 0
    assert batch.accepted[0] == pytest.approx([*shares, 10.0, 10.0 + left])
    assert batch.lmp[0] == pytest.approx(price, abs=step + 1e-9 * price)


@pytest.mark.parametrize("name", ["ieee14", "ieee57"])
def test_noise_below_the_tie_width_changes_no_dispatch(name: str) -> None:
    """Prices on a grid of 10 $/MWh, and the same but for 1e-9 $/MWh: who shares with whom stays."""
    case, rng = networks.load(name), np.random.default_rng(12)
    offers = [sell(f"s{k}", bus, 10.0, 20.0) for k, bus in enumerate(case.grid.buses)]
    bids = [buy(f"b{k}", bus, 10.0, 40.0) for k, bus in enumerate(case.grid.buses)]
    book = Book.from_tables([*offers, *bids])
    price = 10.0 * rng.integers(1, 6, (30, len(book.mw)))
    mw = 10.0 * rng.integers(0, 4, price.shape)
    grid = case.grid.with_settings(limit_mw=np.full(len(case.grid.branches), 40.0))
    market = NodalMarket(grid)
    exact = market.prepare(book).clear_many(price, mw)
    noisy = market.prepare(book).clear_many(price + 1e-9 * rng.uniform(-1, 1, price.shape), mw)
    assert exact.certified.all()
    assert noisy.certified.all()
    assert noisy.fallbacks == 0
    assert noisy.accepted == pytest.approx(exact.accepted, abs=1e-6)
    assert noisy.lmp == pytest.approx(exact.lmp, abs=1e-7)


def test_a_column_that_flips_stands_at_its_bound_to_the_bit() -> None:
    """high − (high − low) is not low: of orders with a minimum the last bit showed the rounds before."""
    rng = np.random.default_rng(8)
    book = book_of(
        *(sell(f"s{k}", "abc"[k % 3], 17.3, 20.0, min_mw=1.73) for k in range(4)),
        *(buy(f"b{k}", "abc"[k % 3], 11.9, 40.0, min_mw=0.119) for k in range(4)),
        sell("dear", "a", 100.0, 500.0),
        fixed={"c": 16.57},
    )
    market = NodalMarket(grid_of(("a", "b", 0.157), ("b", "c", 0.3, 20.0)))
    price = rng.uniform(0, 60, (200, len(book.mw)))
    mw = book.mw * rng.uniform(0.5, 1.5, price.shape)
    order = rng.permutation(200)
    batch = market.prepare(book).clear_many(price, mw)
    shuffled = market.prepare(book).clear_many(price[order], mw[order])
    assert batch.certified.all()
    for name in ("accepted", "lmp", "welfare"):
        assert np.array_equal(getattr(batch, name)[order], getattr(shuffled, name)), name
    low = np.abs(batch.accepted - book.min_mw) < 1e-9
    assert (batch.accepted[low] == np.broadcast_to(book.min_mw, low.shape)[low]).all()

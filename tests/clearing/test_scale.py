"""Large grids and many periods clear with a certificate; how long they take is in `benchmarks/clear.py`."""

import numpy as np
import pytest
from scipy import optimize

import networks
from clearing import Book, InputError, NodalMarket
from tests.support.small import book_of, buy, clear, grid_of, sell

DAY = 0.75 + 0.25 * np.sin(np.linspace(-np.pi / 2, 3 * np.pi / 2, 24))


@pytest.mark.parametrize("name", ["ieee118", "pglib_ieee300"])
def test_a_day_with_ramps(name):
    case = networks.load(name)
    book = Book.from_case(case, profile=DAY, ramp_share=0.3)
    book = Book.from_tables(
        book.orders_frame, 24, ramps=book.ramps_frame.assign(previous_mw=np.nan), fixed=book.fixed_frame
    ).with_lost_load(5000.0)
    out = NodalMarket(case.grid).clear(book)
    assert out.certificate.holds
    assert out.priced.all()


@pytest.mark.slow
def test_pegase2869():
    case = networks.load("pegase2869")
    out = NodalMarket(case.grid).clear(Book.from_case(case))
    assert out.certificate.holds
    assert max(out.certificate.residuals.values()) < 1e-6


@pytest.mark.parametrize("mw", [1.0, 1e4, 1e7, 1e8])
def test_orders_out_of_all_proportion_to_the_lines_leave_no_wrong_answer(mw):
    """In units of a huge order a line of kilowatts would be within tolerance of no line at all."""
    grid = grid_of(("a", "b", 0.1, 0.006))
    found = clear(grid, book_of(sell("s", "a", mw, 5), buy("d", "b", mw, 50)))
    assert found.accepted["accepted_mw"].tolist() == pytest.approx([0.006, 0.006], rel=1e-6)
    assert found.welfare == pytest.approx(0.27, rel=1e-6)


def test_a_limit_that_vanishes_beside_the_orders_is_refused_by_name():
    grid = grid_of(("a", "b", 0.1, 0.006))
    rows = [sell("s", "a", 1e9, 5), buy("d", "b", 1e9, 50), sell("i", "a", 1e9, 9), buy("e", "a", 1e9, 4)]
    with pytest.raises(
        InputError, match=r"branch .* has a limit of 0\.006 MW, which is nothing beside orders"
    ):
        clear(grid, book_of(*rows))


def test_a_tiny_need_beside_a_huge_offer_is_served():
    found = clear(grid_of(("a", "b", 0.1)), book_of(sell("s", "a", 1e9, 5), buy("d", "b", 0.05, 50)))
    assert found.accepted["accepted_mw"].tolist() == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("sloped", [False, True])
def test_most_orders_nothing_beside_the_rest(seed, sloped):
    """Three of five orders trade milliwatts; the others trade as without them, each tiny one by its price."""
    rng = np.random.default_rng(seed)
    grid = grid_of(("a", "b", 0.1, 55), ("b", "c", 0.2, 40), ("a", "c", 0.15, 70))
    rows, large = [], []
    for k in range(20):
        tiny = k % 5 < 3
        make, price = (sell, rng.uniform(10, 60)) if k % 2 else (buy, rng.uniform(30, 90))
        slope = rng.uniform(0.01, 0.2) if sloped and not tiny else 0.0
        mw = 10 ** rng.uniform(-9, -8) if tiny else rng.uniform(20, 100)
        rows.append(make(f"o{k}", "abc"[k % 3], mw, price, slope=slope))
        large.append(not tiny)
    large = np.array(large)
    found = clear(grid, book_of(*rows))
    alone = clear(grid, book_of(*(row for row, kept in zip(rows, large, strict=True) if kept)))
    assert found.accepted_mw[large] == pytest.approx(alone.accepted_mw, abs=1e-6)
    book, lmp = found.book, found.prices["lmp"].to_numpy()
    gain = book.side * (lmp[["abc".index(bus) for bus in book.order_bus]] - book.price)
    sure = ~large & (np.abs(gain) > 1e-3)
    assert sure.any()
    assert found.accepted_mw[sure] == pytest.approx(np.where(gain[sure] > 0, book.mw[sure], 0.0), rel=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_reactances_of_nine_orders_of_magnitude(seed):
    """The same book by an independent programme on distribution factors; a third of the orders rise."""
    rng = np.random.default_rng(100 + seed)
    ends = [(k, (k + 1) % 6) for k in range(6)] + [(0, 2), (1, 4), (3, 5)]
    grid = grid_of(*((a, b, 10 ** rng.uniform(-6, 3), rng.uniform(25, 120)) for a, b in ends))
    rows = [
        (sell if k % 2 else buy)(
            f"o{k}", int(rng.integers(6)), rng.uniform(20, 90), rng.uniform(20, 50) + 20 * (k % 2 == 0),
            slope=rng.uniform(0.02, 0.2) if k % 3 == 0 else 0.0,
        )
        for k in range(16)
    ]  # fmt: skip
    book = book_of(*rows)
    found = clear(grid, book)
    assert found.certificate.holds
    place = [grid.bus_position[bus] for bus in book.order_bus]
    factors = grid.flow.ptdf_rows(np.arange(len(grid.branches)))[:, place] * book.side
    # cutting planes of the rising costs at the outcome and around it bound the optimum from below
    x, points = found.accepted_mw, np.linspace(0, 1, 41)
    cuts = np.column_stack([x, *(book.mw * part for part in points)])
    steep = book.side[:, None] * book.price[:, None] + book.slope[:, None] * cuts
    level = -0.5 * book.slope[:, None] * cuts**2
    count, size = cuts.shape[1], len(x)
    rows_of_cuts = np.zeros((size * count, 2 * size))
    at = np.repeat(np.arange(size), count)
    rows_of_cuts[np.arange(size * count), at] = steep.ravel()
    rows_of_cuts[np.arange(size * count), size + at] = -1.0
    none = np.zeros_like(factors)
    bound = optimize.linprog(
        np.concatenate([np.zeros(size), np.ones(size)]),
        np.vstack([np.hstack([factors, none]), np.hstack([-factors, none]), rows_of_cuts]),
        np.concatenate([grid.limit_mw, grid.limit_mw, -level.ravel()]),
        np.concatenate([book.side, np.zeros(size)])[None, :],
        [0.0],
        bounds=[(0.0, mw) for mw in book.mw] + [(None, None)] * size,
    )
    assert bound.status == 0
    assert -found.welfare == pytest.approx(bound.fun, rel=1e-7)

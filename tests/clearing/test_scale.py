"""Large grids and many periods clear with a certificate; how long they take is in `benchmarks/clear.py`."""

import numpy as np
import pytest

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

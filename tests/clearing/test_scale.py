"""Large grids and many periods clear with a certificate, in seconds."""

import time

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket

DAY = 0.75 + 0.25 * np.sin(np.linspace(-np.pi / 2, 3 * np.pi / 2, 24))


@pytest.mark.parametrize("name", ["ieee118", "pglib_ieee300"])
def test_a_day_with_ramps(name):
    case = networks.load(name)
    book = Book.from_case(case, profile=DAY, ramp_share=0.3)
    book = Book.from_tables(
        book.orders_frame, 24, ramps=book.ramps_frame.assign(previous_mw=np.nan), fixed=book.fixed_frame
    ).with_lost_load(5000.0)
    started = time.perf_counter()
    out = NodalMarket(case.grid).clear(book)
    assert time.perf_counter() - started < 60
    assert out.certificate.holds
    assert out.priced.all()


@pytest.mark.slow
def test_pegase2869():
    case = networks.load("pegase2869")
    started = time.perf_counter()
    out = NodalMarket(case.grid).clear(Book.from_case(case))
    assert time.perf_counter() - started < 60
    assert out.certificate.holds
    assert max(out.certificate.residuals.values()) < 1e-6

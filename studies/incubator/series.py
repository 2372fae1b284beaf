"""Series of books to monitor: simulated on a case, with conducts of sellers."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from clearing.book import SELL, Book
from clearing.book_series import BookSeries
from networks.checks import number, whole
from networks.grid import Grid

DAY = 24


def simulate_series(
    book: Book,
    grid: Grid,
    books: int,
    generator: np.random.Generator,
    mean: float = 0.82,
    swing: float = 0.13,
    noise: float = 0.03,
    outages: float = 0.02,
) -> BookSeries:
    """Honest books of consecutive hours.

    Parameters
    ----------
    mean, swing : demand is mean + swing·sin, highest at 15 h, in multiples of the case's demand.
    noise : relative standard deviation of demand at each bus, and a fifth of it for all together.
    outages : chance that a unit is out in an hour; it then offers nothing and has nothing available.
    """
    hour = np.arange(whole("books", books)) % DAY
    spread = number("noise", noise, "shares", minimum=0.0)
    common = 1.0 + spread / 5 * generator.standard_normal(books)
    factor = np.maximum((mean + swing * np.sin(2 * np.pi * (hour - 9) / DAY)) * common, 0.0)
    local = np.maximum(1.0 + spread * generator.standard_normal((books, len(grid.buses))), 0.0)
    series = BookSeries.honest(book, grid, factor, local)
    units = {unit: k for k, unit in enumerate(dict.fromkeys(book.units))}
    of = np.array([units[unit] for unit in book.units], dtype=np.int64)
    out = generator.random((books, len(units))) < number("outages", outages, "a chance", minimum=0.0)
    gone = out[:, of] & (book.side == SELL) & (book.min_mw == 0)
    mw = np.where(gone, 0.0, series.mw)
    return replace(series, mw=mw, available_mw=mw.copy())


def largest_sellers(book: Book) -> list[Hashable]:
    """Participants by the MW they sell, largest first."""
    size: dict[Hashable, float] = {}
    for seller, side, mw in zip(book.participants, book.side.tolist(), book.mw.tolist(), strict=True):
        if side == SELL and mw > 0:
            size[seller] = size.get(seller, 0.0) + mw
    return sorted(size, key=lambda seller: -size[seller])

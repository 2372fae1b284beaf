"""The widths that decide what an outcome is, one for every path to it."""

from __future__ import annotations

import numpy as np

TIE_WIDTH = 2.0**-29
"""Reduced costs and shadow prices of at most this share of a book's greatest price are none (law 4).

Of 100 $/MWh these are 1.9e-7: beyond what rounding and the solvers' tolerances leave of a reduced cost, and
below any difference that an order means. A power of two, so that no difference of round prices lies on the
edge.
"""

EQUAL_DEMAND = 1e-6
"""Moves on a tied face that serve less more demand than this, in MW per MW, serve as much (law 4)."""


def greatest_price(
    price: np.ndarray, slope: np.ndarray, min_mw: np.ndarray, mw: np.ndarray, traded_mw: np.ndarray
) -> float:
    """The greatest price that an order states on what can be traded of it, as |price| + slope·MW [$/MWh].

    It is 0 without orders. Splitting or permuting orders leaves it as it is, and it scales as the prices do.

    Parameters
    ----------
    traded_mw : (orders,) the most that changes hands in the order's period, whatever the order offers: prices
        beyond it, as of an unlimited offer with a slope, are of no market.
    """
    range_mw = np.minimum(np.maximum(np.abs(min_mw), np.abs(mw)), traded_mw)
    return float(np.max(np.abs(price) + slope * range_mw, initial=0.0))

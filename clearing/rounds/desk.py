"""One round on arrays of the caller's own, with as little around it as there can be."""

from __future__ import annotations

import numpy as np

from clearing.rounds import apart
from clearing.rounds.compiled import door
from clearing.rounds.fields import N_INFO, OK, RESIDUAL, STATUS, UNPRICED
from clearing.rounds.store import BUSES, ORDERS, floats_at, matrix_at


@door
def clear_desk(price, mw, accepted, lmp, floats, ints, desk, rule):
    """One round: its welfare, with accepted MW and prices written; NaN where it is not proven and priced.

    price and mw (orders,) may have any strides. `desk` has room for the GROW status that stopped the round
    (else 0), its welfare and info, and for price and MW.
    """
    orders = ints[ORDERS]
    at = desk.ctypes.data
    welfare = floats_at(at + 8, 1)
    info = matrix_at(at + 16, 1, N_INFO)
    at += 8 * (2 + N_INFO)
    none = matrix_at(at, 0, 0)
    prices = matrix_at(at, 1, orders)
    quantities = matrix_at(at + 8 * orders, 1, orders)
    if price.strides[0] == 8 and mw.strides[0] == 8 and (price.ctypes.data | mw.ctypes.data) % 8 == 0:
        prices = matrix_at(price.ctypes.data, 1, orders)
        quantities = matrix_at(mw.ctypes.data, 1, orders)
    else:
        for j in range(orders):
            prices[0, j] = price[j]
            quantities[0, j] = mw[j]
    desk[0], _ = apart.clear_rounds(
        floats, ints, prices, quantities, none, none, none, rule, 0, matrix_at(accepted.ctypes.data, 1, orders),
        matrix_at(lmp.ctypes.data, 1, ints[BUSES]), none, none, none, welfare, info,
    )  # fmt: skip
    good = desk[0] == 0.0 and info[0, STATUS] == OK and info[0, RESIDUAL] <= 1.0 and info[0, UNPRICED] == 0.0
    return welfare[0] if good else np.nan

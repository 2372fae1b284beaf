"""One round on arrays of the caller's own, with as little around it as there can be."""

from __future__ import annotations

import numpy as np

from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import door
from clearing.engine.memory.layout import INFO
from clearing.engine.memory.statuses import OK
from clearing.engine.memory.store import floats_at, matrix_at, unpack

N_INFO = len(INFO)


@door
def clear_single(price, mw, accepted, lmp, floats, ints, room, rule):
    """One round: its welfare, with accepted MW and prices written; NaN where it is not proven and priced.

    price and mw (orders,) may have any strides. `room` is for the GROW status that stopped the round
    (else 0), its welfare and info, and for price and MW.
    """
    s = unpack(floats, ints)
    orders = s.orders
    at = room.ctypes.data
    welfare = floats_at(at + 8, 1)
    info = matrix_at(at + 16, N_INFO, 1)
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
    room[0], _ = by_address.clear_rounds(
        floats, ints, prices, quantities, none, none, none, rule, 0, matrix_at(accepted.ctypes.data, 1, orders),
        matrix_at(lmp.ctypes.data, 1, s.buses), none, none, none, welfare, info,
    )  # fmt: skip
    good = room[0] == 0.0 and s.out_status[0] == OK and s.out_residual[0] <= 1.0 and s.out_unpriced[0] == 0.0
    return welfare[0] if good else np.nan

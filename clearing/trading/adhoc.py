"""Ad hoc trading: direct neighbours, the shortest private line first, whatever profits both."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from clearing.trading.instance import TradingInstance


def trade_with_neighbours(instance: TradingInstance) -> np.ndarray:
    """(private lines,) midpoint flows of the procedure [MW].

    Lines in order of length (where unknown: of resistance; equal ones in table order). Where one end has
    a surplus and the other a deficit, they trade

        q = min(smallest q with q − ½·r·q² = deficit, surplus, (pb − ps)/(r·(pb + ps))),

    the last being the trade of greatest joint profit: pb·(1 − r·q) = ps·(1 + r·q). The seller's surplus
    falls by q + ½·r·q², the buyer's deficit by q − ½·r·q², so a remaining requirement of half a loss may
    be left at either end. Nobody trades through a third agent.

    Source: the poster's "trades with nearer agents occur first to model limited knowledge"; the
    formulas are ours.
    """
    private, base = instance.private, instance.grid.base_mva
    length = np.where(np.isfinite(private.length_km), private.length_km, private.r_pu)
    start, end = (part.tolist() for part in instance.private_ends)
    left = (instance.net_mw / base).tolist()
    price, sell = instance.buy_price.tolist(), instance.sell_price
    resistance = private.r_pu.tolist()
    flow = np.zeros(len(resistance))
    for k in np.argsort(length, kind="stable").tolist():
        i, j, r = start[k], end[k], resistance[k]
        if left[i] > 0 > left[j]:
            seller, buyer, sign = i, j, 1.0
        elif left[j] > 0 > left[i]:
            seller, buyer, sign = j, i, -1.0
        else:
            continue
        deficit, surplus = -left[buyer], left[seller]
        room = 1.0 - 2.0 * r * deficit
        # 2·deficit/(1 + √…) is (1 − √…)/r without cancellation
        wanted = 2.0 * deficit / (1.0 + sqrt(room)) if room >= 0 else inf
        q = min(wanted, surplus, (price[buyer] - sell) / (r * (price[buyer] + sell)))
        left[seller] -= q + 0.5 * r * q * q
        left[buyer] += q - 0.5 * r * q * q
        flow[k] = sign * q * base
    return flow

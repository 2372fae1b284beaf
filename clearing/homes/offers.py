"""What a home offers and bids in one slot: the exact blocks of its net export curve.

C(y) is the home's least cost over its horizon when it must deliver y in one slot at its meter, the tariff
holding in all other slots. It is convex and piecewise linear; its slope is the dual of the home's own
balance, so its blocks are the home's true marginal costs (y > 0) and its willingness to pay (y < 0) in that
slot: worth of own use, of stored energy, of shifted appliances, of comfort, and the feed-in price where
nothing is worth more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clearing.homes.home import Home
from clearing.homes.schedule import schedule_homes, tariff_arrays
from clearing.plants.supply_curve import SupplyCurve, trace_curve
from networks.checks import number, shown
from networks.errors import InputError

NEED = 1000.0  # $/MWh: worth of load that must be served, far above any tariff
SAME_PRICE = 1e-6  # $/MWh


def net_export_curve(
    home: Home,
    slot: int,
    buy_price: float | np.ndarray,
    sell_price: float | np.ndarray,
    need_price: float = NEED,
) -> SupplyCurve:
    """The net export curve of one slot, between minus and plus the home's connection.

    Parameters
    ----------
    slot : which; buy_price, sell_price : tariff of the other slots, and `sell_price[slot]` what energy that
        finds no buyer fetches [$/MWh].
    need_price : price of load that is not served in this slot [$/MWh].

    Raises
    ------
    InputError
        a slot outside the horizon, or a home without connection.
    """
    if not 0 <= slot < home.slots:
        raise InputError(f"slot is {shown(slot)}; give 0 to {home.slots - 1}")
    if home.connection_mw <= 0:
        raise InputError(f"home {home.label!r} has no connection, so it offers nothing; give connection_mw")
    buy, sell = tariff_arrays(home, buy_price, sell_price)
    buy[slot] = number("need_price", need_price, "$/MWh", minimum=float(sell[slot]))

    def evaluate(y: float) -> tuple[float, float]:
        load, sun = home.load_mw.copy(), home.pv_mw.copy()
        load[slot] += max(y, 0.0)
        sun[slot] += max(-y, 0.0)
        moved = replace(home, load_mw=load, pv_mw=sun, connection_mw=2.0 * home.connection_mw)
        plan = schedule_homes([moved], buy, sell, share_ties=False)[0]
        return plan.objective / home.hours, float(plan.balance_dual[slot])

    turnover = float(home.connection_mw * need_price)
    return trace_curve(evaluate, -home.connection_mw, home.connection_mw, turnover)


def orders_of_homes(
    homes: Sequence[Home],
    slot: int,
    buy_price: float | np.ndarray,
    sell_price: float | np.ndarray,
    need_price: float = NEED,
) -> list[dict[str, object]]:
    """Rows of a book's table `orders`, with the home as participant, for one auction of one slot.

    Left out: bids at no more than the feed-in price, and offers that cost the import price or more, which the
    supplier beats. The block that spans 0 is a bid and an offer, each of which may be left out.
    """
    rows: list[dict[str, object]] = []
    for home in homes:
        buy, sell = tariff_arrays(home, buy_price, sell_price)
        curve = net_export_curve(home, slot, buy, sell, need_price)
        ends = zip(curve.breakpoint_mw[:-1].tolist(), curve.breakpoint_mw[1:].tolist(), strict=True)
        for (low, high), price in zip(ends, curve.price.tolist(), strict=True):
            bids = ("buy", min(high, 0.0) - low, price > sell[slot] + SAME_PRICE)
            asks = ("sell", high - max(low, 0.0), price < buy[slot] - SAME_PRICE)
            for side, mw, kept in (bids, asks):
                if mw > 0 and kept:
                    rows.append(
                        {
                            "order": f"{home.label} {side} {len(rows)}",
                            "participant": home.label,
                            "bus": home.bus,
                            "side": side,
                            "mw": mw,
                            "price": price,
                        }
                    )
    return rows

"""Books from a case, from files, and with fixed demand priced at the value of lost load."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from clearing.book import BUY, EVERY_PERIOD, SELL, Book
from networks.case import Case
from networks.checks import number, real_array, whole
from networks.errors import InputError
from networks.fleet import Fleet

Terms = tuple[int, float, float, float, float]  # side, mw, min_mw, price, slope
Row = tuple[Hashable, Hashable, Hashable, Hashable, int, float, float, float, float, int]


def book_from_case(
    case: Case,
    periods: int | None,
    hours: float,
    profile: Sequence[float] | np.ndarray | None,
    ramps: bool,
    ramp_share: float | None,
) -> Book:
    """See :meth:`clearing.book.Book.from_case`."""
    fleet, buses = case.fleet, case.grid.buses
    hours = number("hours", hours, "hours", above=0)
    load_mw = _load_profiles(fleet, periods, profile)
    count = load_mw.shape[1]
    rows = _unit_rows(fleet, buses)
    taken = {row[0] for row in rows}
    fixed: list[tuple[Hashable, float, int]] = []
    for k, (label, owner) in enumerate(zip(fleet.loads, fleet.load_owner, strict=True)):
        bus, same = buses[fleet.load_bus[k]], bool((load_mw[k] == load_mw[k, 0]).all())
        levels = [(EVERY_PERIOD, load_mw[k, 0])] if same else list(enumerate(load_mw[k]))
        if np.isnan(fleet.load_price[k]):
            fixed += [(bus, float(mw), t) for t, mw in levels]
            continue
        name = label if label not in taken else f"load {label}"
        price, slope = float(fleet.load_price[k]), float(fleet.load_slope[k])
        rows += [(name, owner, name, bus, BUY, float(mw), 0.0, price, slope, t) for t, mw in levels]
    up, down = _ramp_limits(fleet, ramps, ramp_share)
    ramped = np.flatnonzero(np.isfinite(up) | np.isfinite(down))
    columns = list(zip(*rows, strict=True)) or [()] * 10
    return Book(
        orders=tuple(columns[0]),
        participants=tuple(columns[1]),
        units=tuple(columns[2]),
        order_bus=tuple(columns[3]),
        side=np.array(columns[4], dtype=np.int64),
        mw=np.array(columns[5], dtype=float),
        min_mw=np.array(columns[6], dtype=float),
        price=np.array(columns[7], dtype=float),
        slope=np.array(columns[8], dtype=float),
        order_period=np.array(columns[9], dtype=np.int64),
        fixed_bus=tuple(bus for bus, _, _ in fixed),
        fixed_mw=np.array([mw for _, mw, _ in fixed], dtype=float),
        fixed_period=np.array([t for _, _, t in fixed], dtype=np.int64),
        ramp_units=tuple(fleet.units[k] for k in ramped),
        ramp_up_mw=up[ramped],
        ramp_down_mw=down[ramped],
        previous_mw=fleet.previous_mw[ramped],
        periods=count,
        hours=hours,
        constant_cost=float(fleet.constant_cost.sum()),
    )


def _load_profiles(
    fleet: Fleet, periods: int | None, profile: Sequence[float] | np.ndarray | None
) -> np.ndarray:
    """(loads, periods) MW of every load, with the profile applied and its length checked."""
    own = fleet.load_mw.shape[1]
    factor = None if profile is None else real_array("profile", profile)
    if factor is not None and (factor.ndim != 1 or len(factor) == 0 or not np.isfinite(factor).all()):
        raise InputError("profile: give one finite multiplier for each period, in a list")
    count = periods if periods is not None else (len(factor) if factor is not None else own)
    count = whole("periods", count)
    if factor is not None and len(factor) != count:
        raise InputError(
            f"profile has {len(factor)} multipliers for {count} periods; give one for each period"
        )
    if own not in (1, count):
        raise InputError(
            f"table 'loads': the case has loads for {own} periods and the book has {count}; "
            f"give periods={own}, or a case with loads for {count}"
        )
    load_mw = np.broadcast_to(fleet.load_mw, (len(fleet.loads), count))
    if factor is None:
        return np.array(load_mw)
    negative = np.flatnonzero((factor < 0) & (load_mw != 0).any(axis=0))
    if len(negative):
        entry = int(negative[0])
        raise InputError(
            f"profile: entry {entry} is {factor[entry]:g}: loads would inject; give multipliers ≥ 0"
        )
    return np.array(load_mw * factor)


def _unit_rows(fleet: Fleet, buses: tuple[Hashable, ...]) -> list[Row]:
    """One sale per cost segment that reaches above zero output, one purchase per segment below.

    A segment that spans 0 is one sale whose minimum is negative.
    """
    rows: list[Row] = []
    starts = np.searchsorted(fleet.segment_unit, np.arange(len(fleet.units) + 1))
    for u, unit in enumerate(fleet.units):
        sales: list[Terms] = []
        purchases: list[Terms] = []
        for k in range(starts[u], starts[u + 1]):
            low, high = float(fleet.segment_from_mw[k]), float(fleet.segment_to_mw[k])
            price, slope = float(fleet.segment_price[k]), float(fleet.segment_slope[k])
            if low < 0 < high:
                sales.append((SELL, high, low, price - slope * low, slope))
            elif high > 0:
                minimum = min(max(float(fleet.min_mw[u]) - low, 0.0), high - low)
                sales.append((SELL, high - low, minimum, price, slope))
            elif low < 0:
                minimum = min(max(high - float(fleet.max_mw[u]), 0.0), high - low)
                purchases.insert(0, (BUY, high - low, minimum, price + slope * (high - low), slope))
        if not sales and not purchases:
            sales = [(SELL, 0.0, 0.0, 0.0, 0.0)]
        for orders, word in ((sales, ""), (purchases, " buy")):
            for k, terms in enumerate(orders, start=1):
                name = _order_name(unit, word, k, len(orders))
                rows.append((name, fleet.unit_owner[u], unit, buses[fleet.unit_bus[u]], *terms, EVERY_PERIOD))
    return rows


def _order_name(unit: Hashable, word: str, k: int, count: int) -> Hashable:
    if not word and count == 1:
        return unit
    return f"{unit}{word}-{k}" if count > 1 else f"{unit}{word}"


def _ramp_limits(fleet: Fleet, ramps: bool, share: float | None) -> tuple[np.ndarray, np.ndarray]:
    none = np.full(len(fleet.units), np.inf)
    if share is not None:
        share = number("ramp_share", share, "shares of capacity per period (0.1 for ten per cent)", minimum=0)
        limit = share * np.maximum(np.abs(fleet.max_mw), np.abs(fleet.min_mw))
        return limit, limit
    return (fleet.ramp_up_mw, fleet.ramp_down_mw) if ramps else (none, none)


def price_fixed_demand(book: Book, value_of_lost_load: float) -> Book:
    """See :meth:`clearing.book.Book.with_lost_load`."""
    value = number("value_of_lost_load", value_of_lost_load, "$/MWh, such as 3000", above=0)
    net: dict[tuple[Hashable, int], float] = {}
    for bus, mw, t in zip(book.fixed_bus, book.fixed_mw.tolist(), book.fixed_period.tolist(), strict=True):
        for period in range(book.periods) if t == EVERY_PERIOD else [t]:
            net[bus, period] = net.get((bus, period), 0.0) + mw
    bids = [(bus, t, mw) for (bus, t), mw in net.items() if mw > 0]
    rest = [(bus, t, mw) for (bus, t), mw in net.items() if mw < 0]
    names = tuple(f"lost load {bus}" for bus, _, _ in bids)
    clash = set(names) & set(book.orders)
    if clash:
        raise InputError(
            f"table 'orders': order {sorted(clash, key=str)[0]!r} is a name reserved for priced demand"
        )
    count = len(bids)
    return replace(
        book,
        orders=book.orders + names,
        participants=book.participants + tuple(f"load at {bus}" for bus, _, _ in bids),
        units=book.units + names,
        order_bus=book.order_bus + tuple(bus for bus, _, _ in bids),
        side=np.append(book.side, np.full(count, BUY)),
        mw=np.append(book.mw, [mw for _, _, mw in bids]),
        min_mw=np.append(book.min_mw, np.zeros(count)),
        price=np.append(book.price, np.full(count, value)),
        slope=np.append(book.slope, np.zeros(count)),
        order_period=np.append(book.order_period, np.array([t for _, t, _ in bids], dtype=np.int64)),
        fixed_bus=tuple(bus for bus, _, _ in rest),
        fixed_mw=np.array([mw for _, _, mw in rest], dtype=float),
        fixed_period=np.array([t for _, t, _ in rest], dtype=np.int64),
    )

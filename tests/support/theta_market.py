"""Least cost of a market with bus angles as variables, by SciPy's linprog or Clarabel.

minimise Σ c·x + ½ q·x² over injections x and angles θ, with balance at every bus, flows b·(θ_from − θ_to −
shift) within limits, and rows that join injections of several periods. Nothing of the package is used but the
tables of grid, book and fleet; a purchase of y MW at p − s·y is the injection x = −y at p + s·x.
"""

from __future__ import annotations

from dataclasses import dataclass

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components

from tests.support.reference_grid import shift_radian, susceptance_mw
from tests.support.reference_programs import ReferenceFailedError


@dataclass(frozen=True)
class Injections:
    """What may inject: bus and period of each column, its range [MW], cost terms, and rows that join columns.

    `offset` is what costs beside the columns, `fixed_mw` (buses, periods) what is withdrawn whatever happens.
    """

    bus: np.ndarray
    period: np.ndarray
    low: np.ndarray
    high: np.ndarray
    price: np.ndarray
    slope: np.ndarray
    fixed_mw: np.ndarray
    rows: sparse.csr_array
    row_low: np.ndarray
    row_high: np.ndarray
    offset: float = 0.0


def injections_of_book(book, grid) -> Injections:
    """Every order of a book as an injection; ramps are left out."""
    position = {bus: n for n, bus in enumerate(grid.buses)}
    fixed = np.repeat(np.array(grid.shunt_mw)[:, None], book.periods, axis=1)
    for bus, mw, t in zip(book.fixed_bus, book.fixed_mw, book.fixed_period, strict=True):
        fixed[position[bus], slice(None) if t == -1 else t] += mw
    bus, period, low, high, price, slope = [], [], [], [], [], []
    for k in range(len(book.orders)):
        ends = (book.min_mw[k], book.mw[k]) if book.side[k] == 1 else (-book.mw[k], -book.min_mw[k])
        for t in range(book.periods) if book.order_period[k] == -1 else [book.order_period[k]]:
            bus.append(position[book.order_bus[k]])
            period.append(int(t))
            low.append(ends[0])
            high.append(ends[1])
            price.append(book.price[k])
            slope.append(book.slope[k])
    count = len(bus)
    none = sparse.csr_array((0, count))
    return Injections(
        np.array(bus, dtype=int), np.array(period, dtype=int), np.array(low, dtype=float),
        np.array(high, dtype=float), np.array(price, dtype=float), np.array(slope, dtype=float), fixed,
        none, np.zeros(0), np.zeros(0),
    )  # fmt: skip


def injections_of_case(case) -> Injections:
    """Units by segments of marginal cost above their least point, loads fixed or as bids.

    The cost of a unit is MATPOWER's: its cost at output 0 and the integral of marginal cost from there, which
    is negative for what it withdraws at a price.
    """
    fleet, grid, periods = case.fleet, case.grid, case.fleet.periods
    units, s_unit = len(fleet.units), np.asarray(fleet.segment_unit)
    width = np.asarray(fleet.segment_to_mw - fleet.segment_from_mw)
    first = np.array([fleet.segment_from_mw[s_unit == u].min(initial=0.0) for u in range(units)])
    at_zero = 0.0  # integral of marginal cost from each unit's least point to 0
    for u, start, end, p, s in zip(
        s_unit, fleet.segment_from_mw, fleet.segment_to_mw, fleet.segment_price, fleet.segment_slope,
        strict=True,
    ):  # fmt: skip
        reach = min(end, 0.0) - start
        if reach > 0 and first[u] < 0:
            at_zero += p * reach + 0.5 * s * reach**2
    fixed = np.repeat(np.array(grid.shunt_mw)[:, None], periods, axis=1)
    np.add.at(fixed, np.asarray(fleet.unit_bus), -first[:, None])
    bids = np.flatnonzero(~np.isnan(fleet.load_price))
    for k in np.flatnonzero(np.isnan(fleet.load_price)):
        fixed[fleet.load_bus[k]] += fleet.load_mw[k]
    bus = np.concatenate([fleet.unit_bus[s_unit], fleet.load_bus[bids]])
    each, count = len(bus), len(bus) * periods
    rows, low, high = [], [], []
    for t in range(periods):
        for u in range(units):
            own = np.flatnonzero(s_unit == u)
            rows.append({t * each + k: 1.0 for k in own})
            low.append(fleet.min_mw[u] - first[u])
            high.append(fleet.max_mw[u] - first[u])
            known = t > 0 or not np.isnan(fleet.previous_mw[u])
            if known and np.isfinite([fleet.ramp_up_mw[u], fleet.ramp_down_mw[u]]).any():
                before = fleet.previous_mw[u] - first[u] if t == 0 else 0.0
                entries = {t * each + k: 1.0 for k in own}
                if t > 0:
                    entries |= {(t - 1) * each + k: -1.0 for k in own}
                rows.append(entries)
                low.append(before - fleet.ramp_down_mw[u])
                high.append(before + fleet.ramp_up_mw[u])
    matrix = sparse.lil_array((len(rows), count))
    for r, entries in enumerate(rows):
        for k, value in entries.items():
            matrix[r, k] = value
    bid_mw = np.asarray(fleet.load_mw)[bids]
    zero = np.zeros(len(s_unit))
    return Injections(
        bus=np.tile(bus, periods),
        period=np.repeat(np.arange(periods), each),
        low=np.concatenate([np.concatenate([zero, -bid_mw[:, t]]) for t in range(periods)]),
        high=np.tile(np.concatenate([width, np.zeros(len(bids))]), periods),
        price=np.tile(np.concatenate([fleet.segment_price, fleet.load_price[bids]]), periods),
        slope=np.tile(np.concatenate([fleet.segment_slope, fleet.load_slope[bids]]), periods),
        fixed_mw=fixed,
        rows=sparse.csr_array(matrix),
        row_low=np.array(low),
        row_high=np.array(high),
        offset=periods * (float(np.sum(fleet.constant_cost)) - at_zero),
    )


def least_cost(grid, given: Injections) -> float | None:
    """Least cost [$/h, summed over periods], None where no dispatch exists."""
    buses, periods = given.fixed_mw.shape
    links, count = len(grid.links), len(given.bus)
    on = np.flatnonzero(grid.in_service)
    b, shift = susceptance_mw(grid)[on], shift_radian(grid)[on]
    unit = float(np.median(np.abs(b))) if len(on) else 1.0
    ends = (np.ones(len(on)), (np.arange(len(on)), np.asarray(grid.from_bus)[on]))
    starts = (np.ones(len(on)), (np.arange(len(on)), np.asarray(grid.to_bus)[on]))
    apart = sparse.csr_array(ends, shape=(len(on), buses)) - sparse.csr_array(starts, shape=(len(on), buses))
    flow = sparse.diags_array(b / unit) @ apart
    each = sparse.eye_array(periods)
    where = given.bus * periods + given.period
    inject = sparse.csr_array((np.ones(count), (where, np.arange(count))), shape=(buses * periods, count))
    link = sparse.csr_array((1.0 - grid.link_loss, (grid.link_to, np.arange(links))), shape=(buses, links))
    link = link - sparse.csr_array((np.ones(links), (grid.link_from, np.arange(links))), shape=(buses, links))
    balance = sparse.hstack([inject, sparse.kron(link, each), -sparse.kron(apart.T @ flow, each)])
    # bus by bus, period by period; injections less what shifters push equals fixed demand
    right = (given.fixed_mw - (apart.T @ (b * shift))[:, None]).ravel()
    width = count + links * periods
    empty = sparse.csr_array((len(on) * periods, width))
    limits = sparse.hstack([empty, sparse.kron(flow, each)])
    angles = sparse.hstack([empty, sparse.kron(apart, each)])
    joined = sparse.hstack(
        [given.rows, sparse.csr_array((len(given.row_low), links * periods + buses * periods))]
    )
    limit, moved = np.asarray(grid.limit_mw)[on], b * shift
    degrees = np.deg2rad(np.stack([grid.angle_min_degree[on], grid.angle_max_degree[on]])) * unit
    matrix = sparse.csr_array(sparse.vstack([balance, limits, angles, joined]))
    low = np.concatenate(
        [right, np.repeat(moved - limit, periods), np.repeat(degrees[0], periods), given.row_low]
    )
    high = np.concatenate(
        [right, np.repeat(moved + limit, periods), np.repeat(degrees[1], periods), given.row_high]
    )
    _, island = connected_components(apart.T @ apart, directed=False)
    first = np.zeros(buses, dtype=bool)
    first[np.unique(island, return_index=True)[1]] = True
    roots = np.repeat(first, periods)
    free = np.where(roots, 0.0, np.inf)
    column_low = np.concatenate([given.low, np.repeat(grid.link_min_mw, periods), -free])
    column_high = np.concatenate([given.high, np.repeat(grid.link_max_mw, periods), free])
    rest = np.zeros(len(free) + links * periods)
    c, q = np.concatenate([given.price, rest]), np.concatenate([given.slope, rest])
    if not q.any():
        found = _linear(c, matrix, low, high, column_low, column_high)
        return None if found is None else found + given.offset
    if _linear(0.0 * c, matrix, low, high, column_low, column_high) is None:
        return None
    return _quadratic(c, q, matrix, low, high, column_low, column_high) + given.offset


def _linear(c, matrix, low, high, column_low, column_high) -> float | None:
    equal = low == high
    up, down = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    for options in ({}, {"presolve": False}):
        found = linprog(
            c,
            sparse.vstack([matrix[up], -matrix[down]]),
            np.concatenate([high[up], -low[down]]),
            matrix[equal],
            low[equal],
            np.stack([column_low, column_high], axis=1),
            "highs",
            options=options | {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
        )
        if found.status in (0, 2):
            return float(found.fun) if found.status == 0 else None
    raise ReferenceFailedError(found.message)


def _quadratic(c, q, matrix, low, high, column_low, column_high) -> float:
    identity = sparse.eye_array(len(c), format="csr")
    rows = sparse.csr_array(sparse.vstack([matrix, identity]))
    low, high = np.concatenate([low, column_low]), np.concatenate([high, column_high])
    equal = low == high
    up, down = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    money = 1.0 + float(np.abs(c).max())
    stacked = sparse.csc_matrix(sparse.vstack([rows[equal], rows[up], -rows[down]]))
    right = np.concatenate([high[equal], high[up], -low[down]])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int(up.sum() + down.sum()))]
    for tolerance in (1e-11, 1e-10, 1e-9, 1e-8):
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_iter = False, 500
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
        solver = clarabel.DefaultSolver(
            sparse.csc_matrix(sparse.diags_array(q / money)), c / money, stacked, right, cones, settings
        )
        found = solver.solve()
        if found.status == clarabel.SolverStatus.Solved:
            return float(found.obj_val) * money
    raise ReferenceFailedError(str(found.status))

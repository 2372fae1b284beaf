"""Which branch limits can bind: the range of each flow over all dispatches of a fleet.

The flow on a branch is linear in the injections, which balance in each island. Its greatest value
over all outputs and bids, other branches' limits set aside, is a fractional knapsack on the
branch's PTDF row: fill the most helpful injections first until the island balances (Dantzig 1957).
A limit outside this range can never bind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from networks.fleet import Fleet
from networks.grid import Grid

CHUNK = 256
"""PTDF rows in memory at a time: 256 rows of 10 000 buses are 20 MB."""

ROUNDING = 1e-9
"""A flow this close to its limit, relative, counts as reaching it: it is on the safe side."""


@dataclass(frozen=True)
class Injections:
    """What may be injected in one period: intervals of MW at buses (links are added, see `_independent`), and
    (buses,) fixed withdrawals, shunts included."""

    bus: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fixed: np.ndarray


def flow_ranges(grid: Grid, fleet: Fleet) -> tuple[np.ndarray, np.ndarray]:
    """(branches,) twice: least and greatest flow [MW] over all dispatches of `fleet` and all periods.

    Outputs lie in the units' ranges, bids between 0 and their MW, links within their limits; islands
    balance; limits of other branches are set aside. Exact where no link joins two islands or has losses;
    the ends of such links are taken as independent, so the range may be too wide, never too narrow.
    """
    low, high = np.empty(len(grid.branches)), np.empty(len(grid.branches))
    for rows, below, above in _chunks(grid, _periods(grid, fleet), np.arange(len(grid.branches))):
        low[rows], high[rows] = below, above
    return low, high


def limits_that_can_bind(grid: Grid, fleet: Fleet) -> np.ndarray:
    """(branches,) bool: whether some dispatch of `fleet` reaches a thermal or angle limit."""
    binding = np.zeros(len(grid.branches), dtype=bool)
    for rows, reached in _reached(grid, _periods(grid, fleet)):
        binding[rows] = reached
    return binding


def any_limit_can_bind(grid: Grid, fleet: Fleet) -> bool:
    """Whether some limit can bind; stops at the first, tightest limits first."""
    return any_limit_can_bind_within(grid, _periods(grid, fleet))


def any_limit_can_bind_within(grid: Grid, periods: Sequence[Injections]) -> bool:
    """Whether some limit can bind where this may be injected; stops at the first."""
    return any(reached.any() for _, reached in _reached(grid, periods))


def _reached(grid: Grid, periods: Sequence[Injections]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    floor, ceiling = grid.flow_bounds_mw
    width = np.minimum(ceiling, -floor)
    limited = np.flatnonzero(np.isfinite(floor) | np.isfinite(ceiling))
    for rows, below, above in _chunks(grid, periods, limited[np.argsort(width[limited], kind="stable")]):
        slack = ROUNDING * (1.0 + np.maximum(abs(below), abs(above)))
        yield rows, (above >= ceiling[rows] - slack) | (below <= floor[rows] + slack)


def _chunks(
    grid: Grid, periods: Sequence[Injections], branches: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    periods = [_with_links(grid, period) for period in periods]
    for start in range(0, len(branches), CHUNK):
        rows = branches[start : start + CHUNK]
        ptdf = grid.flow.ptdf_rows(rows)
        above = np.max([_greatest(grid, ptdf, period) for period in periods], axis=0)
        below = -np.max([_greatest(grid, -ptdf, period) for period in periods], axis=0)
        shift = grid.flow.shift_flow_mw[rows]
        yield rows, below + shift, above + shift


def _periods(grid: Grid, fleet: Fleet) -> list[Injections]:
    """What units and bids (negative injections) may do in each distinct period."""
    is_bid = ~np.isnan(fleet.load_price)
    out = []
    for period in np.sort(np.unique(fleet.load_mw, axis=1, return_index=True)[1]).tolist():
        load = fleet.load_mw[:, period]
        fixed = np.bincount(fleet.load_bus[~is_bid], load[~is_bid], minlength=len(grid.buses))
        out.append(
            Injections(
                np.concatenate([fleet.unit_bus, fleet.load_bus[is_bid]]),
                np.concatenate([fleet.min_mw, -load[is_bid]]),
                np.concatenate([fleet.max_mw, np.zeros(is_bid.sum())]),
                grid.shunt_mw + fixed,
            )
        )
    return out


def _with_links(grid: Grid, period: Injections) -> Injections:
    """The ends of independent links are injections too."""
    across = _independent(grid)
    start, end = grid.link_from[across], grid.link_to[across]
    least, most = grid.link_min_mw[across], grid.link_max_mw[across]
    arrives = 1.0 - grid.link_loss[across]
    return Injections(
        np.concatenate([period.bus, start, end]),
        np.concatenate([period.low, -most, arrives * least]),
        np.concatenate([period.high, -least, arrives * most]),
        period.fixed,
    )


def _independent(grid: Grid) -> np.ndarray:
    """(links,) bool, those that change the balance of an island: between islands, or with losses."""
    return (grid.flow.island[grid.link_from] != grid.flow.island[grid.link_to]) | (grid.link_loss > 0)


def _greatest(grid: Grid, ptdf: np.ndarray, injections: Injections) -> np.ndarray:
    """(rows,) greatest flow without shifters: the knapsack in each island; links that balance come free."""
    total = -ptdf @ injections.fixed
    inside = ~_independent(grid)
    gain = ptdf[:, grid.link_to[inside]] - ptdf[:, grid.link_from[inside]]
    total += np.maximum(gain * grid.link_min_mw[inside], gain * grid.link_max_mw[inside]).sum(axis=1)
    island = grid.flow.island[injections.bus]
    fixed = np.bincount(grid.flow.island, injections.fixed, minlength=grid.flow.islands)
    for k in np.unique(island):
        members = np.flatnonzero(island == k)
        weight = ptdf[:, injections.bus[members]]
        low, room = injections.low[members], (injections.high - injections.low)[members]
        order = np.argsort(-weight, axis=1, kind="stable")
        room_in_order = room[order]
        before = np.cumsum(room_in_order, axis=1) - room_in_order
        filled = np.clip(fixed[k] - low.sum() - before, 0.0, room_in_order)
        total += weight @ low + (np.take_along_axis(weight, order, axis=1) * filled).sum(axis=1)
    return total

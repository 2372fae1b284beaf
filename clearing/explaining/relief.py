"""The least relief of a book that no dispatch satisfies: a linear program with elastic balances.

minimise Σ short + spilt + BREACH·(breaches of limits)
  short ≤ fixed demand and minimum purchases, spilt ≤ fixed injections and minimum sales, at each bus;
everything else as in :mod:`clearing.nodal_model` with bus angles, each limit with a breach of its own.
A point always exists: all demand short, all injections spilt, limits breached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.pricing.reduced import Reduced
from clearing.solvers import solve
from clearing.structure import Numbers, Structure

BREACH = 1000.0  # MW of shortage that a MW of a breached limit weighs: limits give way last
NOTICED = 1e-6  # share of the greatest MW of the book below which a relief is rounding


@dataclass(frozen=True, eq=False)
class Relief:
    """Least relief in MW, and duals in MW of relief per MW (of demand, or of a wider limit).

    Attributes
    ----------
    short, spilt, worth : (buses, periods); `worth` is relief per MW more of fixed demand.
    flow, ramp, link : (limited branches | ramp units | links, periods) duals, negative at the high
        limit, positive at the low one.
    flow_breach, ramp_breach, link_breach : likewise, positive above the high limit.
    noticed : MW below which a relief is rounding.
    """

    short: np.ndarray
    spilt: np.ndarray
    worth: np.ndarray
    flow: np.ndarray
    ramp: np.ndarray
    link: np.ndarray
    flow_breach: np.ndarray
    ramp_breach: np.ndarray
    link_breach: np.ndarray
    noticed: float


def find_least_relief(structure: Structure, numbers: Numbers) -> Relief:
    """Solve for the least relief; errors as in :func:`clearing.solvers.solve`."""
    reduced = Reduced(structure, numbers)
    grid, periods = structure.grid, structure.periods
    buses, limited, links = len(grid.buses), len(structure.limited), structure.links
    flow, each = grid.flow, sparse.eye_array(periods)
    unit = float(np.median(np.abs(grid.susceptance_mw[grid.in_service]))) if grid.in_service.any() else 1.0
    b = grid.susceptance_mw / unit  # angles in units that make a typical coefficient 1
    angle_flow = sparse.csr_array(sparse.diags_array(b) @ flow.incidence)
    shifted = grid.susceptance_mw * grid.shift_radian / reduced.quantity
    spread = sparse.kron(flow.incidence.T @ angle_flow, each)
    rows_of = {
        "balance": buses * periods,
        "flow": limited * periods,
        "ramp": reduced.ramp_low.size,
        "link": links * periods,
    }
    eye = {name: sparse.eye_array(count) for name, count in rows_of.items()}
    linked = sparse.eye_array(links * periods, reduced.columns, k=reduced.orders)
    matrix = sparse.block_array(
        [
            [reduced.injection_matrix, -spread, eye["balance"], -eye["balance"]] + [None] * 6,
            [None, sparse.kron(angle_flow[structure.limited], each), None, None, -eye["flow"], eye["flow"]]
            + [None] * 4,
            [reduced.ramp_matrix] + [None] * 5 + [-eye["ramp"], eye["ramp"], None, None],
            [linked] + [None] * 7 + [-eye["link"], eye["link"]],
        ],
        format="csc",
    )
    offset = np.repeat(shifted[structure.limited, None], periods, axis=1)
    ends = np.repeat(np.array([grid.link_min_mw, grid.link_max_mw])[:, :, None], periods, axis=2)
    right = (reduced.fixed - (flow.incidence.T @ shifted)[:, None]).ravel()
    low = [right, (reduced.flow_low[:, None] + offset).ravel(), reduced.ramp_low.ravel(), ends[0].ravel()]
    high = [right, (reduced.flow_high[:, None] + offset).ravel(), reduced.ramp_high.ravel(), ends[1].ravel()]
    for part in (low, high):
        part[3] = part[3] / reduced.quantity
    angle = np.full((buses, periods), np.inf)
    angle[flow.reference] = 0.0
    x_low, x_high = reduced.low.copy(), reduced.high.copy()
    x_low[reduced.orders :], x_high[reduced.orders :] = -np.inf, np.inf  # rows hold the links
    breaches = 2 * (rows_of["flow"] + rows_of["ramp"] + rows_of["link"])
    none = np.zeros(len(x_low) + angle.size)
    caps = (
        _must(reduced, -1, np.maximum(reduced.fixed, 0.0)),
        _must(reduced, 1, np.maximum(-reduced.fixed, 0.0)),
    )
    program = Program(
        cost=np.concatenate([none, np.ones(2 * right.size), np.full(breaches, BREACH)]),
        curvature=np.zeros(matrix.shape[1]),
        matrix=matrix,
        row_low=np.concatenate(low),
        row_high=np.concatenate(high),
        low=np.concatenate([x_low, -angle.ravel(), np.zeros(2 * right.size + breaches)]),
        high=np.concatenate([x_high, angle.ravel(), caps[0], caps[1], np.full(breaches, np.inf)]),
    )
    found = solve(program)
    slack = found.x[len(none) :] * reduced.quantity
    sizes = [right.size] * 2 + [rows_of[name] for name in ("flow", "flow", "ramp", "ramp", "link", "link")]
    parts = [part.reshape(-1, periods) for part in np.split(slack, np.cumsum(sizes)[:-1])]
    duals = np.split(found.row_dual, np.cumsum(list(rows_of.values()))[:-1])
    worth, flow_dual, ramp_dual, link_dual = (part.reshape(-1, periods) for part in duals)
    size = np.maximum(numbers.mw, -numbers.min_mw)
    greatest = max(np.abs(numbers.fixed_mw).max(initial=0.0), size.max(initial=0.0))
    return Relief(
        short=parts[0],
        spilt=parts[1],
        worth=worth,
        flow=flow_dual,
        ramp=ramp_dual,
        link=link_dual,
        flow_breach=parts[2] - parts[3],
        ramp_breach=parts[4] - parts[5],
        link_breach=parts[6] - parts[7],
        noticed=NOTICED * float(greatest),
    )


def _must(reduced: Reduced, side: int, fixed: np.ndarray) -> np.ndarray:
    """(buses·periods,) what must be served (side −1) or taken (+1) at each bus: fixed MW and minima."""
    structure = reduced.structure
    out = fixed.copy()
    mine = np.flatnonzero(structure.side == side)
    np.add.at(out, (structure.bus[mine], structure.period[mine]), np.maximum(reduced.low[mine], 0.0))
    return out.ravel()

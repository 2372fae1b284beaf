"""A DC-OPF written out once more, straight from the arrays of a case: the tests' own oracle."""

from __future__ import annotations

import clarabel
import numpy as np
from scipy import sparse

from networks import Case


def least_cost(case: Case) -> float:
    """Least cost [$/h] of the first period of `case`, constant costs included; NaN if infeasible.

    Variables: output of each cost segment and of the range below 0, bus angles, link flows. It
    shares no code with the package: the flow equation is stated branch by branch.
    """
    grid, fleet = case.grid, case.fleet
    buses, segments, links = len(grid.buses), len(fleet.segment_unit), len(grid.links)
    width = fleet.segment_to_mw - fleet.segment_from_mw
    base = np.minimum(fleet.min_mw, 0.0)  # a unit's output is base + the filled parts of its segments
    bids = ~np.isnan(fleet.load_price)

    size = segments + buses + links
    quadratic = np.zeros(size)
    linear = np.zeros(size)
    quadratic[:segments] = fleet.segment_slope
    linear[:segments] = fleet.segment_price

    unit_of = sparse.coo_array(
        (np.ones(segments), (fleet.segment_unit, np.arange(segments))), (len(fleet.units), segments)
    )
    at_bus = sparse.coo_array(
        (np.ones(segments), (fleet.unit_bus[fleet.segment_unit], np.arange(segments))), (buses, segments)
    )
    on = np.flatnonzero(grid.in_service)
    count = len(on)
    if grid.convention == "matpower":
        b, shift = grid.base_mva / (grid.x_pu * grid.tap), np.deg2rad(grid.shift_degree)
    else:
        b, shift = grid.base_mva * grid.x_pu / (grid.r_pu**2 + grid.x_pu**2), 0.0 * grid.x_pu
    b, shift = b[on], shift[on]
    ends = sparse.coo_array(
        (
            np.concatenate([np.ones(count), -np.ones(count)]),
            (np.tile(np.arange(count), 2), np.concatenate([grid.from_bus[on], grid.to_bus[on]])),
        ),
        (count, buses),
    ).tocsr()
    scaled = sparse.diags_array(b) @ ends
    link = sparse.coo_array(
        (
            np.concatenate([np.ones(links), -np.ones(links)]),
            (np.concatenate([grid.link_from, grid.link_to]), np.tile(np.arange(links), 2)),
        ),
        (buses, links),
    )
    demand = grid.shunt_mw.copy()
    np.add.at(demand, fleet.load_bus[~bids], fleet.load_mw[~bids, 0])
    np.add.at(demand, fleet.unit_bus, -base)
    assert not bids.any(), "the oracle knows fixed demand only"

    balance = sparse.hstack([at_bus, -ends.T @ scaled, -link])
    right = demand - ends.T @ (b * shift)
    none_s, none_l = sparse.csr_array((count, segments)), sparse.csr_array((count, links))
    flow = sparse.hstack([none_s, scaled, none_l])
    angle = sparse.hstack([none_s, ends, none_l])
    output = sparse.hstack([unit_of, sparse.csr_array((len(fleet.units), buses + links))])
    upper = [
        (sparse.eye_array(segments, size), width),
        (-sparse.eye_array(segments, size), np.zeros(segments)),
        (flow, grid.limit_mw[on] + b * shift),
        (-flow, grid.limit_mw[on] - b * shift),
        (angle, np.deg2rad(grid.angle_max_degree[on])),
        (-angle, -np.deg2rad(grid.angle_min_degree[on])),
        (-output, base - fleet.min_mw),
        (output, fleet.max_mw - base),
        (sparse.eye_array(links, size, k=segments + buses), grid.link_max_mw),
        (-sparse.eye_array(links, size, k=segments + buses), -grid.link_min_mw),
    ]
    rows = sparse.vstack([matrix for matrix, _ in upper]).tocsr()
    bounds = np.concatenate([bound for _, bound in upper])
    finite = np.isfinite(bounds)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solution = clarabel.DefaultSolver(
        sparse.diags_array(quadratic).tocsc(),
        linear,
        sparse.vstack([balance, rows[finite]]).tocsc(),
        np.concatenate([right, bounds[finite]]),
        [clarabel.ZeroConeT(buses), clarabel.NonnegativeConeT(int(finite.sum()))],
        settings,
    ).solve()
    if str(solution.status) not in ("Solved", "AlmostSolved"):
        return float("nan")
    at_base = fleet.cost(base).sum()
    return float(solution.obj_val + at_base)

"""Claims made of a batch's arrays, for the certificate that knows nothing of the engine."""

from __future__ import annotations

import numpy as np
from scipy.optimize import lsq_linear

from clearing.batches import Batch
from clearing.certificate import Certificate
from clearing.nodal_certificate import Claim, certify_numbers
from clearing.structure import Numbers, Structure
from networks import Grid

CLOSE = 1e-6  # of its limit: a line that may have a shadow price


def certify_row(structure: Structure, numbers: Numbers, batch: Batch, r: int) -> Certificate:
    """The certificate of row r, cleared with want=("accepted", "lmp", "flow"); grids without links."""
    assert batch.accepted is not None
    assert batch.lmp is not None
    assert batch.flow is not None
    flow, lmp = batch.flow[r], batch.lmp[r]
    claim = Claim(
        accepted=batch.accepted[r],
        link_mw=np.zeros((0, 1)),
        flow_mw=flow[:, None],
        lmp=lmp[:, None],
        flow_dual=shadow_prices(structure.grid, flow, lmp)[:, None],
        ramp_dual=np.zeros((0, 1)),
    )
    return certify_numbers(structure, numbers, claim)


def shadow_prices(grid: Grid, flow: np.ndarray, lmp: np.ndarray) -> np.ndarray:
    """(branches,) those of lines at a limit that explain the prices best: Aᵀ·diag(b)·(A·λ + μ) = 0."""
    low, high = grid.flow_bounds_mw
    out = np.zeros(len(flow))
    at_high, at_low = (np.isfinite(end) & (np.abs(end - flow) <= CLOSE * np.abs(end)) for end in (high, low))
    held = np.flatnonzero((at_high | at_low) & grid.in_service)
    if len(held) == 0 or not np.isfinite(lmp).all():
        return out
    incidence, b = grid.flow.incidence.toarray(), grid.susceptance_mw
    size = float(np.abs(b).max()) * max(float(np.abs(lmp).max()), 1e-300)
    gap = incidence.T @ (b * (incidence @ lmp)) / size
    matrix = (incidence.T * b)[:, held] / float(np.abs(b).max())
    ends = np.where(at_high[held], np.inf, 1e-300), np.where(at_low[held], -np.inf, -1e-300)
    found = lsq_linear(matrix, -gap, (ends[1], ends[0]), tol=1e-15, method="bvls").x
    out[held] = found * (size / float(np.abs(b).max()))
    return out

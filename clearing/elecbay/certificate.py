"""The proof of a central auction: nodal optimality at the chosen blocks, and that no choice is better."""

from __future__ import annotations

import numpy as np

from clearing.certificate import Certificate
from clearing.elecbay.book import SealedBook
from clearing.nodal_certificate import Claim, certify
from networks.grid import Grid

BLOCK_TOLERANCES = {"B1": 1e-6, "B2": 1e-6}


def certify_choice(
    sealed: SealedBook, grid: Grid, claim: Claim, chosen: np.ndarray, welfare_bound: float
) -> Certificate:
    """Check an auction's outcome against its sealed book and grid.

    Rows of the nodal certificate at the chosen blocks; B1, blocks whole or absent and groups
    exclusive [largest MW accepted]; B2, the proven bound of the welfare of any choice less the
    welfare reached [turnover].
    """
    nodal = certify(sealed.at(chosen), grid, claim)
    residuals = {
        **nodal.residuals,
        "B1": _blocks_violated(sealed, claim.accepted, chosen),
        "B2": _welfare_missed(sealed, claim.accepted, welfare_bound),
    }
    return Certificate(residuals, {**nodal.tolerances, **BLOCK_TOLERANCES})


def _blocks_violated(sealed: SealedBook, accepted: np.ndarray, chosen: np.ndarray) -> float:
    book, rows = sealed.book, sealed.book.column_row
    taken = np.append(chosen, True)[sealed.block_of[rows]]
    low, high = np.where(taken, book.min_mw[rows], 0.0), np.where(taken, book.mw[rows], 0.0)
    size = float(np.max(accepted, initial=0.0)) or 1.0
    beyond = float(np.max(np.maximum(low - accepted, accepted - high), initial=0.0)) / size
    inside = sealed.group_of >= 0
    crowd = np.bincount(sealed.group_of[inside & chosen], minlength=len(sealed.groups))
    return max(beyond, float(np.max(crowd - 1, initial=0)))


def _welfare_missed(sealed: SealedBook, accepted: np.ndarray, bound: float) -> float:
    worth = -sealed.book.offered_cost(accepted)
    turnover = float(np.abs(worth).sum())
    missed = max(bound - float(worth.sum()), 0.0)
    return missed / turnover if turnover > 0 else missed

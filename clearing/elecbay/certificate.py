"""The proof of a central auction: nodal optimality at the chosen blocks, and that no choice is better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearing.book import Book
from clearing.certificate import Certificate, Claim, certify
from clearing.elecbay.book import SealedBook
from networks.grid import Grid

BLOCK_TOLERANCES = {"B1": 1e-6, "B2": 1e-6}


def certify_in_own_size(book: Book, grid: Grid, claim: Claim) -> Certificate:
    """The nodal certificate with MW counted in units of the largest accepted order.

    Residuals are then relative to what is traded: a microgrid trades kilowatts, of which 1e-6 MW
    would be too much.
    """
    size = float(np.max(np.abs(claim.accepted), initial=0.0)) or float(np.max(book.mw, initial=0.0)) or 1.0
    factor = float(2.0 ** -np.round(np.log2(size)))
    scaled_grid = replace(
        grid,
        base_mva=grid.base_mva * factor,
        limit_mw=grid.limit_mw * factor,
        shunt_mw=grid.shunt_mw * factor,
        link_min_mw=grid.link_min_mw * factor,
        link_max_mw=grid.link_max_mw * factor,
    )
    scaled_book = replace(
        book,
        mw=book.mw * factor,
        min_mw=book.min_mw * factor,
        slope=book.slope / factor,
        fixed_mw=book.fixed_mw * factor,
        ramp_up_mw=book.ramp_up_mw * factor,
        ramp_down_mw=book.ramp_down_mw * factor,
        previous_mw=book.previous_mw * factor,
    )
    scaled_claim = replace(
        claim,
        accepted=claim.accepted * factor,
        link_mw=claim.link_mw * factor,
        flow_mw=claim.flow_mw * factor,
    )
    return certify(scaled_book, scaled_grid, scaled_claim)


def certify_choice(
    sealed: SealedBook, grid: Grid, claim: Claim, chosen: np.ndarray, welfare_bound: float
) -> Certificate:
    """Check an auction's outcome against its sealed book and grid.

    Rows of the nodal certificate at the chosen blocks; B1, blocks whole or absent and groups
    exclusive [largest MW accepted]; B2, the proven bound of the welfare of any choice less the
    welfare reached [turnover].
    """
    nodal = certify_in_own_size(sealed.at(chosen), grid, claim)
    residuals = nodal.residuals | {
        "B1": _blocks_violated(sealed, claim.accepted, chosen),
        "B2": _welfare_missed(sealed, claim.accepted, welfare_bound),
    }
    return Certificate(residuals, nodal.tolerances | BLOCK_TOLERANCES, nodal.priced)


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
    book, rows = sealed.book, sealed.book.column_row
    worth = -book.side[rows] * book.price[rows] * accepted - 0.5 * book.slope[rows] * accepted**2
    turnover = float(np.abs(worth).sum())
    missed = max(bound - float(worth.sum()), 0.0)
    return missed / turnover if turnover > 0 else missed

"""Ramps as chains: what is left of the equations of interior orders once the duals of ramps are eliminated.

An order of a unit meets the ramp into its period and the one out of it, with opposite signs, so that
the ramp duals of a unit follow from one another along the periods in which its orders are interior. A
chain that ends at a ramp that is not met (whose dual is 0) follows from prices alone; one that does so at
both ends ties prices of several periods together; one that does so at none may move as a whole
without moving any price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Chains:
    """The solutions (p, r) of prices·p ± (r into the period − r out of it) = 0, row by row.

    Attributes
    ----------
    equations : (equations, price duals) what p alone must satisfy: equations·p = 0.
    follow : (ramps, price duals) r follows as follow·p, plus an offset along each loose chain.
    loose : (ramps,) number of the loose chain that each ramp belongs to, −1 where it follows from prices.
    """

    equations: sparse.csr_array
    follow: sparse.csr_array
    loose: np.ndarray


def eliminate_ramps(
    prices: sparse.csr_array, side: np.ndarray, unit: np.ndarray, period: np.ndarray, ramps: np.ndarray
) -> Chains:
    """Eliminate the duals of ramps from one equation per order.

    Parameters
    ----------
    prices : (orders, price duals) coefficients of the duals that make prices.
    side, unit, period : (orders,); unit −1 where no ramp limit holds.
    ramps : (ramps, 2) unit and period of the ramps that are met.
    """
    rows, count = prices.shape[0], len(ramps)
    signed = sparse.csr_array(sparse.diags_array(side.astype(float)) @ prices)
    if count == 0:
        return Chains(signed, sparse.csr_array((0, prices.shape[1])), np.zeros(0, dtype=np.int64))
    width = int(max(period.max(initial=0), ramps[:, 1].max())) + 2
    at = ramps[:, 0] * width + ramps[:, 1]
    order = np.argsort(at)
    at = at[order]
    key = np.where(unit >= 0, unit * width + period, -2)
    met = np.isin(key, at) | np.isin(key + 1, at)
    sorted_rows = np.flatnonzero(met)[np.argsort(key[met], kind="stable")]
    keys, first = np.unique(key[sorted_rows], return_index=True)
    links = sorted_rows[first]  # one order per unit and period; others of the same differ in prices only
    others = np.delete(sorted_rows, first)
    same = links[np.searchsorted(keys, key[others])]
    before, after = _position(keys, at - 1), _position(keys, at)
    starts = np.ones(count, dtype=bool)
    starts[1:] = (at[1:] != at[:-1] + 1) | (before[1:] < 0)
    chain = np.cumsum(starts) - 1
    begin = np.flatnonzero(starts)
    end = np.append(begin[1:], count) - 1
    from_zero, to_zero = before[begin] >= 0, after[end] >= 0
    closed, backward = from_zero & to_zero, to_zero & ~from_zero
    here = np.arange(count)
    low = np.where(backward[chain], here, np.where(from_zero, begin, begin + 1)[chain])
    high = np.where(backward[chain], end[chain], here)
    row, place = _ranges(low, high)
    back = backward[chain][row]
    link = np.where(back, after[place], before[place])
    follow = sparse.csr_array((np.where(back, -1.0, 1.0), (order[row], links[link])), shape=(count, rows))
    row, place = _ranges(begin[closed], end[closed])
    ring = np.concatenate([row, np.arange(int(closed.sum()))])
    members = np.concatenate([before[place], after[end[closed]]])
    rings = sparse.csr_array((np.ones(len(ring)), (ring, links[members])), shape=(int(closed.sum()), rows))
    equations = sparse.vstack(
        [signed[np.flatnonzero(~met)], signed[others] - signed[same], rings @ signed], format="csr"
    )
    loose = np.cumsum(~from_zero & ~to_zero) - 1
    loose[from_zero | to_zero] = -1
    along = np.empty(count, dtype=np.int64)
    along[order] = loose[chain]
    return Chains(sparse.csr_array(equations), sparse.csr_array(follow @ signed), along)


def _position(sorted_keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Position of each wanted key, −1 where it is missing."""
    if len(sorted_keys) == 0:
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(sorted_keys, wanted), len(sorted_keys) - 1)
    return np.where(sorted_keys[place] == wanted, place, -1)


def _ranges(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(entries,) twice: k for each number of the k-th range low..high (included), and the numbers."""
    count = high - low + 1
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + low[row]

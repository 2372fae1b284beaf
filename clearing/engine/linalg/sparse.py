"""Sparse factor of the reduced bus susceptance matrix, and its solves inside compiled code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.simd import load_at, splat, store_at


@dataclass(frozen=True, slots=True)
class Factor:
    """P_r K P_c = L·D·U with unit triangles, for K the susceptance matrix without reference buses.

    Attributes
    ----------
    source : (m,) bus of row i of the permuted right-hand side.
    target : (m,) bus of entry i of the permuted solution.
    lower_start, lower_index, lower_value : strictly lower triangle of L by rows.
    upper_start, upper_index, upper_value : strictly upper triangle of U by rows.
    pivot_inverse : (m,) 1/D.
    """

    source: np.ndarray
    target: np.ndarray
    lower_start: np.ndarray
    lower_index: np.ndarray
    lower_value: np.ndarray
    upper_start: np.ndarray
    upper_index: np.ndarray
    upper_value: np.ndarray
    pivot_inverse: np.ndarray


def factorise(matrix: sparse.csc_matrix, buses: np.ndarray) -> Factor:
    """Factor of the symmetric `matrix` whose row i belongs to bus `buses[i]`.

    Minimum-degree ordering, diagonal pivots where they are safe: with positive reactances this is
    an LDLᵀ, negative ones may need a row exchange, which is why both triangles are stored.
    """
    m = len(buses)
    if m == 0:
        none, empty = np.zeros(0, dtype=np.int64), np.zeros(0)
        start = np.zeros(1, dtype=np.int64)
        return Factor(none, none, start, none, empty, start, none, empty, empty)
    for threshold in (0.0, 1.0):
        lu = splu(
            matrix.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=threshold,
            options={"SymmetricMode": threshold == 0.0},
        )
        probe = np.sin(np.arange(1.0, m + 1.0))
        residual = np.abs(matrix @ lu.solve(probe) - probe).max()
        if residual < 1e-9:
            break
    pivot = lu.U.diagonal()
    lower = sparse.tril(lu.L, -1).tocsr()
    upper = sparse.triu(sparse.diags_array(1.0 / pivot) @ lu.U, 1).tocsr()
    lower.sort_indices()
    upper.sort_indices()
    source = np.empty(m, dtype=np.int64)
    source[lu.perm_r] = buses
    target = np.empty(m, dtype=np.int64)
    target[lu.perm_c] = buses
    return Factor(
        source,
        target,
        lower.indptr.astype(np.int64),
        lower.indices.astype(np.int64),
        lower.data.copy(),
        upper.indptr.astype(np.int64),
        upper.indices.astype(np.int64),
        upper.data.copy(),
        1.0 / pivot,
    )


@inner
def solve(s, right, out, work):
    """`out[bus]` = angles for the right-hand side `right[bus]`; reference buses keep their value 0."""
    source, target, dinv = s.factor_source, s.factor_target, s.factor_pivot
    lp, li, lx = s.factor_lower_start, s.factor_lower_index, s.factor_lower
    up, ui, ux = s.factor_upper_start, s.factor_upper_index, s.factor_upper
    m = source.size
    for i in range(m):
        w = right[source[i]]
        for p in range(lp[i], lp[i + 1]):
            w -= lx[p] * work[li[p]]
        work[i] = w
    for i in range(m - 1, -1, -1):
        w = work[i] * dinv[i]
        for p in range(up[i], up[i + 1]):
            w -= ux[p] * work[ui[p]]
        work[i] = w
        out[target[i]] = w


@inner
def solve_transposed(s, right, out, work):
    """The same with the transposed matrix (for PTDF rows; equal where the factor is symmetric)."""
    source, target, dinv = s.factor_source, s.factor_target, s.factor_pivot
    lp, li, lx = s.factor_lower_start, s.factor_lower_index, s.factor_lower
    up, ui, ux = s.factor_upper_start, s.factor_upper_index, s.factor_upper
    m = source.size
    for i in range(m):
        work[i] = right[target[i]]
    for i in range(m):
        w = work[i]
        if w != 0.0:
            for p in range(up[i], up[i + 1]):
                work[ui[p]] -= ux[p] * w
    for i in range(m):
        work[i] *= dinv[i]
    for i in range(m - 1, -1, -1):
        w = work[i]
        out[source[i]] = w
        for p in range(lp[i], lp[i + 1]):
            work[li[p]] -= lx[p] * w


@inner
def solve_eight(s, right, out, work):
    """`solve` for eight right-hand sides (buses × 8) side by side."""
    source, target, dinv = s.factor_source, s.factor_target, s.factor_pivot
    lp, li, lx = s.factor_lower_start, s.factor_lower_index, s.factor_lower
    up, ui, ux = s.factor_upper_start, s.factor_upper_index, s.factor_upper
    m = source.size
    for i in range(m):
        w = load_at(right, source[i], 0)
        for p in range(lp[i], lp[i + 1]):
            w = w - splat(lx[p]) * load_at(work, li[p], 0)
        store_at(work, i, 0, w)
    for i in range(m - 1, -1, -1):
        w = load_at(work, i, 0) * splat(dinv[i])
        for p in range(up[i], up[i + 1]):
            w = w - splat(ux[p]) * load_at(work, ui[p], 0)
        store_at(work, i, 0, w)
        store_at(out, target[i], 0, w)

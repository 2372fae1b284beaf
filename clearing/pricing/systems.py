"""Linear systems that may be rank-deficient: least-norm solutions, null spaces, independent blocks."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

RANK_TOLERANCE = 1e-9  # relative size of a pivot that counts as zero
DENSE = 500  # unknowns up to which a dense least-squares solve is the faster one


def least_squares(matrix: sparse.csr_array, right: np.ndarray) -> np.ndarray:
    """Least-norm solution of a consistent (possibly rank-deficient) linear system."""
    rows, columns = matrix.shape
    if rows == 0 or columns == 0 or not right.any():
        return np.zeros(columns)
    if max(rows, columns) <= DENSE:
        return linalg.lstsq(matrix.toarray(), right, cond=1e-11, lapack_driver="gelsy", check_finite=False)[0]
    return _sparse_least_squares(matrix, right)


def _sparse_least_squares(matrix: sparse.csr_array, right: np.ndarray) -> np.ndarray:
    """The same through the augmented system [I Mᵀ; M −ε I], refined until the residual stops falling."""
    rows, columns = matrix.shape
    augmented = sparse.block_array(
        [[sparse.eye_array(columns), matrix.T], [matrix, -1e-9 * sparse.eye_array(rows)]], format="csc"
    )
    factor = splu(augmented)
    x = np.zeros(columns)
    residual = right.copy()
    for _ in range(8):
        step = factor.solve(np.concatenate([np.zeros(columns), residual]))[:columns]
        after = right - matrix @ (x + step)
        if np.linalg.norm(after) >= np.linalg.norm(residual):
            break
        x, residual = x + step, after
    return x


def has_full_column_rank(matrix: sparse.csr_array) -> bool:
    """Whether no combination of columns vanishes."""
    rows, columns = matrix.shape
    return columns <= rows and null_space(matrix).shape[1] == 0


def null_space(matrix: sparse.csr_array) -> sparse.csc_array:
    """Basis (columns, each of greatest entry 1) of the combinations of columns that vanish.

    Independent blocks are taken one by one, so that a basis vector touches one of them only.
    """
    row_block, block = joined(matrix)
    rows, columns = np.argsort(row_block, kind="stable"), np.argsort(block, kind="stable")
    sorted_blocks = matrix[rows][:, columns]
    start, row_start = (
        np.searchsorted(label[order], np.arange(matrix.shape[1] + 1))
        for label, order in ((block, columns), (row_block, rows))
    )
    indptr, indices, data = sorted_blocks.indptr, sorted_blocks.indices, sorted_blocks.data
    vectors: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(int(block.max(initial=-1)) + 1):
        a, b, first, last = row_start[k], row_start[k + 1], start[k], start[k + 1]
        dense = np.zeros((b - a, last - first))
        entries = slice(indptr[a], indptr[b])
        dense[np.repeat(np.arange(b - a), np.diff(indptr[a : b + 1])), indices[entries] - first] = data[
            entries
        ]
        vectors += [(columns[first:last], vector) for vector in _dense_null_space(dense).T]
    places = [np.full(len(at), k) for k, (at, _) in enumerate(vectors)]
    none = [np.zeros(0)]
    entries_of = np.concatenate(none + [v for _, v in vectors])
    at = np.concatenate(none + [at for at, _ in vectors]), np.concatenate(none + places)
    shape = (matrix.shape[1], len(vectors))
    return sparse.csc_array((entries_of, (at[0].astype(np.int64), at[1].astype(np.int64))), shape=shape)


def joined(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """(rows,), (columns,) number of the independent block that each belongs to; those with columns first."""
    rows, columns = matrix.shape
    row = np.repeat(np.arange(rows), np.diff(matrix.indptr)) + columns
    both = sparse.csr_array((np.ones(len(row)), (row, matrix.indices)), shape=(rows + columns,) * 2)
    _, label = connected_components(both, directed=False)
    return label[columns:], label[:columns]


def _dense_null_space(matrix: np.ndarray) -> np.ndarray:
    """Basis (columns) by a QR factorisation with pivoting; empty where the rank is full."""
    rows, columns = matrix.shape
    if rows == columns > DENSE and _is_regular(matrix):
        return np.zeros((columns, 0))
    if not matrix.any():
        return np.eye(columns)
    triangle, pivot = linalg.qr(matrix, mode="r", pivoting=True, check_finite=False)
    pivots = np.abs(np.diag(triangle))
    rank = int((pivots > RANK_TOLERANCE * pivots[0]).sum())
    null = np.zeros((columns, columns - rank))
    if rank < columns:
        null[pivot[:rank]] = -linalg.solve_triangular(
            triangle[:rank, :rank], triangle[:rank, rank:], check_finite=False
        )
        null[pivot[rank:]] = np.eye(columns - rank)
        null /= np.abs(null).max(axis=0)
    return null


def _is_regular(matrix: np.ndarray) -> bool:
    try:
        pivots = np.abs(splu(sparse.csc_array(matrix)).U.diagonal())
    except RuntimeError:  # exactly singular
        return False
    return bool(pivots.min() > RANK_TOLERANCE * pivots.max())

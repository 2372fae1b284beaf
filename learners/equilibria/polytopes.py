"""Vertices of best-reply polytopes in exact arithmetic, degenerate ones included.

Of a matrix of positive integers M (rows, columns) the polytope is {x ≥ 0 : Mᵀx ≤ 1}: scaled to sum 1, x is a
mixed strategy over M's rows against which the opponent's action j earns (Mᵀx)ⱼ, and the tight rows are its
best replies. Tableaux are integers, divided by the last pivot without a rest; ties in the ratio test are
broken as if the right-hand sides were 1 + ε, 1 + ε², …, which makes the polytope simple, so that pivots
from one basis to the next reach every one and hence every vertex.

Sources: J. Edmonds, J. Res. Natl. Bur. Stand. 71B (1967), integer pivoting; D. Avis, G. D. Rosenberg,
R. Savani and B. von Stengel, Economic Theory 42 (2010), 9-37, sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np

from clearing.errors import InputError

MOST_SYSTEMS = 200_000  # linear systems that an enumeration of supports may solve for one polytope
MOST_BASES = 500_000  # after which vertices are too many to be useful, and to be held in memory

Vertex = tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class Vertices:
    """The vertices of a best-reply polytope but the origin, as mixed strategies.

    Attributes
    ----------
    strategies : probabilities over the matrix's rows, exact, sorted.
    absent : (vertices, rows + columns) rows that are played, then columns that are no best reply; a pair of
        vertices of the two players is an equilibrium where nothing is absent from both.
    """

    strategies: tuple[Vertex, ...]
    absent: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray, points: set[Vertex]) -> Vertices:
        """From points of the polytope: the origin is left out, the rest is scaled to sum 1."""
        found = sorted((p for p in points if any(p)), reverse=True)
        rows = np.array([[bool(v) for v in p] for p in found], dtype=bool).reshape(len(found), len(matrix))
        tight = [[sum(v * w for v, w in zip(p, c, strict=True) if v) < 1 for c in matrix.T] for p in found]
        columns = np.array(tight, dtype=bool).reshape(len(found), matrix.shape[1])
        scaled = tuple(tuple(v / sum(p) for v in p) for p in found)
        return cls(scaled, np.hstack([rows, columns]))


def vertices_by_pivots(matrix: np.ndarray) -> Vertices:
    """All vertices, from basis to basis of the perturbed polytope.

    Parameters
    ----------
    matrix : (rows, columns) positive Python integers, dtype object.

    Raises
    ------
    InputError
        beyond `MOST_BASES`.
    """
    rows, columns = matrix.shape
    identity = np.array([[int(i == j) for j in range(columns)] for i in range(columns)], dtype=object)
    ones = np.array([[1]] * columns, dtype=object)
    table = np.hstack([matrix.T, identity, ones])
    basis = tuple(range(rows, rows + columns))
    seen, points = {frozenset(basis)}, set()
    waiting: list[tuple[np.ndarray, int, tuple[int, ...]]] = [(table, 1, basis)]
    while waiting:
        table, divisor, basis = waiting.pop()
        points.add(_point(table, divisor, basis, rows))
        for entering in set(range(rows + columns)).difference(basis):
            row = _leaving(table, entering, rows)
            after = (*basis[:row], entering, *basis[row + 1 :])
            if frozenset(after) not in seen:
                seen.add(frozenset(after))
                waiting.append((*_pivoted(table, divisor, row, entering), after))
        if len(seen) > MOST_BASES:
            raise InputError(
                f"game: a best-reply polytope of {rows} and {columns} actions has more than {MOST_BASES:,} "
                "bases; use method 'lemke_howson', or fewer actions"
            )
    return Vertices.of(matrix, points)


def _leaving(table: np.ndarray, entering: int, rows: int) -> int:
    """The row of least ratio of right-hand side and entering column, ties by the slack columns in order."""
    column = table[:, entering]
    tied = np.flatnonzero(column > 0)
    for k in (-1, *range(rows, table.shape[1] - 1)):
        if len(tied) == 1:
            break
        best = tied[:1]
        for i in tied[1:].tolist():
            apart = table[i, k] * column[best[0]] - table[best[0], k] * column[i]
            if apart <= 0:
                best = np.append(best, i) if apart == 0 else np.array([i])
        tied = best
    return int(tied[0])


def _pivoted(table: np.ndarray, divisor: int, row: int, entering: int) -> tuple[np.ndarray, int]:
    pivot = table[row, entering]
    after = (table * pivot - np.outer(table[:, entering], table[row])) // divisor
    after[row] = table[row]
    return after, pivot


def _point(table: np.ndarray, divisor: int, basis: tuple[int, ...], rows: int) -> Vertex:
    x = [Fraction(0)] * rows
    for row, variable in enumerate(basis):
        if variable < rows:
            x[variable] = Fraction(table[row, -1], divisor)
    return tuple(x)


def vertices_by_supports(matrix: np.ndarray) -> Vertices:
    """All vertices, from one linear system for each choice of as many rows to play as columns to be tight.

    Raises
    ------
    InputError
        beyond `MOST_SYSTEMS` systems.
    """
    rows, columns = matrix.shape
    if comb(rows + columns, rows) > MOST_SYSTEMS:
        raise InputError(
            f"game: supports of {rows} and {columns} actions make {comb(rows + columns, rows):,} linear "
            f"systems, at most {MOST_SYSTEMS:,} are solved; use method 'vertex_enumeration'"
        )
    points = set()
    for size in range(1, min(rows, columns) + 1):
        for played in combinations(range(rows), size):
            for tight in combinations(range(columns), size):
                inside = _solved(matrix[np.ix_(played, tight)].T.tolist())
                if inside is None or min(inside) < 0:
                    continue
                x = [Fraction(0)] * rows
                for i, v in zip(played, inside, strict=True):
                    x[i] = v
                if all(sum(v * w for v, w in zip(x, c, strict=True) if v) <= 1 for c in matrix.T):
                    points.add(tuple(x))
    return Vertices.of(matrix, points)


def _solved(square: list[list[int]]) -> list[Fraction] | None:
    """The solution of square·x = 1 by elimination without fractions, None where it is singular."""
    system, size, last = [[*row, 1] for row in square], len(square), 1
    for k in range(size):
        place = next((i for i in range(k, size) if system[i][k]), None)
        if place is None:
            return None
        system[k], system[place] = system[place], system[k]
        head = system[k]
        for i, row in enumerate(system):
            if i != k:
                system[i] = [(head[k] * v - row[k] * w) // last for v, w in zip(row, head, strict=True)]
        last = head[k]
    return [Fraction(row[-1], last) for row in system]

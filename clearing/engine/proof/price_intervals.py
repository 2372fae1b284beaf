"""Interval of every bus price over the dual optimal face (law 5), on request."""

from __future__ import annotations

import numpy as np

from clearing.engine.canonical.rank_deficient import decompose, null_vector
from clearing.engine.compilation.decorators import allocating
from clearing.engine.linalg.dense import add_rows
from clearing.engine.memory.statuses import OK
from clearing.engine.proof.dual_direction import reduced_costs, segment
from clearing.engine.proof.dual_face import face_rows
from clearing.engine.proof.polyhedron import MOST, least


@allocating
def bus_intervals(s, m, rank, scale, low, high):
    """low, high (buses,): ends of the interval of each price; ±inf where it has none. Returns OK."""
    nb = s.buses
    n = s.columns
    lam = s.lmp
    for b in range(nb):
        low[b] = lam[b]
        high[b] = lam[b]
    if rank == m:
        return OK
    decompose(s, s.active_rows, m, s.interior_columns, s.interior_count, s.row_order, s.column_order)
    reduced_costs(s, m)
    p = s.row_order
    for c in range(s.components):
        d = 0
        only = -1
        for h in range(rank, m):
            if s.slot_component[s.active_rows[p[h]]] == c:
                d += 1
                only = h
        if d == 0:
            continue
        move = s.proof.lmp_rate
        if d == 1:
            z = s.proof.null_row
            null_vector(s.wide_work, m, p, rank, only - rank, z)
            first, last = segment(s, z, m, True)
            for b in range(nb):
                move[b] = 0.0
            add_rows(move, nb, s.ptdf, s.active_rows, z, m, 1.0)
            for b in range(nb):
                if abs(move[b]) > 1e-10:
                    low[b] = lam[b] + min(first * move[b], last * move[b], 0.0)
                    high[b] = lam[b] + max(first * move[b], last * move[b], 0.0)
            continue
        null = np.zeros((d, m))
        g = np.empty((n + m, d))
        h = np.empty(n + m)
        count = face_rows(s, m, rank, c, d, null, g, h)
        cost = np.empty(d)
        parts = np.zeros((d, nb))
        for k in range(d):
            add_rows(parts[k], nb, s.ptdf, s.active_rows, null[k], m, 1.0)
        for b in range(nb):
            for k in range(d):
                cost[k] = parts[k, b]
            most = 0.0
            for k in range(d):
                most = max(most, abs(cost[k]))
            if most <= 1e-10:
                continue
            for end in range(2):
                t = np.zeros(MOST)
                if end == 1:
                    for k in range(d):
                        cost[k] = -cost[k]
                found = least(g, h, d, count, cost, t, scale, 1e-9 * scale)
                value = lam[b]
                for k in range(d):
                    value += parts[k, b] * t[k]
                if found == 0:
                    value = -np.inf if end == 0 else np.inf
                if found < 0:
                    value = np.nan
                if end == 0:
                    low[b] = min(value, lam[b])
                else:
                    high[b] = max(value, lam[b])
    return OK

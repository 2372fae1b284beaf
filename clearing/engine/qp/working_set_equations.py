"""Equations of a working set of rows, interior sloped columns and held step orders, scaled and solved."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.dense import dot

FAINT = 1e-4  # of the largest curvature: rows with less keep this scale, as held columns feel them too


@inner
def assemble(
    a, wide, work, rows, m, inside, f, held, b, inverse, cost, price, known, rest, right, scaled, unit, soft,
    share,
):  # fmt: skip
    """The equations of the working set in `work` and `right`, scaled from both sides by `unit`.

    Their unknowns are how the duals move from where the columns see the prices `price`, and the held columns
    from what is `known` of them: as differences of two solutions these moves would be rounded to the size of
    these. `soft` becomes what is added to the diagonal of H: `share` of what stands there, so that duals that
    no sloped column feels stay where they are.
    """
    top = 0.0
    for i in range(m):
        mine = a[rows[i]]
        packed = wide[i]
        total = 0.0
        for t in range(f):
            j = inside[t]
            v = mine[j]
            packed[t] = v
            v *= inverse[j]
            scaled[t] = v
            total += v * (cost[j] - price[j])
        right[i] = rest[i] + total
        for k in range(i + 1):
            work[i, k] = dot(scaled, wide[k], f)
        top = max(top, work[i, i])
    for i in range(m):
        d = max(work[i, i], FAINT * top)
        if d == 0.0:
            d = 1.0
        soft[i] = share * d
        work[i, i] += soft[i]
        unit[i] = 1.0 / d**0.5
    for i in range(m):
        mine = work[i]
        for k in range(i + 1):
            v = mine[k] * unit[i] * unit[k]
            mine[k] = v
            work[k, i] = v
        right[i] *= unit[i]
    for t in range(b):
        j = held[t]
        size = 0.0
        for i in range(m):
            v = a[rows[i], j] * unit[i]
            work[i, m + t] = v
            right[i] -= v * known[j]
            size = max(size, abs(v))
        size = 1.0 / size if size > 0.0 else 1.0
        for i in range(m):
            v = work[i, m + t] * size
            work[i, m + t] = v
            work[m + t, i] = v
        for k in range(b):
            work[m + t, m + k] = 0.0
        unit[m + t] = size
        right[m + t] = (cost[j] - price[j]) * size

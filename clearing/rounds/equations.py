"""Equations of a working set of rows, interior sloped columns and held step orders, scaled and solved."""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import dot, product
from clearing.rounds.fields import (
    ACT,
    BAS,
    COLS,
    COST,
    DIR,
    GEE,
    GOAL,
    OWN,
    PERM,
    PREV,
    SLOPE,
    TMP2,
    VEC,
    X,
    Y,
)
from clearing.rounds.lanes import LANES, load, load_at, splat, store, store_at, total

REGULAR = 1e-6  # least pivot of equations whose solution is taken for the only one
EXACT = 1e-2  # one below this asks for a second look at the solution


@inner
def assemble(
    a, wide, work, rows, m, inside, f, held, b, inverse, cost, y, rest, right, scaled, unit, soft, share
):
    """The equations of the working set in `work` and `right`, scaled from both sides by `unit`.

    `soft` becomes what is added to the diagonal of H: `share` of what stands there, so that duals that no
    sloped column feels stay near y.
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
            total += v * cost[j]
        right[i] = rest[i] + total
        for k in range(i + 1):
            work[i, k] = dot(scaled, wide[k], f)
        top = max(top, work[i, i])
    for i in range(m):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        soft[i] = share * d
        work[i, i] += soft[i]
        right[i] += soft[i] * y[i]
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
            size = max(size, abs(v))
        size = 1.0 / size if size > 0.0 else 1.0
        for i in range(m):
            v = work[i, m + t] * size
            work[i, m + t] = v
            work[m + t, i] = v
        for k in range(b):
            work[m + t, m + k] = 0.0
        unit[m + t] = size
        right[m + t] = cost[j] * size


@inner
def solve_square(a, k, right, floor, order, part):
    """right = a⁻¹ right by elimination with row exchanges; returns the least pivot, 0 where one is not above `floor`.

    The right-hand side takes part as column k; there is room for whole vectors in every row. `a` and `order` keep
    the factors for :func:`solve_again`; `part` has room for one vector.
    """
    for i in range(k):
        a[i, k] = right[i]
        for j in range(k + 1, (k + LANES) // LANES * LANES):
            a[i, j] = 0.0
    least = 1e300
    for c in range(k):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, k):
            v = abs(a[i, c])
            if v > best:
                best = v
                top = i
        if not best > floor:
            return 0.0
        least = min(least, best)
        order[c] = top
        if top != c:
            for b in range(0, k + 1, LANES):
                mine = load_at(a, c, b)
                store_at(a, c, b, load_at(a, top, b))
                store_at(a, top, b, mine)
        inverse = 1.0 / a[c, c]
        first = c // LANES * LANES
        store(part, 0, load_at(a, c, first))
        for j in range(c - first + 1):  # what stands there stays: factors of this block
            part[j] = 0.0
        pivot = load(part, 0)
        for i in range(c + 1, k):
            ratio = a[i, c] * inverse
            factor = splat(ratio)
            store_at(a, i, first, load_at(a, i, first) - factor * pivot)
            for b in range(first + LANES, k + 1, LANES):
                store_at(a, i, b, load_at(a, i, b) - factor * load_at(a, c, b))
            a[i, c] = ratio
    for i in range(k - 1, -1, -1):
        v = a[i, k]
        for j in range(i + 1, k):
            v -= a[i, j] * right[j]
        right[i] = v / a[i, i]
    return least


@inner
def solve_again(a, k, right, order):
    """The same for another right-hand side."""
    for c in range(k):
        top = order[c]
        right[c], right[top] = right[top], right[c]
    for c in range(k):
        v = right[c]
        for j in range(c):
            v -= a[c, j] * right[j]
        right[c] = v
    for i in range(k - 1, -1, -1):
        v = right[i]
        for j in range(i + 1, k):
            v -= a[i, j] * right[j]
        right[i] = v / a[i, i]


@inner
def solve_interior(s, m, own, f):
    """Dispatch X of the interior columns and duals row[Y] of the rows, where the active set determines both.

    Rows are irow[ROWS] with right sides row[VEC], columns irow[COLS], their entries in `wide`; only the `own`
    rows listed in irow[OWN] count, the others are twins of theirs and get 0. False where the equations are not
    regular enough to tell: then ranks decide.
    """
    cols = s.irow[COLS]
    chosen = s.irow[OWN]
    held = s.irow[BAS]
    place = s.irow[ACT]
    work = s.work
    wide = s.wide
    inverse = s.col[PREV]
    price = s.col[GOAL]
    scaled = s.col[TMP2]
    right = s.col[DIR]
    unit = s.blocks
    whole = (f + LANES - 1) // LANES * LANES
    b = 0
    for t in range(f):
        j = cols[t]
        curve = s.col[SLOPE, j]
        price[t] = s.col[COST, j]
        if curve > 0.0:
            inverse[t] = 1.0 / curve
        else:
            inverse[t] = 0.0
            held[b] = j
            place[b] = t
            b += 1
    if b > own or own + b >= work.shape[1]:
        return False
    for t in range(f, whole):
        inverse[t] = 0.0
        price[t] = 0.0
    top = 0.0
    for i in range(own):
        mine = chosen[i]
        for t in range(f, whole):
            wide[mine, t] = 0.0
        total_cost = splat(0.0)
        for t in range(0, whole, LANES):
            v = load(inverse, t) * load_at(wide, mine, t)
            store(scaled, t, v)
            total_cost = total_cost + v * load(price, t)
        right[i] = s.row[VEC, mine] + total(total_cost)
        for k in range(i + 1):
            work[i, k] = product(scaled, wide[chosen[k]], whole)
        top = max(top, work[i, i])
    for i in range(own):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        unit[i] = 1.0 / d**0.5
    for i in range(own):
        mine = work[i]
        for k in range(i + 1):
            v = mine[k] * unit[i] * unit[k]
            mine[k] = v
            work[k, i] = v
        right[i] *= unit[i]
    for h in range(b):
        size = 0.0
        for i in range(own):
            v = wide[chosen[i], place[h]] * unit[i]
            work[i, own + h] = v
            size = max(size, abs(v))
        size = 1.0 / size if size > 0.0 else 1.0
        for i in range(own):
            v = work[i, own + h] * size
            work[i, own + h] = v
            work[own + h, i] = v
        for k in range(b):
            work[own + h, own + k] = 0.0
        unit[own + h] = size
        right[own + h] = price[place[h]] * size
    least = solve_square(work, own + b, right, REGULAR, s.irow[PERM], s.row[GEE])
    if least == 0.0:
        return False
    y = s.row[Y]
    for i in range(m):
        y[i] = 0.0
    for i in range(own):
        y[chosen[i]] = right[i] * unit[i]
    for h in range(b):
        s.col[X, held[h]] = right[own + h] * unit[own + h]
    answers(wide, chosen, own, y, price, inverse, scaled, whole)
    if least < EXACT:
        # once more for what the rows and the held columns lack
        for h in range(b):
            scaled[place[h]] = s.col[X, held[h]]
        for i in range(own):
            mine = chosen[i]
            right[i] = (s.row[VEC, mine] - product(scaled, wide[mine], whole)) * unit[i]
        for h in range(b):
            v = price[place[h]]
            for i in range(own):
                v -= y[chosen[i]] * wide[chosen[i], place[h]]
            right[own + h] = v * unit[own + h]
        solve_again(work, own + b, right, s.irow[PERM])
        for i in range(own):
            y[chosen[i]] += right[i] * unit[i]
        for h in range(b):
            s.col[X, held[h]] += right[own + h] * unit[own + h]
        answers(wide, chosen, own, y, price, inverse, scaled, whole)
    for t in range(f):
        if inverse[t] > 0.0:
            s.col[X, cols[t]] = scaled[t]
    return True


@inner
def answers(wide, chosen, own, y, price, inverse, out, n):
    """What columns with a slope answer to the duals y, 0 for those without."""
    for t in range(0, n, LANES):
        v = splat(0.0) - load(price, t)
        for i in range(own):
            v = v + splat(y[chosen[i]]) * load_at(wide, chosen[i], t)
        store(out, t, v * load(inverse, t))

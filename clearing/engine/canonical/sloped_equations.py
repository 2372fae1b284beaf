"""Dispatch and duals of an active set of a sloped book that determines the dispatch."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.dense import eliminate_definite, product, solve_again, solve_upper
from clearing.engine.linalg.simd import LANES, load, load_at, splat, store, total

EXACT = 1e-2  # a pivot below this asks for a second look at the solution


@inner
def solve_interior(s, m, own, f):
    """Dispatch X of the interior columns, where it is unique, and duals `dual` of the rows.

    Rows are `active_rows` with right sides `canonical.right_side`, columns `interior_columns`, their entries
    in `wide_work`. Only the `own` rows listed in `own_rows` count, the others are twins of theirs and get 0,
    as do those that depend on earlier ones. Returns the number of independent rows, −1 where the equations
    are not regular enough to tell: then ranks decide. Leaves the independent rows before the dependent ones
    in `elimination_order` and their elimination in `elimination_lower`.

    With sloped columns F and steps B the equations are A_F S⁻¹ (A_Fᵀy − c_F) + A_B x_B = right and A_Bᵀy =
    c_B. A multiple of A_B (A_Bᵀy − c_B) added to the first leaves the solution as it is, and makes what
    stands before y definite on independent rows.
    """
    cols = s.interior_columns
    chosen = s.own_rows
    held = s.canonical.held
    place = s.canonical.step_place
    work = s.square_work
    wide = s.wide_work
    inverse = s.canonical.inverse_slope
    price = s.canonical.interior_cost
    x = s.canonical.answer
    right = s.canonical.equation_solution
    unit = s.canonical.unit_scale
    y = s.dual
    whole = (f + LANES - 1) // LANES * LANES
    b = 0
    mean = 0.0
    for t in range(f):
        j = cols[t]
        price[t] = s.cost[j]
        curve = s.slope[j]
        inverse[t] = 1.0 / curve if curve > 0.0 else 0.0
        mean += inverse[t]
        held[b] = j
        place[b] = t
        b += curve == 0.0
    k = own + b
    if b > own or k >= work.shape[1]:
        return -1
    mean = mean / (f - b) if f > b else 1.0
    for h in range(b):
        inverse[place[h]] = mean
    for t in range(f, whole):
        inverse[t] = 0.0
        price[t] = 0.0
    top = 0.0
    for i in range(own):
        mine = chosen[i]
        for t in range(f, whole):
            wide[mine, t] = 0.0
        paid = splat(0.0)
        for t in range(0, whole, LANES):
            v = load(inverse, t) * load_at(wide, mine, t)
            store(x, t, v)
            paid = paid + v * load(price, t)
        right[i] = s.canonical.right_side[mine] + total(paid)
        for e in range(i + 1):
            work[i, e] = product(x, wide[chosen[e]], whole)
        top = max(top, work[i, i])
    if top == 0.0:
        top = 1.0
    for i in range(own):
        d = work[i, i]
        unit[i] = 1.0 / (d if d > 1e-12 * top else top) ** 0.5
    for i in range(own):
        mine = work[i]
        for e in range(i + 1):
            v = mine[e] * unit[i] * unit[e]
            mine[e] = v
            work[e, i] = v
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
        for e in range(b):
            work[own + h, own + e] = 0.0
        unit[own + h] = size
        right[own + h] = price[place[h]] * size
    least = eliminate_definite(work, own, k, right, s.canonical.elimination_row)
    if least == 0.0:
        return -1
    for i in range(k):
        right[i] = work[i, k]
    solve_upper(work, k, right)
    for i in range(m):
        y[i] = 0.0
    for i in range(own):
        y[chosen[i]] = right[i] * unit[i]
    for h in range(b):
        t = place[h]
        inverse[t] = 0.0
        s.dispatch[held[h]] = right[own + h] * unit[own + h]
    answers(wide, chosen, own, y, price, inverse, x, whole)
    if least < EXACT:  # once more for what the rows and the step columns lack
        for h in range(b):
            x[place[h]] = s.dispatch[held[h]]
        for i in range(own):
            mine = chosen[i]
            right[i] = s.canonical.right_side[mine] - product(x, wide[mine], whole)
        for h in range(b):
            t = place[h]
            v = price[t]
            for i in range(own):
                v -= y[chosen[i]] * wide[chosen[i], t]
            right[own + h] = v * unit[own + h]
            for i in range(own):
                right[i] += mean * v * wide[chosen[i], t]
        for i in range(own):
            right[i] *= unit[i]
        solve_again(work, k, right)
        for i in range(own):
            y[chosen[i]] += right[i] * unit[i]
        for h in range(b):
            s.dispatch[held[h]] += right[own + h] * unit[own + h]
        answers(wide, chosen, own, y, price, inverse, x, whole)
    for t in range(f):
        if inverse[t] > 0.0:
            s.dispatch[cols[t]] = x[t]
    return sort_dependent(s, own)


@inner
def answers(wide, chosen, own, y, price, inverse, out, n):
    """What columns with a slope answer to the duals y, 0 for those without."""
    for t in range(0, n, LANES):
        v = splat(0.0) - load(price, t)
        for i in range(own):
            v = v + splat(y[chosen[i]]) * load_at(wide, chosen[i], t)
        store(out, t, v * load(inverse, t))


@inner
def sort_dependent(s, own):
    """Independent rows first in `elimination_order`, with their elimination in `elimination_lower`, unscaled;
    returns their number.

    Nothing is left there where all are independent.
    """
    work = s.square_work
    rank = 0
    for i in range(own):
        rank += work[i, i] != 0.0
    if rank == own:
        return rank
    at = 0
    last = rank
    for i in range(own):
        to = at if work[i, i] != 0.0 else last
        mine = s.own_rows[i]
        s.elimination_order[to] = mine
        c = 0
        for e in range(i):
            if work[e, e] != 0.0:
                s.elimination_lower[mine, c] = (
                    work[i, e] * s.canonical.unit_scale[e] / s.canonical.unit_scale[i]
                )
                c += 1
        for e in range(c, (rank + LANES - 1) // LANES * LANES):
            s.elimination_lower[mine, e] = 0.0
        if work[i, i] != 0.0:
            at += 1
        else:
            last += 1
    return rank

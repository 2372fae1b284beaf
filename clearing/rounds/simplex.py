"""Bounded dual simplex with bound flipping on balance rows and binding lines (rounds.md, section 10).

Every column is boxed, so any basis becomes dual feasible once each nonbasic column stands at the
bound that its reduced cost asks for: the basis of the last round starts phase 2 of this one.

The leaving variable z is a basic column or the flow of an inactive line. In terms of the nonbasic
columns j and of the limits b_i of the active lines, z = const + Σ α_j x_j + Σ g_i b_i, so a limit
enters the ratio test as one more boxed column whose reduced cost is the row's dual y_i.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import (
    add_product,
    combine,
    combine_square,
    invert,
    largest,
    product,
    row_products,
)
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    AGE,
    ALPHA,
    BAS,
    BASE,
    BIG,
    BLOCK,
    COSTP,
    DIR,
    FHI,
    FLIPS,
    FLO,
    FRESH,
    GEE,
    GROW_ROWS,
    HEAT,
    HIGHP,
    INFEASIBLE,
    KEPT,
    LOOK,
    LOOKED,
    LOWP,
    NEAR,
    OK,
    PIVOTS,
    RATIO,
    REACH,
    RED,
    REFACTOR,
    REST,
    ROOM,
    SEEN,
    SIDE,
    SINGULAR,
    SIZE,
    SLOTS,
    STALLED,
    VEC,
    VEC2,
    VEC3,
    WAS,
    XB,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    equal_bits,
    larger,
    load,
    load_at,
    magnitude,
    smaller,
    smallest,
    splat,
    store,
    store_at,
    total,
    trailing_zeros,
    where_less,
)
from clearing.rounds.store import BALANCES

OLD = 50  # pivots after which the inverse is computed afresh
LATELY = 8  # rounds for which such a line is looked at first
HOT = 250  # rounds for which a line that has bound is checked at every pivot


@inner
def refactor(a, row, irow, w, work, k):
    """w[i, p] = transposed inverse of the basis matrix; False if singular."""
    for i in range(k):
        for p in range(k):
            work[p, i] = a[irow[ACT, i], irow[BAS, p]]
    # places behind the basis take part in all that is done eight at a time, so they have to stay 0
    for i in range(w.shape[0]):
        for p in range(k if i < k else 0, w.shape[1]):
            w[i, p] = 0.0
    return invert(work, w, k)


@inner
def restart(s):
    """The basis that every engine starts from: one column for each balance row."""
    m = s.head[BALANCES]
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    for i in range(m):
        s.irow[ACT, i] = i
        s.irow[SIDE, i] = 0
        s.irow[BAS, i] = s.cold[i]
        s.islot[ACTIVE, i] = i
    s.state[SIZE] = m
    refactor(s.a, s.row, s.irow, s.w, s.work, m)
    s.state[AGE] = 0


@inner
def renew(s):
    """Fresh inverse of the present basis; the cold basis where it is singular."""
    s.state[AGE] = 0
    if not refactor(s.a, s.row, s.irow, s.w, s.work, s.state[SIZE]):
        restart(s)


@inner
def set_duals(col, row, irow, w, n, k):
    """y = B⁻ᵀ c_B, kept behind the columns' reduced costs."""
    y = col[RED]
    c = row[VEC]
    cost = col[COSTP]
    for p in range(k):
        c[p] = cost[irow[BAS, p]]
    for p in range(k, (k + LANES - 1) // LANES * LANES):
        c[p] = 0.0
    for i in range(k):
        y[n + i] = product(w[i], c, k)


@inner
def remove_row(col, row, irow, islot, w, n, k, i, p):
    """Drop row i and basic place p; the last row and place move into the gaps. Returns k − 1."""
    inverse = 1.0 / w[i, p]
    for q in range(k):
        f = splat(w[q, p] * inverse)
        if q != i:
            for r in range(0, k, LANES):
                store_at(w, q, r, load_at(w, q, r) - f * load_at(w, i, r))
    last = k - 1
    islot[ACTIVE, irow[ACT, i]] = -1
    if i != last:
        for r in range(k):
            w[i, r] = w[last, r]
        irow[ACT, i] = irow[ACT, last]
        irow[SIDE, i] = irow[SIDE, last]
        islot[ACTIVE, irow[ACT, i]] = i
        row[REST, i] = row[REST, last]
        for f in (RED, DIR, LOWP, HIGHP):
            col[f, n + i] = col[f, n + last]
    if p != last:
        for q in range(k):
            w[q, p] = w[q, last]
        irow[BAS, p] = irow[BAS, last]
    for q in range(k):
        w[q, last] = 0.0
    return last


@inner
def place(col, a, slot, islot, row, irow, w, n, balances, state):
    """Make the old basis dual feasible for new numbers: drop lines of wrong sign, flip columns."""
    k = state[SIZE]
    red = col[RED]
    set_duals(col, row, irow, w, n, k)
    i = balances
    while i < k:
        s = irow[ACT, i]
        side = irow[SIDE, i]
        if slot[FLO, s] == slot[FHI, s]:
            side = 0
        elif side == 0:
            side = 1 if red[n + i] <= 0.0 else -1
        irow[SIDE, i] = side
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        if side * red[n + i] > 0.0 or abs(bound) >= BIG:
            p = 0
            for r in range(1, k):
                if abs(w[i, r]) > abs(w[i, p]):
                    p = r
            col[DIR, irow[BAS, p]] = 1.0
            k = remove_row(col, row, irow, islot, w, n, k, i, p)
            set_duals(col, row, irow, w, n, k)
            i = balances
        else:
            i += 1
    state[SIZE] = k
    low = col[LOWP]
    high = col[HIGHP]
    x = col[X]
    direction = col[DIR]
    flip(red, col[COSTP], low, high, x, direction, a, irow[ACT], k, n)
    for p in range(k):
        j = irow[BAS, p]
        direction[j] = 0.0
        x[j] = 0.0
        red[j] = 0.0
    row_products(row[FRESH], n, a, irow[ACT], k, x)
    state[KEPT] = 1
    for i in range(k):
        s = irow[ACT, i]
        side = irow[SIDE, i]
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        row[REST, i] = bound - slot[BASE, s] - row[FRESH, i]
        low[n + i] = slot[FLO, s]
        high[n + i] = slot[FHI, s]
        direction[n + i] = -float(side)
        if i >= balances:
            islot[HEAT, s] = HOT
    return k


@inner
def flip(red, cost, low, high, x, direction, a, act, k, n):
    """Reduced costs for the duals behind them, and every column at the bound that its own asks for."""
    zero = splat(0.0)
    one = splat(1.0)
    for j in range(0, n, 2 * LANES):
        d = load(cost, j)
        e = load(cost, j + LANES)
        for i in range(k):
            y = splat(red[n + i])
            d = d - y * load_at(a, act[i], j)
            e = e - y * load_at(a, act[i], j + LANES)
        store(red, j, d)
        store(red, j + LANES, e)
        top = load(high, j)
        floor = load(low, j)
        store(x, j, where_less(d, zero, top, floor))
        store(direction, j, where_less(floor, top, where_less(d, zero, zero - one, one), zero))
        top = load(high, j + LANES)
        floor = load(low, j + LANES)
        store(x, j + LANES, where_less(e, zero, top, floor))
        store(direction, j + LANES, where_less(floor, top, where_less(e, zero, zero - one, one), zero))


@inner
def breakpoint(red, alpha, direction, sense, small):
    """Dual step at which each of eight reduced costs reaches 0; BIG where it never does."""
    rate = sense * alpha * direction
    gap = larger(direction * red, splat(0.0))
    return where_less(small, rate, gap / where_less(small, rate, rate, splat(1.0)), splat(BIG))


@inner
def pivot_row(red, alpha, ratio, direction, blocks, a, act, g, k, n, s, sense, small):
    """The pivot row (of line s, or of a basic column where s < 0), breakpoints, and their least in each block.

    Returns the number of blocks.
    """
    way = splat(sense)
    least_pivot = splat(small)
    count = 0
    for j in range(0, n, BLOCK):
        if s >= 0:
            c0 = load_at(a, s, j)
            c1 = load_at(a, s, j + LANES)
            c2 = load_at(a, s, j + 2 * LANES)
            c3 = load_at(a, s, j + 3 * LANES)
        else:
            c0 = c1 = c2 = c3 = splat(0.0)
        for i in range(k):
            f = splat(g[i])
            row = act[i]
            c0 = c0 - f * load_at(a, row, j)
            c1 = c1 - f * load_at(a, row, j + LANES)
            c2 = c2 - f * load_at(a, row, j + 2 * LANES)
            c3 = c3 - f * load_at(a, row, j + 3 * LANES)
        store(alpha, j, c0)
        store(alpha, j + LANES, c1)
        store(alpha, j + 2 * LANES, c2)
        store(alpha, j + 3 * LANES, c3)
        c0 = breakpoint(load(red, j), c0, load(direction, j), way, least_pivot)
        c1 = breakpoint(load(red, j + LANES), c1, load(direction, j + LANES), way, least_pivot)
        c2 = breakpoint(load(red, j + 2 * LANES), c2, load(direction, j + 2 * LANES), way, least_pivot)
        c3 = breakpoint(load(red, j + 3 * LANES), c3, load(direction, j + 3 * LANES), way, least_pivot)
        store(ratio, j, c0)
        store(ratio, j + LANES, c1)
        store(ratio, j + 2 * LANES, c2)
        store(ratio, j + 3 * LANES, c3)
        blocks[count] = smallest(smaller(smaller(c0, c1), smaller(c2, c3)))
        count += 1
    for i in range(k):
        alpha[n + i] = g[i]
        rate = sense * g[i] * direction[n + i]
        ratio[n + i] = max(direction[n + i] * red[n + i], 0.0) / rate if rate > small else BIG
    last = n + (k + BLOCK - 1) // BLOCK * BLOCK
    for i in range(n + k, last):
        ratio[i] = BIG
    for j in range(n, last, BLOCK):
        blocks[count] = least_at(ratio, j)
        count += 1
    for j in range(count, count + LANES):
        blocks[j] = BIG
    return count


@inner
def least_block(blocks, count):
    """(least breakpoint of all, the block it is in)."""
    least = splat(BIG)
    for j in range(0, count, LANES):
        least = smaller(least, load(blocks, j))
    value = smallest(least)
    v = splat(value)
    for j in range(0, count, LANES):
        bits = equal_bits(load(blocks, j), v)
        if bits != 0:
            return value, j + trailing_zeros(bits)
    return BIG, 0  # not a number anywhere: no way on


@inner
def least_at(ratio, j):
    """Least breakpoint of the block that begins at j."""
    a = smaller(load(ratio, j), load(ratio, j + LANES))
    return smallest(smaller(a, smaller(load(ratio, j + 2 * LANES), load(ratio, j + 3 * LANES))))


@inner
def place_of(ratio, j, value):
    """Where in the block that begins at j the value stands first."""
    v = splat(value)
    bits = equal_bits(load(ratio, j), v) + (equal_bits(load(ratio, j + LANES), v) << 8)
    bits += (equal_bits(load(ratio, j + 2 * LANES), v) << 16) + (
        equal_bits(load(ratio, j + 3 * LANES), v) << 24
    )
    return j + trailing_zeros(bits)


@inner
def step_along(red, alpha, change, n, k):
    """red += change · alpha, also for the duals of the k rows."""
    f = splat(change)
    for j in range(0, n, LANES):
        store(red, j, load(red, j) + f * load(alpha, j))
    for i in range(k):
        red[n + i] += change * alpha[n + i]


@inner
def worst_candidate(col, a, slot, islot, n, balances, slots, tol):
    """(hot inactive line that exceeds its limit most, its flow); −1 if none does.

    A line is computed only if the dispatch has moved so far since the last look that it could have got
    to its limit. Lines that bound long ago, which are many, are looked at where no other is exceeded.
    """
    x = col[X]
    moved = distance(x, col[WAS], n)
    look = islot[LOOK]
    active = islot[ACTIVE]
    heat = islot[HEAT]
    near = islot[NEAR]
    room = slot[ROOM]
    reach = slot[REACH]
    early = 0
    late = slots
    for t in range(balances, slots):
        left = room[t] - moved * reach[t]
        if active[t] >= 0 or heat[t] == 0:
            left = 0.0
        elif left <= 10.0 * tol:
            if heat[t] >= HOT - LATELY:
                look[early] = t
                early += 1
            else:
                late -= 1
                look[late] = t
        room[t] = left
        near[t] = 0
    s, flow = look_at(col, a, slot, islot, n, look, early, tol)
    if s < 0 and late < slots:
        s, flow = look_at(col, a, slot, islot, n, look[late:], slots - late, tol)
    return s, flow


@inner
def look_at(col, a, slot, islot, n, look, count, tol):
    """The one of the listed lines that exceeds its limit most, and its flow."""
    flows = slot[LOOKED]
    row_products(flows, n, a, look, count, col[X])
    s = -1
    worst = tol
    flow = 0.0
    for i in range(count):
        t = look[i]
        islot[SEEN, t] = 1
        f = slot[BASE, t] + flows[i]
        v = max(slot[FLO, t] - f, f - slot[FHI, t])
        slot[ROOM, t] = -v
        islot[NEAR, t] = v > -10.0 * tol
        if v > worst:
            worst = v
            s = t
            flow = f
    return s, flow


@inner
def distance(x, was, n):
    """Σ |x − was|; `was` becomes x."""
    moved = splat(0.0)
    for j in range(0, n, LANES):
        v = load(x, j)
        moved = moved + magnitude(v - load(was, j))
        store(was, j, v)
    return total(moved)


@inner
def ratio_test(col, ratio, blocks, count, popped, sense, violation, tie, tol):
    """Long-step ratio test. Returns (entering, number popped, step); entering −1: none,
    with the violation that no flip can remove in place of the step.

    `popped` lists the columns passed; all of them but the entering one flip. Ties within `tie`
    prefer the larger pivot.
    """
    red = col[RED]
    alpha = col[ALPHA]
    direction = col[DIR]
    low = col[LOWP]
    high = col[HIGHP]
    slope = violation
    passed = 0
    entering = -1
    step = 0.0
    kept = 0
    last = 0.0
    while True:
        least, b = least_block(blocks, count)
        if least >= BIG:
            break
        if entering >= 0 and least > step + tie:
            break
        e = place_of(ratio, b * BLOCK, least)
        ratio[e] = BIG
        blocks[b] = least_at(ratio, b * BLOCK)
        popped[passed] = e
        passed += 1
        last = least
        if entering < 0:
            slope -= abs(alpha[e]) * (high[e] - low[e])
            if slope <= 0.0:
                entering = passed - 1
                step = least
                kept = passed
        elif abs(alpha[e]) > 2.0 * abs(alpha[popped[entering]]):
            entering = passed - 1
    if entering < 0 and (passed == 0 or slope > tol):
        return -1, 0, slope
    if entering < 0:  # all flips together leave rounding alone: nothing but the last of them can enter
        entering = passed - 1
        step = last
        kept = passed
    chosen = popped[entering]
    # a passed column within the tie that has a much larger pivot is the safer one to enter
    for t in range(kept):
        e = popped[t]
        if abs(alpha[e]) > 2.0 * abs(alpha[chosen]):
            if direction[e] * red[e] / (sense * alpha[e] * direction[e]) >= step - tie:
                chosen = e
    step = max(direction[chosen] * red[chosen], 0.0) / (sense * alpha[chosen] * direction[chosen])
    return chosen, kept, step


@inner
def dual_simplex(
    col, a, slot, islot, row, irow, w, work, blocks, popped, n, balances, state, tol, tie, limit
):
    """Optimal basis of the working set plus hot lines; the caller checks all other lines.

    `tol` [MW] is the primal tolerance, `tie` [$/MWh] the width of a tie of the ratio test.
    Returns OK, INFEASIBLE, STALLED, SINGULAR, REFACTOR or GROW_ROWS; `state` carries the basis.
    """
    k = state[SIZE]
    red = col[RED]
    x = col[X]
    alpha = col[ALPHA]
    direction = col[DIR]
    low = col[LOWP]
    high = col[HIGHP]
    rest = row[REST]
    xb = row[XB]
    norm = row[VEC2]
    g = row[GEE]
    basic = row[VEC]
    act = irow[ACT]
    bas = irow[BAS]
    for _ in range(limit):
        if state[AGE] >= 2 * OLD:
            return REFACTOR
        # leaving variable: largest violation in the norm of the dual steepest edge
        combine_square(w, rest, k, xb, norm)
        best = 0.0
        p = -1
        for r in range(k):
            j = bas[r]
            v = max(low[j] - xb[r], xb[r] - high[j])
            if v > tol and v * v > best * norm[r]:
                best = v * v / norm[r]
                p = r
        s = -1
        flow = 0.0
        if p < 0:
            for r in range(k):
                x[bas[r]] = xb[r]
            s, flow = worst_candidate(col, a, slot, islot, n, balances, state[SLOTS], tol)
            if s < 0:
                return OK
            if k >= w.shape[0]:
                return GROW_ROWS
        if p >= 0:
            value = xb[p]
            sense = 1.0 if value < low[bas[p]] else -1.0
            goal = low[bas[p]] if sense > 0 else high[bas[p]]
            for i in range(k):
                g[i] = w[i, p]
        else:
            value = flow
            sense = 1.0 if flow < slot[FLO, s] else -1.0
            goal = slot[FLO, s] if sense > 0 else slot[FHI, s]
            own = a[s]
            for r in range(k):
                basic[r] = own[bas[r]]
            for r in range(k, (k + LANES - 1) // LANES * LANES):
                basic[r] = 0.0
            for i in range(k):
                g[i] = product(w[i], basic, k)
        small = 1e-8 * (1.0 + largest(g, k))
        count = pivot_row(red, alpha, col[RATIO], direction, blocks, a, act, g, k, n, s, sense, small)
        e, kept, step = ratio_test(col, col[RATIO], blocks, count, popped, sense, abs(goal - value), tie, tol)
        if e < 0:  # the violation that remains with every column at its best
            if state[AGE] > 0:
                return REFACTOR
            if step > 1e4 * tol:
                return INFEASIBLE
            if s < 0:
                return SINGULAR
            islot[HEAT, s] = 0  # a row that depends on active ones: rounding, and the final check decides
            continue
        state[PIVOTS] += 1
        state[KEPT] = 0
        # bound flips of the passed columns and limits
        added = 0.0
        for t in range(kept):
            j = popped[t]
            if j == e:
                continue
            state[FLIPS] += 1
            move = direction[j] * (high[j] - low[j])
            direction[j] = -direction[j]
            if j < n:
                x[j] += move
                for i in range(k):
                    rest[i] -= a[act[i], j] * move
                if s >= 0:
                    added += a[s, j] * move
            else:
                rest[j - n] += move
                irow[SIDE, j - n] = -irow[SIDE, j - n]
        step_along(red, alpha, -step * sense, n, k)
        u = row[VEC]
        part = row[VEC3]
        if e < n:  # column e enters: u = B⁻¹ A_e
            for i in range(k):
                part[i] = a[act[i], e]
            combine(w, part, k, u)
        if p >= 0:
            j = bas[p]
            if e < n:
                pivot = u[p]
                if abs(pivot + alpha[e]) > 1e-6 * abs(pivot) + 1e-9 or abs(pivot) < 1e-9:
                    return REFACTOR if state[AGE] > 0 else SINGULAR
                for i in range(k):
                    rest[i] += a[act[i], e] * x[e] - a[act[i], j] * goal
                inverse = 1.0 / pivot
                u[p] -= 1.0  # leaves w[i, p] / pivot in place p
                for i in range(k):
                    part[i] = -w[i, p] * inverse
                add_product(w, part, u, k)
                bas[p] = e
                direction[e] = 0.0
                red[e] = 0.0
            else:
                if abs(w[e - n, p]) < 1e-9:
                    return REFACTOR if state[AGE] > 0 else SINGULAR
                for i in range(k):
                    rest[i] -= a[act[i], j] * goal
                k = remove_row(col, row, irow, islot, w, n, k, e - n, p)
            x[j] = goal
            direction[j] = sense if high[j] > low[j] else 0.0
            red[j] = sense * step
        else:
            # right-hand side of the new row without its basic columns
            load = goal - flow - added
            for r in range(k):
                load += a[s, bas[r]] * xb[r]
            side = -1 if sense > 0 else 1
            if slot[FLO, s] == slot[FHI, s]:
                side = 0
            if e < n:
                inner = a[s, e]
                for i in range(k):
                    inner -= g[i] * a[act[i], e]
                if abs(inner) < 1e-9:
                    return REFACTOR if state[AGE] > 0 else SINGULAR
                inverse = 1.0 / inner
                for i in range(k):
                    part[i] = g[i] * inverse
                add_product(w, part, u, k)
                for i in range(k):
                    w[i, k] = -part[i]
                for r in range(k):
                    w[k, r] = -u[r] * inverse
                w[k, k] = inverse
                for i in range(k):
                    rest[i] += a[act[i], e] * x[e]
                load += a[s, e] * x[e]
                bas[k] = e
                direction[e] = 0.0
                red[e] = 0.0
                i = k
                k += 1
            else:
                i = e - n
                if abs(g[i]) < 1e-9:
                    return REFACTOR if state[AGE] > 0 else SINGULAR
                inverse = 1.0 / g[i]
                old = w[i]
                for r in range(k):
                    old[r] *= inverse
                for c in range(k):
                    f = splat(g[c])
                    if c != i:
                        for r in range(0, k, LANES):
                            store_at(w, c, r, load_at(w, c, r) - f * load_at(w, i, r))
                islot[ACTIVE, act[i]] = -1
            act[i] = s
            irow[SIDE, i] = side
            islot[ACTIVE, s] = i
            islot[HEAT, s] = HOT
            rest[i] = load
            red[n + i] = sense * step
            direction[n + i] = -float(side)
            low[n + i] = slot[FLO, s]
            high[n + i] = slot[FHI, s]
        state[SIZE] = k
        state[AGE] += 1
    return STALLED

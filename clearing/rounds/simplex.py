"""Bounded dual simplex with bound flipping on balance rows and binding lines (rounds.md, section 10).

Every column is boxed, so any basis becomes dual feasible once each nonbasic column stands at the
bound that its reduced cost asks for: the basis of the last round starts phase 2 of this one.

The leaving variable z is a basic column or the flow of an inactive line. In terms of the nonbasic
columns j and of the limits b_i of the active lines, z = const + Σ α_j x_j + Σ g_i b_i, so a limit
enters the ratio test as one more boxed column whose reduced cost is the row's dual y_i.
"""

from __future__ import annotations

from clearing.rounds.compiled import greater, inner, lesser, merged, reduction, summing
from clearing.rounds.dense import add_product, add_rows, combine, dot, invert, largest, square
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    AGE,
    ALPHA,
    BAS,
    BASE,
    BIG,
    COSTP,
    DIR,
    FHI,
    FLIPS,
    FLO,
    GEE,
    GROW_ROWS,
    HEAT,
    HIGHP,
    INFEASIBLE,
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
from clearing.rounds.store import BALANCES

BLOCK = 32
OLD = 50  # pivots after which the inverse is computed afresh
HOT = 10  # rounds for which a line that has bound is checked at every pivot


@inner
def refactor(a, row, irow, w, work, k):
    """w[i, p] = transposed inverse of the basis matrix; False if singular."""
    for i in range(k):
        for p in range(k):
            work[p, i] = a[irow[ACT, i], irow[BAS, p]]
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


@merged
def set_duals(col, irow, w, n, k):
    """y = B⁻ᵀ c_B, kept behind the columns' reduced costs."""
    y = col[RED]
    for i in range(k):
        y[n + i] = 0.0
    for p in range(k):
        c = col[COSTP, irow[BAS, p]]
        for i in range(k):
            y[n + i] += c * w[i, p]


@inner
def remove_row(col, row, irow, islot, w, n, k, i, p):
    """Drop row i and basic place p; the last row and place move into the gaps. Returns k − 1."""
    inverse = 1.0 / w[i, p]
    gone = w[i]
    for q in range(k):
        if q != i:
            f = w[q, p] * inverse
            mine = w[q]
            if f != 0.0:
                for r in range(k):
                    mine[r] -= f * gone[r]
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
    return last


@merged
def place(col, icol, a, slot, islot, row, irow, w, n, balances, state):
    """Make the old basis dual feasible for new numbers: drop lines of wrong sign, flip columns."""
    k = state[SIZE]
    set_duals(col, irow, w, n, k)
    i = balances
    while i < k:
        s = irow[ACT, i]
        side = irow[SIDE, i]
        if slot[FLO, s] == slot[FHI, s]:
            side = 0
        elif side == 0:
            side = 1 if col[RED, n + i] <= 0.0 else -1
        irow[SIDE, i] = side
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        if side * col[RED, n + i] > 0.0 or abs(bound) >= BIG:
            p = 0
            for r in range(1, k):
                if abs(w[i, r]) > abs(w[i, p]):
                    p = r
            col[DIR, irow[BAS, p]] = 1.0
            k = remove_row(col, row, irow, islot, w, n, k, i, p)
            set_duals(col, irow, w, n, k)
            i = balances
        else:
            i += 1
    state[SIZE] = k
    for j in range(n):
        col[RED, j] = col[COSTP, j]
    add_rows(col[RED], n, a, irow[ACT], col[RED, n:], k, -1.0)
    red = col[RED]
    low = col[LOWP]
    high = col[HIGHP]
    for j in range(n):
        up = red[j] < 0.0
        col[X, j] = high[j] if up else low[j]
        d = -1.0 if up else 1.0
        col[DIR, j] = d if high[j] > low[j] else 0.0
    for p in range(k):
        j = irow[BAS, p]
        col[DIR, j] = 0.0
        col[X, j] = 0.0
        red[j] = 0.0
    for i in range(k):
        s = irow[ACT, i]
        side = irow[SIDE, i]
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        row[REST, i] = bound - slot[BASE, s] - dot(a[s], col[X], n)
        low[n + i] = slot[FLO, s]
        high[n + i] = slot[FHI, s]
        col[DIR, n + i] = -float(side)
        if i >= balances:
            islot[HEAT, s] = HOT
    return k


@reduction
def least_of(values, count):
    """Smallest of the first `count` values."""
    least = BIG
    for i in range(count):
        least = lesser(least, values[i])
    return least


@reduction
def breakpoints(ratio, red, alpha, direction, blocks, total, sense, small):
    """Dual step at which each reduced cost reaches 0, and its least value in each block."""
    for j in range(total):
        den = sense * alpha[j] * direction[j]
        num = greater(direction[j] * red[j], 0.0)
        moves = den > small
        r = num / (den if moves else 1.0)
        ratio[j] = r if moves else BIG
    count = (total + BLOCK - 1) // BLOCK
    for j in range(count * BLOCK - total):
        ratio[total + j] = BIG
    for b in range(count):
        blocks[b] = least_of(ratio[b * BLOCK :], BLOCK)
    return count


@summing
def distance(x, was, n):
    """Σ |x − was|; `was` becomes x."""
    moved = 0.0
    for j in range(n):
        moved += abs(x[j] - was[j])
        was[j] = x[j]
    return moved


@merged
def ratio_test(col, red, alpha, ratio, direction, blocks, popped, total, sense, violation, tie, small, tol):
    """Long-step ratio test. Returns (entering, number popped, step); entering −1: none,
    with the violation that no flip can remove in place of the step.

    `popped` lists the columns passed; all of them but the entering one flip. Ties within `tie`
    prefer the larger pivot.
    """
    low = col[LOWP]
    high = col[HIGHP]
    count = breakpoints(ratio, red, alpha, direction, blocks, total, sense, small)
    slope = violation
    passed = 0
    entering = -1
    step = 0.0
    kept = 0
    last = 0.0
    while True:
        b = 0
        least = blocks[0]
        for c in range(1, count):
            if blocks[c] < least:
                least = blocks[c]
                b = c
        if least >= BIG:
            break
        if entering >= 0 and least > step + tie:
            break
        own = ratio[b * BLOCK : b * BLOCK + BLOCK]
        e = 0
        while own[e] != least:
            e += 1
        own[e] = BIG
        blocks[b] = least_of(own, BLOCK)
        e += b * BLOCK
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
    col, icol, a, slot, islot, row, irow, w, work, blocks, popped, n, balances, state, tol, tie, limit
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
    act = irow[ACT]
    bas = irow[BAS]
    looked = False  # at the candidate lines since the numbers changed
    for _ in range(limit):
        if state[AGE] >= 2 * OLD:
            return REFACTOR
        # leaving variable: largest violation in the norm of the dual steepest edge
        combine(w, rest, k, xb)
        square(w, k, norm)
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
            moved = distance(x, col[WAS], n)
            for t in range(balances, state[SLOTS]):
                if islot[ACTIVE, t] < 0 and islot[HEAT, t] > 0:
                    slot[ROOM, t] -= moved * slot[REACH, t]
                    if looked and slot[ROOM, t] > 10.0 * tol:
                        continue
                    f = slot[BASE, t] + dot(a[t], x, n)
                    v = max(slot[FLO, t] - f, f - slot[FHI, t])
                    slot[ROOM, t] = -v
                    islot[NEAR, t] = v > -10.0 * tol
                    if v > tol and v > best:
                        best = v
                        s = t
                        flow = f
                else:
                    islot[NEAR, t] = 0
                    slot[ROOM, t] = 0.0
            looked = True
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
            for j in range(n):
                alpha[j] = 0.0
        else:
            value = flow
            sense = 1.0 if flow < slot[FLO, s] else -1.0
            goal = slot[FLO, s] if sense > 0 else slot[FHI, s]
            own = a[s]
            for i in range(k):
                f = 0.0
                for r in range(k):
                    f += own[bas[r]] * w[i, r]
                g[i] = f
            for j in range(n):
                alpha[j] = own[j]
        add_rows(alpha, n, a, act, g, k, -1.0)
        for i in range(k):
            alpha[n + i] = g[i]
        e, kept, step = ratio_test(
            col,
            red,
            alpha,
            col[RATIO],
            direction,
            blocks,
            popped,
            n + k,
            sense,
            abs(goal - value),
            tie,
            1e-8 * (1.0 + largest(g, k)),
            tol,
        )
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
        change = -step * sense
        for j in range(n + k):
            red[j] += change * alpha[j]
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
                    if c != i:
                        mine = w[c]
                        f = g[c]
                        for r in range(k):
                            mine[r] -= f * old[r]
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

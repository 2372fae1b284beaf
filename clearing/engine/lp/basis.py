"""The working basis: its inverse, and how the basis of the last round starts this one."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import sum_sites
from clearing.engine.linalg.dense import invert, product, row_products, sum_rows
from clearing.engine.linalg.simd import LANES, load, load_at, splat, store, store_at, where_less
from clearing.engine.memory.statuses import BIG, HOT


@inner
def factorise_basis(s, k):
    """w[i, p] = transposed inverse of the k × k basis matrix; False if singular."""
    w = s.basis_inverse
    work = s.square_work
    for i in range(k):
        for p in range(k):
            work[p, i] = s.matrix[s.basis_slot[i], s.basic_column[p]]
    # places behind the basis take part in all that is done eight at a time, so they have to stay 0
    for i in range(w.shape[0]):
        for p in range(k if i < k else 0, w.shape[1]):
            w[i, p] = 0.0
    return invert(work, w, k)


@inner
def start_cold(s):
    """The basis that every engine starts from: one column for each balance row."""
    m = s.balances
    for t in range(s.slots):
        s.slot_row[t] = -1
    for i in range(m):
        s.basis_slot[i] = i
        s.basis_side[i] = 0
        s.basic_column[i] = s.cold_columns[i]
        s.slot_row[i] = i
    s.basis_size = m
    factorise_basis(s, m)
    s.inverse_age = 0


@inner
def refactorise(s):
    """Fresh inverse of the present basis; the cold basis where it is singular."""
    s.inverse_age = 0
    if not factorise_basis(s, s.basis_size):
        start_cold(s)


@merged
def set_duals(s):
    """y = B⁻ᵀ c_B, kept behind the columns' reduced costs."""
    short_loops()
    n = s.columns
    k = s.basis_size
    y = s.reduced_cost
    c = s.lp.basic_cost
    w = s.basis_inverse
    cost = s.working_cost
    bas = s.basic_column
    for p in range(k):
        c[p] = cost[bas[p]]
    for p in range(k, (k + LANES - 1) // LANES * LANES):
        c[p] = 0.0
    for i in range(k):
        y[n + i] = product(w[i], c, k)


@inner
def remove_row(s, k, i, p):
    """Drop row i and basic place p; the last row and place move into the gaps. Returns k − 1."""
    short_loops()
    w = s.basis_inverse
    n = s.columns
    inverse = 1.0 / w[i, p]
    for q in range(k):
        f = splat(w[q, p] * inverse)
        if q != i:
            for r in range(0, k, LANES):
                store_at(w, q, r, load_at(w, q, r) - f * load_at(w, i, r))
    last = k - 1
    act = s.basis_slot
    s.slot_row[act[i]] = -1
    if i != last:
        for r in range(k):
            w[i, r] = w[last, r]
        act[i] = act[last]
        s.basis_side[i] = s.basis_side[last]
        s.slot_row[act[i]] = i
        s.lp.right_side[i] = s.lp.right_side[last]
        for behind in (s.reduced_cost, s.lp.move, s.working_lower, s.working_upper):
            behind[n + i] = behind[n + last]
    if p != last:
        for q in range(k):
            w[q, p] = w[q, last]
        s.basic_column[p] = s.basic_column[last]
    for q in range(k):
        w[q, last] = 0.0
    return last


@inner
def make_dual_feasible(s):
    """Make the old basis dual feasible for new numbers: drop lines of wrong sign, flip columns."""
    short_loops()
    n = s.columns
    balances = s.balances
    k = s.basis_size
    red = s.reduced_cost
    act = s.basis_slot
    bas = s.basic_column
    sides = s.basis_side
    least = s.flow_lower
    most = s.flow_upper
    set_duals(s)
    i = balances
    while i < k:
        t = act[i]
        side = sides[i]
        if least[t] == most[t]:
            side = 0
        elif side == 0:
            side = 1 if red[n + i] <= 0.0 else -1
        sides[i] = side
        bound = least[t] if side < 0 else most[t]
        if side * red[n + i] > 0.0 or abs(bound) >= BIG:
            p = 0
            for r in range(1, k):
                if abs(s.basis_inverse[i, r]) > abs(s.basis_inverse[i, p]):
                    p = r
            s.lp.move[bas[p]] = 1.0
            k = remove_row(s, k, i, p)
            s.basis_size = k
            set_duals(s)
            i = balances
        else:
            i += 1
    price_and_flip(s, n, k)
    low = s.working_lower
    high = s.working_upper
    x = s.dispatch
    direction = s.lp.move
    for p in range(k):
        j = bas[p]
        direction[j] = 0.0
        x[j] = 0.0
        red[j] = 0.0
    fresh = s.bounds_activity
    rest = s.lp.right_side
    base = s.base_flow
    heat = s.heat
    sum_sites(s, s.site_injection)
    row_products(fresh, s.sites, s.site_matrix, act, k, s.site_injection)
    s.bounds_activity_kept = 1
    s.injection_kept = 0
    for i in range(k):
        t = act[i]
        side = sides[i]
        bound = least[t] if side < 0 else most[t]
        rest[i] = bound - base[t] - fresh[i]
        low[n + i] = least[t]
        high[n + i] = most[t]
        direction[n + i] = -float(side)
        if i >= balances:
            heat[t] = HOT


@merged
def price_and_flip(s, n, k):
    """Reduced costs for the duals behind them, and every column at the bound that its own asks for."""
    red = s.reduced_cost
    cost = s.working_cost
    sign = s.sign
    low = s.working_lower
    high = s.working_upper
    x = s.dispatch
    direction = s.lp.move
    worth = s.site_row
    sum_rows(worth, s.sites, s.site_matrix, s.basis_slot, red[n:], k)
    zero = splat(0.0)
    one = splat(1.0)
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            j = at + b
            d = load(cost, j) - load(sign, j) * load(worth, b)
            top = load(high, j)
            floor = load(low, j)
            store(red, j, d)
            store(x, j, where_less(d, zero, top, floor))
            store(direction, j, where_less(floor, top, where_less(d, zero, zero - one, one), zero))

"""Rows that share a dual, directions in which duals are free, and what these move."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.dense import sum_rows
from clearing.rounds.elimination import dependence
from clearing.rounds.fields import (
    APART,
    BTMP2,
    BUS_AT,
    BUYS,
    COLUMN,
    DEMAND,
    FELT,
    FIRST,
    LINE,
    LOCAL,
    MET,
    MOVED,
    N_STIR,
    N_TOUCH,
    NORM,
    OWN,
    PLAIN,
    PULL,
    RISE,
    ROWS,
    SENSE,
    SHARE,
    SIGN,
    SITE,
    STILL,
    SUSC,
    TIEROWS,
    TOUCHED,
    TWIN,
    TWINSFELT,
    VEC3,
    XB,
)
from clearing.rounds.lanes import (
    LANES,
    greatest,
    larger,
    less_bits,
    load,
    magnitude,
    smaller,
    splat,
    trailing_zeros,
)
from clearing.rounds.sites import combine
from clearing.rounds.store import BALANCES, BUSES, ISLANDS, LAYERS, SITES

SMALL = 1e-9  # part of a direction that counts as none


@inner
def set_twins_apart(s, m):
    """List the rows that are no twins of earlier ones in irow[OWN]; returns their number.

    irow[FIRST] is the first twin of each row. row[NORM] becomes what the square of a row's dual counts in the
    norm: |b| of a line; of twins, which share a dual best by 1/|b|, what the square of the whole counts.
    """
    short_loops()
    own = s.irow[OWN]
    rows = s.irow[ROWS]
    first = s.irow[FIRST]
    norm = s.row[NORM]
    met = s.islot[MET]
    balances = s.head[BALANCES]
    grouped = s.head[ISLANDS] == 1
    count = 0
    felt = 0
    for i in range(m):
        own[count] = i
        first[i] = i
        norm[i] = 0.0
        if i < balances:
            count += 1
            continue
        norm[i] = abs(s.lin[SUSC, s.islot[LINE, rows[i]]])
        twin = s.islot[TWIN, rows[i]]
        at = met[twin]
        if grouped and balances <= at < i and s.islot[TWIN, rows[at]] == twin:
            first[i] = at
            norm[at] = norm[at] * norm[i] / (norm[at] + norm[i])
            felt |= twins_felt(s, rows[at], rows[i])
            continue
        met[twin] = i
        count += 1
    s.state[TWINSFELT] = felt
    return count


@merged
def twins_felt(s, first, second):
    """Whether it matters to a price how two slots share their dual; kept while the fixed demand stays."""
    known = s.islot[FELT, second]
    if known >> 1 == first + 1:
        return known & 1
    s.irow[TIEROWS, 0], s.irow[TIEROWS, 1] = first, second
    s.row[VEC3, 0], s.row[VEC3, 1] = -s.slot[SENSE, second] * s.slot[SENSE, first], 1.0
    felt = 1 if is_felt(s, 2) else 0
    s.islot[FELT, second] = 2 * (first + 1) + felt
    return felt


@inner
def set_directions(s, m, own, f):
    """Directions in which the duals of the m rows are free, of `own` that are no twins, and what they move."""
    short_loops()
    used = s.row[XB]
    for i in range(m):
        used[i] = 0.0
    apart = True
    plain = s.head[ISLANDS] == 1
    for d in range(own - f):
        z = s.null[d]
        dependence(s, f + d, f, m, z)
        for i in range(m):
            if z[i] != 0.0:
                apart &= used[i] == 0.0
                used[i] = 1.0
        count = support(s, z, m)
        combine(s, s.irow[TIEROWS], s.row[VEC3], count)
        moved = splat(0.0)
        for b in range(0, s.head[SITES], LANES):
            moved = larger(moved, magnitude(load(s.site[SHARE], b)))
        still = greatest(moved) <= SMALL
        felt = is_felt(s, count)
        s.irow[STILL, d] = 1 if still else 0
        list_touched(s, d)
        plain &= still and not felt
    s.state[APART] = 1 if apart else 0
    s.state[PLAIN] = 1 if plain else 0


@inner
def list_touched(s, d):
    """Columns and buses that site[SHARE] and bus[BTMP2], the moves of direction d, reach, if they are few."""
    short_loops()
    share = s.site[SHARE]
    sign = s.col[SIGN]
    columns = 0
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            bits = less_bits(splat(SMALL), magnitude(load(sign, at + b) * load(share, b)))
            while bits != 0:
                i = b + trailing_zeros(bits)
                bits &= bits - 1
                if columns < LOCAL:
                    s.touch[N_TOUCH * d + COLUMN, columns] = at + i
                    s.touch[N_TOUCH * d + SITE, columns] = i
                    s.stir[N_STIR * d + PULL, columns] = sign[at + i] * share[i]
                columns += 1
    move = s.bus[BTMP2]
    buses = 0
    for b in range(0, s.head[BUSES], LANES):
        bits = less_bits(splat(SMALL), magnitude(load(move, b)))
        while bits != 0:
            i = b + trailing_zeros(bits)
            bits &= bits - 1
            if buses < LOCAL:
                s.touch[N_TOUCH * d + BUS_AT, buses] = i
                s.stir[N_STIR * d + RISE, buses] = move[i]
            buses += 1
    s.irow[TOUCHED, d] = columns if columns <= LOCAL and buses <= LOCAL else -1
    s.irow[MOVED, d] = buses


@inner
def support(s, z, m):
    """Rows where z is not 0: slots in irow[TIEROWS], entries in row[VEC3]. Returns their number."""
    short_loops()
    count = 0
    for i in range(m):
        if z[i] != 0.0:
            s.irow[TIEROWS, count] = s.irow[ROWS, i]
            s.row[VEC3, count] = z[i]
            count += 1
    return count


@inner
def is_felt(s, count):
    """Whether the direction in irow[TIEROWS], row[VEC3] moves the price of a bus where demand may be served."""
    move = s.bus[BTMP2]
    buses = s.bus.shape[1]
    sum_rows(move, buses, s.ptdf, s.irow[TIEROWS], s.row[VEC3], count)
    most = splat(0.0)
    weighted = splat(0.0)
    one = splat(1.0)
    for b in range(0, buses, LANES):
        v = magnitude(load(move, b))
        most = larger(most, v)
        weight = smaller(load(s.bus[BUYS], b) + larger(load(s.bus[DEMAND], b), splat(0.0)), one)
        weighted = larger(weighted, weight * v)
    return greatest(weighted) > SMALL * greatest(most)

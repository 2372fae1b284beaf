"""Rows that share a dual, directions in which duals are free, and what these move."""

from __future__ import annotations

from clearing.engine.canonical.elimination import dependence
from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import combine_rows
from clearing.engine.linalg.dense import sum_rows
from clearing.engine.linalg.simd import (
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
from clearing.engine.memory.declare import LOCAL

SMALL = 1e-9  # part of a direction that counts as none


@inner
def group_twins(s, m):
    """List the rows that are no twins of earlier ones in `own_rows`; returns their number.

    `first_twin` is the first twin of each row. `norm_weight` becomes what the square of a row's dual counts
    in the norm: |b| of a line; of twins, which share a dual best by 1/|b|, what the square of the whole
    counts.
    """
    short_loops()
    own = s.own_rows
    rows = s.active_rows
    first = s.first_twin
    norm = s.norm_weight
    met = s.twin_row
    balances = s.balances
    grouped = s.islands == 1
    count = 0
    felt = 0
    for i in range(m):
        own[count] = i
        first[i] = i
        norm[i] = 0.0
        if i < balances:
            count += 1
            continue
        norm[i] = abs(s.susceptance[s.slot_line[rows[i]]])
        twin = s.twin[rows[i]]
        at = met[twin]
        if grouped and balances <= at < i and s.twin[rows[at]] == twin:
            first[i] = at
            norm[at] = norm[at] * norm[i] / (norm[at] + norm[i])
            felt |= twins_felt(s, rows[at], rows[i])
            continue
        met[twin] = i
        count += 1
    s.twins_felt = felt
    return count


@merged
def twins_felt(s, first, second):
    """Whether it matters to a price how two slots share their dual; kept while the fixed demand stays."""
    known = s.twin_felt[second]
    if known >> 1 == first + 1:
        return known & 1
    s.proof.support_slot[0], s.proof.support_slot[1] = first, second
    s.proof.support_entry[0], s.proof.support_entry[1] = -s.twin_sense[second] * s.twin_sense[first], 1.0
    felt = 1 if moves_a_paid_price(s, 2) else 0
    s.twin_felt[second] = 2 * (first + 1) + felt
    return felt


@inner
def set_directions(s, m, own, f):
    """Directions in which the duals of the m rows are free, of `own` that are no twins, and what they move."""
    short_loops()
    used = s.proof.row_used
    for i in range(m):
        used[i] = 0.0
    apart = True
    plain = s.islands == 1
    for d in range(own - f):
        z = s.null_vectors[d]
        dependence(s, f + d, f, m, z)
        for i in range(m):
            if z[i] != 0.0:
                apart &= used[i] == 0.0
                used[i] = 1.0
        count = list_support(s, z, m)
        combine_rows(s, s.proof.support_slot, s.proof.support_entry, count)
        moved = splat(0.0)
        for b in range(0, s.sites, LANES):
            moved = larger(moved, magnitude(load(s.site_row, b)))
        still = greatest(moved) <= SMALL
        felt = moves_a_paid_price(s, count)
        s.is_still[d] = 1 if still else 0
        list_touched(s, d)
        plain &= still and not felt
    s.directions_disjoint = 1 if apart else 0
    s.directions_unfelt = 1 if plain else 0


@inner
def list_touched(s, d):
    """Columns and buses that `site_row` and `proof.lmp_rate`, the moves of direction d, reach, if they are
    few.
    """
    short_loops()
    share = s.site_row
    sign = s.sign
    columns = 0
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            bits = less_bits(splat(SMALL), magnitude(load(sign, at + b) * load(share, b)))
            while bits != 0:
                i = b + trailing_zeros(bits)
                bits &= bits - 1
                if columns < LOCAL:
                    s.moved_column[d, columns] = at + i
                    s.moved_site[d, columns] = i
                    s.moved_pull[d, columns] = sign[at + i] * share[i]
                columns += 1
    move = s.proof.lmp_rate
    buses = 0
    for b in range(0, s.buses, LANES):
        bits = less_bits(splat(SMALL), magnitude(load(move, b)))
        while bits != 0:
            i = b + trailing_zeros(bits)
            bits &= bits - 1
            if buses < LOCAL:
                s.moved_bus[d, buses] = i
                s.moved_rise[d, buses] = move[i]
            buses += 1
    s.moved_column_count[d] = columns if columns <= LOCAL and buses <= LOCAL else -1
    s.moved_bus_count[d] = buses


@inner
def list_support(s, z, m):
    """Rows where z is not 0: slots in `proof.support_slot`, entries in `proof.support_entry`. Returns their
    number.
    """
    short_loops()
    count = 0
    for i in range(m):
        if z[i] != 0.0:
            s.proof.support_slot[count] = s.active_rows[i]
            s.proof.support_entry[count] = z[i]
            count += 1
    return count


@inner
def moves_a_paid_price(s, count):
    """Whether the direction in `proof.support_slot`, `proof.support_entry` moves the price of a bus where
    demand may be served.
    """
    move = s.proof.lmp_rate
    buses = s.bus_width
    sum_rows(move, buses, s.ptdf, s.proof.support_slot, s.proof.support_entry, count)
    most = splat(0.0)
    weighted = splat(0.0)
    one = splat(1.0)
    for b in range(0, buses, LANES):
        v = magnitude(load(move, b))
        most = larger(most, v)
        weight = smaller(load(s.has_demand, b) + larger(load(s.net_demand, b), splat(0.0)), one)
        weighted = larger(weighted, weight * v)
    return greatest(weighted) > SMALL * greatest(most)

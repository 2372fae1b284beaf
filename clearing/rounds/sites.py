"""Passes over sites and the layers of columns beneath them; see `layout`."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged
from clearing.rounds.dense import sum_rows
from clearing.rounds.fields import DEMAND, HIGH, LOW, NET, SHARE, SIGN, WORTH, X
from clearing.rounds.lanes import (
    LANES,
    gather,
    greatest,
    larger,
    load,
    magnitude,
    splat,
    store,
    where_less,
)
from clearing.rounds.store import APIECE, LAYERS, LINKS, ORDER_SITES, SITES


@inner
def net(s, out):
    """out (sites,) = net injections of the dispatch X."""
    sign = s.col[SIGN]
    x = s.col[X]
    for b in range(0, s.head[SITES], LANES):
        store(out, b, load(sign, b) * load(x, b))
    for layer in range(1, s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            store(out, b, load(out, b) + load(sign, at + b) * load(x, at + b))


@merged
def whole(s, site):
    """What one site injects, by the same additions."""
    sign = s.col[SIGN]
    x = s.col[X]
    mw = sign[site] * x[site]
    for layer in range(1, s.head[LAYERS]):
        if site < s.width[layer]:
            j = s.first[layer] + site
            mw += sign[j] * x[j]
    return mw


@merged
def net_again(s, columns, count):
    """Makes site[NET], which is right for all but some columns, right for these too."""
    for t in range(count):
        site = s.site_of[columns[t]]
        s.site[NET, site] = whole(s, site)


@inner
def inject(s, inj):
    """inj (buses,) = injections site[NET] minus the fixed demand."""
    demand = s.bus[DEMAND]
    mw = s.site[NET]
    if s.head[APIECE] > 0:  # each bus has one site at most
        for b in range(0, s.bus.shape[1], LANES):
            store(inj, b, gather(mw, s.bus_site, b) - load(demand, b))
        return
    for b in range(0, s.bus.shape[1], LANES):
        store(inj, b, splat(0.0) - load(demand, b))
    at = s.site_bus
    last = s.head[ORDER_SITES]
    for i in range(last):
        inj[at[i]] += mw[i]
    for i in range(last, last + s.head[LINKS]):
        inj[s.into[i]] += mw[i]
        inj[s.out[i]] -= mw[i]


@merged
def value(s, lam):
    """site[WORTH] = price at each site, and what links earn, of the buses' prices `lam`."""
    worth = s.site[WORTH]
    for b in range(0, s.head[SITES], LANES):
        store(worth, b, gather(lam, s.site_bus, b))
    last = s.head[ORDER_SITES]
    for i in range(last, last + s.head[LINKS]):
        worth[i] = lam[s.into[i]] - lam[s.out[i]]


@inner
def combine(s, slots, weight, count):
    """site[SHARE] = Σ_i weight_i · row of slot slots_i."""
    sum_rows(s.site[SHARE], s.head[SITES], s.rows, slots, weight, count)


@inner
def spread(s, target):
    """target (columns,) = site[SHARE] per MW of each column."""
    sign = s.col[SIGN]
    share = s.site[SHARE]
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            store(target, at + b, load(sign, at + b) * load(share, b))


@inner
def touched(s):
    """Largest |site[SHARE]| of a column that is not fixed."""
    share = s.site[SHARE]
    low = s.col[LOW]
    high = s.col[HIGH]
    zero = splat(0.0)
    most = zero
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            most = larger(
                most, where_less(load(low, at + b), load(high, at + b), magnitude(load(share, b)), zero)
            )
    return greatest(most)

"""Passes over sites and the layers of columns beneath them; see `column_layout`."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged
from clearing.engine.linalg.dense import sum_rows
from clearing.engine.linalg.simd import (
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


@inner
def sum_sites(s, out):
    """out (sites,) = net injections of the dispatch X."""
    sign = s.sign
    x = s.dispatch
    for b in range(0, s.sites, LANES):
        store(out, b, load(sign, b) * load(x, b))
    for layer in range(1, s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            store(out, b, load(out, b) + load(sign, at + b) * load(x, at + b))


@merged
def sum_site(s, site):
    """What one site injects, by the same additions."""
    sign = s.sign
    x = s.dispatch
    mw = sign[site] * x[site]
    for layer in range(1, s.layers):
        if site < s.layer_width[layer]:
            j = s.layer_first[layer] + site
            mw += sign[j] * x[j]
    return mw


@merged
def sum_sites_again(s, columns, count):
    """Makes `site_injection`, which is right for all but some columns, right for these too."""
    for t in range(count):
        site = s.column_site[columns[t]]
        s.site_injection[site] = sum_site(s, site)


@inner
def inject_at_buses(s, inj):
    """inj (buses,) = injections `site_injection` minus the fixed demand."""
    demand = s.net_demand
    mw = s.site_injection
    if s.one_site_per_bus > 0:  # each bus has one site at most
        for b in range(0, s.bus_width, LANES):
            store(inj, b, gather(mw, s.bus_site, b) - load(demand, b))
        return
    for b in range(0, s.bus_width, LANES):
        store(inj, b, splat(0.0) - load(demand, b))
    at = s.site_bus
    last = s.order_sites
    for i in range(last):
        inj[at[i]] += mw[i]
    for i in range(last, last + s.links):
        inj[s.link_into[i]] += mw[i]
        inj[s.link_out_of[i]] -= mw[i]


@merged
def price_sites(s, lam):
    """`site_price` = price at each site, and what links earn, of the buses' prices `lam`."""
    worth = s.site_price
    for b in range(0, s.sites, LANES):
        store(worth, b, gather(lam, s.site_bus, b))
    last = s.order_sites
    for i in range(last, last + s.links):
        worth[i] = lam[s.link_into[i]] - lam[s.link_out_of[i]]


@inner
def combine_rows(s, slots, weight, count):
    """`site_row` = Σ_i weight_i · row of slot slots_i."""
    sum_rows(s.site_row, s.sites, s.site_matrix, slots, weight, count)


@inner
def spread_to_columns(s, target):
    """target (columns,) = `site_row` per MW of each column."""
    sign = s.sign
    share = s.site_row
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            store(target, at + b, load(sign, at + b) * load(share, b))


@inner
def greatest_at_free_columns(s):
    """Largest |`site_row`| of a column that is not fixed."""
    share = s.site_row
    low = s.lower
    high = s.upper
    zero = splat(0.0)
    most = zero
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            most = larger(
                most, where_less(load(low, at + b), load(high, at + b), magnitude(load(share, b)), zero)
            )
    return greatest(most)

"""Which column an order or link has: orders of one bus lie beneath each other, so that they share its
coefficients.

A *site* is a place where orders inject, or a link. Columns come in layers: the first has a column for every
site, the second one for those with two orders, and so on; a bus with more orders than there are layers has
several sites. What a line's flow gains per MW is then kept per site, which is read once for all layers, and
dispatch is summed over the layers before it meets any line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearing.engine.linalg.simd import LANES
from clearing.engine.memory.declare import MOST_LAYERS

ROWS = 8  # so many rows are worked on per pass over the columns, roughly


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of orders and links.

    Attributes
    ----------
    site_bus : (order sites,) bus of each; links are the sites behind them.
    order : (orders,) column of each order.
    link : (links,) column, and site, of each link.
    first, width : (layers,) first column of each layer, and its columns, a multiple of eight.
    sites, columns : padded numbers of both.
    """

    site_bus: np.ndarray
    order: np.ndarray
    link: np.ndarray
    first: np.ndarray
    width: np.ndarray
    sites: int
    columns: int


def lay_out(bus: np.ndarray, links: int) -> Layout:
    """The layout with the least work: few sites, but few columns without an order as well."""
    counts = np.bincount(bus) if len(bus) else np.zeros(0, dtype=np.int64)
    best = None
    for layers in range(1, max(1, min(MOST_LAYERS, counts.max(initial=1))) + 1):
        sizes = _sizes(counts, layers)
        widths = _widths(sizes, links, layers)
        work = ROWS * int(widths[0]) + int(widths.sum())
        if best is None or work < best[0]:
            best = work, layers, sizes, widths
    assert best is not None
    _, layers, (site_bus, size), widths = best
    if layers == 1:  # columns in the order of the book
        place = np.arange(len(bus))
        first, whole = np.zeros(1, dtype=np.int64), int(widths[0])
        return Layout(bus, place, len(bus) + np.arange(links), first, widths, sites=whole, columns=whole)
    by_size = np.argsort(-size, kind="stable")
    site_bus, size = site_bus[by_size], size[by_size]
    first = np.concatenate([[0], np.cumsum(widths)[:-1]])
    order = np.empty(len(bus), dtype=np.int64)
    of_bus = np.argsort(bus, kind="stable")  # orders, bus by bus
    sites = np.argsort(site_bus, kind="stable")
    start = np.concatenate([[0], np.cumsum(size[sites])])
    for k, site in enumerate(sites):
        mine = of_bus[start[k] : start[k + 1]]
        order[mine] = first[: len(mine)] + site
    link = len(site_bus) + np.arange(links)
    return Layout(site_bus, order, link, first, widths, int(widths[0]), int(widths.sum()))


def _sizes(counts: np.ndarray, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Bus and number of orders of each site: buses fill sites one after the other."""
    pieces = -(-counts // layers)
    site_bus = np.repeat(np.arange(len(counts)), pieces)
    place = np.arange(len(site_bus)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return site_bus, np.minimum(counts[site_bus] - layers * place, layers)


def _widths(sizes: tuple[np.ndarray, np.ndarray], links: int, layers: int) -> np.ndarray:
    """Columns of each layer, in full widths."""
    size = sizes[1]
    taken = np.array([(size > layer).sum() for layer in range(layers)], dtype=np.int64)
    taken[0] += links
    return np.maximum(-(-taken // LANES), 1) * LANES

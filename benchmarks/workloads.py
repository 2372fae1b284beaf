"""Rounds of random offers and bids on real grids, the same arrays for the engine and for its peers.

One offer per unit (cost 10 to 60 $/MWh, capacities scaled to 1.5 times the load) and two bids per loaded
bus: 60 % of the load at a value of lost load of 3000 $/MWh, 40 % elastic at 30 to 120. The limit of the
most loaded lines is 90 % of their flow without limits, elsewhere 1.5 times the flow plus a tenth of the
largest, so that a few lines bind. Shunts, phase shifts, links and angle limits are dropped, and
reactances are positive and at least 1e-4 per unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import networks
from clearing import Book, NodalMarket
from networks.grid import Grid

TIGHT = {
    "ieee5": 3, "ieee14": 3, "ieee30": 6, "ieee57": 9, "ieee118": 14, "ieee300": 10, "pegase1354": 24,
    "pegase2869": 30,
}  # fmt: skip
REGIMES = ("independent", "3 agents", "10 agents", "5 $ grid")
LOST_LOAD = 3000.0
SPREAD = 0.2


@dataclass(frozen=True, eq=False)
class Workload:
    """A grid with tightened limits and a book, and the book's numbers as arrays (orders,)."""

    grid: Grid
    book: Book
    bus: np.ndarray
    side: np.ndarray
    price: np.ndarray
    mw: np.ndarray

    def rounds(self, count: int, regime: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Prices and MW (rounds, orders) of one of the REGIMES.

        "independent": every price moves by up to 20 %, in half of the rounds every quantity too. "k
        agents": k orders draw a new price and quantity, the others keep theirs. "5 $ grid": independent,
        then prices rounded to 5 $/MWh and quantities rounded up to 10 MW.
        """
        rng = np.random.default_rng(seed)
        low, high, shape = 1 - SPREAD, 1 + SPREAD, (count, len(self.price))
        free = self.price < LOST_LOAD
        if regime.endswith("agents"):
            agents = min(int(regime.split()[0]), int(free.sum()))
            price, mw = np.empty(shape), np.empty(shape)
            now_price, now_mw = self.price.copy(), self.mw.copy()
            for r in range(count):
                chosen = rng.choice(np.flatnonzero(free), agents, replace=False)
                now_price[chosen] = self.price[chosen] * rng.uniform(low, high, agents)
                now_mw[chosen] = self.mw[chosen] * rng.uniform(low, high, agents)
                price[r], mw[r] = now_price, now_mw
            return price, mw
        price = self.price * np.where(free, rng.uniform(low, high, shape), 1.0)
        mw = self.mw * np.where(rng.random((count, 1)) < 0.5, rng.uniform(low, high, shape), 1.0)
        if regime == "5 $ grid":
            price, mw = 5 * np.round(price / 5), 10 * np.ceil(mw / 10)
        return price, mw

    def slopes(self, seed: int) -> np.ndarray:
        """A slope for every order: over its quantity the price moves by 2.5 to 25 % [$/MW²h]."""
        rng = np.random.default_rng(seed)
        return rng.uniform(0.025, 0.25, len(self.mw)) * np.minimum(self.price, 100.0) / self.mw


def workload(name: str, seed: int = 0) -> Workload:
    """The workload of a built-in case named in TIGHT."""
    case = networks.load(name)
    grid, rng = _plain(case.grid), np.random.default_rng(seed)
    book = _book(case, rng)
    flow = NodalMarket(grid).prepare(book).clear_many(book.price, want=("flow",)).flow
    size = np.abs(flow[0])
    limit = 1.5 * size + 0.1 * size.max()
    tight = np.argsort(-size, kind="stable")[: TIGHT[name]]
    limit[tight] = 0.9 * size[tight]
    position = grid.bus_position
    return Workload(
        grid=grid.with_settings(limit_mw=limit),
        book=book,
        bus=np.array([position[b] for b in book.order_bus]),
        side=book.side.astype(float),
        price=np.array(book.price),
        mw=np.array(book.mw),
    )


def _plain(grid: Grid) -> Grid:
    none, branches = np.zeros(0), len(grid.branches)
    return replace(
        grid,
        shunt_mw=np.zeros(len(grid.buses)),
        r_pu=np.zeros(branches),
        x_pu=np.maximum(np.abs(grid.x_pu), 1e-4),
        limit_mw=np.full(branches, np.inf),
        shift_degree=np.zeros(branches),
        angle_min_degree=np.full(branches, -np.inf),
        angle_max_degree=np.full(branches, np.inf),
        links=(),
        link_from=none.astype(np.int64),
        link_to=none.astype(np.int64),
        link_min_mw=none,
        link_max_mw=none,
        link_loss=none,
        convention="matpower",
    )


def _book(case: networks.Case, rng: np.random.Generator) -> Book:
    fleet, buses = case.fleet, case.grid.buses
    load = np.zeros(len(buses))
    np.add.at(load, fleet.load_bus, np.maximum(fleet.load_mw[:, 0], 0.0))
    capacity = np.maximum(fleet.max_mw, 0.0)
    capacity[capacity > 1e5] = load.sum()  # "no limit" in the source
    capacity[capacity == 0] = 1.0
    capacity *= 1.5 * load.sum() / capacity.sum()
    sales = zip(fleet.unit_bus.tolist(), capacity, rng.uniform(10, 60, len(capacity)), strict=True)
    rows = [_order(f"offer {k}", buses[b], "sell", mw, price) for k, (b, mw, price) in enumerate(sales)]
    loaded = np.flatnonzero(load > 0).tolist()
    rows += [_order(f"must {b}", buses[b], "buy", 0.6 * load[b], LOST_LOAD) for b in loaded]
    elastic = rng.uniform(30, 120, len(loaded))
    rows += [
        _order(f"may {b}", buses[b], "buy", 0.4 * load[b], p) for b, p in zip(loaded, elastic, strict=True)
    ]
    return Book.from_tables(rows)


def _order(name: str, bus: object, side: str, mw: float, price: float) -> dict[str, object]:
    return {"order": name, "participant": name, "bus": bus, "side": side, "mw": mw, "price": price}

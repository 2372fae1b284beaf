"""Random markets by number: stores that span 0, links, slopes, islands, shifters; some without a dispatch."""

from __future__ import annotations

import numpy as np

from clearing import Book
from networks import Grid
from tests.support.reference_grid import well_posed


def random_market(seed: int) -> tuple[Grid, Book]:
    """A grid of 2 to 12 buses and a book on it; the same for the same seed."""
    rng = np.random.default_rng([18, seed])
    while True:
        grid = _grid(rng)
        if well_posed(grid):
            return grid, _book(rng, grid)


def _grid(rng: np.random.Generator) -> Grid:
    n = int(rng.integers(2, 13))
    pieces = int(rng.integers(1, 4)) if n > 5 else 1
    island = np.sort(rng.integers(0, pieces, n))
    pairs = []
    for k in range(1, n):
        before = np.flatnonzero(island[:k] == island[k])
        if len(before):
            pairs.append((int(rng.choice(before)), k))
    for _ in range(int(rng.integers(0, 2 * n))):
        a, b = rng.integers(0, n, 2)
        if a != b and island[a] == island[b]:
            pairs.append((int(a), int(b)))
    tight = rng.choice([5.0, 20.0, 80.0])
    branches = [
        {
            "branch": f"L{k}",
            "from_bus": f"N{a}",
            "to_bus": f"N{b}",
            "x_pu": float(rng.choice([0.05, 0.1, 0.13, 0.2, 0.37])),
            "limit_mw": float(np.round(tight * rng.uniform(0.5, 2.0), 1)) if rng.random() < 0.7 else None,
            "tap": float(rng.choice([1.0, 1.0, 1.0, 0.97, 1.03])),
            "shift_degree": float(rng.choice([0.0] * 9 + [1.5, -2.0])),
            "angle_max_degree": 2.0 if rng.random() < 0.05 else None,
        }
        for k, (a, b) in enumerate(pairs)
    ]
    links = []
    for k in range(int(rng.integers(0, 3)) if rng.random() < 0.4 else 0):
        a, b = rng.choice(n, 2, replace=False)
        low = float(rng.choice([0.0, -10.0, -25.0, 2.0]))
        links.append(
            {"link": f"K{k}", "from_bus": f"N{a}", "to_bus": f"N{b}", "min_mw": low, "max_mw": low + 20.0}
        )
    return Grid.from_tables([{"bus": f"N{k}"} for k in range(n)], branches, links)


def _book(rng: np.random.Generator, grid: Grid) -> Book:
    periods = int(rng.choice([1, 1, 1, 2]))
    curved = rng.random() < 0.4
    rows, fixed = [], []
    # every bus that can be alone has something that sells and something that may be served
    for k in range(int(rng.integers(len(grid.buses), 2 * len(grid.buses) + 3))):
        bus = grid.buses[k % len(grid.buses)]
        kind = rng.choice(["sell", "sell", "buy", "store"]) if k >= len(grid.buses) else "sell"
        mw = float(np.round(rng.choice([1.0, 10.0, 40.0]) * rng.uniform(0.2, 2.0), 1))
        price = float(np.round(rng.uniform(-5, 90), int(rng.integers(0, 3))))
        low = 0.0
        if kind == "store":
            low = -float(np.round(mw * rng.uniform(0.2, 1.5), 1))
        elif kind == "sell" and rng.random() < 0.1:
            low = float(np.round(0.3 * mw, 2))
        rows.append(
            {
                "order": f"O{k}", "participant": f"P{k % 4}", "bus": bus, "mw": mw, "price": price,
                "side": "buy" if kind == "buy" else "sell", "min_mw": low,
                "slope": float(rng.choice([0.0, 0.02, 0.3])) if curved else 0.0,
                "period": int(rng.integers(0, periods)) if periods > 1 and rng.random() < 0.3 else None,
            }
        )  # fmt: skip
    if rng.random() < 0.5:  # a battery given as two orders of one unit
        price = float(np.round(rng.uniform(10, 60)))
        for side, away in (("sell", 0.0), ("buy", float(rng.choice([0.0, 5.0])))):
            rows.append(
                {
                    "order": f"B {side}", "participant": "B", "bus": grid.buses[-1], "mw": 8.0,
                    "price": price - away, "side": side, "unit": "B", "min_mw": 0.0,
                    "slope": 0.1 if curved else 0.0,
                }
            )  # fmt: skip
    supply = sum(row["mw"] for row in rows if row["side"] == "sell")
    share = rng.choice([0.15, 0.3, 0.5, 0.8])
    weight = rng.dirichlet(np.ones(len(grid.buses)))
    for bus, w in zip(grid.buses, weight, strict=True):
        fixed.append({"bus": bus, "mw": float(np.round(share * supply * w, 1))})
    if rng.random() < 0.15:
        fixed.append({"bus": grid.buses[0], "mw": -float(np.round(0.05 * supply, 1))})
    for row in rows:
        row.setdefault("unit", row["order"])
    book = Book.from_tables(rows, periods=periods, fixed=fixed, hours=float(rng.choice([1.0, 0.5])))
    return book if rng.random() < 0.5 else book.with_lost_load(500.0)

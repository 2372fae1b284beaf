"""Short ways to write small grids and books, and a book's shape in one line of a test."""

from __future__ import annotations

import numpy as np

from clearing import Book, NodalMarket, Outcome
from networks import Grid


def grid_of(*lines: tuple, buses=None, **options) -> Grid:
    """Lines as (from, to, x[, limit]); buses in the order in which they are met."""
    met = dict.fromkeys(buses or [end for line in lines for end in line[:2]])
    rows = [
        {
            "branch": f"L{k}",
            "from_bus": line[0],
            "to_bus": line[1],
            "x_pu": line[2],
            "limit_mw": line[3] if len(line) > 3 else None,
        }
        for k, line in enumerate(lines)
    ]
    return Grid.from_tables(buses=[{"bus": bus} for bus in met], branches=rows, **options)


def sell(order, bus, mw, price, **more) -> dict:
    return {"order": order, "participant": f"owner of {order}", "bus": bus, "side": "sell", "mw": mw,
            "price": price, **more}  # fmt: skip


def buy(order, bus, mw, price, **more) -> dict:
    return {**sell(order, bus, mw, price, **more), "side": "buy"}


def book_of(*orders: dict, fixed=None, ramps=None, **options) -> Book:
    """Orders, and fixed demand as {bus: MW} or rows."""
    rows = [{"bus": bus, "mw": mw} for bus, mw in fixed.items()] if isinstance(fixed, dict) else fixed
    return Book.from_tables(list(orders), fixed=rows, ramps=ramps, **options)


def clear(grid: Grid, book: Book, **options) -> Outcome:
    outcome = NodalMarket(grid, **options).clear(book)
    assert outcome.certificate.holds
    assert outcome.status == "optimal"
    return outcome


def accepted(outcome: Outcome) -> dict:
    """{order: MW}, or {(order, period): MW} for more than one period."""
    frame = outcome.accepted
    keys = frame.index if outcome.book.periods == 1 else zip(frame.index, frame["period"], strict=True)
    return dict(zip(keys, frame["accepted_mw"].tolist(), strict=True))


def prices(outcome: Outcome) -> dict:
    """{bus: $/MWh} of period 0."""
    return dict(zip(outcome.grid.buses, outcome.lmp[:, 0].tolist(), strict=True))


def interval(outcome: Outcome, bus, period: int = 0) -> tuple[float, float]:
    row = outcome.prices.loc[(bus, period)]
    return float(row["lmp_low"]), float(row["lmp_high"])


def same(a, b, tolerance: float = 1e-9) -> bool:
    """Equal to a scaled tolerance, NaN and infinities included (law 3)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    finite = np.abs(np.concatenate([a[np.isfinite(a)].ravel(), b[np.isfinite(b)].ravel()]))
    scale = 1.0 + (finite.max() if finite.size else 0.0)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=tolerance * scale, equal_nan=True))


THREE_NODE = (("1", "2", 0.2, 100.0), ("1", "3", 0.2, 200.0), ("2", "3", 0.1, 200.0))


def three_node(hour: int = 1, a_mw: float = 200.0, interrupted: float = 0.0) -> tuple[Grid, Book]:
    """The three-node system of Energies 2017, 10, 2045: gencos A, B, C at buses 1, 2, 3, inelastic discos."""
    load = 100.0 if hour == 1 else 120.0
    book = book_of(
        sell("A", "1", a_mw, 6.0),
        sell("B", "2", 200.0, 10.0),
        sell("C", "3", 200.0, 8.0),
        fixed={"2": load - interrupted, "3": load},
    )
    return grid_of(*THREE_NODE), book

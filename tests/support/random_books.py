"""Hypothesis strategies for small grids and books whose rounded numbers make ties and degeneracy common."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from clearing import Book
from networks import Grid
from tests.support.reference_grid import well_posed

PRICES = [10.0, 10.0, 20.0, 20.0, 30.0, 50.0, 0.0, -5.0]
AMOUNTS = [10.0, 10.0, 20.0, 5.0, 30.0, 1.0, 0.0]
LIMITS = [None, None, 10.0, 5.0, 20.0, 0.0, 50.0]
LOSSES = [0.0, 0.1, 0.2, 0.5]
LINK_RANGES = [(0.0, 10.0), (-5.0, 5.0), (-20.0, 0.0), (0.0, 0.0), (2.0, 8.0)]
REACTANCES = [0.1, 0.1, 0.2, 0.2, 0.4, 0.05]


@st.composite
def grids(draw, buses=(2, 6), devices=True, links=True, islands=True, losses=False):
    """Meshes of 2 to 6 buses, with parallel lines, islands, shifters, angle limits and links now and then.

    With `losses` there are always links, most of which lose a share of what they carry.
    """
    n = draw(st.integers(*buses))
    rare = st.integers(0, 9)
    lines = []
    for k in range(1, n):
        if islands and draw(rare) == 9:
            continue
        lines.append((draw(st.integers(0, k - 1)), k))
    for _ in range(draw(st.integers(0, 3))):
        a = draw(st.integers(0, n - 1))
        b = draw(st.integers(0, n - 2))
        lines.append((a, b if b < a else b + 1))
    branches = []
    for k, (a, b) in enumerate(lines):
        row = {
            "branch": f"L{k}",
            "from_bus": f"N{a}",
            "to_bus": f"N{b}",
            "x_pu": draw(st.sampled_from(REACTANCES)),
            "limit_mw": draw(st.sampled_from(LIMITS)),
            "tap": 1.0,
            "shift_degree": 0.0,
            "angle_min_degree": None,
            "angle_max_degree": None,
            "in_service": True,
        }
        if devices and draw(rare) == 9:
            kind = draw(st.sampled_from(["tap", "shift", "angle", "negative", "out"]))
            if kind == "tap":
                row["tap"] = draw(st.sampled_from([0.95, 1.05]))
            elif kind == "shift":
                row["shift_degree"] = draw(st.sampled_from([1.0, -0.5, 5.0]))
            elif kind == "angle":
                row["angle_min_degree"], row["angle_max_degree"] = draw(
                    st.sampled_from([(-0.5, 0.5), (-30, 1.0), (None, 0.6), (0.0, 30)])
                )
            elif kind == "negative":
                row["x_pu"] = -0.5
            else:
                row["in_service"] = False
        branches.append(row)
    link_rows = []
    if losses or (links and draw(rare) >= 8):
        for k in range(draw(st.integers(1, 2))):
            a, b = draw(st.integers(0, n - 1)), draw(st.integers(0, n - 2))
            low, high = draw(st.sampled_from(LINK_RANGES))
            link_rows.append(
                {
                    "link": f"K{k}",
                    "from_bus": f"N{a}",
                    "to_bus": f"N{b if b < a else b + 1}",
                    "min_mw": low,
                    "max_mw": high,
                    "loss": draw(st.sampled_from(LOSSES)) if losses else 0.0,
                }
            )
    shunts = [draw(st.sampled_from([0.0, 0.0, 0.0, 1.0])) if devices else 0.0 for _ in range(n)]
    grid = Grid.from_tables(
        buses=[{"bus": f"N{k}", "shunt_mw": shunts[k]} for k in range(n)],
        branches=branches,
        links=link_rows,
        convention=draw(st.sampled_from(["matpower", "matpower", "powermodels"])) if devices else "matpower",
    )
    assume(well_posed(grid))
    return grid


@st.composite
def books(
    draw, grid, periods=(1, 3), slopes=True, ramps=True, minima=True, most=7, lost_load=True, both_ways=True
):
    """Books on a grid: equal prices, zero and negative numbers, tied and split orders, ramps, injections,
    and with `both_ways` units that can inject and withdraw."""
    T = draw(st.sampled_from([1, 1, 1, *range(periods[0], periods[1] + 1)])) if periods[1] > 1 else 1
    bus = st.sampled_from(grid.buses)
    curved = slopes and draw(st.integers(0, 3)) == 0
    orders = []
    for k in range(draw(st.integers(1, most))):
        mw = draw(st.sampled_from(AMOUNTS))
        least = draw(st.sampled_from([0.0] * 14 + [0.5, 1.0])) * mw if minima else 0.0
        place = draw(bus)
        orders.append(
            {
                "order": f"O{k}",
                "participant": f"P{k % 3}",
                "bus": place,
                "side": draw(st.sampled_from(["sell", "sell", "buy"])),
                "mw": mw,
                "price": draw(st.sampled_from(PRICES)),
                "slope": draw(st.sampled_from([0.0, 0.5, 1.0, 0.1])) if curved else 0.0,
                "min_mw": least,
                "unit": draw(st.sampled_from([f"O{k}", f"O{k}", f"U at {place}"])) if ramps else f"O{k}",
                "period": draw(st.sampled_from([None, None, *range(T)])) if T > 1 else None,
            }
        )
    if both_ways:
        for order in orders:
            if order["side"] == "sell" and draw(st.integers(0, 7)) == 7:
                order["min_mw"] = -draw(st.sampled_from(AMOUNTS))
    _make_possible(orders)
    fixed = [
        {
            "bus": draw(bus),
            "mw": draw(st.sampled_from([10.0, 5.0, 2.0, 20.0, 10.0, 5.0, 0.0, -5.0])),
            "period": draw(st.sampled_from([None, *range(T)])) if T > 1 else None,
        }
        for _ in range(draw(st.integers(0, 3)))
    ]
    ramp_rows = []
    if ramps and draw(st.integers(0, 2)) == 0:
        for unit in sorted({o["unit"] for o in orders}):
            if draw(st.booleans()):
                ramp_rows.append(
                    {
                        "unit": unit,
                        "up_mw": draw(st.sampled_from([5.0, 10.0, 0.0, None])),
                        "down_mw": draw(st.sampled_from([5.0, 10.0, 0.0, None])),
                        "previous_mw": draw(st.sampled_from([None, 0.0, 5.0, 10.0])),
                    }
                )
    book = Book.from_tables(
        orders,
        periods=T,
        hours=draw(st.sampled_from([1.0, 1.0, 0.5])),
        ramps=ramp_rows,
        fixed=fixed,
    )
    if lost_load and draw(st.integers(0, 7)) > 0:
        book = book.with_lost_load(1000.0)
    return book


def _make_possible(orders: list[dict]) -> None:
    """What can withdraw bids no more than its unit asks, and no machine must do what excludes the other."""
    for unit in {o["unit"] for o in orders}:
        mine = [o for o in orders if o["unit"] == unit]
        takes = [o for o in mine if o["side"] == "buy" or o["min_mw"] < 0]
        if not takes or all(o["side"] == "buy" for o in mine):
            continue
        if len(mine) > 1:
            price = sorted(o["price"] for o in mine)
            ranked = [o for o in mine if o["side"] == "buy"] + [o for o in mine if o["side"] == "sell"]
            for order, value in zip(ranked, price, strict=True):
                order["price"] = value
                order["min_mw"] = 0.0


@st.composite
def instances(draw, grid_options=None, **book_options):
    """A grid and a book on it."""
    grid = draw(grids(**(grid_options or {})))
    return grid, draw(books(grid, **book_options))

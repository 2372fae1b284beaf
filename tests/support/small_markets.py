"""Small markets that tests solve by hand, and the reader of the reference instances."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

from clearing import Book, NodalMarket
from networks import Grid

DATA = Path(__file__).parents[1] / "data" / "reference"


def read_reference(name):
    """The entries of a file of expected values, by id."""
    return {entry["id"]: entry for entry in json.loads((DATA / f"{name}_reference.json").read_text())}


def sale(order, bus, mw, price, **more):
    return {"order": order, "participant": order, "bus": bus, "side": "sell", "mw": mw, "price": price} | more


def purchase(order, bus, mw, price, **more):
    return sale(order, bus, mw, price, **more) | {"side": "buy"}


def borduria_syldavia(limit_mw=400.0):
    """Two countries, one line (Kirschen and Strbac, Fundamentals of Power System Economics, ch. 6)."""
    grid = Grid.from_tables(
        [{"bus": "B"}, {"bus": "S"}],
        [{"branch": "BS", "from_bus": "B", "to_bus": "S", "x_pu": 0.1, "limit_mw": limit_mw}],
    )
    book = Book.from_tables(
        [sale("gB", "B", 5000, 10, slope=0.01), sale("gS", "S", 5000, 13, slope=0.02)],
        fixed=[{"bus": "B", "mw": 500}, {"bus": "S", "mw": 1500}],
    )
    return grid, book


def one_bus(orders, **more):
    return NodalMarket(Grid.from_tables([{"bus": 0}])).clear(Book.from_tables(orders, **more))


def read_instance(data):
    """Grid, book and constant cost of an instance in the reference format."""
    periods = data.get("periods", 1)
    grid = Grid.from_tables(
        [{"bus": b["id"], "shunt_mw": b.get("gs_mw", 0.0)} for b in data["buses"]],
        [
            {
                "branch": b["id"],
                "from_bus": b["from"],
                "to_bus": b["to"],
                "x_pu": b["x"],
                "limit_mw": b["rate"],
            }
            for b in data["branches"]
        ],
        base_mva=data.get("base_mva", 100),
    )
    orders, ramps, constant = [], [], 0.0
    for kind, sign, key in (("gens", 1, "cost"), ("demands", -1, "utility")):
        for unit in data.get(kind, []):
            steps, fixed = read_curve(unit[key], unit["pmax"], sign)
            constant += fixed * periods
            least = unit["pmin"]
            for k, (mw, price, slope) in enumerate(steps):
                row = (sale if sign > 0 else purchase)(
                    f"{unit['id']}-{k}", unit["bus"], mw, price, slope=slope
                )
                orders.append(row | {"unit": unit["id"], "participant": unit["id"], "min_mw": min(least, mw)})
                least -= min(least, mw)
            if "ramp_up" in unit:
                ramps.append({"unit": unit["id"], "up_mw": unit["ramp_up"], "down_mw": unit["ramp_down"]})
    fixed = [
        {"bus": b["id"], "mw": mw, "period": t}
        for b in data["buses"]
        for t, mw in enumerate(np.broadcast_to(b["load"], periods).tolist())
        if mw
    ]
    return grid, Book.from_tables(orders, periods=periods, ramps=ramps, fixed=fixed), constant


def read_curve(curve, capacity, sign):
    """Steps (MW, price, slope) and the constant of a cost (sign +1) or utility (−1)."""
    if "poly" in curve:
        c0, c1, c2 = [*curve["poly"], 0.0, 0.0][:3]
        return [(capacity, c1, sign * 2 * c2)], c0
    if "blocks" in curve:
        return [(mw, price, 0.0) for mw, price in curve["blocks"]], 0.0
    points = curve["pwl"]
    steps = [(q - p, (w - v) / (q - p), 0.0) for (p, v), (q, w) in pairwise(points)]
    return steps, points[0][1]

"""Published small instances: objectives, flows, and prices, by interval where they are not unique."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from clearing import Book
from networks import Grid
from tests.support.small import book_of, buy, clear, grid_of, interval, prices, sell

DATA = Path(__file__).parents[1] / "data" / "reference"
INSTANCES = json.loads((DATA / "lmp_reference.json").read_text(encoding="utf-8"))
AUCTIONS = {a["id"]: a for a in json.loads((DATA / "auctions_reference.json").read_text(encoding="utf-8"))}


def grid_from(instance: dict) -> Grid:
    def branch(row):
        names = {
            "id": "branch",
            "from": "from_bus",
            "to": "to_bus",
            "x": "x_pu",
            "r": "r_pu",
            "rate": "limit_mw",
            "tap": "tap",
            "shift_deg": "shift_degree",
            "angmin": "angle_min_degree",
            "angmax": "angle_max_degree",
        }
        return {names[key]: value for key, value in row.items() if key in names}

    links = [
        {"link": k["id"], "from_bus": k["from"], "to_bus": k["to"], "min_mw": k["pmin"], "max_mw": k["pmax"]}
        for k in instance.get("links") or []
    ]
    return Grid.from_tables(
        [{"bus": b["id"], "shunt_mw": b.get("gs_mw") or 0.0} for b in instance["buses"]],
        [branch(row) for row in instance["branches"]],
        links,
        base_mva=instance.get("base_mva", 100.0),
    )


def steps(curve: dict, low: float, high: float) -> tuple[float, list[tuple[float, float, float]]]:
    """Constant term, and (MW, price, slope) of each segment from 0."""
    if "poly" in curve:
        c = [*curve["poly"], 0.0, 0.0, 0.0]
        return c[0], [(high, c[1], 2 * c[2])]
    if "blocks" in curve:
        return 0.0, [(mw, price, 0.0) for mw, price in curve["blocks"]]
    points = curve["pwl"]
    pairs = list(pairwise(points))
    return points[0][1], [(b[0] - a[0], (b[1] - a[1]) / (b[0] - a[0]), 0.0) for a, b in pairs]


def orders_of(rows: list[dict], key: str, make) -> tuple[float, list[dict]]:
    constant, out = 0.0, []
    for row in rows:
        fixed, segments = steps(row[key], row["pmin"], row["pmax"])
        constant += fixed
        left, least = row["pmax"], row["pmin"]
        for k, (mw, price, slope) in enumerate(segments):
            size = min(mw, left)
            minimum = min(max(least, 0.0), size)
            left, least = left - size, least - minimum
            more = {"slope": abs(slope), "min_mw": minimum, "unit": row["id"]}
            out.append(make(f"{row['id']}-{k}", row["bus"], size, price, **more))
    return constant, out


def book_from(instance: dict) -> Book:
    periods = instance.get("periods", 1)
    constant, sales = orders_of(instance["gens"], "cost", sell)
    _, purchases = orders_of(instance.get("demands") or [], "utility", buy)
    fixed = []
    for bus in instance["buses"]:
        load = bus.get("load", 0.0)
        profile = load if isinstance(load, list) else [load] * periods
        fixed += [{"bus": bus["id"], "mw": mw, "period": t} for t, mw in enumerate(profile)]
    ramps = [
        {
            "unit": g["id"],
            "up_mw": g.get("ramp_up"),
            "down_mw": g.get("ramp_down"),
            "previous_mw": g.get("p0"),
        }
        for g in instance["gens"]
        if g.get("ramp_up") is not None or g.get("ramp_down") is not None
    ]
    book = book_of(*sales, *purchases, periods=periods, fixed=fixed, ramps=ramps)
    return replace(book, constant_cost=constant)


def profile(values, periods: int) -> np.ndarray:
    return np.array(values if isinstance(values, list) else [values], dtype=float).reshape(periods)


@pytest.mark.parametrize("entry", INSTANCES, ids=[e["id"] for e in INSTANCES])
def test_instance(entry):
    instance, expected = entry["instance"], entry["expected"]
    grid, book = grid_from(instance), book_from(instance)
    out = clear(grid, book)
    T = book.periods
    value = sum(
        float((book.price[k] * out.accepted_mw[book.column_row == k]
               - 0.5 * book.slope[k] * out.accepted_mw[book.column_row == k] ** 2).sum())
        for k in np.flatnonzero(book.side < 0)
    )  # fmt: skip
    assert out.cost - value == pytest.approx(expected["objective"], rel=1e-6, abs=1e-4)
    scale = 1 + max(abs(p) for row in expected["lmp"].values() for p in profile(row, T))
    for n, bus in enumerate(grid.buses):
        wanted = profile(expected["lmp"][str(bus)], T)
        low, high = (ends[n] for ends in out.intervals)
        assert (wanted >= low - 1e-4 * scale).all(), f"{bus}: {wanted} below {low}"
        assert (wanted <= high + 1e-4 * scale).all(), f"{bus}: {wanted} above {high}"
        if expected["lmp_unique"]:
            assert out.lmp[n] == pytest.approx(wanted, abs=1e-4 * scale)
    if expected["lmp_unique"]:
        flows = {str(branch): out.flow_mw[k] for k, branch in enumerate(grid.branches)}
        for branch, wanted in expected["flow"].items():
            assert flows[branch] == pytest.approx(profile(wanted, T), abs=1e-3)


def auction(name: str) -> Book:
    a = AUCTIONS[name]
    if name == "double_9-8-7-4_2-3-4-5":
        bids, offers = [(1, v) for v in a["values"]], [(1, c) for c in a["costs"]]
    elif name == "ks_pool_syldavia":
        bids, offers = a["buy"], a["sell"]
    else:
        bids, offers = [(b["qty"], b["price"]) for b in a["buy"]], [(s["qty"], s["price"]) for s in a["sell"]]
    purchases = [buy(f"b{k}", "one", mw, price) for k, (mw, price) in enumerate(bids)]
    return book_of(*purchases, *(sell(f"s{k}", "one", mw, price) for k, (mw, price) in enumerate(offers)))


@pytest.mark.parametrize("name", [k for k, a in AUCTIONS.items() if "efficient" in a])
def test_auction_at_one_bus(name):
    """Efficient quantity, welfare, and the interval of prices with its middle, the k-price at k = ½."""
    wanted, book, grid = AUCTIONS[name]["efficient"], auction(name), grid_of(buses=["one"])
    out = clear(grid, book)
    bought = out.accepted_mw[book.side[book.column_row] < 0].sum()
    assert bought == pytest.approx(wanted["quantity"])
    assert out.welfare == pytest.approx(wanted["welfare"])
    assert interval(out, "one") == pytest.approx((wanted["price_low"], wanted["price_high"]))
    assert prices(out)["one"] == pytest.approx(wanted["k_price"])
    low, high = (prices(clear(grid, book, price_rule=rule))["one"] for rule in ("low", "high"))
    assert (low, high) == pytest.approx((wanted["price_low"], wanted["price_high"]))

"""Nodal clearings: built-in cases, days with ramps, price rules, settlements, small markets drawn by seed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from gate_cases import Cases, Outputs, built_in, nodal, public, refusal, settled
from gate_digest import digest

import networks
from clearing import Book, ClearingError, InputError, NodalMarket, settle

BUILT_IN = ("three_node", "five_bus", "eighteen_bus", "feeder33", "cigre_lv", "ieee5", "ieee24", "ieee39",
            "ieee57", "ieee118", "ieee145", "ieee300", "pglib_ieee118", "pglib_ieee300",
            "pegase1354")  # fmt: skip
DRAWN = ("plain", "tied", "near tied", "sloped", "stores", "links", "lossy links", "ramps", "everything")
MARKETS = 24  # of each kind
DAY = 0.75 + 0.25 * np.sin(np.linspace(-np.pi / 2, 3 * np.pi / 2, 24))


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {f"clearing/nodal/{name}": partial(clear_built_in, name) for name in BUILT_IN}
    for name, hours in (("ieee118", 24), ("pglib_ieee300", 6), ("five_bus", 24), ("ieee57", 12)):
        found[f"clearing/ramps/{name}"] = partial(clear_day, name, hours)
    for rule in ("canonical", "low", "high"):
        for form in ("angle", "ptdf"):
            found[f"clearing/rules/{rule}, {form}"] = partial(clear_by_rule, rule, form)
    for rule in ("lmp", "uniform", "pay_as_bid"):
        found[f"clearing/settlement/{rule}"] = partial(settle_by_rule, rule)
    found |= {f"clearing/drawn/{kind}": partial(clear_drawn, kind) for kind in DRAWN}
    found["clearing/explained"] = explain
    found["clearing/counterfactual"] = deviate
    found["clearing/refused"] = refuse
    return found


def clear_built_in(name: str) -> Outputs:
    case = built_in(name)
    return nodal(NodalMarket(case.grid).clear(Book.from_case(case)))


def day_of(name: str, hours: int) -> tuple[networks.Case, Book]:
    """Hours of a day with ramps, each from an output before the first hour that leaves room."""
    case = built_in(name)
    profile = DAY[:: 24 // hours]
    book = Book.from_case(case, profile=profile, ramp_share=0.3).with_lost_load(5000.0)
    free = book.ramps_frame.assign(previous_mw=np.nan)
    return case, Book.from_tables(book.orders_frame, len(profile), ramps=free, fixed=book.fixed_frame)


def clear_day(name: str, hours: int) -> Outputs:
    case, book = day_of(name, hours)
    outcome = NodalMarket(case.grid).clear(book)
    return nodal(outcome) | {"settlement": settled(settle(outcome, book))}


def clear_by_rule(rule: str, form: str) -> Outputs:
    found: dict[str, Any] = {}
    for name in ("three_node", "eighteen_bus", "ieee24"):
        case = built_in(name)
        market = NodalMarket(case.grid, price_rule=rule, form=form)  # type: ignore[arg-type]
        found[name] = nodal(market.clear(Book.from_case(case)))
    return found


def settle_by_rule(rule: str) -> Outputs:
    found: dict[str, Any] = {}
    for name in ("three_node", "ieee24", "pglib_ieee118"):
        case = built_in(name)
        book = Book.from_case(case).with_lost_load(3000.0)
        outcome = NodalMarket(case.grid).clear(book)
        found[name] = settled(settle(outcome, book, rule=rule))  # type: ignore[arg-type]
    return found


def clear_drawn(kind: str) -> Outputs:
    """Many small markets; those that have no dispatch, or are no book, say so in words."""
    found: dict[str, Any] = {}
    for seed in range(MARKETS):
        rng = np.random.default_rng([DRAWN.index(kind), seed])
        try:
            grid, book = draw_market(kind, rng)
            outcome = NodalMarket(grid, ("canonical", "low", "high")[seed % 3]).clear(book)  # type: ignore[arg-type]
            found[f"{seed}"] = digest(nodal(outcome) | {"settlement": settled(settle(outcome, book))})
        except (ClearingError, InputError) as error:
            found[f"{seed}"] = {"error": type(error).__name__, "text": str(error)}
    return found


def draw_market(kind: str, rng: np.random.Generator) -> tuple[networks.Grid, Book]:
    """A mesh of 3 to 8 buses and a book on it that has what the kind says."""
    every = kind == "everything"
    n = int(rng.integers(3, 9))
    ends = [(k, int(rng.integers(0, k))) for k in range(1, n)]
    ends += [tuple(rng.choice(n, 2, replace=False).tolist()) for _ in range(int(rng.integers(1, 4)))]
    lines = [
        {
            "branch": f"L{k}", "from_bus": f"N{a}", "to_bus": f"N{b}",
            "x_pu": float(rng.choice([0.1, 0.2, 0.05])),
            "limit_mw": float(rng.choice([10.0, 20.0, 40.0, np.inf])),
            "shift_degree": float(rng.choice([0.0, 0.0, 0.5])) if every else 0.0,
        }
        for k, (a, b) in enumerate(ends)
    ]  # fmt: skip
    links = []
    if every or "links" in kind:
        for k in range(2):
            a, b = rng.choice(n, 2, replace=False).tolist()
            loss = float(rng.choice([0.0, 0.05, 0.2])) if every or kind == "lossy links" else 0.0
            links.append(
                {"link": f"K{k}", "from_bus": f"N{a}", "to_bus": f"N{b}", "min_mw": 0.0 if loss else -10.0,
                 "max_mw": 10.0, "loss": loss}
            )  # fmt: skip
    grid = networks.Grid.from_tables([{"bus": f"N{k}"} for k in range(n)], lines, links=links)
    return grid, draw_book(kind, rng, n)


def draw_book(kind: str, rng: np.random.Generator, buses: int) -> Book:
    """Six to eleven orders, and fixed demand at two buses."""
    every = kind == "everything"
    periods = 3 if every or kind == "ramps" else 1
    orders: list[dict[str, Any]] = []
    for k in range(int(rng.integers(6, 12))):
        sells = bool(rng.random() < 0.6)
        price = rng.uniform(10, 60) + 20 * (not sells)
        if kind in ("tied", "near tied") or (every and rng.random() < 0.5):
            price = 10 * np.round(price / 10) + (rng.choice([0, 1e-8, -3e-9]) if kind == "near tied" else 0.0)
        order = {
            "order": f"O{k}", "participant": f"P{k % 4}", "unit": f"U{k}", "bus": f"N{rng.integers(buses)}",
            "side": "sell" if sells else "buy", "mw": float(rng.choice([5.0, 10.0, 20.0])),
            "price": float(price),
            "slope": float(rng.choice([0.0, 0.1, 0.5])) if every or kind == "sloped" else 0.0, "min_mw": 0.0,
        }  # fmt: skip
        if sells and (every or kind == "stores") and rng.random() < 0.4:
            order["min_mw"] = -float(rng.choice([5.0, 10.0]))
        orders.append(order)
    orders.append(
        {"order": "reserve", "participant": "P9", "unit": "reserve", "bus": "N0", "side": "sell", "mw": 60.0,
         "price": 80.0, "slope": 0.0, "min_mw": 0.0}
    )  # fmt: skip
    fixed = [
        {"bus": f"N{b}", "mw": float(rng.choice([5.0, 10.0, 20.0])), "period": t}
        for b in rng.choice(buses, 2, replace=False).tolist()
        for t in range(periods)
    ]
    ramps = None
    if periods > 1:
        ramps = [
            {"unit": f"U{k}", "up_mw": 5.0, "down_mw": float(rng.choice([5.0, 10.0])),
             "previous_mw": float(rng.choice([0.0, 5.0]))}
            for k in range(3) if orders[k]["side"] == "sell"
        ]  # fmt: skip
    book = Book.from_tables(orders, periods=periods, hours=0.5 if every else 1.0, ramps=ramps, fixed=fixed)
    return book.with_lost_load(1000.0) if rng.random() < 0.7 else book


def explain() -> Outputs:
    """Sentences about prices, and residuals of an outcome that was certified again."""
    found: dict[str, Any] = {}
    certify = public("clearing", "certify")
    for name, hours in (("three_node", 1), ("pglib_ieee118", 1), ("ieee57", 4)):
        case = built_in(name)
        book = Book.from_case(case) if hours == 1 else day_of(name, hours)[1]
        outcome = NodalMarket(case.grid).clear(book)
        for bus in case.grid.buses[:: max(len(case.grid.buses) // 6, 1)]:
            why = outcome.explain(bus, book.periods - 1)
            found[f"{name}, bus {bus}"] = {
                "sentence": why.sentence,
                "weights": why.weights,
                "branches": why.branches,
            }
        found[f"{name}, again"] = dict(certify(book, case.grid, outcome.claim).residuals)
    return found


def deviate() -> Outputs:
    """What withholding and mark-ups earn, and screens of market power."""
    case = built_in("five_bus")
    book, market = Book.from_case(case), NodalMarket(case.grid)
    found: dict[str, Any] = {"supply": public("clearing", "supply")(book)}
    found["screen"] = public("clearing", "residual_supply")(book)
    found["lerner"] = public("clearing", "lerner")(market.clear(book.with_markup({"G1": 5.0})), book)
    for who in ("G1", "G2", "G3"):
        gain = public("clearing", "deviate")(market, book, who, withheld=0.2, markup=10.0)
        names = ("profit", "sold_mwh", "lmp", "congestion_rent", "shortage_mwh")
        found[who] = {name: getattr(gain, name) for name in names}
    return found


def refuse() -> Outputs:
    """Markets without a dispatch, and tables that are no book: the very words."""
    line = {"branch": "L", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 400.0}
    grid = networks.Grid.from_tables([{"bus": "a"}, {"bus": "b"}], [line])

    def sale(**other: Any) -> dict[str, Any]:
        return {"order": "s", "participant": "p", "bus": "a", "side": "sell", "mw": 600, "price": 10} | other

    def clear(rows: list[dict[str, Any]], **more: Any) -> Any:
        return NodalMarket(grid).clear(Book.from_tables(rows, **more))

    fixed = [{"bus": "a", "mw": 500}, {"bus": "b", "mw": 300}]
    steep = [{"unit": "s", "up_mw": 10, "down_mw": 10, "previous_mw": 0}]
    return {
        "short": refusal(lambda: clear([sale()], fixed=fixed)),
        "cut": refusal(lambda: clear([sale(mw=5000)], fixed=[{"bus": "b", "mw": 900}])),
        "surplus": refusal(lambda: clear([sale(min_mw=300)], fixed=[{"bus": "b", "mw": 50}])),
        "ramps": refusal(lambda: clear([sale(unit="s")], fixed=[{"bus": "b", "mw": 50}], ramps=steep)),
        "side": refusal(lambda: clear([sale(side="give")])),
        "bus": refusal(lambda: clear([sale(bus="c")])),
        "mw": refusal(lambda: clear([sale(mw=-1)])),
        "price": refusal(lambda: clear([sale(price="dear")])),
        "twice": refusal(lambda: clear([sale(), sale()])),
    }

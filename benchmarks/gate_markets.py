"""Markets among homes: ElecBay, bilateral, posted offers, homes and their plans, virtual power plants."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from gate_cases import ROOT, Cases, Outputs, attributes, built_in, nodal, proof, public, refusal

from clearing import (
    BilateralBook,
    BilateralMarket,
    Book,
    ElecBay,
    PostedBook,
    PostedOfferMarket,
    SealedBook,
    VirtualPowerPlant,
    schedule_homes,
)

EXAMPLES = ROOT / "examples"
PRICINGS = ("uniform", "pay_as_bid", "k", "vcg")


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {f"clearing/elecbay/{pricing}": partial(clear_auctions, pricing) for pricing in PRICINGS}
    found |= {f"clearing/elecbay/sequential {p}": partial(clear_in_sequence, p) for p in ("pay_as_bid", "k")}
    found["clearing/elecbay/refused"] = refuse_auctions
    found |= {
        f"clearing/bilateral/{rule}": partial(clear_pairs, rule) for rule in ("canonical", "low", "high")
    }
    found["clearing/bilateral/processes"] = run_processes
    found |= {
        f"clearing/posted/{rule}": partial(clear_posted, rule) for rule in ("given", "peak", "level", "pump")
    }
    found["clearing/homes/plans"] = plan_homes
    found["clearing/homes/tariffs"] = compare_tariffs
    found["clearing/homes/plant"] = clear_homes_plant
    found["clearing/plant"] = clear_plant
    return found


def auctions() -> dict[str, tuple[Any, SealedBook]]:
    """Grid and book of some auctions: the example with blocks, ties, and draws of both."""
    feeder = built_in("feeder8").grid
    folder = EXAMPLES / "microgrid"
    supplier = folder / "elecbay_supplier.csv"
    found = {
        name: (feeder, SealedBook.from_csv(folder / f"elecbay_{name}.csv", periods, supplier=supplier))
        for name, periods in (("orders", 1), ("blocks", 2))
    }
    for seed in range(4):
        found[f"drawn {seed}"] = (built_in("feeder33").grid, draw_auction(seed, blocks=4 * (seed % 2)))
    return found


def draw_auction(seed: int, blocks: int) -> SealedBook:
    """Forty orders on 33 buses, in odd draws at rounded prices and with blocks, some of them exclusive."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(40 + blocks):
        side = ("sell", "buy")[k % 2]
        price = float(rng.uniform(50, 200) if side == "sell" else rng.uniform(80, 300))
        row: dict[str, Any] = {
            "order": f"o{k}", "participant": f"p{k % 9}", "bus": int(rng.integers(1, 33)), "side": side,
            "mw": float(rng.uniform(0.4, 2.0)) * 0.2, "price": 10 * round(price / 10) if seed % 2 else price,
        }  # fmt: skip
        if blocks:
            row |= {"block": f"b{k}" if k >= 40 else None, "submitted": k}
            row |= {"min_share": 0.5 if k >= 42 else None, "exclusive": "one" if k >= 41 else None}
        rows.append(row)
    supplier = [{"bus": 0, "import_price": 200.0, "export_price": 60.0}]
    return SealedBook.from_tables(rows, supplier=supplier, fixed=[{"bus": 3, "mw": 0.1}])


def clear_auctions(pricing: str) -> Outputs:
    found: dict[str, Any] = {}
    for name, (grid, book) in auctions().items():
        outcome = ElecBay(grid, pricing, k=0.3).clear(book)  # type: ignore[arg-type]
        settlement = outcome.settlement
        found[name] = {
            **attributes(outcome, "status", "welfare", "accepted_mw", "chosen", "unique_choice", "notes"),
            **attributes(outcome, "prices", "accepted", "flows", "life_cycle"),
            **attributes(settlement, "summary", "payments", "participants", "bonus", "uplift"),
            "identities": tuple(sorted(settlement.identities.items())),
            "certificate": proof(outcome.certificate),
        }
        if len(outcome.chosen):
            found[name]["blocks"] = outcome.blocks
    return found


def clear_in_sequence(pricing: str) -> Outputs:
    found: dict[str, Any] = {}
    for name, (grid, book) in auctions().items():
        if len(book.blocks):
            continue
        outcome = ElecBay(grid, pricing, "sequential", k=0.3).clear(book)  # type: ignore[arg-type]
        names = ("status", "welfare", "efficiency", "accepted_mw", "flow_mw", "trades_frame", "life_cycle")
        found[name] = attributes(outcome, *names, "rejected_pairs", "summary", "notes")
        found[name]["certificate"] = proof(outcome.certificate)
    return found


def refuse_auctions() -> Outputs:
    grid = built_in("feeder8").grid
    order = {"order": "a", "participant": "p", "bus": 3, "side": "sell", "mw": 0.004, "price": 90}
    sealed = partial(SealedBook.from_tables, [order | {"submitted": 5}])
    return {
        "late": refusal(lambda: sealed(gate_closure=4.0)),
        "pricing": refusal(lambda: ElecBay(grid, "unifrom")),  # type: ignore[arg-type]
        "share": refusal(lambda: SealedBook.from_tables([order | {"block": "b", "min_share": 2.0}])),
        "short": refusal(lambda: ElecBay(grid).clear(sealed(fixed=[{"bus": 2, "mw": 1.0}]))),
    }


def pair_books() -> dict[str, BilateralBook]:
    """The example, a draw with preferences and charges, one at rounded prices, one with slopes."""
    folder = EXAMPLES / "microgrid" / "bilateral"
    found = {
        "example": BilateralBook.from_csv(*(folder / f"{n}.csv" for n in ("sellers", "buyers", "pairs")))
    }
    for seed, kind in enumerate(("drawn", "tied", "sloped")):
        rng, step = np.random.default_rng(seed), 20.0 if kind == "tied" else 0.01
        slope = 500.0 * (kind == "sloped")
        sellers = [
            {"seller": f"s{i}", "mw": int(rng.integers(2, 8)) * 1e-3, "slope": slope,
             "price": step * round(rng.uniform(60, 180) / step)} for i in range(8)
        ]  # fmt: skip
        buyers = [
            {"buyer": f"b{j}", "mw": int(rng.integers(2, 7)) * 1e-3, "slope": slope,
             "price": step * round(rng.uniform(120, 300) / step)} for j in range(9)
        ]  # fmt: skip
        pairs = [
            {"seller": f"s{i}", "buyer": f"b{j}", "preference": step * round(rng.uniform(0, 30) / step),
             "charge": step * round(rng.uniform(0, 20) / step)} for i in range(8) for j in range(9)
        ]  # fmt: skip
        found[kind] = BilateralBook.from_tables(sellers, buyers, pairs)
    return found


def clear_pairs(rule: str) -> Outputs:
    found: dict[str, Any] = {}
    for name, book in pair_books().items():
        outcome = BilateralMarket(rule).clear(book)  # type: ignore[arg-type]
        names = ("status", "welfare", "traded_mw", "trades", "participants", "summary", "notes")
        found[name] = attributes(outcome, *names, "seller_gain", "buyer_gain")
        found[name]["blocking"] = outcome.blocking_pairs()
        for end in ("prices", "buyer_optimal", "seller_optimal"):
            found[name][end] = attributes(getattr(outcome, end), "seller", "buyer")
        found[name]["certificate"] = proof(outcome.certificate)
    return found


def run_processes() -> Outputs:
    processes = {
        "posted offers": lambda book: public("clearing", "run_posted_offers")(book),
        "pair prices": lambda book: public("clearing", "adjust_pair_prices")(book, 2.0),
        "unit contracts": lambda book: public("clearing", "auction_unit_contracts")(book, 1e-4, 2.0),
    }
    found: dict[str, Any] = {}
    for name, book in pair_books().items():
        if name == "sloped":
            continue
        for process, run in processes.items():
            ended = run(book)
            names = ("optimum", "traded_mw", "welfare", "price", "bound", "rounds", "efficiency", "history")
            found[f"{name}, {process}"] = attributes(ended, *names)
    return found


def clear_posted(rule: str) -> Outputs:
    rng = np.random.default_rng(1)
    demand, mw = rng.uniform(0.002, 0.02, (4, 24)), rng.uniform(0, 0.003, (4, 24, 5))
    price = 10 * np.round(rng.uniform(10, 26, (4, 24, 5)))
    given = 10 * np.round(demand / 1e-3) + 50 if rule == "given" else None
    book = PostedBook(tuple(f"s{k}" for k in range(5)), demand, mw, price, given, 0.5)
    found: dict[str, Any] = {}
    for price_rule in ("canonical", "low", "high"):
        market = PostedOfferMarket(rule, 200.0, 0.01, price_rule=price_rule)  # type: ignore[arg-type]
        outcome = market.clear(book)
        names = (
            "status",
            "accepted_mw",
            "operator_mw",
            "revenue",
            "bill",
            "accepted",
            "prices",
            "summary",
            "notes",
        )
        found[price_rule] = attributes(outcome, *names)
        found[price_rule]["certificate"] = proof(outcome.certificate)
    return found


@cache
def street() -> tuple[Any, Any]:
    """A feeder's grid and nine homes on it, with sun, batteries, vehicles, appliances and comfort."""
    feeder = public("networks", "load_feeder")("feeder8")
    placed = public("networks", "place_homes")(feeder.grid, 9, np.random.default_rng(1), slots=24)
    elastic = public("clearing", "elastic_comfort")
    comfort = [elastic(0.3 * load, 200.0, -0.5, 3) for load in placed.load_mw]
    return feeder.grid, public("clearing", "homes_of")(placed, comfort=comfort)


def plan_homes() -> Outputs:
    _, homes = street()
    price = np.where((np.arange(24) >= 16) & (np.arange(24) < 21), 320.0, 200.0)
    found: dict[str, Any] = {}
    for share_ties in (True, False):
        for plan in schedule_homes(homes, price, 60.0, share_ties):
            names = (
                "bill",
                "utility",
                "hardship",
                "objective",
                "frame",
                "choices",
                "net_import",
                "balance_dual",
            )
            read = attributes(plan, *names) | {"certificate": proof(plan.certificate)}
            if share_ties:
                read |= {"marginal": plan.marginal_cost, "interval": plan.marginal_interval}
            found[f"{plan.home.label}, ties {'shared' if share_ties else 'as they come'}"] = read
    offers = public("clearing", "orders_of_homes")(homes, 12, 220.0, 60.0)
    found["offers"] = [tuple(sorted(row.items())) for row in offers]
    return found


def compare_tariffs() -> Outputs:
    _, homes = street()
    flat, by_time = public("clearing", "flat_tariff"), public("clearing", "time_of_use_tariff")
    net = public("clearing", "net_metering_tariff")
    tariffs = [flat(210, 60, 24), by_time([(16, 21, 320)], 180, 60, 24), net(200, 30.0, 24)]
    return {"bills": public("clearing", "compare_tariffs")(homes[:4], tariffs)}


def clear_homes_plant() -> Outputs:
    """Homes without uninterruptible cycles behind a bus of a bulk grid, by schedule and jointly."""
    _, homes = street()
    plain = [home for home in homes if all(a.interruptible for a in home.appliances)]
    case = built_in("five_bus")
    book = Book.from_case(case, profile=np.linspace(0.7, 1.0, 24), hours=homes[0].hours)
    plant = public("clearing", "HomesPlant")(plain, np.full(len(plain), 500.0))
    bus = case.grid.buses[2]
    joint = plant.co_optimise(case.grid, book, bus)
    found = attributes(joint, "objective", "lmp", "export_mw", "homes_cost")
    scheduled = plant.clear_schedule_in(case.grid, book, bus, np.linspace(20, 40, 24))
    return found | {"certificate": proof(joint.certificate), "schedule": nodal(scheduled)}


def clear_plant() -> Outputs:
    """Blocks on a feeder as one plant: its curve, and both ways to clear it in a bulk grid."""
    rng, feeder = np.random.default_rng(0), built_in("feeder8").grid
    rows = [
        {"order": f"o{k}", "participant": f"p{k}", "bus": int(rng.integers(1, 8)),
         "side": ("sell", "buy")[k % 2], "mw": float(rng.uniform(0.02, 0.3)),
         "price": float(rng.uniform(10, 60))} for k in range(41)
    ]  # fmt: skip
    inside = Book.from_tables(rows, fixed=[{"bus": 3, "mw": 0.4}])
    wide = feeder.with_settings(limit_mw=feeder.limit_mw * 100)
    plant = VirtualPowerPlant(wide, inside, connection=0, export_limit=3.0, import_limit=3.0)
    curve = plant.supply_curve()
    bulk = built_in("five_bus")
    book, bus = Book.from_case(bulk), bulk.grid.buses[1]
    found: dict[str, Any] = {"curve": curve.frame, "cost": curve.cost_at_zero}
    offered, joint = plant.clear_in(bulk.grid, book, bus, markup=2.0), plant.co_optimise(bulk.grid, book, bus)
    for name, ended in (("offered", offered), ("joint", joint)):
        found[name] = attributes(ended, "export_mw", "lmp", "objective") | {"bulk": nodal(ended.bulk)}
    return found | {
        "inside": nodal(plant.dispatch(offered.export_mw)),
        "islanded": nodal(plant.islanded(3000.0)),
    }

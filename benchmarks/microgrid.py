"""Time of the microgrid markets at the sizes of their requirements.

    python benchmarks/microgrid.py

Figures are the best of some runs after a first one that compiles; machines are noisy, so the shape of the
numbers matters more than the numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import networks
from clearing import ElecBay, SealedBook, schedule_homes
from clearing.elecbay.model import WinnerProgram
from clearing.homes.home import elastic_comfort, homes_of
from clearing.homes.outcome import HomeSchedule
from clearing.posted.accounting import prosumer_book
from clearing.posted.market import PostedOfferMarket
from clearing.pricing.reduced import Reduced
from clearing.solvers import solve
from clearing.structure import Numbers, Structure
from networks.feeders import load_feeder, place_homes
from networks.profiles import draw_loads, draw_pv

RUNS = 3


def main() -> None:
    time_auctions()
    time_posted_offers()
    time_homes()


def time_auctions() -> None:
    grid = load_feeder("feeder33").grid
    scale = 5.0 / 5000
    book = draw_auction(grid, orders=5000, blocks=0, scale=scale)
    report("ElecBay, 5000 orders, 33 buses", lambda: ElecBay(grid).clear(book), cold=True)
    market = ElecBay(grid)
    report("  the same on a market that has the model", lambda: market.clear(book))
    structure = Structure.of(book.book, grid)
    reduced = Reduced(structure, Numbers.of(book.book, structure))
    program = WinnerProgram(book, structure, reduced.quantity, reduced.money).program()
    report("  its linear program alone (HiGHS)", lambda: solve(program))
    for blocks in (100, 500):
        mixed = draw_auction(grid, orders=2 * blocks, blocks=blocks, scale=2.5 / blocks)
        what = f"ElecBay, {blocks} blocks among {2 * blocks} orders, proven and unique"
        report(what, lambda book=mixed: ElecBay(grid).clear(book), cold=True)  # type: ignore[misc]


def draw_auction(grid: networks.Grid, orders: int, blocks: int, scale: float) -> SealedBook:
    """Orders at random buses; `scale` MW each on average, so that some lines of the feeder bind."""
    generator = np.random.default_rng(0)
    rows = []
    for k in range(orders + blocks):
        side = ("sell", "buy")[k % 2]
        row = {
            "order": f"o{k}",
            "participant": f"p{k % max(orders // 4, 1)}",
            "bus": grid.buses[int(generator.integers(1, len(grid.buses)))],
            "side": side,
            "mw": float(generator.uniform(0.4, 2.0)) * scale * (2.0 if k >= orders else 1.0),
            "price": float(generator.uniform(50, 200) if side == "sell" else generator.uniform(80, 300)),
        }
        if blocks:
            row["block"] = f"b{k}" if k >= orders else None
        rows.append(row)
    supplier = [{"bus": grid.buses[0], "import_price": 200.0, "export_price": 60.0}]
    return SealedBook.from_tables(rows, supplier=supplier)


def time_posted_offers() -> None:
    generator = np.random.default_rng(0)
    load = draw_loads(25, generator, days=520).reshape(25, 520, 96)
    sun = np.moveaxis(draw_pv(5, generator, days=520).reshape(5, 520, 96), 0, -1)
    need, consumers = np.moveaxis(load[:5], 0, -1), load[5:].sum(axis=0)
    book = prosumer_book(consumers, need, sun)
    market = PostedOfferMarket("peak", 200.0, float(book.demand_mw.mean()))
    report("posted offers, 520 days of 96 slots, 25 homes", lambda: market.clear(book))


def time_homes() -> None:
    feeder = load_feeder("feeder33").grid
    price = np.where((np.arange(96) >= 64) & (np.arange(96) < 84), 320.0, 200.0)
    placed = place_homes(feeder, 1000, np.random.default_rng(1))
    comfort = [elastic_comfort(0.3 * load, 200.0, -0.5, 3) for load in placed.load_mw]
    homes = homes_of(placed, comfort=comfort)
    for count in (25, 250, 1000):
        part = homes[:count]
        for share in (False, True):
            what = f"{count} homes of 96 slots" + (", ties shared" if share else "")
            report(what, lambda part=part, share=share: schedule_homes(part, price, 60.0, share))  # type: ignore[misc]
    plans = schedule_homes(homes[:25], price, 60.0)
    report("  marginal cost of 25 of them by rule, with intervals", lambda: [_priced(plan) for plan in plans])


def _priced(plan: HomeSchedule) -> np.ndarray:
    """The marginal cost, not the one that a plan keeps from the last time."""
    return replace(plan).marginal_cost


def report(what: str, call: Callable[[], object], cold: bool = False) -> None:
    call()
    spent = []
    for _ in range(1 if cold else RUNS):
        start, used = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - start, time.process_time() - used))
    wall, cpu = min(spent)
    print(f"{what:<66} {1e3 * wall:>10.1f} ms  (CPU {1e3 * cpu:,.1f} ms)", flush=True)


if __name__ == "__main__":
    main()

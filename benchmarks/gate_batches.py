"""Batches: regimes of real grids, every combination of what a round may bring, statuses and errors, days."""

from __future__ import annotations

from functools import cache, partial
from itertools import chain, combinations
from typing import Any

import numpy as np
from gate_cases import Cases, Outputs, attributes, built_in, public, refusal
from gate_digest import digest
from gate_nodal import DRAWN, draw_market
from workloads import REGIMES, Workload, workload

import networks
from clearing import Book, MitigatedMarket, NodalMarket

ROUNDS = {"ieee5": 400, "ieee14": 400, "ieee30": 400, "ieee57": 400, "ieee118": 300, "ieee300": 200,
          "pegase1354": 20}  # fmt: skip
WANTED = ("accepted", "lmp", "welfare", "lmp_low", "lmp_high", "flow")
SLOPES = ("none", "all", "half", "one row")
NUMBERS = ("the book's", "one row", "rows")
FEW = {1: 8, 3: 3}  # rounds by periods, where many go through the general path


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {}
    for grid in ROUNDS:
        for regime in REGIMES:
            for slopes in ("none", "all", "half"):
                name = f"batch/{grid}/{regime}, slopes {slopes}"
                found[name] = partial(clear_regime, grid, regime, slopes)
        found[f"batch/{grid}/calls"] = partial(clear_calls, grid)
    for periods in (1, 3):
        for slopes in SLOPES:
            found[f"batch/numbers/{periods} periods, slopes {slopes}"] = partial(
                combine_numbers, periods, slopes
            )
    found["batch/wanted"] = combine_wanted
    found |= {f"batch/rules/{rule}": partial(clear_by_rule, rule) for rule in ("canonical", "low", "high")}
    found |= {f"batch/drawn/{kind}": partial(clear_drawn, kind) for kind in DRAWN[1:]}
    found["batch/order and size"] = clear_in_pieces
    found["batch/marked"] = mark_errors
    found["batch/raised"] = raise_errors
    found["batch/day"] = clear_days
    found["batch/mitigated"] = clear_mitigated
    found["batch/incubator"] = incubate
    return found


@cache
def work_of(grid: str) -> Workload:
    """A grid's workload, made once."""
    return workload(grid)


def read(batch: Any) -> dict[str, Any]:
    """All that a batch says."""
    return attributes(batch, "status", "certified", "fallbacks", *WANTED)


def slopes_of(work: Workload, slopes: str, seed: int = 3) -> np.ndarray | None:
    """Slopes for all orders, for a half of them, or none."""
    if slopes == "none":
        return None
    every = work.slopes(seed)
    return (
        every if slopes == "all" else np.where(np.random.default_rng(1).random(len(every)) < 0.5, every, 0.0)
    )


def clear_regime(grid: str, regime: str, slopes: str) -> Outputs:
    work = work_of(grid)
    rounds = ROUNDS[grid] if slopes == "none" else -(-ROUNDS[grid] // 4)
    price, mw = work.rounds(rounds, regime, seed=1)
    prepared = NodalMarket(work.grid).prepare(work.book)
    return read(prepared.clear_many(price, mw, slope=slopes_of(work, slopes), want=WANTED))


def clear_calls(grid: str) -> Outputs:
    """Round by round, on one market, in two regimes that alternate."""
    work = work_of(grid)
    prepared = NodalMarket(work.grid).prepare(work.book)
    found: list[Any] = []
    for regime in ("3 agents", "5 $ grid", "independent"):
        price, mw = work.rounds(min(ROUNDS[grid], 40), regime, seed=2)
        found += [tuple(prepared.clear(price[k], mw[k])) for k in range(len(price))]
    accepted, lmp, welfare = zip(*found, strict=True)
    return {"accepted": np.array(accepted), "lmp": np.array(lmp), "welfare": np.array(welfare)}


def small_work(periods: int) -> tuple[Any, Any, Any, dict[str, np.ndarray]]:
    """A market prepared on 14 buses with limits that bind, and rows of all that a round may bring."""
    work = work_of("ieee14")
    rng, few = np.random.default_rng(periods), FEW[periods]
    book = work.book
    if periods > 1:
        ramps = [
            {"unit": unit, "up_mw": 40.0, "down_mw": 40.0} for unit in book.units if "offer" in str(unit)
        ]
        fixed = [{"bus": work.grid.buses[3], "mw": 5.0 + t, "period": t} for t in range(periods)]
        book = Book.from_tables(book.orders_frame, periods, ramps=ramps, fixed=fixed)
    prepared = NodalMarket(work.grid).prepare(book)
    spread = rng.uniform(0.9, 1.1, (few, prepared.orders))
    columns = book.column_row
    load = np.where(rng.random((few, len(work.grid.buses), periods)) < 0.3, 4.0, 0.0)
    rows = {
        "price": book.price[columns] * spread,
        "mw": book.mw[columns] * spread[::-1],
        "slope": np.where(rng.random(prepared.orders) < 0.5, 1.0, 0.0) * work.slopes(3)[columns] * spread,
        "fixed_mw": load if periods > 1 else load[:, :, 0],
        "limit_mw": work.grid.limit_mw * rng.uniform(0.95, 1.3, (few, len(work.grid.branches))),
    }
    return work, book, prepared, rows


def combine_numbers(periods: int, slopes: str) -> Outputs:
    """The book's numbers, one row for every round, or a row for each, of mw, fixed demand and limits."""
    work, book, prepared, rows = small_work(periods)
    slope: np.ndarray | None = rows["slope"]
    if slopes in ("none", "one row"):
        slope = None if slopes == "none" else rows["slope"][0]
    elif slopes == "all":
        slope = np.broadcast_to(work.slopes(3)[book.column_row], rows["slope"].shape)
    found: dict[str, Any] = {}
    for mw in NUMBERS:
        for fixed in NUMBERS:
            for limit in NUMBERS:
                given = {"mw": mw, "fixed_mw": fixed, "limit_mw": limit}
                chosen = {
                    name: rows[name][0] if how == "one row" else rows[name]
                    for name, how in given.items()
                    if how != "the book's"
                }
                name = f"mw {mw}, fixed_mw {fixed}, limit_mw {limit}"
                batch = prepared.clear_many(rows["price"], slope=slope, want=WANTED, **chosen)
                found[name] = digest(read(batch))
    return found


def combine_wanted() -> Outputs:
    """Every set of arrays that may be asked for, with and without slopes, and flows of some branches."""
    work = work_of("ieee30")
    prepared = NodalMarket(work.grid).prepare(work.book)
    price, mw = work.rounds(16, "5 $ grid", seed=4)
    some = work.grid.branches[3:30:5]
    found: dict[str, Any] = {}
    for want in chain.from_iterable(combinations(WANTED, k) for k in range(1, len(WANTED) + 1)):
        for slopes in ("none", "half"):
            branches = some if len(want) % 2 else None
            batch = prepared.clear_many(price, mw, slopes_of(work, slopes), want=want, branches=branches)
            found[f"{', '.join(want)}; slopes {slopes}"] = digest(read(batch))
    return found


def clear_by_rule(rule: str) -> Outputs:
    found: dict[str, Any] = {}
    for grid in ("ieee5", "ieee57"):
        work = work_of(grid)
        prepared = NodalMarket(work.grid, price_rule=rule).prepare(work.book)  # type: ignore[arg-type]
        for regime in ("independent", "5 $ grid"):
            price, mw = work.rounds(100, regime, seed=5)
            for slopes in ("none", "half"):
                batch = prepared.clear_many(price, mw, slopes_of(work, slopes), want=WANTED)
                found[f"{grid}, {regime}, slopes {slopes}"] = digest(read(batch))
    return found


def clear_drawn(kind: str) -> Outputs:
    """Rounds around books of small markets, prices on a grid and off it."""
    found: dict[str, Any] = {}
    for seed in range(8):
        rng = np.random.default_rng([7, seed])
        grid, book = draw_market(kind, rng)
        prepared = NodalMarket(grid).prepare(book)
        columns = book.column_row
        shape = (20 if book.periods == 1 else 4, prepared.orders)
        price = book.price[columns] * rng.uniform(0.8, 1.2, shape)
        mw = np.maximum(book.mw[columns] * rng.uniform(0.9, 1.2, shape), book.min_mw[columns])
        if seed % 2:
            price, mw = 10 * np.round(price / 10), 5 * np.ceil(mw / 5)
        found[f"{seed}"] = digest(read(prepared.clear_many(price, mw, want=WANTED)))
    return found


def clear_in_pieces() -> Outputs:
    """The same rounds at once, one by one backwards, and on a market that has seen others."""
    found: dict[str, Any] = {}
    for grid in ("ieee57", "ieee118"):
        work = work_of(grid)
        price, mw = work.rounds(60, "5 $ grid", seed=6)
        other = work.rounds(60, "independent", seed=7)
        prepared = NodalMarket(work.grid).prepare(work.book)
        prepared.clear_many(*other)
        found[f"{grid}, seen others"] = digest(read(prepared.clear_many(price, mw, want=WANTED)))
        back = [prepared.clear_many(price[k : k + 1], mw[k : k + 1], want=WANTED) for k in range(59, -1, -1)]
        found[f"{grid}, backwards"] = digest([read(batch) for batch in back])
    return found


def bad_rounds() -> tuple[Any, dict[str, dict[str, np.ndarray]]]:
    """Rounds that cannot be served, or hold numbers that no book may hold, among sound ones."""
    line = {"branch": "L", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 40.0}
    grid = networks.Grid.from_tables([{"bus": "a"}, {"bus": "b"}], [line])
    orders: list[dict[str, Any]] = [
        {"order": "s", "participant": "p", "unit": "u", "bus": "a", "side": "sell", "mw": 60, "price": 10},
        {"order": "w", "participant": "p", "unit": "u", "bus": "a", "side": "buy", "mw": 10, "price": 5},
        {"order": "d", "participant": "q", "bus": "b", "side": "buy", "mw": 20, "price": 50},
    ]
    for order in orders:
        order.setdefault("unit", order["order"])
    prepared = NodalMarket(grid).prepare(Book.from_tables(orders, fixed=[{"bus": "b", "mw": 10}]))
    price = np.tile([10.0, 5.0, 50.0], (6, 1))
    fixed = np.tile([0.0, 10.0], (6, 1))
    spoilt = {
        "nothing": {"price": price},
        "not a number": {"price": _with(price, (2, 0), np.nan)},
        "sells to itself": {"price": _with(price, (3, 1), 20.0)},
        "short": {"price": price, "fixed_mw": _with(fixed, (4, 1), 45.0)},
        "below nothing": {"price": price, "mw": _with(np.tile([60.0, 10.0, 20.0], (6, 1)), (1, 0), -1.0)},
        "falling": {"price": price, "slope": _with(np.zeros((6, 3)), (5, 2), -0.1)},
        "no room": {"price": price, "limit_mw": _with(np.full((6, 1), 40.0), (2, 0), 5.0)},
    }
    return prepared, spoilt


def _with(array: np.ndarray, where: tuple[int, int], value: float) -> np.ndarray:
    array = array.copy()
    array[where] = value
    return array


def mark_errors() -> Outputs:
    prepared, spoilt = bad_rounds()
    return {name: read(prepared.clear_many(**given, want=WANTED)) for name, given in spoilt.items()}


def raise_errors() -> Outputs:
    prepared, spoilt = bad_rounds()
    return {
        name: refusal(lambda given=given: prepared.clear_many(**given, on_error="raise"))  # type: ignore[misc]
        for name, given in spoilt.items()
        if name != "nothing"
    }


def clear_days() -> Outputs:
    """Days with ramps as rounds."""
    found: dict[str, Any] = {}
    for name, share in (("five_bus", 0.2), ("ieee57", 0.1), ("pglib_ieee118", 0.1)):
        case = built_in(name)
        profile = [0.7, 0.8, 1.0, 0.95]
        book = Book.from_case(case, profile=profile, ramp_share=share).with_lost_load(3000.0)
        prepared = NodalMarket(case.grid).prepare(book)
        rng = np.random.default_rng(8)
        price = book.price[book.column_row] * rng.uniform(0.9, 1.1, (4, prepared.orders))
        found[name] = read(prepared.clear_many(price, want=WANTED))
        found[f"{name}, rounded"] = read(prepared.clear_many(5 * np.round(price / 5), want=WANTED))
    return found


def clear_mitigated() -> Outputs:
    case = built_in("five_bus")
    costs = Book.from_case(case)
    found: dict[str, Any] = {}
    for test in ("market", "flows"):
        rule = MitigatedMarket(NodalMarket(case.grid), costs, test=test)  # type: ignore[arg-type]
        dear = costs.with_markup({"G1": 30.0, "G2": 5.0})
        found[f"{test}, capped"] = rule.capped(dear).price
        found[f"{test}, lmp"] = rule.clear(dear).lmp
        rng = np.random.default_rng(9)
        price = costs.price * rng.uniform(1.0, 2.0, (20, len(costs.price)))
        found[f"{test}, rounds"] = read(rule.prepare(costs).clear_many(price, want=WANTED))
    return found


def incubate() -> Outputs:
    """A series of books from a user's tables beside the same at cost."""
    case = built_in("five_bus")
    book = Book.from_case(case)
    series_of, incubator_of = public("clearing", "BookSeries"), public("clearing", "Incubator")
    rng = np.random.default_rng(10)
    series = series_of.honest(book, case.grid, rng.uniform(0.6, 1.0, 30)).with_markup({"G1": 0.3, "G3": 0.1})
    found = incubator_of(NodalMarket(case.grid), book).compare(series.with_withheld({"G2": 0.1}))
    out = {"periods": found.periods(), "agents": found.agents(), "agent periods": found.agent_periods()}
    out |= {"offers": series.frames(case.grid)[0]}
    gaps = public("clearing", "honest_gaps")
    out["wrong costs"] = gaps(
        incubator_of(NodalMarket(case.grid), book), series, 0.1, 20, np.random.default_rng(11)
    )
    return out

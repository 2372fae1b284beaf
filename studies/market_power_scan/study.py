"""Who could move the prices of a case, and what it would pay: a scan of every firm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables, case_fingerprint

if TYPE_CHECKING:
    from clearing.book import Book
    from clearing.nodal import NodalMarket
    from clearing.outcome import Outcome
    from networks.case import Case

SHARES = tuple(k / 10 for k in range(11))
MARKUPS = tuple(5.0 * k for k in range(11))
KINDS = ("structure", "withhold", "mark up")
SEEN = 1e-6  # $/MWh; smaller price changes are rounding


@dataclass(frozen=True)
class Settings(Spec):
    """Which case, and how far firms deviate."""

    case: str = setting("pglib_ieee300", "a named case, a .m file, a pandapower .json, or a folder of tables")
    withheld: tuple[float, ...] = setting(SHARES, "shares of its MW that a firm withholds", low=0, high=1)
    markups: tuple[float, ...] = setting(MARKUPS, "what a firm asks above its cost", "$/MWh", low=0)
    lost_load: float = setting(3000.0, "value of load that cannot be served", "$/MWh", low=0.01)
    load_factor: float = setting(1.0, "multiplier of every load", low=0.01, high=100)


@dataclass(frozen=True)
class Base:
    """The competitive clearing that deviations are compared with, and its market (compiled once)."""

    case: Case
    market: NodalMarket
    book: Book
    outcome: Outcome
    weights: np.ndarray  # (buses, periods) demand served, of which mean prices are made

    def mean(self, lmp: np.ndarray) -> float:
        """Price weighted by the demand of the competitive clearing [$/MWh]."""
        return float(np.nansum(lmp * self.weights) / self.weights.sum())


@lru_cache(maxsize=2)
def competitive(case_name: str, load_factor: float) -> Base:
    """The case with every firm at true cost."""
    import clearing
    import networks

    case = networks.load(case_name)
    profile = None if load_factor == 1 else [load_factor] * case.fleet.periods
    book = clearing.Book.from_case(case, profile=profile)
    market = clearing.NodalMarket(case.grid)
    outcome = market.clear(book)
    return Base(case, market, book, outcome, np.maximum(outcome.demand_weights, 0.0))


def cells(spec: Settings) -> Sequence[Cell]:
    """A firm with something to sell, and what is asked of it."""
    from clearing.monitor import supply

    base = competitive(spec.case, spec.load_factor)
    offered = supply(base.book)
    return [{"firm": str(firm), "kind": kind} for firm in offered.index[offered > 0] for kind in KINDS]


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """One firm's structural measures, or its profit and everyone's prices at every level of a deviation.

    Of several periods, structure is that of the one in which the firm is least easy to do without.
    """
    base = competitive(spec.case, spec.load_factor)
    if cell["kind"] == "structure":
        return {"firms": [_structure(spec, base, cell["firm"])]}
    from clearing.monitor import deviate

    withholds = cell["kind"] == "withhold"
    honest = deviate(base.market, base.book, cell["firm"], value_of_lost_load=spec.lost_load)
    rows, best = [], honest
    for level in spec.withheld if withholds else spec.markups:
        ways = {"withheld": level} if withholds else {"markup": level}
        found = honest
        if level:
            found = deviate(base.market, base.book, cell["firm"], value_of_lost_load=spec.lost_load, **ways)
        change = np.nan_to_num(found.lmp - honest.lmp)
        rows.append(
            {
                "level": level,
                "profit": found.profit,
                "profit_change": found.profit - honest.profit,
                "sold_mwh": found.sold_mwh,
                "mean_price": base.mean(found.lmp),
                "price_change": base.mean(found.lmp) - base.mean(honest.lmp),
                "greatest_rise": float(change.max()),
                "congestion_rent": found.congestion_rent,
                "shortage_mwh": found.shortage_mwh,
            }
        )
        if found.profit > best.profit:
            best, best_level = found, level
    if best is honest:
        return {"deviations": rows}
    moved = np.argwhere(np.abs(np.nan_to_num(best.lmp - honest.lmp)) > SEEN)
    buses = base.case.grid.buses
    effects = {
        "level": np.full(len(moved), best_level),
        "bus": [str(buses[b]) for b, _ in moved],
        "period": moved[:, 1],
        "lmp": best.lmp[tuple(moved.T)],
        "lmp_change": (best.lmp - honest.lmp)[tuple(moved.T)],
    }
    return {"deviations": rows, "bus_prices": effects}


def _structure(spec: Settings, base: Base, firm: str) -> Row:
    from clearing.monitor import concentration, deviate, lerner, residual_supply, unserved_without

    tables = [residual_supply(base.book, period) for period in range(base.book.periods)]
    label = next(name for name in tables[0].index if str(name) == firm)
    table = min((t for t in tables if label in t.index), key=lambda t: float(t.loc[label, "rsi"]))
    row = table.loc[label]
    margin = lerner(base.outcome).loc[label]
    without = deviate(base.market, base.book, firm, withheld=1.0, value_of_lost_load=spec.lost_load)
    return {
        "supply_mw": float(row["supply_mw"]),
        "share": float(row["share"]),
        "rsi": float(row["rsi"]),
        "pivotal": bool(row["pivotal"]),
        "rsi3": float(row["rsi3"]),
        "fails_three": bool(row["fails_three"]),
        "unserved_without_mwh": unserved_without(base.market, base.book, label, spec.lost_load),
        "price_without": base.mean(without.lmp),
        "sold_mwh": float(margin["sold_mwh"]),
        "lerner": float(margin["lerner"]),
        "hhi_offered": concentration(table["supply_mw"]),
        "hhi_sold": concentration(lerner(base.outcome)["sold_mwh"]),
        "competitive_price": base.mean(base.outcome.lmp),
        "competitive_rent": float(np.nansum(base.outcome.flow_dual * base.outcome.flow_mw)) * base.book.hours,
    }


STUDY = Study(
    title="Market power of every firm of a case: structure, withholding, mark-ups",
    question="Which firms could raise prices alone, by how much, where on the grid, and would it pay them?",
    method="The case is cleared with every firm at true cost. Then each firm in turn withholds a share "
    "of its MW, or asks more than its cost, while all others stay honest; each clearing is exact and "
    "certified, and the "
    "firm's profit is counted at its true cost and the nodal price. Where the others cannot serve the fixed "
    "demand, it clears at the value of lost load. Beside conduct stands structure: concentration (HHI), "
    "residual supply (RSI), the pivotal and three-pivotal-supplier tests without the grid, the demand that "
    "the grid leaves unserved without the firm, and the Lerner index of the competitive clearing.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: case_fingerprint(spec.case),
    under_specified=(
        "Who owns which unit: a case that does not say makes every unit a firm of its own.",
        "The value of lost load, which decides what a pivotal firm can earn.",
    ),
    random=False,
)

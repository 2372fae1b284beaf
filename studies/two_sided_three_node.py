"""Two-sided tacit collusion on three nodes: scenarios A, B and C by exact enumeration.

M. Jabbari Zideh and S. S. Mohtavipour, "Two-Sided Tacit Collusion: Another Step towards the Role of
Demand-Side", Energies 2017, 10, 2045, section 4. Nothing is learned here: every offer of Gen-A and
every interruption of Disco-1 is cleared, with the interval of its prices, so that what the article
finds by learning can be compared with the game itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Results, Study, Summary, case_fingerprint

RULES = ("low", "high", "canonical")


@dataclass(frozen=True)
class Settings(Spec):
    """Which offers and interruptions are enumerated."""

    offer_from_mw: float = setting(170.0, "least offer of Gen-A", "MW", low=0, high=200)
    offer_to_mw: float = setting(200.0, "greatest offer of Gen-A", "MW", low=0, high=200)
    offer_step_mw: float = setting(1.0, "step of Gen-A's offers", "MW", low=0.1, high=100)
    interrupted_to_mw: float = setting(30.0, "greatest interruption of Disco-1", "MW", low=0, high=99)
    interrupted_step_mw: float = setting(1.0, "step of Disco-1's interruptions", "MW", low=0.1, high=100)
    retail_price: float = setting(11.0, "what Disco-1's customers pay", "$/MWh", low=0)
    interruption_cost: float = setting(2.0, "what Disco-1 pays for interrupted load", "$/MWh", low=0)
    most_ramp_mw: int = setting(
        12, "greatest ramp limit on Gen-A's offers in the table of ramps", "MW/h", low=0
    )


def grid_of(low: float, high: float, step: float) -> list[float]:
    """`low` to `high` in steps, as round numbers."""
    return [round(float(v), 6) for v in np.arange(low, high + step / 2, step)]


def cells(spec: Settings) -> list[dict[str, Any]]:
    """One cell per hour and offer of Gen-A; it clears every interruption."""
    offers = grid_of(spec.offer_from_mw, spec.offer_to_mw, spec.offer_step_mw)
    return [{"hour": hour, "offer_mw": offer} for hour in (1, 2) for offer in offers]


@lru_cache(maxsize=2)
def _market(hour: int) -> tuple[Any, Any]:
    """The market, compiled once in each worker, and the book of an hour at full offers."""
    import clearing
    import networks

    case = networks.load("three_node")
    own = clearing.Book.from_case(case)
    fixed = own.fixed_frame[own.fixed_frame["period"] == hour - 1].assign(period=0)
    return clearing.NodalMarket(case.grid), clearing.Book.from_tables(own.orders_frame, fixed=fixed)


def book_of(hour: int, offer_mw: float, interrupted_mw: float) -> Any:
    """One hour's book: Gen-A offers at cost, Disco-1 (at bus 2) takes less by what it interrupts."""
    _, book = _market(hour)
    offered = np.where([unit == "Gen-A" for unit in book.units], offer_mw, book.mw)
    at_disco = np.array([bus == 2 for bus in book.fixed_bus])
    return replace(book, mw=offered, fixed_mw=book.fixed_mw - interrupted_mw * at_disco)


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Mapping[str, Any]:
    """Prices under each rule, their intervals, and the payoffs of Gen-A and Disco-1 [$]."""
    market, _ = _market(cell["hour"])
    rows = []
    for interrupted in grid_of(0.0, spec.interrupted_to_mw, spec.interrupted_step_mw):
        outcome = market.clear(book_of(cell["hour"], cell["offer_mw"], interrupted))
        low, high = outcome.intervals
        row: dict[str, Any] = {"interrupted_mw": interrupted, "dispatch_mw": float(outcome.accepted_mw[0])}
        demand = float(outcome.book.fixed_mw[list(outcome.book.fixed_bus).index(2)])
        row["flow_12_mw"] = float(outcome.flow_mw[0, 0])
        for bus in range(3):
            row[f"lmp{bus + 1}_low"] = float(low[bus, 0])
            row[f"lmp{bus + 1}_high"] = float(high[bus, 0])
        for rule in RULES:
            money = outcome.face.reduced.money
            lmp = outcome.lmp if rule == "canonical" else outcome.face.pick(rule).bus * money
            row |= {f"lmp{bus + 1}_{rule}_rule": float(lmp[bus, 0]) for bus in range(3)}
            row[f"gen_a_{rule}"] = (float(lmp[0, 0]) - 6.0) * row["dispatch_mw"]
            margin = (spec.retail_price - float(lmp[1, 0])) * demand
            row[f"disco_1_{rule}"] = margin - spec.interruption_cost * interrupted
        rows.append({key: round(value, 9) + 0.0 for key, value in row.items()})
    return {"clearings": rows}


def summarise(results: Results) -> Mapping[str, Summary]:
    """Scenarios, equilibria under each price rule, and what a ramp limit allows."""
    from studies.two_sided.tables import equilibria_table, ramp_table, scenario_table

    frame = results["clearings"]
    spec = results.spec
    return {
        "scenarios": Summary(
            "Scenarios A, B and C",
            scenario_table(frame),
            "Exact: nothing is random, so one replicate and no standard error. Intervals hold every "
            "price that supports the dispatch; where low and high agree the price is unique.",
        ),
        "equilibria": Summary(
            "Pure equilibria of each hour",
            equilibria_table(frame),
            f"Gen-A offers {spec.offer_from_mw:g} to {spec.offer_to_mw:g} MW in steps of "
            f"{spec.offer_step_mw:g}, "
            f"Disco-1 interrupts 0 to {spec.interrupted_to_mw:g} MW in steps of "
            f"{spec.interrupted_step_mw:g}. The "
            "dispatch is the same under each rule; only the price on the degenerate line differs.",
        ),
        "ramps": Summary(
            "What Gen-A can earn alone in two hours under a ramp limit on its offers",
            ramp_table(frame, spec.most_ramp_mw),
            "Best total profit with Disco-1 passive, rule high (least price for Gen-A where it is not "
            "unique). With and without an offer of 200 MW imposed before the first hour.",
        ),
    }


def figures(results: Results, summaries: Mapping[str, Summary]) -> list[Any]:
    """Payoffs over offer and interruption, and published prices on their intervals."""
    from studies.two_sided.tables import draw_figures

    return draw_figures(results, summaries)


def claims(results: Results, summaries: Mapping[str, Summary]) -> list[Any]:
    """Each published figure of section 4 beside ours."""
    from studies.two_sided.tables import list_claims

    return list_claims(results, summaries)


STUDY = Study(
    title="Tacit collusion of a generator and a retailer on three nodes, by enumeration",
    question="Can a generator (Gen-A) and a retailer (Disco-1) raise their profits without talking to each "
    "other, and is what the article calls collusion an equilibrium of its own market?",
    method="Two hours of the three-node system of the article. Gen-A offers part of its 200 MW at cost, "
    "Disco-1 interrupts part of its load; the others are passive. Every pair is cleared exactly, with a "
    "certificate, "
    "and with the interval of prices at each node. Payoffs: (LMP − 6)·MW for Gen-A, (11 − LMP)·served − "
    "2·interrupted for Disco-1. From the payoffs follow scenarios A, B, C, all pure equilibria, and the "
    "effect of ramp limits. Learning is not part of it.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    summarise=summarise,
    figures=figures,
    claims=claims,
    fingerprint=lambda spec: case_fingerprint("three_node"),
    under_specified=(
        "Which of several supporting prices the market uses: the published 6.64 $/MWh is one of an interval.",
        "The ramp limit of scenario B, and the offer before the first hour: no number is given.",
        "The buses of the participants stand in a picture only; one of 54 placements reproduces the prices.",
        "The limit of Disco-1's interruption, 0.3 per unit, is read as 30 MW on 100 MVA.",
        "Whether Disco-1 may interrupt in hour 1 (“all are able to learn”): scenario C needs that it "
        "does not.",
    ),
    random=False,
)

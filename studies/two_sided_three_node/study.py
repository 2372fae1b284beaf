"""Two-sided tacit collusion on three nodes: scenarios A, B and C, enumerated, solved and learned.

M. Jabbari Zideh and S. S. Mohtavipour, "Two-Sided Tacit Collusion: Another Step towards the Role of
Demand-Side", Energies 2017, 10, 2045, section 4. Every offer of Gen-A and every interruption of Disco-1 is
cleared, with the interval of its prices; the day's equilibria are found by enumeration; and both learn with
the article's Algorithm 1, in many seeds and settings, so that what learning finds can be compared with the
game itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables, case_fingerprint

if TYPE_CHECKING:
    from clearing.book import Book

RULES = ("low", "high", "canonical")


@dataclass(frozen=True)
class Settings(Spec):
    """Which offers and interruptions are enumerated, and what is learned; `seeds=0` learns nothing."""

    seeds: int = setting(200, "seeds of each learning setting; 0 enumerates only", low=0, high=100_000)
    rates: tuple[float, ...] = setting(
        (0.1, 0.3, 0.5, 0.7, 0.9), "exploration rates of gencos and of discos", low=0.001, high=1
    )
    alpha: float = setting(0.1, "learning rate", low=0.001, high=1)
    gamma: float = setting(0.95, "discount factor", low=0, high=1)
    alphas: tuple[float, ...] = setting(
        (0.02, 0.05, 0.1, 0.3), "learning rates that are compared", low=0.001, high=1
    )
    gammas: tuple[float, ...] = setting(
        (0.05, 0.5, 0.95), "discount factors that are compared", low=0, high=1
    )
    days: int = setting(700, "days that are learned on the minimal grid of actions", low=1)
    days_fine: int = setting(2000, "days that are learned on the fine grid", low=1)
    ramp_mw: float = setting(4.0, "ramp limit on Gen-A's offers, where it is not swept", "MW/h", low=0)
    ramps_mw: tuple[float, ...] = setting(
        (2.0, 4.0, 6.0, 8.0, 200.0), "ramp limits that are compared; 200 never binds", "MW/h", low=0
    )
    fine_from_mw: float = setting(185.0, "least offer of Gen-A on the fine grid", "MW", low=0, high=199)
    fine_step_mw: float = setting(1.0, "step of its offers on the fine grid", "MW", low=0.1, high=100)
    fine_cut_to_mw: float = setting(30.0, "greatest interruption on the fine grid", "MW", low=0, high=99)
    fine_cut_step_mw: float = setting(5.0, "step of interruptions on the fine grid", "MW", low=0.1, high=100)

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


def cells(spec: Settings) -> Sequence[Cell]:
    """One cell per hour and offer of Gen-A (it clears every interruption), learning setting, and game."""
    from studies.two_sided_three_node.sweep import game_cells, learning_cells

    offers = grid_of(spec.offer_from_mw, spec.offer_to_mw, spec.offer_step_mw)
    out: list[Row] = [
        {"part": "clearings", "hour": hour, "offer_mw": offer} for hour in (1, 2) for offer in offers
    ]
    if spec.seeds:
        learning = learning_cells(spec)
        out += game_cells(learning) + learning
    return out


def action_grid(spec: Settings, name: str) -> Any:
    """The offers and interruptions that learners choose from; the article's own two of each if minimal."""
    from studies.two_sided_three_node.games import Grid

    if name == "minimal":
        return Grid((200.0, 199.0), (0.0, 20.0))
    offers = grid_of(spec.fine_from_mw, 200.0, spec.fine_step_mw)[::-1]
    return Grid(tuple(offers), tuple(grid_of(0.0, spec.fine_cut_to_mw, spec.fine_cut_step_mw)))


@lru_cache(maxsize=2)
def _market(hour: int) -> tuple[Any, Any]:
    """The market, compiled once in each worker, and the book of an hour at full offers."""
    import clearing
    import networks

    case = networks.load("three_node")
    own = clearing.Book.from_case(case)
    fixed = own.fixed_frame[own.fixed_frame["period"] == hour - 1].assign(period=0)
    return clearing.NodalMarket(case.grid), clearing.Book.from_tables(own.orders_frame, fixed=fixed)


def book_of(hour: int, offer_mw: float, interrupted_mw: float) -> Book:
    """One hour's book: Gen-A offers at cost, Disco-1 (at bus 2) takes less by what it interrupts."""
    _, book = _market(hour)
    offered = np.where([unit == "Gen-A" for unit in book.units], offer_mw, book.mw)
    at_disco = np.array([bus == 2 for bus in book.fixed_bus])
    return replace(book, mw=offered, fixed_mw=book.fixed_mw - interrupted_mw * at_disco)


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Clearings of an offer, the solution of a game, or the ends of its learners."""
    if cell["part"] == "clearings":
        return {"clearings": clear_offer(spec, cell)}
    from studies.two_sided_three_node.games import learned, solved

    grid = action_grid(spec, cell["grid"])
    if cell["part"] == "game":
        return solved(cell, grid)
    return learned(cell, grid, spec.seeds, int(rng.integers(2**62)))


def clear_offer(spec: Settings, cell: Cell) -> list[Row]:
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
            lmp = outcome.lmp_by(rule)
            row |= {f"lmp{bus + 1}_{rule}_rule": float(lmp[bus, 0]) for bus in range(3)}
            row[f"gen_a_{rule}"] = (float(lmp[0, 0]) - 6.0) * row["dispatch_mw"]
            margin = (spec.retail_price - float(lmp[1, 0])) * demand
            row[f"disco_1_{rule}"] = margin - spec.interruption_cost * interrupted
        rows.append({key: round(value, 9) + 0.0 for key, value in row.items()})
    return rows


STUDY = Study(
    title="Tacit collusion of a generator and a retailer on three nodes",
    question="Can a generator (Gen-A) and a retailer (Disco-1) raise their profits without talking to each "
    "other, is what the article calls collusion an equilibrium of its own market, and how often do learners "
    "find it?",
    method="Two hours of the three-node system of the article. Gen-A offers part of its 200 MW at cost, "
    "Disco-1 interrupts part of its load; the others are passive. Every pair is cleared exactly, with a "
    "certificate, "
    "and with the interval of prices at each node. Payoffs: (LMP − 6)·MW for Gen-A, (11 − LMP)·served − "
    "2·interrupted for Disco-1. From the payoffs follow scenarios A, B, C, all pure equilibria, and the "
    "effect of ramp limits. Then both learn with the article's Algorithm 1 (expected SARSA, Boltzmann "
    "exploration at a prescribed entropy) in many seeds: Gen-A's state is the hour and its own offer in hour "
    "1, with the offers that the ramp leaves it; Disco-1's state is the hour. Payoffs of every pair of "
    "actions are cleared once, exactly. The article's minimal grid has its own two offers (200, 199 MW) and "
    "interruptions (0, 20 MW), the fine grid what the settings say. An end is what the greedy actions do "
    "after the last day.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: case_fingerprint("three_node"),
    under_specified=(
        "Which of several supporting prices the market uses: the published 6.64 $/MWh is one of an interval.",
        "The ramp limit of scenario B, and the offer before the first hour: no number is given.",
        "The buses of the participants stand in a picture only; one of 54 placements reproduces the prices.",
        "The limit of Disco-1's interruption, 0.3 per unit, is read as 30 MW on 100 MVA.",
        "Whether Disco-1 may interrupt in hour 1 (“all are able to learn”): scenario C needs that it "
        "does not.",
        "How the learners were set: rates of exploration and learning, first values, seeds, and what a state "
        "holds. First values are 0 here.",
        "Published shares name a “lower dual”: the end of the price interval with 6 $/MWh at node 1. That is "
        "our price rule high (dear for demand), not low.",
    ),
)

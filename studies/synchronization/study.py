"""Synchronization games in a neighbourhood: what is learned, why, the honest equilibrium, and remedies.

O. Saukh, F. Papst, S. Saukh, "Synchronization Games in P2P Energy Trading". The document's learner, its
accounting and its parameters, beside honest accountings, controls, exact equilibria and learners that
reach them; its game with storage; clock errors; remedies one by one; and what meters would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Study, Tables


@dataclass(frozen=True)
class Settings(Spec):
    """The neighbourhood, the learner, and which remedies are tried."""

    worlds: int = setting(10, "neighbourhoods, drawn independently", low=1)
    prosumers: int = setting(5, "homes with sun", low=1, high=50)
    consumers: int = setting(20, "homes without", low=1)
    training_days: int = setting(520, "days of learning", low=1)
    sample_days: int = setting(60, "days that best replies are computed on", low=1)
    test_days: int = setting(60, "days that everything is judged on", low=5)
    night_kw: float = setting(0.0, "upper end of a home's demand by night", "kW", low=0, high=5)
    noise: float = setting(0.15, "relative standard deviation of a slot's demand", low=0, high=1)
    least_panels: int = setting(8, "fewest panels of a prosumer", low=1)
    most_panels: int = setting(12, "most panels of a prosumer", low=1)
    reference_price: float = setting(200.0, "operator's price at mean demand", "$/MWh", low=0.01)
    exponent: float = setting(2.0, "of the operator's price rule", low=0, high=10)
    share: float = setting(0.5, "of its own need that a synced slot adds", low=0, high=5)
    alpha: float = setting(0.01, "step size of the document's learner", low=1e-6, high=1)
    gamma: float = setting(0.9, "its discount factor of a slot", low=0, high=1)
    epsilon: float = setting(0.1, "its share of random choices", low=0, high=1)
    search_starts: int = setting(6, "random starts of the search for larger deviations", low=0)
    ratchets: tuple[float, ...] = setting((0.75, 0.5, 0.25, 0.0), "remedy: price keeps this", low=0, high=1)
    exponents: tuple[float, ...] = setting((1.5, 1.0, 0.5), "remedy: exponents", low=0, high=10)
    shares: tuple[float, ...] = setting((0.25, 0.1), "remedy: artificial shares", low=0, high=5)
    storage_losses: tuple[float, ...] = setting((0.1, 0.3, 1.0), "remedy: losses", low=0, high=1)
    elasticities: tuple[float, ...] = setting((0.1, 0.3, 1.0), "remedy: real-time prices", low=0, high=5)
    response_payments: tuple[float, ...] = setting(
        (300.0, 1000.0, 3000.0, 6000.0), "remedy: pay for demand not taken", "$/MWh", low=0
    )
    fines: tuple[float, ...] = setting((0.05, 0.2, 0.5, 1.0), "remedy: expected fines", "$ per slot", low=0)
    bursts: tuple[int, ...] = setting((15, 5, 1), "lengths of agreed bursts", "minutes", low=1)
    clock_errors: tuple[float, ...] = setting(
        (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), "standard deviations of clocks", "minutes", low=0
    )
    clock_draws: int = setting(2000, "draws of clocks", low=1)
    intervals: tuple[int, ...] = setting((1, 5, 15, 30, 60), "reporting intervals", "minutes", low=1)
    meter_days: int = setting(1, "days whose readings a monitor pools", low=1)
    meter_trials: int = setting(2000, "neighbourhoods with, and without, synchronization", low=20)


def cells(spec: Settings) -> Sequence[Cell]:
    """One cell per world, and one for the meters."""
    return [{"part": "world", "world": k} for k in range(spec.worlds)] + [{"part": "meters", "world": -1}]


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Learning, equilibria and remedies in one world; or what meters show."""
    if cell["part"] == "meters":
        from studies.synchronization.detection import watch_meters

        return watch_meters(spec, rng)
    from studies.synchronization.worlds import draw_world, run_world

    return run_world(spec, draw_world(spec, rng), rng)


STUDY = Study(
    title="Synchronization games: prosumers who inflate demand to keep the operator's price high",
    question="Do prosumers learn to synchronize in order to raise prices, would it be an equilibrium if they "
    "did, and what would prevent or reveal it?",
    method="Five homes with sun and twenty without on one operator, quarter hours, 520 days of learning. The "
    "operator's price follows the square of the day's highest demand so far and stays there until midnight. "
    "Each day is cleared exactly. First the document's Q-learner with its accounting, in which a synced slot "
    "costs and earns nothing (“literal”), and controls: an operator whose price ignores artificial demand, "
    "and learners without foresight. Then honest accountings, where own energy is always paid: equilibria "
    "by best replies over all 96 slots on common random days, deviations of one, two and more slots, "
    "learners over whole-day plans, remedies one at a time, clock errors, and meters. Learning, replies and "
    "tests use different days of the same homes.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    under_specified=(
        "What a synced slot costs: “neither earn nor lose” makes the prosumer's own energy free; we add "
        "three accountings in which it is paid.",
        "The price rule: applied to falls as well it is s_ref·(d/d_ref)², a price without memory; applied to "
        "rises only it multiplies noise without bound. We apply it to new peaks of the day and start again "
        "at midnight, anchored at the mean demand.",
        "The reward: “daily profit” given to each of 96 slots carries no signal; we give each slot its own "
        "money.",
        "How prosumers post: ±10 % steps leave about half of the slots unsold; the main results let them "
        "match the operator, as “as close to the operator's price as possible”. Both are shown.",
        "Household load, number of panels, the reference price, and “15 % variance”, which we read as a "
        "relative standard deviation.",
        "Whether x in its equation (4) is constant: it is not once the price has risen.",
    ),
)

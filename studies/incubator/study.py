"""The pricing incubator: what a market monitor can find by clearing the same books at truthful costs.

A sandbox beside the market, as A. Ezrachi and M. Stucke propose it and "Collusive Smart Homes" takes it up:
same inputs, competitive offers, price against price. Its doubt, that costs can be unknown or falsified, is
the second half: false alarms and misses when the monitor's costs are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Study, Tables, case_fingerprint


@dataclass(frozen=True)
class Settings(Spec):
    """The case, its books, what sellers do, and how wrong the monitor's costs are."""

    case: str = setting("pglib_ieee300", "a named case, a .m file, a pandapower .json, or a folder of tables")
    books: int = setting(1000, "hours that are simulated", low=2)
    series_seed: int = setting(1, "of demand and outages, which all cells share", low=0)
    demand_mean: float = setting(0.82, "mean demand", "multiples of the case's", low=0.01, high=10)
    demand_swing: float = setting(0.13, "its daily swing", "multiples of the case's", low=0, high=5)
    demand_noise: float = setting(0.03, "relative standard deviation at each bus", low=0, high=1)
    outages: float = setting(0.02, "chance that a unit is out in an hour", low=0, high=1)
    groups: tuple[int, ...] = setting((1, 3, 10), "numbers of largest sellers that act", low=1)
    markups: tuple[float, ...] = setting((0.1, 0.3), "what they ask above cost", "shares", low=0, high=100)
    withheld: tuple[float, ...] = setting((0.2,), "what they withhold", "shares", low=0, high=1)
    sigmas: tuple[float, ...] = setting(
        (0.0, 0.02, 0.05, 0.1, 0.2, 0.4), "errors of the monitor's costs", "shares", low=0, high=3
    )
    pooled: int = setting(24, "books that one judgement pools", low=1)
    trials: int = setting(400, "series of that many books, for each conduct and error", low=20)
    block: int = setting(24, "neighbouring books resampled together", low=1)
    screened: int = setting(24, "hours in which the relief of each line is screened", low=0)
    draws: int = setting(2000, "bootstrap samples", low=10)


def cells(spec: Settings) -> Sequence[Cell]:
    """The series with exact costs, then one cell per error of costs."""
    return [{"part": "series", "sigma": 0.0}] + [{"part": "errors", "sigma": s} for s in spec.sigmas]


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Gaps by book and seller; or statistics of honest and other series under wrong costs."""
    from studies.incubator.cells import run_errors, run_series

    return run_series(spec, rng) if cell["part"] == "series" else run_errors(spec, cell["sigma"], rng)


STUDY = Study(
    title="The pricing incubator: what a monitor finds by clearing the same books at truthful costs",
    question="If a monitor clears every book again with truthful costs, how much market power does it see, "
    "and how wrong may its costs be before it sees nothing?",
    method="Hourly books of a case with demand that varies and units that fail. The largest sellers mark up, "
    "withhold, or mark up and report this as their cost. Each book is cleared exactly twice: as offered, and "
    "with every sale at the monitor's idea of its cost and all available MW. The gap is the difference of "
    "demand-weighted prices; intervals over time resample blocks of neighbouring hours. Then the monitor's "
    "costs are wrong by a lognormal factor for each unit, which stays wrong in all books: mean gaps of pools "
    "of books, honest and not, give false alarms, misses and ROC curves. A second statistic looks at offers "
    "instead of prices: the greatest mark-up over believed cost of any seller.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: case_fingerprint(spec.case),
    under_specified=(
        "What the monitor knows of costs: a lognormal error for each unit, with mean 1, is ours.",
        "Who owns which unit: a case that does not say makes every unit a firm of its own.",
        "How long a series a judgement pools, and how many false alarms it may raise: 24 hours and 5 %.",
    ),
)

"""Firms with portfolios on large grids learn mark-ups: do they collude, through which lines, and who pays?

Goes beyond the documents: every learned outcome stands beside competition, static Nash and the joint
optimum of the same exactly cleared market, bus by bus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearing.errors import InputError
from studies.running.spec import Spec, setting
from studies.study import Cell, Study, Tables, case_fingerprint

BLOCK = 5  # sessions that are played together, and make one cell


@dataclass(frozen=True)
class Settings(Spec):
    """The cases, the firms on them, and how they learn."""

    cases: tuple[str, ...] = setting(("ieee118", "pglib_ieee300"), "named cases, files or folders of tables")
    owned: tuple[float, ...] = setting(
        (0.75, 0.55), "share of the capacity that the firms own, case by case", low=0.01, high=1
    )
    least_limits: tuple[float, ...] = setting(
        (50.0, 0.0), "case by case: limits are what branches carry under competition, and at least this; "
        "0 keeps the limits of the case", "MW", low=0,
    )  # fmt: skip
    firms: int = setting(3, "firms with portfolios", low=2, high=5)
    markups: tuple[float, ...] = setting(
        tuple(2.0 * k for k in range(15)), "what a firm may ask above cost, 0 among them", "$/MWh", low=0
    )
    sessions: int = setting(20, "sessions of each kind of learner on each case", low=1)
    rounds: int = setting(3_000_000, "most rounds of a session", low=100)
    beta: float = setting(3e-6, "exploration is exp(−β·round)", low=1e-9, high=1)
    alpha: float = setting(0.15, "step size of the learners", low=1e-6, high=1)
    discount: float = setting(0.95, "what the next round is worth today", low=0, high=0.999)


def cells(spec: Settings) -> Sequence[Cell]:
    """Yardsticks and lines of each case, and its sessions in blocks."""
    import networks
    from studies.nodal_collusion.cells import TREATMENTS
    from studies.nodal_collusion.portfolios import refuse_periods

    if not len(spec.cases) == len(spec.owned) == len(spec.least_limits):
        raise InputError(
            f"{len(spec.cases)} cases with {len(spec.owned)} entries of 'owned' and "
            f"{len(spec.least_limits)} of 'least_limits'; give one of each for every case"
        )
    if 0.0 not in spec.markups or len(spec.markups) < 2 or len(set(spec.markups)) < len(spec.markups):
        raise InputError(f"markups are {spec.markups}; give at least two different ones, 0 among them")
    for case in spec.cases:
        refuse_periods(networks.load(case))
    blocks = [
        {"case": case, "part": part, "first": first}
        for part in TREATMENTS
        for case in spec.cases
        for first in range(0, spec.sessions, BLOCK)
    ]
    single = [
        {"case": case, "part": part, "first": 0} for case in spec.cases for part in ("yardsticks", "lines")
    ]
    return blocks + single


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """One part of one case."""
    from studies.nodal_collusion import cells as parts

    market = market_of(spec, cell["case"])
    if cell["part"] == "yardsticks":
        return parts.benchmark_tables(market)
    if cell["part"] == "lines":
        return parts.line_tables(market)
    return parts.session_tables(
        market, cell["part"], spec.rounds, spec.beta, spec.alpha, spec.discount,
        cell["first"], min(BLOCK, spec.sessions - cell["first"]), int(rng.integers(2**31)),
    )  # fmt: skip


def market_of(spec: Settings, case: str) -> Any:
    """A case with its firms, made once in each worker."""
    from studies.nodal_collusion.portfolios import deal_portfolios

    k = spec.cases.index(case)
    return deal_portfolios(case, spec.firms, spec.owned[k], spec.least_limits[k], spec.markups)


STUDY = Study(
    title="Learned mark-ups of firms with portfolios on large grids: collusion bus by bus",
    question="Do firms that own many units on a large grid learn to ask more than rivalry explains, which "
    "lines' congestion makes that pay, and at which buses do consumers pay for it?",
    method="The largest units of a case are dealt to the firms in turn, forwards and backwards; what is left "
    "is a fringe that offers at cost. Each firm adds one mark-up to all its offers. Every profile of "
    "mark-ups "
    "is cleared exactly; the firms then play these payoffs over millions of rounds as Q-learners whose "
    "exploration fades away (Calvano et al., AER 2020), remembering the last mark-ups of all. Two controls: "
    "learners that do not value the future, and learners that remember nothing. Each session is judged in "
    "the cycle in which its greedy play ends, against competition, static Nash equilibria and the joint "
    "optimum "
    "of the same market, by forced deviations and by exact best responses to the learned strategies. Static "
    "equilibria of the grid of mark-ups are tested against all mark-ups in between. The effect of a line is "
    "what the firms gain over competition with its limit and without.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: "".join(case_fingerprint(case) for case in spec.cases),
    under_specified=(
        "Who owns which unit: the cases do not say; ours is the rule of the method.",
        "Limits of ieee118: those of pandapower never bind. Ours let each branch carry what it carries in "
        "the "
        "competitive dispatch, and at least the MW of `least_limits`.",
        "The greatest mark-up, which stands for a cap on offers; demand does not answer to prices.",
    ),
)

"""Strategies that evolve by self-play in six market situations, beside tables and exact equilibria.

Re-creates the post "Simulating power markets with competitive self-play" on an unpublished article of 2009
from Sintef Energy: small networks whose weights a genetic algorithm breeds on profit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from studies.running.spec import Spec, setting
from studies.study import Cell, Study, Tables, case_fingerprint

COUNTS = (2, 3, 4, 5, 6, 8, 11, 21, 51, 101, 1001)
GRIDS = ((0, 10, 20, 30), (0, 30, 60, 90), (0, 10, 100), (0, 60, 100), (0, 50, 100))  # of mark-ups
DISCRETE_GENERATIONS, COUNT_GENERATIONS, RERUN_GENERATIONS, BLIND_RERUNS = 60, 100, 60, 20


@dataclass(frozen=True)
class Settings(Spec):
    """What is played, how often, and how long."""

    situations: tuple[str, ...] = setting((), "situations to play, by name; all where none is named")
    seeds: int = setting(6, "independent runs of each kind of strategy in each situation", low=1)
    discrete_seeds: int = setting(12, "runs of each grid of few mark-ups", low=1)
    reruns: int = setting(40, "runs on five buses that look for both equilibria", low=1)
    generations: int = setting(300, "at most so many generations (each situation has its own number)", low=1)
    rounds: int = setting(400_000, "rounds of the tabular learners", low=100)
    level_counts: tuple[int, ...] = setting(COUNTS, "numbers of equally spaced mark-ups from 0 to 100", low=2)


def cells(spec: Settings) -> Sequence[Cell]:
    """Long cells first: pools by situation and kind, tables, few mark-ups, reruns, exact facts."""
    from studies.self_play.evolving import PLAN
    from studies.self_play.tabular import LEARNERS

    unknown = sorted(set(spec.situations) - set(PLAN))
    if unknown:
        raise InputError(f"situations: {unknown[0]!r} is unknown; give some of {', '.join(PLAN)}")
    chosen = [name for name in PLAN if not spec.situations or name in spec.situations]
    out = [
        {"part": "evolve", "situation": name, "kind": kind}
        for name in sorted(chosen, key=lambda s: -PLAN[s][0])
        for kind in PLAN[name][1]
    ]
    out += [
        {"part": "tables", "situation": name, "kind": kind}
        for name in chosen
        for kind in LEARNERS
        if name != "demand_levels" and (name, kind) != ("many", "memory")
    ]
    if "five_bus_100" in chosen:
        out += [{"part": "exploring", "situation": "five_bus_100", "kind": "tables"}]
        out += [{"part": "reruns", "situation": "five_bus_100", "kind": k} for k in ("network", "no memory")]
    if "bertrand" in chosen:
        out += [{"part": "grid", "situation": "bertrand", "kind": str(k)} for k in range(len(GRIDS))]
        out += [{"part": "count", "situation": "bertrand", "kind": str(n)} for n in spec.level_counts]
    return out + [{"part": "facts", "situation": name, "kind": "exact"} for name in ("prices", "five_bus")]


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """One kind of player in one situation, or exact facts."""
    from studies.self_play import evolving, facts_five_bus, facts_prices, tabular

    part, situation, kind = cell["part"], cell["situation"], cell["kind"]
    if part == "facts":
        found = facts_prices.list_facts() if situation == "prices" else facts_five_bus.list_facts(rng)
        return {"facts": [row for known in found for row in known.rows()]}
    seed = int(rng.integers(2**31))
    if part == "evolve":
        return evolving.evolution_tables(situation, kind, spec.generations, seed, spec.seeds)
    if part == "tables":
        return tabular.tabular_tables(situation, kind, spec.rounds, seed, spec.seeds)
    if part == "exploring":
        return tabular.alternation_tables(spec.rounds, seed, spec.seeds)
    if part == "reruns":
        count = spec.reruns if kind == "network" else min(spec.reruns, BLIND_RERUNS)
        return evolving.rerun_tables(kind, min(RERUN_GENERATIONS, spec.generations), seed, count)
    if part == "grid":
        grid = tuple(float(m) for m in GRIDS[int(kind)])
        most = min(DISCRETE_GENERATIONS, spec.generations)
        return evolving.discrete_tables(grid, most, seed, spec.discrete_seeds)
    grid = tuple(np.linspace(0.0, 100.0, int(kind)).round(9).tolist())
    most = min(COUNT_GENERATIONS, spec.generations)
    return evolving.discrete_tables(grid, most, seed, spec.discrete_seeds)


STUDY = Study(
    title="Self-play in power markets: evolved bids beside exact equilibria",
    question="Do strategies that evolve by playing each other end in the equilibria of their market, what do "
    "their memory and the number of mark-ups matter, and who gains?",
    method="Each seller keeps a pool of 50 small networks from its last mark-up and the last price to a "
    "mark-up. In a generation every strategy plays ten matches against random rivals; selection, crossover "
    "and mutation follow the mean profit. Situations: many small sellers; two sellers with half the load "
    "each; Bertrand; limited capacities under a uniform price and pay-as-bid; two buses with a line of K "
    "MW; the "
    "reconstructed five-bus system, each match an exact clearing with sloped costs; demand that varies. "
    "Beside them stand constants, networks with other memories, Q-learning on coarse grids, and exact "
    "equilibria: enumerated, analytic, and by Lemke and Howson where quantecon is installed.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=lambda spec: case_fingerprint("five_bus"),
    under_specified=(
        "The genetic algorithm beyond 50 strategies and ten matches each: selection, elites, mutation, first "
        "weights, size of the network. Ours: tournaments of 3, 2 elites, uniform crossover, mutation of a "
        "tenth of the weights by N(0, 0.3²), 3 hidden units.",
        "Capacities, demand and cap of the capacity-constrained market, of which only the price of "
        "indifference is given; its pricing rule. Ours: 100 MW each, 160 MW, 200 $/MWh, both rules.",
        "Loads and K of the two-bus network. Ours: 100 MW at each bus, K of 10, 25, 50, 75 MW.",
        "The five-bus system: reactances and generators stand in pictures only. Ours is reconstructed to "
        "reproduce the printed benefits, so agreement with these is no evidence.",
        "What consumers value: the greatest price possible, 60 $/MWh on five buses.",
    ),
)

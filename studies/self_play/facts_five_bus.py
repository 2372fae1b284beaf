"""Exact facts of the reconstructed five-bus system: money, pay-offs, equilibria on grids, best replies."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from studies.self_play.facts import Continuum, Facts, FiveBus, FiveBusAlone, FiveBusGrid, Relative, Starts
from studies.self_play.situations import FIVE_BUS_VALUE, five_bus

COARSE = (0.0, 10.0, 20.0, 30.0)
FIVES = tuple(float(m) for m in range(0, 31, 5))
ONES = tuple(float(m) for m in range(31))
ROWS = (
    (100, (0, 0, 0)), (100, (0, 30, 30)), (100, (30, 0, 30)), (100, (30, 30, 30)),
    (200, (0, 0, 0)), (200, (0, 10, 0)),
)  # fmt: skip
STARTS = 300
BOUND = (8.5428, 4.5022)  # up to where the low bidder can be (docs/mathematics-games.md), tested here


def list_facts(rng: np.random.Generator) -> list[Facts]:
    """Everything that is known of the system."""
    return [*_money(), *_alone(), *_equilibria(), *_paths(rng), *_continuum(), _relative()]


def money_of(limit: float, markups: tuple[float, ...]) -> dict[str, Any]:
    """Dispatch, prices and benefits of one profile of mark-ups [MW, $/MWh, $/h]."""
    game = five_bus(limit, COARSE)
    price = game.columns.price + np.array(markups)
    cleared, _ = game.clear(price[None], game.columns.mw[None], game.columns.fixed_mw[None])
    bill = float(cleared.fixed_paid.sum())
    producers = float(game.earn(cleared).sum())
    consumers = FIVE_BUS_VALUE * float(game.columns.fixed_mw.sum()) - bill
    rent = bill - float(cleared.paid.sum())
    return {
        "dispatch": cleared.accepted[0], "lmp": cleared.lmp[0, :, 0], "PB": producers, "CB": consumers,
        "CR": rent, "total": producers + consumers + rent,
    }  # fmt: skip


def _money() -> list[Facts]:
    out: list[Facts] = []
    for limit, markups in ROWS:
        found = money_of(limit, markups)
        dispatch, prices = _listed(found["dispatch"], 2), _listed(found["lmp"], 3)
        words = ", ".join(map(str, markups))
        out.append(
            FiveBus(limit, words, found["PB"], found["CB"], found["CR"], found["total"], dispatch, prices)
        )
    return out


def _listed(values: np.ndarray, digits: int) -> str:
    return " ".join(f"{v:.{digits}f}" for v in values)


def _alone() -> list[Facts]:
    """How consumers' benefit moves with all mark-ups, payoffs, and transfer factors of the short line."""
    low, high = money_of(100, (0, 10, 20)), money_of(100, (7, 17, 27))
    table = five_bus(100, COARSE).tensor().values[:, :, :, 3]
    words = "; ".join(
        " ".join(",".join(f"{v:.0f}" for v in table[:, i, j]) for j in range(4)) for i in range(4)
    )
    grid = five_bus(100, COARSE).market.grid
    row = grid.flow.ptdf_rows(np.array([4]))[0]
    return [FiveBusAlone(high["CB"] - low["CB"], words, _listed(row - row[0], 4))]


def _equilibria() -> list[Facts]:
    from learners import pure_equilibria

    out: list[Facts] = []
    for limit in (100, 200):
        for step, grid in ((10, COARSE), (5, FIVES), (1, ONES)):
            found = [e.profile for e in pure_equilibria(five_bus(limit, grid).tensor())]
            listed = "; ".join("(" + ", ".join(f"{grid[a]:g}" for a in e) + ")" for e in found)
            out.append(FiveBusGrid(limit, step, len(found), listed))
    return out


def _paths(rng: np.random.Generator) -> list[Facts]:
    """Sequential best replies from random starts, players in their order."""
    from learners import best_response_path

    out: list[Facts] = []
    for limit in (100, 200):
        tensor = five_bus(limit, ONES).tensor()
        paths = [best_response_path(tensor, start) for start in rng.integers(31, size=(STARTS, 3)).tolist()]
        ends = np.array([path.profiles[-1] for path in paths])
        done = np.array([path.converged for path in paths])
        cycling = sum(path.cycle is not None for path in paths)
        reached = (int((done & (ends[:, player] == 30)).sum()) for player in (1, 0))
        known = Starts(limit, cycling, *reached)
        if done.all():
            changes = float(np.median([path.moves for path in paths]))
            turns = float(np.median([_turns(path.profiles) for path in paths]))
            known = replace(known, changes=changes, turns=turns)
        out.append(known)
    return out


def _turns(profiles: np.ndarray) -> int:
    """Turns of players in their order until all in a row have stayed; one change between `profiles`."""
    players, turn = profiles.shape[1], 0
    for before, after in pairwise(profiles):
        mover = int(np.flatnonzero(before != after)[0])
        turn += (mover - turn) % players + 1
    return turn + players


def _continuum() -> list[Facts]:
    """ε of profiles of continuous mark-ups, just inside and outside the range of the low bid."""
    from learners import certify_equilibrium

    out: list[Facts] = []
    for name, build in (("(m, 30, 30)", lambda m: (m, 30, 30)), ("(30, m, 30)", lambda m: (30, m, 30))):
        bound = BOUND[0] if name.startswith("(m") else BOUND[1]
        lows = (share * bound for share in (0.0, 0.99, 1.05))
        epsilon = (certify_equilibrium(five_bus(100, COARSE), build(low)).epsilon for low in lows)
        out.append(Continuum(name, *epsilon))
    return out


def _relative() -> Facts:
    """Mark-ups of 30 % of the intercepts instead of 30 $/MWh."""
    game = five_bus(100, (0.0, 0.3), True)
    price = game.columns.price * 1.3
    cleared, _ = game.clear(price[None], game.columns.mw[None], game.columns.fixed_mw[None])
    bill = float(cleared.fixed_paid.sum())
    return Relative(FIVE_BUS_VALUE * float(game.columns.fixed_mw.sum()) - bill)

"""Exact facts of the reconstructed five-bus system: money, pay-offs, equilibria on grids, best replies."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from studies.self_play.facts_prices import fact
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


def row_name(limit: int, markups: tuple[int, ...]) -> str:
    """ "100 MW, (0, 30, 30)"."""
    return f"{limit} MW, ({', '.join(map(str, markups))})"


def list_facts(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Facts as rows: name, number, words."""
    return _money() + _payoffs() + _factors() + _equilibria() + _paths(rng) + _continuum() + _relative()


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


def _money() -> list[dict[str, Any]]:
    rows = []
    for limit, markups in ROWS:
        found, name = money_of(limit, markups), row_name(limit, markups)
        rows += [fact(f"{name}: {key}", found[key]) for key in ("PB", "CB", "CR", "total")]
        rows.append(fact(f"{name}: dispatch", words=" ".join(f"{v:.2f}" for v in found["dispatch"])))
        rows.append(fact(f"{name}: LMP", words=" ".join(f"{v:.3f}" for v in found["lmp"])))
    low, high = money_of(100, (0, 10, 20)), money_of(100, (7, 17, 27))
    rows.append(fact("shift of all mark-ups by 7: change of CB", high["CB"] - low["CB"]))
    return rows


def _payoffs() -> list[dict[str, Any]]:
    table = five_bus(100, COARSE).tensor().values[:, :, :, 3]
    words = "; ".join(
        " ".join(",".join(f"{v:.0f}" for v in table[:, i, j]) for j in range(4)) for i in range(4)
    )
    return [fact("pay-offs with G3 at 30", words=words)]


def _factors() -> list[dict[str, Any]]:
    grid = five_bus(100, COARSE).market.grid
    row = grid.flow.ptdf_rows(np.array([4]))[0]
    return [fact("factors of line 2-5, bus 1 as slack", words=" ".join(f"{v:.4f}" for v in row - row[0]))]


def _equilibria() -> list[dict[str, Any]]:
    from learners import pure_equilibria

    rows = []
    for limit in (100, 200):
        for words, grid in (("steps of 10", COARSE), ("steps of 5", FIVES), ("steps of 1", ONES)):
            found = [e.profile for e in pure_equilibria(five_bus(limit, grid).tensor())]
            listed = "; ".join("(" + ", ".join(f"{grid[a]:g}" for a in e) + ")" for e in found)
            rows.append(fact(f"{limit} MW: pure equilibria on {words}", len(found), listed))
    return rows


def _paths(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Sequential best replies from random starts, players in their order."""
    from learners import best_response_path

    rows = []
    for limit in (100, 200):
        tensor = five_bus(limit, ONES).tensor()
        paths = [best_response_path(tensor, start) for start in rng.integers(31, size=(STARTS, 3)).tolist()]
        ends = np.array([path.profiles[-1] for path in paths])
        done = np.array([path.converged for path in paths])
        rows += [
            fact(f"{limit} MW: starts that cycle", sum(path.cycle is not None for path in paths)),
            fact(f"{limit} MW: starts that reach (low, 30, 30)", (done & (ends[:, 1] == 30)).sum()),
            fact(f"{limit} MW: starts that reach (30, low, 30)", (done & (ends[:, 0] == 30)).sum()),
        ]
        if done.all():
            turns = [_turns(path.profiles) for path in paths]
            rows += [
                fact(f"{limit} MW: median changes", float(np.median([path.moves for path in paths]))),
                fact(f"{limit} MW: median turns until all stay", float(np.median(turns))),
            ]
    return rows


def _turns(profiles: np.ndarray) -> int:
    """Turns of players in their order until all in a row have stayed; one change between `profiles`."""
    players, turn = profiles.shape[1], 0
    for before, after in pairwise(profiles):
        mover = int(np.flatnonzero(before != after)[0])
        turn += (mover - turn) % players + 1
    return turn + players


def _continuum() -> list[dict[str, Any]]:
    """ε of profiles of continuous mark-ups, just inside and outside the range of the low bid."""
    from learners import certify_equilibrium

    rows = []
    for name, build in (("(m, 30, 30)", lambda m: (m, 30, 30)), ("(30, m, 30)", lambda m: (30, m, 30))):
        bound = BOUND[0] if name.startswith("(m") else BOUND[1]
        for share, where in ((0.0, "at 0"), (0.99, "inside"), (1.05, "outside")):
            found = certify_equilibrium(five_bus(100, COARSE), build(share * bound))
            rows.append(fact(f"ε of {name} {where}", found.epsilon))
    return rows


def _relative() -> list[dict[str, Any]]:
    """Mark-ups of 30 % of the intercepts instead of 30 $/MWh."""
    game = five_bus(100, (0.0, 0.3), True)
    price = game.columns.price * 1.3
    cleared, _ = game.clear(price[None], game.columns.mw[None], game.columns.fixed_mw[None])
    bill = float(cleared.fixed_paid.sum())
    return [fact("mark-ups of 30 % by all: CB", FIVE_BUS_VALUE * float(game.columns.fixed_mw.sum()) - bill)]

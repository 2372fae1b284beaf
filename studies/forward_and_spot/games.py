"""The spot markets that a forward market comes before, and what follows from given or chosen cover."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from learners.equilibria.pure import PureEquilibrium, pure_equilibria
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.sessions.traces import TraceSpec
from learners.strategies.memory import LastActions
from learners.strategies.policies import EntropyBoltzmann
from learners.strategies.tabular import ExpectedSarsa
from studies.forward_and_spot.positions import (
    break_even_position,
    cover,
    price_tensor,
    solve_forward_stage,
)
from studies.forward_and_spot.two_settlements import learn_two_settlements
from studies.study import Cell, Row
from studies.two_sided_eighteen_bus.market import by_player, discos_of, small_game, two_sided_game

THREE_NODES = {
    "article": ((200.0, 199.0), (0.0, 20.0)),
    "three nodes, ramp": (tuple(float(v) for v in range(200, 194, -1)), tuple(float(v) for v in range(31))),
    "three nodes": (tuple(float(v) for v in range(200, 179, -1)), tuple(float(v) for v in range(31))),
}
"""Hour 2: offers of Gen-A and interruptions of Disco-1 [MW]; 195 MW is a ramp of 4 MW/h from 199."""

EIGHTEEN_BUSES = {"18 buses, ramp": True, "18 buses": False}
NETWORKS = (*THREE_NODES, *EIGHTEEN_BUSES)
SAME_MONEY = 1e-6


@lru_cache(maxsize=8)
def spot_game(network: str, rule: str) -> tuple[PayoffTensor, tuple[float, ...]]:
    """The spot market, its first player a genco, and what each player can cover at most [MW]."""
    if network in EIGHTEEN_BUSES:
        return small_game("fitted", rule, EIGHTEEN_BUSES[network], True, ""), (1100.0, 1000.0, 800.0, 1000.0)
    import clearing
    import networks

    case = networks.load("three_node")
    hour = replace(case, fleet=replace(case.fleet, load_mw=case.fleet.load_mw[:, 1:2]))
    offers, cuts = THREE_NODES[network]
    market = clearing.NodalMarket(case.grid, price_rule=rule)  # type: ignore[arg-type]
    game = two_sided_game(market, hour, discos_of("three_node"), {"Gen-A": offers}, {"Disco-1": cuts})
    return by_player(game.tensor()), (200.0, 120.0)


def sides(game: PayoffTensor) -> list[bool]:
    """Gencos sell forward, discos buy."""
    return [name.startswith("G") for name in game.players]


def is_two_sided(game: PayoffTensor, profiles: np.ndarray) -> np.ndarray:
    """Whether a disco interrupts in profiles (n, players), and the genco would earn less if none did."""
    alone = profiles.copy()
    alone[:, 1:] = 0
    gain = game.payoffs(profiles)[:, 0] - game.payoffs(alone)[:, 0]
    return (profiles[:, 1:] > 0).any(axis=1) & (gain > SAME_MONEY)


def exact(cell: Cell, rule: str) -> Row:
    """All pure spot equilibria at a given cover of the genco and of the discos (shares)."""
    game, most = spot_game(cell["network"], rule)
    held = [m * (cell["genco_cover"] if k == 0 else cell["disco_cover"]) for k, m in enumerate(most)]
    found = pure_equilibria(cover(game, held, sides(game)))
    return {"equilibria": _summary(game, found)}


def _summary(game: PayoffTensor, found: tuple[PureEquilibrium, ...]) -> list[Row]:
    profiles = np.array([e.profile for e in found], dtype=int).reshape(-1, len(game.actions))
    both = is_two_sided(game, profiles)
    paid, prices = game.payoffs(profiles), price_tensor(game).reshape(len(game.actions), -1).T
    flat = np.ravel_multi_index(tuple(profiles.T), game.actions)
    seen = prices[flat]
    return [
        {
            "equilibria": len(found), "two_sided": int(both.sum()),
            "genco_least": paid[:, 0].min(initial=np.inf) if len(found) else np.nan,
            "genco_most": paid[:, 0].max(initial=-np.inf) if len(found) else np.nan,
            "genco_price_least": seen[:, 0].min() if len(found) else np.nan,
            "genco_price_most": seen[:, 0].max() if len(found) else np.nan,
            "discos_most": paid[:, 1:].sum(axis=1).max() if len(found) else np.nan,
        }
    ]  # fmt: skip


def learned(cell: Cell, rule: str, seeds: int, days: int, alpha: float, seed: int) -> Row:
    """Algorithm 1 in the spot market at a given cover: the ends of every seed."""
    game, most = spot_game(cell["network"], rule)
    held = [m * (cell["genco_cover"] if k == 0 else cell["disco_cover"]) for k, m in enumerate(most)]
    covered = cover(game, held, sides(game))
    spec = ExpectedSarsa(alpha, 0.0, EntropyBoltzmann(cell["rate"]), LastActions("none"))
    session = Session(covered, (spec,) * len(game.actions), days, trace=TraceSpec(2, 1))
    ended = session.play(seed, seeds)
    tables = [ended.learner(i) for i in range(len(game.actions))]
    ends = np.stack([t.best[:, 0] for t in tables], axis=1)  # type: ignore[attr-defined]
    return {"learned": _ends(game, ends)}


def _ends(game: PayoffTensor, ends: np.ndarray) -> Row:
    levels = [np.array(v, dtype=float) for v in game.labels]
    prices = price_tensor(game).reshape(len(game.actions), -1).T
    flat = np.ravel_multi_index(tuple(ends.T), game.actions)
    paid = game.payoffs(ends)
    return {
        "seed": np.arange(len(ends)), "two_sided": is_two_sided(game, ends),
        "offer_mw": levels[0][ends[:, 0]],
        "cut_mw": sum(levels[i][ends[:, i]] for i in range(1, len(levels))),
        "genco_price": prices[flat, 0], "genco": paid[:, 0], "discos": paid[:, 1:].sum(axis=1),
    }  # fmt: skip


def positions_of(most: tuple[float, ...], shares: tuple[float, ...]) -> list[list[float]]:
    """What each may choose: shares of the most that it can cover [MW]."""
    return [[m * s for s in shares] for m in most]


def chosen_exact(cell: Cell, rule: str, shares: tuple[float, ...]) -> Row:
    """Subgame-perfect choices of cover, if all expect the genco's best (or worst) spot equilibrium."""
    game, most = spot_game(cell["network"], rule)
    best = cell["expect"] == "best for the genco"
    stage = solve_forward_stage(game, positions_of(most, shares), sides(game), 0, best)
    empty = sum(1 for found in stage.spot.values() if not found)
    rows = []
    for e in stage.equilibria:
        row = {"positions": ", ".join(f"{v:g}" for v in e.labels)}
        after = stage.spot[e.profile]
        paid = [game.payoffs(np.array([s.profile]))[0, 0] for s in after]
        pick = after[int(np.argmax(paid) if best else np.argmin(paid))]
        two = bool(is_two_sided(game, np.array([pick.profile]))[0])
        spot = ", ".join(f"{v:g}" for v in pick.labels)
        rows.append(
            row | {"spot": spot, "two_sided": two, "genco": e.payoffs[0], "discos": e.payoffs[1:].sum()}
        )
    nothing = {"positions": "none", "spot": "", "two_sided": False, "genco": np.nan, "discos": np.nan}
    return {"chosen_exact": [r | {"without_equilibrium": empty} for r in rows or [nothing]]}


def chosen_learned(
    cell: Cell,
    rule: str,
    shares: tuple[float, ...],
    seeds: int,
    days: int,
    alpha: float,
    seed: int,
) -> Row:
    """Cover and spot actions both learned, the forward price the mean of the spot prices that followed."""
    game, most = spot_game(cell["network"], rule)
    found = learn_two_settlements(
        game, positions_of(most, shares), sides(game), cell["rate"], days, seed, seeds, alpha
    )
    rows = _ends(game, found.actions)
    rows["genco_cover"] = np.array(shares)[found.positions[:, 0]]
    rows["disco_cover"] = np.array(shares)[found.positions[:, 1:]].mean(axis=1)
    return {"chosen": rows}


def thresholds(network: str, rule: str) -> Row:
    """From every two-sided spot equilibrium: the position at which each player would rather not take part."""
    game, most = spot_game(network, rule)
    rows = []
    for e in pure_equilibria(game):
        if not is_two_sided(game, np.array([e.profile]))[0]:
            continue
        for i, name in enumerate(game.players):
            if e.profile[i] == 0:
                continue  # it does nothing that cover could end
            sells = sides(game)[i]
            ends = break_even_position(game, i, e.profile, 0, sells)
            rows.append(
                {
                    "equilibrium": ", ".join(f"{v:g}" for v in e.labels),
                    "player": name, "break_even_mw": ends, "share": ends / most[i],
                }
            )  # fmt: skip
    return {"thresholds": rows}

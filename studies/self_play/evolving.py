"""Strategies that evolve in the situations: who starts how, for how long, and what is kept of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from studies.self_play.situations import BENEFITS, Watched, even_grid, make_game
from studies.study import Row

FINE = 10_001  # mark-ups of a situation, which stand for a continuum
FINE_FIVE_BUS = 3_001  # steps of 0.01 $/MWh
HELD = 10  # generations for which an equilibrium has to hold
NEAR = 1.0  # $/MWh: how near to an equilibrium's mark-up counts as holding it
TAIL = 20  # last generations over which ends are averaged

VARIANTS: dict[str, dict[str, Any]] = {
    "network": {},
    "defecting": {"start": "defecting"},
    "cooperative": {"start": "cooperative"},
    "constant": {"hidden": 0},
    "no memory": {"memory": 0},
    "three rounds": {"memory": 3},
    "immigrants": {"immigrants": 5},
    "sees demand": {"sees_level": True},
}
VARIANT_WORDS = {
    "network": "networks, memory of one round",
    "defecting": "networks, defecting at first",
    "cooperative": "networks, cooperative at first",
    "constant": "constants",
    "no memory": "networks without memory",
    "three rounds": "networks, memory of three rounds",
    "immigrants": "networks, 10 % immigrants",
    "sees demand": "networks that see the demand level",
}
PLAN: dict[str, tuple[int, tuple[str, ...]]] = {
    "many": (40, ("network", "constant")),
    "half_load": (40, ("network", "constant")),
    "bertrand": (
        300, ("network", "defecting", "cooperative", "constant", "no memory", "three rounds"),
    ),
    "capacity_uniform": (150, ("network", "constant", "immigrants", "no memory", "three rounds")),
    "capacity_pay_as_bid": (150, ("network", "constant", "immigrants")),
    "two_bus_10": (250, ("network", "constant")),
    "two_bus_25": (250, ("network", "constant")),
    "two_bus_50": (250, ("network", "constant", "no memory", "three rounds")),
    "two_bus_75": (250, ("network", "constant")),
    "five_bus_100": (100, ("network", "constant", "immigrants", "no memory", "three rounds")),
    "five_bus_200": (100, ("network", "constant", "immigrants")),
    "demand_levels": (120, ("sees demand", "network", "constant")),
}  # fmt: skip


def fine_grid(situation: str) -> tuple[float, ...]:
    """The mark-ups that stand for a continuum."""
    return even_grid(situation, FINE_FIVE_BUS if situation.startswith("five_bus") else FINE)


def evolve(
    situation: str, variant: str, markups: tuple[float, ...], generations: int, seed: int, seeds: int
) -> tuple[Any, Watched]:
    """Pools of every player, `seeds` times, as (what evolved, what was watched)."""
    from learners.strategies.evolution import Evolution

    watched = Watched(make_game(situation, markups), seeds)
    levels = "cycle" if watched.levels else None
    evolved = Evolution(**VARIANTS[variant]).evolve(watched, generations, seed, seeds, levels=levels)
    return evolved, watched


def evolution_tables(situation: str, variant: str, most: int, seed: int, seeds: int) -> Row:
    """Mark-ups, profits and benefits of every generation."""
    markups = fine_grid(situation)
    generations = min(PLAN[situation][0], most)
    evolved, watched = evolve(situation, variant, markups, generations, seed, seeds)
    value = np.array(markups)
    shape = evolved.median_action.shape
    generation, replicate, player = (a.ravel() for a in np.indices(shape))
    bids = {
        "generation": generation + 1,
        "session": replicate,
        "player": player + 1,
        "markup": value[evolved.median_action].ravel(),
        "low": value[evolved.quartiles[..., 0]].ravel(),
        "high": value[evolved.quartiles[..., 1]].ravel(),
        "profit": evolved.mean_profit.ravel(),
    }
    benefits = watched.by_generation(10)
    generation, replicate = (a.ravel() for a in np.indices(shape[:2]))
    money = {"generation": generation + 1, "session": replicate}
    money |= {name: benefits[..., k].ravel() for k, name in enumerate(BENEFITS)}
    tables: dict[str, Any] = {"bids": bids, "benefits": money}
    if watched.levels:
        found = watched.asked_by_level(TAIL * 10)
        scale = (value[-1] - value[0]) / (len(value) - 1)
        tables["by_level"] = [
            {"level": level, "session": r, "player": i + 1, "markup": float(mean[r, i] * scale)}
            for level, mean in found.items()
            for r in range(seeds)
            for i in range(shape[2])
        ]
    return tables


def discrete_tables(grid: tuple[float, ...], generations: int, seed: int, seeds: int) -> Row:
    """Bertrand competition among few mark-ups: where each pool ends, and what is an equilibrium."""
    from learners import pure_equilibria

    evolved, _ = evolve("bertrand", "network", grid, generations, seed, seeds)
    equilibria = pure_equilibria(make_game("bertrand", grid))
    symmetric = [e for e in equilibria if len(set(e.profile)) == 1]
    strict = [grid[e.profile[0]] for e in symmetric if e.strict]
    last = np.median(evolved.median_action[-min(TAIL, generations) :], axis=0).round().astype(int)
    return {
        "discrete": [
            {"levels": len(grid), "session": r, "player": i + 1, "markup": float(grid[last[r, i]]),
             "highest_strict": max(strict, default=float("nan")),
             "equilibria": ", ".join(f"{grid[e.profile[0]]:g}" for e in symmetric)}
            for r in range(seeds)
            for i in range(2)
        ]
    }  # fmt: skip


def rerun_tables(variant: str, generations: int, seed: int, seeds: int) -> Row:
    """Many runs on five buses: which equilibrium each finds, and when it first holds."""
    markups = fine_grid("five_bus_100")
    evolved, _ = evolve("five_bus_100", variant, markups, generations, seed, seeds)
    held = {name: evolved.held_since(test, HELD) for name, test in equilibrium_tests(markups).items()}
    rows = []
    for r in range(seeds):
        found = [(since[r], name) for name, since in held.items() if since[r] >= 0]
        since, name = min(found, default=(-1, "none"))
        last = np.array(markups)[evolved.median_action[-1, r]]
        rows.append(
            {"session": r, "equilibrium": name, "generation": int(since) + 1 if since >= 0 else -1}
            | {f"markup_{i + 1}": float(v) for i, v in enumerate(last)}
        )
    return {"reruns": rows}


def equilibrium_tests(markups: tuple[float, ...]) -> Row:
    """Which rows of action indices (rows, 3) hold one of the two equilibria of five buses at 100 MW.

    The high bidders within NEAR of the top. The low one at most where its bid can be in a continuum of
    equilibria (found on the grid of step 1): 8 for G1, 4 for G2, again within NEAR.
    """
    value = np.array(markups)

    def low_first(rows: np.ndarray) -> np.ndarray:
        m = value[rows]
        return np.asarray((m[:, 0] <= 8 + NEAR) & (m[:, 1:] >= 30 - NEAR).all(axis=1))

    def low_second(rows: np.ndarray) -> np.ndarray:
        m = value[rows]
        return np.asarray((m[:, 1] <= 4 + NEAR) & (m[:, [0, 2]] >= 30 - NEAR).all(axis=1))

    return {"(low, 30, 30)": low_first, "(30, low, 30)": low_second}

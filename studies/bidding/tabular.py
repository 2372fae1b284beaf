"""Tables of action values in the same situations, on coarse grids, beside what evolves."""

from __future__ import annotations

from typing import Any

import numpy as np

from studies.bidding.situations import BENEFITS, even_grid, make_game, play_matches

LEARNERS = {"memory": "all", "forgetful": "none"}
LEARNER_WORDS = {
    "memory": "Q-learning, memory of one round",
    "forgetful": "Q-learning without memory",
}
POINTS = 11  # mark-ups of a duopoly
FIVE_BUS_GRID = (0.0, 10.0, 20.0, 30.0)  # those of the earlier agent-based study
MANY_GRID = (0.0, 10.0, 25.0, 50.0, 100.0)
MANY_ROUNDS = 4_000  # twenty learners are not played by the compiled loop
ALPHA, DISCOUNT = 0.15, 0.95


def coarse_grid(situation: str) -> tuple[float, ...]:
    """Mark-ups among which tables choose [$/MWh]."""
    if situation.startswith("five_bus"):
        return FIVE_BUS_GRID
    return MANY_GRID if situation == "many" else even_grid(situation, POINTS)


def tabular_tables(situation: str, learner: str, rounds: int, seed: int, seeds: int) -> dict[str, Any]:
    """Where Q-learners with falling exploration end: the cycle of their greedy play."""
    from learners import EpsilonGreedy, Exponential, LastActions, QLearning, Session, tabulate
    from learners.strategies.policy_card import resting_cycle

    markups = coarse_grid(situation)
    source = make_game(situation, markups)
    many = situation == "many"
    rounds = min(rounds, MANY_ROUNDS) if many else rounds
    spec = QLearning(
        ALPHA, DISCOUNT, EpsilonGreedy(Exponential(8.0 / rounds)), LastActions(LEARNERS[learner]),
        initial=0.0 if many else "uniform_rivals",
    )  # fmt: skip
    played = source if many else tabulate(source)
    ended = Session(played, (spec,) * len(source.actions), rounds).play(seed, seeds)
    rows, money = [], []
    for r, end in enumerate(ended.ended):
        if many:  # stateless: the standing greedy profile repeats for ever
            cycle = np.array([[strategy.table[0] for strategy in ended.strategies(r)]])
        else:
            cycle = resting_cycle(ended.strategies(r), source.actions, end.standing.tolist())
        found = play_matches(source, cycle)
        money.append(
            {"session": r, "cycle": len(cycle)}
            | {name: float(found.benefits[:, k].mean()) for k, name in enumerate(BENEFITS)}
        )
        rows += [
            {"session": r, "player": i + 1, "markup": float(np.array(markups)[cycle[:, i]].mean()),
             "profit": float(found.profits[:, i].mean())}
            for i in range(len(source.actions))
        ]  # fmt: skip
    return {"learned": rows, "learned_benefits": money}

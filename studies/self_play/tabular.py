"""Tables of action values in the same situations, on coarse grids, beside what evolves."""

from __future__ import annotations

import numpy as np

from studies.self_play.situations import BENEFITS, even_grid, make_game, play_matches
from studies.study import Row

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


def tabular_tables(situation: str, learner: str, rounds: int, seed: int, seeds: int) -> Row:
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


def alternation_tables(rounds: int, seed: int, seeds: int) -> Row:
    """Learners that never stop exploring, on five buses: how often each equilibrium is played, and in turn.

    Action values without states, Q(a) ← Q(a) + α·(r − Q(a)), and ε-greedy choice, as R. Lincoln (PhD thesis,
    Strathclyde 2011) describes the learner of the study that the document refers to; α and ε are ours.
    """
    from learners import Constant, EpsilonGreedy, LastActions, QLearning, Session, TraceSpec

    tensor = make_game("five_bus_100", FIVE_BUS_GRID).tensor()
    spec = QLearning(0.1, 0.0, EpsilonGreedy(Constant(0.1)), LastActions("none"), initial="uniform_rivals")
    session = Session(tensor, (spec,) * 3, rounds, trace=TraceSpec(window=rounds))
    rows = []
    for r, ended in enumerate(session.play(seed, seeds).ended):
        played = np.array(FIVE_BUS_GRID)[ended.trace.last_profiles]
        which = np.select(
            [(played == (0, 30, 30)).all(axis=1), (played == (30, 0, 30)).all(axis=1)], [1, 2], 0
        )
        met = which[which > 0]
        rows.append(
            {"session": r, "rounds": len(which), "first": float((which == 1).mean()),
             "second": float((which == 2).mean()), "switches": int((np.diff(met) != 0).sum())}
        )  # fmt: skip
    return {"alternation": rows}

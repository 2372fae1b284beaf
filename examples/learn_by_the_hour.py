"""Firms that know the level of demand learn a mark-up for each; the noise around it they never see."""

import numpy as np

import clearing
import networks
from learners import (
    DemandLevel,
    DemandStates,
    EpsilonGreedy,
    Exponential,
    Game,
    Markups,
    QLearning,
    Session,
    certify_equilibrium,
    pure_equilibria,
)

case = networks.load("five_bus")
hours = DemandStates.drawn((0.6, 0.8, 1.0), noise=0.05, draws=5, rng=np.random.default_rng(1))
game = Game(clearing.NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30)), states=hours)

policy = EpsilonGreedy(Exponential(6e-4))
learner = QLearning(alpha=0.05, gamma=0.0, policy=policy, memory=DemandLevel(), initial="uniform_rivals")
ended = Session(game, (learner,) * 3, 10_000, levels="cycle").play(seed=1, replicates=8)

for level, share in enumerate((0.6, 0.8, 1.0)):
    table = game.tensor(level)
    asked = [tuple(table.labels[i][s.table[0]] for i, s in enumerate(ended.strategies(row, level=level)))
             for row in range(8)]  # fmt: skip
    usual = max(set(asked), key=asked.count)
    gain = certify_equilibrium(game, usual, level=level).epsilon
    print(f"demand {share:.0%}: {asked.count(usual)} of 8 sessions ask {usual}")
    print(
        f"  any other mark-up gains {gain:.2f} $/h at most; {len(pure_equilibria(table))} static equilibria"
    )

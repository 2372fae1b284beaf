"""Three firms learn mark-ups on a congested grid; what they learn is judged against the equilibria."""

import clearing
import networks
from learners import Game, Markups
from learners.equilibria.pure import joint_optimum, pure_equilibria
from learners.sessions.session import Session
from learners.sessions.stopping import Stopping
from learners.strategies.policies import EpsilonGreedy, Exponential
from learners.strategies.tabular import QLearning

case = networks.load("five_bus")
market = clearing.NodalMarket(case.grid)
game = Game(market, case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30))).tensor()

learner = QLearning(alpha=0.15, gamma=0.9, policy=EpsilonGreedy(Exponential(1e-4)), initial="uniform_rivals")
session = Session(game, (learner,) * 3, Stopping(rounds=500_000, unchanged=10_000))
ended = session.play(seed=1, replicates=8)

print("learned  ", ended.limit_profits().sum(axis=1).round(), "$ per round in each session")
print("Nash     ", [round(float(e.payoffs.sum())) for e in pure_equilibria(game)])
print("joint    ", round(joint_optimum(game).total))
print(ended.ended[0].trace.frame(game, last=True).tail(3))

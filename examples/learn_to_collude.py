"""Three firms learn mark-ups on a congested grid; what they learn is judged against the equilibria."""

import clearing
import networks
from learners import (
    Benchmarks,
    EpsilonGreedy,
    Exponential,
    Game,
    Markups,
    QLearning,
    Session,
    Stopping,
    certify_equilibrium,
    make_policy_card,
    pure_equilibria,
)

case = networks.load("five_bus")
market = clearing.NodalMarket(case.grid)
game = Game(market, case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30)))
table = game.tensor()

learner = QLearning(alpha=0.15, gamma=0.9, policy=EpsilonGreedy(Exponential(1e-4)), initial="uniform_rivals")
session = Session(table, (learner,) * 3, Stopping(rounds=500_000, unchanged=10_000))
ended = session.play(seed=1, replicates=8)

print("static equilibria", [e.labels for e in pure_equilibria(table)])
print(Benchmarks.of(table, game.competitive()[0]).compare(ended.limit_profits()).round(2))
print(make_policy_card(table, ended.strategies(0), player=2, start=ended.ended[0].standing))
print(ended.ended[0].trace.frame(table, last=True).tail(3))

rest = [table.labels[i][a] for i, a in enumerate(ended.ended[0].standing)]
proof = certify_equilibrium(game, rest)  # against every mark-up from 0 to 30, not only those of the grid
print(f"session 1 ends at {rest}: an ε-equilibrium with ε = {proof.epsilon:.2f} $ per round")

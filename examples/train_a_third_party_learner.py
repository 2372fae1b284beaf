"""Train learners of another library (river's bandits) on a nodal market, and judge what they found.

Three generators of the five-bus system post mark-ups of 0, 10, 20 or 30 $/MWh; every round is an exact
clearing. Needs the extra `rl` and river (`pip install river`).
"""

from river import bandit

import clearing
import networks
from learners import Benchmarks, Game, Markups, best_response_path, parallel_env, pure_equilibria

case = networks.load("five_bus")
game = Game(clearing.NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30)))
env = parallel_env(game, rounds=3000, reward_scale=1000)
env.reset(seed=1)
learners = {
    name: bandit.EpsilonGreedy(epsilon=0.3, decay=0.002, seed=k) for k, name in enumerate(env.possible_agents)
}
while env.agents:
    actions = {name: learner.pull(range(4)) for name, learner in learners.items()}
    _, rewards, _, _, _ = env.step(actions)
    for name, learner in learners.items():
        learner.update(actions[name], rewards[name])

learned = [learners[name].ranking[0] for name in game.players]
nearest = best_response_path(game, learned)
truthful, _ = game.competitive()
print("learned mark-ups:", [game.labels[i][a] for i, a in enumerate(learned)])
print("static equilibria:", [e.labels for e in pure_equilibria(game)])
print("best responses lead from the learned profile in", nearest.moves, "moves to an equilibrium")
print("collusion indices:", Benchmarks.of(game, truthful).indices(game.payoffs([learned])[0]))

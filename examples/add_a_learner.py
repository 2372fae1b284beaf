"""A learner of one's own in one file: act, update, the arrays it remembers, and the contract as a test."""

import math
from dataclasses import dataclass

import numpy as np

from learners.sessions.session import Session
from learners.strategies.conformance import check_learner
from learners.strategies.learner import ArrayLearner
from learners.strategies.policies import EpsilonGreedy
from learners.strategies.rules import BestResponse
from learners.strategies.tabular import QLearning


@dataclass(frozen=True)
class UpperConfidence:
    """The action of the highest mean profit plus a bonus for being rarely tried (UCB1, Auer et al. 2002)."""

    width: float = 1.0

    def begin(self, seat, replicates):
        return UpperConfidenceLearner(self, seat, replicates)

    def settled(self, exploration):
        return math.inf  # it never stops exploring: sessions end by rounds


class UpperConfidenceLearner(ArrayLearner):
    draws = 0  # numbers in [0, 1) that it needs per round
    remembered = ("count", "mean")  # arrays whose first axis is the replicate

    def __init__(self, spec, seat, replicates):
        super().__init__(replicates)
        self.spec, self.player = spec, seat.player
        self.count = np.zeros((replicates, seat.actions))
        self.mean = np.zeros((replicates, seat.actions))

    def act(self, seen, uniforms):
        bonus = np.sqrt(2 * np.log(seen.round + 1) / np.maximum(self.count, 1))
        score = np.where(self.count == 0, np.inf, self.mean + self.spec.width * bonus)
        return np.argmax(score if seen.mask is None else np.where(seen.mask, score, -np.inf), axis=1)

    def update(self, seen, actions, rewards, after, terminal):
        own = np.arange(len(rewards)), actions[:, self.player]
        self.count[own] += 1
        self.mean[own] += (rewards - self.mean[own]) / self.count[own]


check_learner(UpperConfidence())

if __name__ == "__main__":
    from learners import tabulate
    from learners.games.bertrand import LogitBertrand

    game = tabulate(LogitBertrand.calvano())
    for rival in (BestResponse(), QLearning(0.1, 0.0, EpsilonGreedy(0.05)), UpperConfidence()):
        ended = Session(game, (UpperConfidence(0.1), rival), 5_000).play(seed=1, replicates=4)
        print(f"{type(rival).__name__:16} {ended.window_profits().mean(axis=0).round(4)} $ per round")

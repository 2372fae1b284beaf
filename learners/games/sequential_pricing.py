"""Sequential pricing: two sellers who move in turns and are bound to their price until they move again.

E. Maskin, J. Tirole, A theory of dynamic oligopoly II, Econometrica 56(3) (1988), 571-599; the setting in
which T. Klein, RAND Journal of Economics 52(3) (2021), 538-558, lets Q-learners price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from clearing.errors import InputError
from learners.games.bertrand import PriceGame


@dataclass(frozen=True)
class SequentialPricing(PriceGame):
    """Homogeneous goods without cost: the lower price sells 1 − p, equal prices share.

    Make it with :meth:`on_grid`. As a payoff source a round pays what both standing prices pay; who may
    move when is the session's business. A Markov strategy is a matrix (rival's price, own price) of
    probabilities, its rows summing to 1.
    """

    discount: float = 0.95

    @classmethod
    def on_grid(cls, steps: int = 6, discount: float = 0.95) -> SequentialPricing:
        """Prices 0, 1/k, ..., 1 with k = `steps`."""
        if not 0 <= discount < 1:
            raise InputError(f"discount is {discount!r}; give a number from 0 to below 1")
        return cls(tuple(np.arange(steps + 1) / steps), discount)

    def sales(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Demand at the lower price goes to whoever asks it."""
        low = price.min(axis=1, keepdims=True)
        wins = price == low
        return wins * np.maximum(1 - low, 0.0) / wins.sum(axis=1, keepdims=True), price

    @property
    def round_profit(self) -> np.ndarray:
        """(own price, rival's price) profit of a round."""
        n = len(self.prices)
        own, rival = np.indices((n, n)).reshape(2, -1)
        return self.payoffs(np.stack([own, rival], axis=1))[:, 0].reshape(n, n)

    def action_values(self, strategy: np.ndarray, rival: np.ndarray | None = None) -> np.ndarray:
        """(rival's price, own price) discounted profit of a move, both then following their strategies.

        With V(p) the value of having to move at the rival's p and W(a) of waiting at one's own a:
        V = Σ_a R(a|p)·(π(a, p) + δW(a)), W(a) = Σ_b R'(b|a)·(π(a, b) + δV(b)).
        """
        own = self._checked(strategy)
        other = own if rival is None else self._checked(rival)
        profit, d = self.round_profit, self.discount
        wait = (other * profit).sum(axis=1)
        value = np.linalg.solve(
            np.eye(len(own)) - d * d * own @ other, (own * profit.T).sum(axis=1) + d * own @ wait
        )
        return profit.T + d * (wait + d * other @ value)

    def best_reply_gap(self, strategy: np.ndarray) -> np.ndarray:
        """(rival's prices,) what the best reply to `strategy` gains over playing it; 0 in an equilibrium.

        The best reply is over all Markov strategies, by policy iteration.
        """
        strategy = self._checked(strategy)
        played = self.action_values(strategy)
        kept = (strategy * played).sum(axis=1)
        reply = played.argmax(axis=1)
        while True:
            values = self.action_values(np.eye(len(reply))[reply], rival=strategy)
            state = np.arange(len(reply))
            better = values.max(axis=1) > values[state, reply] + 1e-13
            if not better.any():
                return np.maximum(values[state, reply] - kept, 0.0)
            reply = np.where(better, values.argmax(axis=1), reply)

    def mean_profit(self, strategy: np.ndarray) -> float:
        """Long-run profit of a firm per round when both follow `strategy`, from the standing price 0."""
        strategy = self._checked(strategy)
        n = len(strategy)
        system = np.vstack([strategy.T - np.eye(n), np.ones(n)])
        share = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
        profit = self.round_profit
        return float((share[:, None] * strategy * (profit.T + profit)).sum() / 2)

    def edgeworth_equilibrium(self) -> tuple[np.ndarray, float]:
        """The strategy of the price cycle, and the probability µ of ending the war at price 1/k.

        From the top two prices to the third, then undercut step by step; at 1/k to 0 with probability µ
        and else to the price below 1; at 0 to the price below 1. µ makes both moves at 1/k worth the same
        (Maskin and Tirole 1988, section 5, for k = 6). Whether this is an equilibrium for other grids and
        discounts is for :meth:`best_reply_gap` to say.
        """

        def difference(mu: float) -> float:
            values = self.action_values(self._cycle(mu))[1]
            return float(values[0] - values[-2])

        ends = difference(0.0), difference(1.0)
        if len(self.prices) < 5 or ends[0] * ends[1] > 0:
            raise InputError("no mixing probability makes the two moves equal on this grid; use k = 6")
        mu = float(brentq(difference, 0.0, 1.0, xtol=1e-15))
        return self._cycle(mu), mu

    def _cycle(self, mu: float) -> np.ndarray:
        top = len(self.prices) - 1
        strategy = np.zeros((top + 1, top + 1))
        for p in range(2, top + 1):
            strategy[p, min(p - 1, top - 2)] = 1.0
        strategy[1, 0], strategy[1, top - 1], strategy[0, top - 1] = mu, 1 - mu, 1.0
        return strategy

    def _checked(self, strategy: np.ndarray) -> np.ndarray:
        matrix, n = np.asarray(strategy, dtype=float), len(self.prices)
        if matrix.shape != (n, n) or not np.allclose(matrix.sum(axis=1), 1.0) or matrix.min() < 0:
            raise InputError(f"strategy: give probabilities ({n}, {n}) with rows that sum to 1")
        return matrix

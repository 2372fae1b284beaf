"""Price games with formulas: logit demand, limited capacities, and two buses with a line between them.

All are payoff sources on grids of prices, so that learning on a network market and on a textbook game is
the same code; their analytic equilibria stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from clearing.errors import InputError
from learners.games.game import action_indices


@dataclass(frozen=True)
class PriceGame:
    """Players who post prices out of one grid; subclasses say what prices pay.

    Attributes
    ----------
    prices : grid of prices of every player [$/MWh].
    """

    prices: tuple[float, ...]

    def __post_init__(self) -> None:
        grid = np.asarray(self.prices, dtype=float)
        if grid.ndim != 1 or len(grid) == 0 or not np.isfinite(grid).all():
            raise InputError("price game: prices is a list of finite numbers")
        object.__setattr__(self, "prices", tuple(grid.tolist()))

    @property
    def count(self) -> int:
        """Number of players."""
        return 2

    @property
    def unit_cost(self) -> float:
        """Cost of one unit."""
        return 0.0

    @property
    def players(self) -> tuple[str, ...]:
        """Names of the players."""
        return tuple(f"firm {i + 1}" for i in range(self.count))

    @property
    def actions(self) -> tuple[int, ...]:
        """Number of prices of each player."""
        return (len(self.prices),) * self.count

    @property
    def labels(self) -> tuple[tuple[float, ...], ...]:
        """The prices, per player."""
        return (self.prices,) * self.count

    signal_names = ("price",)

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Profits (batch, players) of price indices (batch, players)."""
        return self.profit(np.array(self.prices)[action_indices(self, profiles)])

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Mean price paid (batch, 1), weighted by quantities; the lowest price where nothing is sold."""
        price = np.array(self.prices)[action_indices(self, profiles)]
        quantity, paid = self.sales(price)
        total = quantity.sum(axis=1)
        mean = (paid * quantity).sum(axis=1) / np.where(total > 0, total, 1.0)
        return np.where(total > 0, mean, price.min(axis=1))[:, None]

    def profit(self, price: np.ndarray) -> np.ndarray:
        """Profits (batch, players) of prices (batch, players)."""
        quantity, paid = self.sales(price)
        return (paid - self.unit_cost) * quantity

    def sales(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quantities and the price that each earns, (batch, players) each."""
        raise NotImplementedError


@dataclass(frozen=True)
class LogitBertrand(PriceGame):
    """Differentiated products with logit demand q_i = e_i / (Σ_j e_j + e^{a0/µ}), e_i = e^{(a_i − p_i)/µ}.

    The baseline of Calvano, Calzolari, Denicolò and Pastorello, AER 110(10) (2020), 3267-3297.

    Attributes
    ----------
    firms, quality, outside, mu, cost : number of firms, a_i, a0, µ and unit cost, the same for all.
    """

    firms: int = 2
    quality: float = 2.0
    outside: float = 0.0
    mu: float = 0.25
    cost: float = 1.0

    @classmethod
    def calvano(cls, points: int = 15, xi: float = 0.1) -> LogitBertrand:
        """The baseline's grid: from pN − ξ(pM − pN) to pM + ξ(pM − pN) in equal steps."""
        bare = cls((0.0,))
        nash, monopoly = bare.nash_price, bare.monopoly_price
        margin = xi * (monopoly - nash)
        return cls(tuple(np.linspace(nash - margin, monopoly + margin, points)))

    @property
    def count(self) -> int:
        """Number of players."""
        return self.firms

    @property
    def unit_cost(self) -> float:
        """Cost of one unit."""
        return self.cost

    def sales(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logit shares at posted prices."""
        pull = np.exp((self.quality - price) / self.mu)
        return pull / (pull.sum(axis=-1, keepdims=True) + np.exp(self.outside / self.mu)), price

    @property
    def nash_price(self) -> float:
        """Symmetric static equilibrium: p − c = µ/(1 − q)."""
        return self._solve(lambda q: 1 - q)

    @property
    def monopoly_price(self) -> float:
        """Joint optimum: p − c = µ/(1 − n·q), the outside good's share."""
        return self._solve(lambda q: 1 - self.firms * q)

    def symmetric_profit(self, price: float) -> float:
        """Profit of each firm when all post `price`."""
        return float(self.profit(np.full((1, self.firms), price))[0, 0])

    def _solve(self, share: Callable[[float], float]) -> float:
        def excess(p: float) -> float:
            q = float(self.sales(np.full((1, self.firms), p))[0][0, 0])
            return (p - self.cost) * share(q) - self.mu

        return float(brentq(excess, self.cost, self.cost + 50 * self.mu + self.quality, xtol=1e-14))


@dataclass(frozen=True)
class CapacityBertrand(PriceGame):
    """Inelastic demand served in merit order by firms of limited capacity; ties share pro rata.

    With capacities of at least the demand this is Bertrand's game with homogeneous goods.

    Attributes
    ----------
    cost : of one unit, the same for all.
    demand : inelastic [MW].
    capacity : (firms,) [MW].
    pricing : "uniform" (the highest accepted price pays all) or "pay_as_bid".
    """

    cost: float = 0.0
    demand: float = 1.0
    capacity: tuple[float, ...] = (1.0, 1.0)
    pricing: Literal["uniform", "pay_as_bid"] = "uniform"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pricing not in ("uniform", "pay_as_bid"):
            raise InputError(f"pricing is {self.pricing!r}; use 'uniform' or 'pay_as_bid'")
        if min(self.capacity) <= 0 or self.demand <= 0:
            raise InputError("capacities and demand are MW above 0")
        if sum(self.capacity) < self.demand:
            raise InputError(f"capacities of {sum(self.capacity):g} MW do not cover {self.demand:g} MW")

    @property
    def count(self) -> int:
        """Number of players."""
        return len(self.capacity)

    @property
    def unit_cost(self) -> float:
        """Cost of one unit."""
        return self.cost

    def sales(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Accepted MW in merit order, and what they earn."""
        capacity = np.array(self.capacity)
        below = ((price[:, None, :] < price[:, :, None]) * capacity).sum(axis=2)
        level = ((price[:, None, :] == price[:, :, None]) * capacity).sum(axis=2)
        accepted = np.clip(self.demand - below, 0.0, level) * capacity / level
        if self.pricing == "pay_as_bid":
            return accepted, price
        marginal = np.where(accepted > 0, price, -np.inf).max(axis=1, keepdims=True)
        return accepted, np.broadcast_to(marginal, price.shape)

    def indifference_price(self, cap: float, player: int = 0) -> float:
        """The rival's price at which a player of two is indifferent between undercutting and the cap.

        c + (cap − c)·(D − K_j)/min(K_i, D): below it the rival is left alone and the player asks the cap.
        """
        own, rival = self.capacity[player], self.capacity[1 - player]
        return self.cost + (cap - self.cost) * (self.demand - rival) / min(own, self.demand)

    def mixed_cdf(self, price: np.ndarray, cap: float) -> np.ndarray:
        """P(price ≤ p) in the symmetric mixed equilibrium of two firms of capacity K < D < 2K, up to a cap.

        Uniform: ((p − c)/(cap − c))^((D − K)/(2K − D)). Pay-as-bid, from the indifference price on:
        (K − (cap − c)(D − K)/(p − c))/(2K − D). Each pays (cap − c)(D − K).
        """
        k, d = self.capacity[0], self.demand
        if len(self.capacity) != 2 or self.capacity[1] != k or not k < d < 2 * k:
            raise InputError("mixed_cdf: two firms of one capacity K with K < demand < 2K are needed")
        margin, most = np.asarray(price, dtype=float) - self.cost, cap - self.cost
        if self.pricing == "uniform":
            return np.clip(margin / most, 0.0, 1.0) ** ((d - k) / (2 * k - d))
        with np.errstate(divide="ignore"):
            return np.clip((k - most * (d - k) / np.maximum(margin, 0.0)) / (2 * k - d), 0.0, 1.0)


@dataclass(frozen=True)
class TwoBusBertrand(PriceGame):
    """A seller at each of two buses joined by one line; each is paid its own price, its bus's LMP.

    The cheaper sells its own bus's demand and K over the line, the other what remains; equal prices serve
    their own buses. No pure equilibrium: whoever is undercut prefers the cap, and then being undercut pays.

    Attributes
    ----------
    cost : of one unit.
    demand : (2,) at the buses [MW].
    line : capacity of the line [MW], below both demands.
    """

    cost: float = 0.0
    demand: tuple[float, float] = (100.0, 100.0)
    line: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.line <= min(self.demand):
            raise InputError(f"line of {self.line:g} MW: give more than 0 and at most the smaller demand")

    @property
    def unit_cost(self) -> float:
        """Cost of one unit."""
        return self.cost

    def sales(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Own demand plus or minus the line's capacity, at the seller's own price."""
        export = np.sign(price[:, ::-1] - price) * self.line
        return np.array(self.demand) + export, price

    def mixed(self, cap: float) -> TwoBusMixed:
        """The mixed equilibrium in prices up to `cap` [$/MWh]."""
        top, k = cap - self.cost, self.line
        low = [top * (d - k) / (d + k) for d in self.demand]
        leader = int(low[1] > low[0])
        bound, other = low[leader], self.demand[1 - leader]
        profit = [bound * (d + k) for d in self.demand]
        profit[leader] = top * (self.demand[leader] - k)
        atom = 1 - ((other + k) - bound * (other + k) / top) / (2 * k)
        return TwoBusMixed(self, cap, bound, (profit[0], profit[1]), leader, max(atom, 0.0))


@dataclass(frozen=True)
class TwoBusMixed:
    """Both sellers mix over mark-ups in [bound, cap − cost].

    Attributes
    ----------
    game, cap : whose equilibrium, up to which price.
    bound : least mark-up played [$/MWh].
    profits : (2,) expected [$].
    leader : the seller at the larger demand, who asks the cap with probability `atom`.
    atom : probability of the cap; 0 for equal demands.
    """

    game: TwoBusBertrand
    cap: float
    bound: float
    profits: tuple[float, float]
    leader: int
    atom: float

    def cdf(self, markup: np.ndarray, seller: int = 0) -> np.ndarray:
        """P(mark-up ≤ m) of a seller, which makes the other indifferent: ((D_j+K) − π_j/m)/(2K)."""
        rival = 1 - seller
        d, k = self.game.demand[rival], self.game.line
        m = np.asarray(markup, dtype=float)
        inside = ((d + k) - self.profits[rival] / np.maximum(m, 1e-300)) / (2 * k)
        return np.where(m >= self.cap - self.game.cost, 1.0, np.clip(inside, 0.0, 1.0))

    @property
    def mean_markup(self) -> float:
        """Expected mark-up with equal demands D: M(D − K)/(2K)·ln((D + K)/(D − K)) [$/MWh]."""
        (d, e), k = self.game.demand, self.game.line
        if d != e:
            raise InputError("mean_markup: the closed form holds for equal demands")
        return self.bound * (d + k) / (2 * k) * float(np.log((d + k) / (d - k)))


def price_grid(low: float, high: float, step: float) -> tuple[float, ...]:
    """Prices from `low` to `high` in steps, as round numbers."""
    return tuple(round(float(v), 9) for v in np.arange(low, high + step / 2, step))

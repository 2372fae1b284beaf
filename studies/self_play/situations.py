"""The six situations of the self-play document as games in mark-ups, and who gains what in each match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from learners.games.bertrand import CapacityBertrand, TwoBusBertrand
from learners.games.level_games import LevelGames
from learners.games.market_game import Game

COST, CAP = 100.0, 200.0  # $/MWh; the document shows marginal costs of 100
FIVE_BUS_VALUE, FIVE_BUS_TOP = 60.0, 30.0  # what load is worth, the greatest mark-up [$/MWh]
CAPACITY = 100.0  # MW of each seller of a duopoly
LEVELS = (90.0, 160.0, 200.0)  # MW: one seller can serve all, both are needed, both are needed in full
DUOPOLY_DEMAND = 160.0  # MW with capacities of 100: the indifference price is 160 $/MWh
SELLERS, SELLER_MW = 20, 10.0
BENEFITS = ("price", "consumer", "producer", "rent", "welfare")

TITLES = {
    "many": "many small sellers",
    "half_load": "two sellers, half the load each",
    "bertrand": "Bertrand: each can serve all",
    "capacity_uniform": "limited capacity, uniform price",
    "capacity_pay_as_bid": "limited capacity, pay-as-bid",
    "five_bus_100": "five buses, line 2–5 at 100 MW",
    "five_bus_200": "five buses, line 2–5 at 200 MW",
    "demand_levels": "demand that varies",
}


def title_of(situation: str) -> str:
    """What pictures and tables call a situation."""
    if situation.startswith("two_bus_"):
        return f"two buses, line of {situation.removeprefix('two_bus_')} MW"
    return TITLES[situation]


def players_of(situation: str) -> int:
    """Number of sellers."""
    return SELLERS if situation == "many" else 3 if situation.startswith("five_bus") else 2


def top_of(situation: str) -> float:
    """The greatest mark-up [$/MWh]."""
    return FIVE_BUS_TOP if situation.startswith("five_bus") else CAP - COST


@lru_cache(maxsize=64)
def price_game(situation: str, markups: tuple[float, ...]) -> Any:
    """A situation without network, or with two buses, on a grid of mark-ups."""
    prices = tuple(COST + m for m in markups)
    if situation.startswith("two_bus_"):
        line = float(situation.removeprefix("two_bus_"))
        return TwoBusBertrand(prices, cost=COST, demand=(CAPACITY, CAPACITY), line=line)
    demand, capacity = {
        "many": (SELLERS * SELLER_MW / 2, (SELLER_MW,) * SELLERS),
        "half_load": (2 * CAPACITY, (CAPACITY, CAPACITY)),
        "bertrand": (CAPACITY, (CAPACITY, CAPACITY)),
        "capacity_uniform": (DUOPOLY_DEMAND, (CAPACITY, CAPACITY)),
        "capacity_pay_as_bid": (DUOPOLY_DEMAND, (CAPACITY, CAPACITY)),
    }[situation]
    pricing: Any = "pay_as_bid" if situation == "capacity_pay_as_bid" else "uniform"
    return CapacityBertrand(prices, cost=COST, demand=demand, capacity=capacity, pricing=pricing)


@lru_cache(maxsize=16)
def five_bus(limit_mw: float, markups: tuple[float, ...], relative: bool = False) -> Any:
    """The reconstructed five-bus system with a limit on line 2-5 [MW]."""
    import clearing
    import networks
    from learners import Markups

    case = networks.load("five_bus")
    limit = np.where(np.isfinite(case.grid.limit_mw), limit_mw, np.inf)
    market = clearing.NodalMarket(case.grid.with_settings(limit_mw=limit))
    return Game(market, case, ["G1", "G2", "G3"], Markups(markups, relative=relative))


def make_game(situation: str, markups: Sequence[float]) -> Any:
    """The payoff source of a situation on a grid of mark-ups."""
    grid = tuple(float(m) for m in markups)
    if situation == "demand_levels":
        base = price_game("capacity_uniform", grid)
        return LevelGames([replace(base, demand=mw) for mw in LEVELS])
    if situation.startswith("five_bus_"):
        return five_bus(float(situation.removeprefix("five_bus_")), grid)
    return price_game(situation, grid)


def even_grid(situation: str, points: int) -> tuple[float, ...]:
    """So many mark-ups in equal steps, from 0 to the greatest."""
    return tuple(np.linspace(0.0, top_of(situation), points).round(9).tolist())


@dataclass(frozen=True, eq=False)
class Match:
    """What profiles pay, and to whom.

    Attributes
    ----------
    profits : (batch, players) [$/h].
    benefits : (batch, 5) as in BENEFITS: mean price [$/MWh]; consumers' benefit, producers' benefit,
        congestion rent, and their sum [$/h].
    """

    profits: np.ndarray
    benefits: np.ndarray


def play_matches(source: Any, profiles: np.ndarray) -> Match:
    """Exact profits and benefits of profiles of action indices (batch, players).

    Consumers value what they use at the greatest price possible: the cap, 60 $/MWh on five buses.
    """
    if isinstance(source, Game):
        row, load = source.evaluate(profiles), float(source.columns.fixed_mw.sum())
        profits, price = row[:, : len(source.players)], row[:, len(source.players)]
        worth = FIVE_BUS_VALUE * load
        paid, welfare = price * load, worth + row[:, len(source.players) + 1]
    else:
        asked = np.array(source.prices)[profiles]
        sold, earned = source.sales(asked)
        profits, money = (earned - COST) * sold, (earned * sold).sum(axis=1)
        if isinstance(source, TwoBusBertrand):
            load, paid = float(sum(source.demand)), (asked * np.array(source.demand)).sum(axis=1)
        else:
            load, paid = source.demand, money
        price, worth = paid / load, CAP * load
        welfare = np.full(len(asked), worth - COST * load)
    consumer, producer = worth - paid, profits.sum(axis=1)
    rent = welfare - consumer - producer
    return Match(profits, np.column_stack([price, consumer, producer, rent, welfare]))


class Watched:
    """A situation whose matches are watched while strategies evolve in it.

    Strategies hear the mean price, as in the document; what else a match brings is added up in passing.

    Attributes
    ----------
    sums : one entry per call of `payoffs`: (replicates, 5) mean benefits of its matches.
    asked : one entry per call: (replicates, players) mean action index; called : its demand level, or −1.
    """

    signal_names = ("price",)

    def __init__(self, source: Any, replicates: int) -> None:
        turns = isinstance(source, LevelGames)
        self.games = source.games if turns else (source,)
        self.players, self.actions, self.labels = source.players, source.actions, source.labels
        self.replicates = replicates
        self.levels = source.levels if turns else 0
        self.sums: list[np.ndarray] = []
        self.asked: list[np.ndarray] = []
        self.called: list[int] = []
        self._heard: tuple[np.ndarray, np.ndarray] | None = None

    def payoffs(
        self, profiles: np.ndarray, rng: np.random.Generator | None = None, level: np.ndarray | None = None
    ) -> np.ndarray:
        """Profits (batch, players); rows come replicate by replicate, as many of each, at one level."""
        turn = 0 if level is None else int(np.unique(level).item())
        found = play_matches(self.games[turn], profiles)
        self.sums.append(found.benefits.reshape(self.replicates, -1, len(BENEFITS)).mean(axis=1))
        self.asked.append(profiles.reshape(self.replicates, -1, len(self.players)).mean(axis=1))
        self.called.append(-1 if level is None else turn)
        self._heard = (profiles, found.benefits[:, :1])
        return found.profits

    def signals(self, profiles: np.ndarray, level: np.ndarray | None = None) -> np.ndarray:
        """The mean price of each match (batch, 1)."""
        if self._heard is not None and self._heard[0] is profiles:
            return self._heard[1]
        turn = 0 if level is None else int(np.unique(level).item())
        return play_matches(self.games[turn], profiles).benefits[:, :1]

    def by_generation(self, matches: int) -> np.ndarray:
        """(generations, replicates, 5) mean benefits of all matches of each generation."""
        return np.array(self.sums).reshape(-1, matches, self.replicates, len(BENEFITS)).mean(axis=1)

    def asked_by_level(self, last: int) -> dict[int, np.ndarray]:
        """Level → (replicates, players) mean action index over the last calls."""
        called, asked = np.array(self.called[-last:]), np.array(self.asked[-last:])
        return {int(k): asked[called == k].mean(axis=0) for k in np.unique(called)}

"""Algorithm 1 in a day-ahead market that clears whole days: every agent acts hour by hour, then all learn.

Energies 2017, 10, 2045, Algorithm 1: expected SARSA with a Boltzmann policy at a prescribed entropy. An
agent's state is the hour, and for gencos with a ramp limit their own action of the hour before. The hours
of a day are different states, so that learning after the day is learning in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.compiled import compiled
from learners.sessions.streams import NOISE, UniformStreams, replicate_numbers
from learners.strategies.compiled_policies import ENTROPY, best_of, choose, expected_value
from learners.strategies.compiled_tables import learn
from networks.checks import whole
from studies.two_sided_eighteen_bus.day_ahead_market import Cleared, DayAheadMarket
from studies.two_sided_three_node.offer_ramps import OfferRamps


@dataclass(frozen=True)
class DayAheadLearning:
    """Settings of Algorithm 1.

    Attributes
    ----------
    genco_rate, disco_rate : exploration rates in [0, 1]. alpha : learning rate. gamma : discount factor.
    """

    genco_rate: float = 0.5
    disco_rate: float = 0.5
    alpha: float = 0.1
    gamma: float = 0.95

    def __post_init__(self) -> None:
        for name in ("genco_rate", "disco_rate", "gamma"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)!r}; give a number from 0 to 1")
        if not 0 < self.alpha <= 1:
            raise InputError(f"alpha is {self.alpha!r}; give a learning rate in (0, 1]")


@dataclass(frozen=True, eq=False)
class Learned:
    """How it ended.

    Attributes
    ----------
    greedy : (replicates, hours, players) actions of the greedy day; `ends` its clearing without errors.
    profits : (replicates, days, players) profits while learning [$ per day].
    actions : (replicates, days, players) mean over the hours of the indices that were played.
    """

    greedy: np.ndarray
    ends: Cleared
    profits: np.ndarray
    actions: np.ndarray


def learn_day_ahead(
    market: DayAheadMarket,
    learning: DayAheadLearning,
    days: int,
    seed: int,
    replicates: int | Sequence[int],
) -> Learned:
    """Play and learn; replicate r has the streams of (seed, r), whatever runs beside it (law 9).

    Raises
    ------
    ClearingError
        a day that cannot be cleared. InputError where no days or replicates are asked for.
    """
    numbers = replicate_numbers(replicates)
    whole("days", days)
    hours, count = market.hours, len(market.players)
    widest = max(market.actions)
    values = _first_values(market, widest)
    tables = np.tile(values, (len(numbers), 1, 1, 1, 1))
    best = np.zeros(tables.shape[:-1], dtype=np.int64)
    for place in np.ndindex(values.shape[:-1]):
        best[(slice(None), *place)] = best_of(values[place])
    rates = np.where(np.arange(count) < len(market.units), learning.genco_rate, learning.disco_rate)
    remembers = np.array(
        [m is not None and np.isfinite(market.rules.offer_ramp_mw) for m in market.offered_mw()]
    )
    play, noise = UniformStreams(seed, numbers), UniformStreams(seed, numbers, NOISE)
    actions = np.empty((len(numbers), hours, count), dtype=np.int64)
    profits, played = (np.empty((len(numbers), days, count)) for _ in range(2))
    for day in range(days):
        act_day(tables, best, rates, remembers, play.draw(hours, count), actions)
        forecast = None
        if market.rules.forecast_error:
            forecast = market.forecasts(_normal(noise.draw(2, hours, len(market.loads))))
        cleared = market.clear(actions, forecast)
        learn_day(tables, best, rates, remembers, actions, cleared.profits, learning.alpha, learning.gamma)
        profits[:, day], played[:, day] = cleared.profits.sum(axis=1), actions.mean(axis=1)
    greedy_day(best, remembers, actions)
    return Learned(actions, market.clear(actions), profits, played)


def _normal(uniforms: np.ndarray) -> np.ndarray:
    """Standard normal numbers of pairs on axis 1 (Box and Muller, 1958)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniforms[:, 0]))
    return radius * np.cos(2 * np.pi * uniforms[:, 1])


def _first_values(market: DayAheadMarket, widest: int) -> np.ndarray:
    """(players, hours, last actions, actions) zeros; −inf where no such action, or no ramp leads to it."""
    ramps = OfferRamps(market.hours, market.offered_mw(), market.rules.offer_ramp_mw)
    out = np.full((len(market.players), market.hours, widest, widest), -np.inf)
    for i, n in enumerate(market.actions):
        last = np.zeros((n, len(market.players)), dtype=np.int64)
        last[:, i] = np.arange(n)
        for hour in range(market.hours):
            mask = ramps(hour, i, last) if hour else None
            out[i, hour, :n, :n] = 0.0 if mask is None else np.where(mask, 0.0, -np.inf)
    out[:, :, :, 0] = np.where(np.isneginf(out).all(axis=-1), 0.0, out[:, :, :, 0])  # states that never occur
    return out


@compiled
def act_day(tables, best, rates, remembers, uniforms, actions):
    """Choose actions (batch, hours, players) from tables (batch, players, hours, last, own)."""
    batch, hours, players = actions.shape
    scratch = np.empty(tables.shape[4])
    for r in range(batch):
        for t in range(hours):
            for i in range(players):
                s = actions[r, t - 1, i] if t > 0 and remembers[i] else 0
                actions[r, t, i] = choose(
                    ENTROPY, rates[i], tables[r, i, t, s], best[r, i, t, s], uniforms[r, t, i], scratch
                )


@compiled
def learn_day(tables, best, rates, remembers, actions, rewards, alpha, gamma):
    """Q(s, a) += α·(r + γ·Σ π(a')·Q(s', a') − Q(s, a)), hour by hour; nothing follows the last."""
    batch, hours, players = actions.shape
    scratch = np.empty(tables.shape[4])
    visits = np.zeros((0, 0), dtype=np.int64)
    for r in range(batch):
        for t in range(hours):
            for i in range(players):
                s = actions[r, t - 1, i] if t > 0 and remembers[i] else 0
                a = actions[r, t, i]
                target = rewards[r, t, i]
                if t + 1 < hours:
                    following = a if remembers[i] else 0
                    target += gamma * expected_value(
                        ENTROPY, rates[i], tables[r, i, t + 1, following], scratch
                    )
                learn(tables[r, i, t], best[r, i, t], visits, s, a, target, alpha, False)


@compiled
def greedy_day(best, remembers, actions):
    """The greedy day of each replicate, written into actions (batch, hours, players)."""
    batch, hours, players = actions.shape
    for r in range(batch):
        for t in range(hours):
            for i in range(players):
                s = actions[r, t - 1, i] if t > 0 and remembers[i] else 0
                actions[r, t, i] = best[r, i, t, s]

"""Learning in two settlements: positions are chosen first, then the spot market is played, day after day.

Everybody sees the positions before the spot market opens, so that a spot table has one state for each
profile of positions. The forward price is learned too: of each profile of positions the running mean of
the spot prices that followed it, which is what a forward market without arbitrage would pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffTensor, profiles_of
from learners.sessions.streams import UniformStreams, replicate_numbers
from learners.strategies.learner import Seat, Seen
from learners.strategies.memory import WorldStates
from learners.strategies.policies import EntropyBoltzmann
from learners.strategies.tabular import ExpectedSarsa
from networks.checks import whole
from studies.forward_and_spot.positions import price_tensor


@dataclass(frozen=True, eq=False)
class TwoSettlements:
    """How it ended.

    Attributes
    ----------
    positions : (replicates, players) greedy choice of positions, indices.
    actions : (replicates, players) greedy spot actions after them, indices.
    payoffs : (replicates, players) uncovered spot payoffs of these [$].
    online : (replicates, players) mean payoffs while learning, positions included [$].
    """

    positions: np.ndarray
    actions: np.ndarray
    payoffs: np.ndarray
    online: np.ndarray


def learn_two_settlements(
    spot: PayoffTensor,
    positions: Sequence[Sequence[float]],
    sells: Sequence[bool],
    rate: float,
    days: int,
    seed: int,
    replicates: int | Sequence[int],
    alpha: float = 0.1,
) -> TwoSettlements:
    """Algorithm 1 of Energies 2017, 10, 2045 in both stages; replicate r has the stream of (seed, r).

    Parameters
    ----------
    positions, sells : as in :func:`studies.forward_and_spot.positions.cover`.
    rate : exploration rate of everyone in both stages.
    alpha : learning rate, also of the forward price.
    """
    numbers = replicate_numbers(replicates)
    players, counts = len(spot.players), [len(p) for p in positions]
    whole("days", days)
    if len(positions) != players:
        raise InputError(f"two settlements: positions of {len(positions)} players; give those of {players}")
    places = int(np.prod(counts))
    spec = ExpectedSarsa(alpha, 0.0, EntropyBoltzmann(rate), WorldStates(places))
    first = ExpectedSarsa(alpha, 0.0, EntropyBoltzmann(rate), WorldStates(1))
    offered = PayoffTensor(np.zeros((players, *counts)), spot.players)
    forward = [first.begin(Seat(i, offered), len(numbers)) for i in range(players)]
    later = [spec.begin(Seat(i, spot), len(numbers)) for i in range(players)]
    values = spot.values.reshape(players, -1).T
    prices = price_tensor(spot).reshape(players, -1).T
    held_mw = np.stack(
        [np.array(p, float)[profiles_of(counts)[:, i]] for i, p in enumerate(positions)], axis=1
    )
    sign = np.where(np.asarray(sells, dtype=bool), 1.0, -1.0)
    rows = np.arange(len(numbers))
    forward_price = np.full((len(numbers), places, players), np.nan)
    uniforms = UniformStreams(seed, numbers)
    nothing = np.zeros((len(numbers), players), dtype=np.int64)
    total = np.zeros((len(numbers), players))
    for day in range(days):
        drawn = uniforms.draw(2, players)
        start = Seen(2 * day, nothing, states=np.zeros(len(numbers), dtype=np.int64))
        chosen = np.stack([x.act(start, drawn[:, 0, i : i + 1]) for i, x in enumerate(forward)], axis=1)
        place = np.ravel_multi_index(tuple(chosen.T), tuple(counts))
        seen = Seen(2 * day + 1, chosen, states=place)
        played = np.stack([x.act(seen, drawn[:, 1, i : i + 1]) for i, x in enumerate(later)], axis=1)
        profile = np.ravel_multi_index(tuple(played.T), spot.actions)
        known, now = forward_price[rows, place], prices[profile]
        paid = np.where(np.isnan(known), now, known)
        forward_price[rows, place] = paid + alpha * (now - paid)
        earned = values[profile] + sign * held_mw[place] * (paid - now)
        total += earned
        for i in range(players):
            later[i].update(seen, played, earned[:, i], start, True)
            forward[i].update(start, chosen, earned[:, i], seen, True)
    ends = np.stack([x.best[:, 0] for x in forward], axis=1)
    after = np.ravel_multi_index(tuple(ends.T), tuple(counts))
    actions = np.stack([x.best[rows, after] for x in later], axis=1)
    spot_paid = values[np.ravel_multi_index(tuple(actions.T), spot.actions)]
    return TwoSettlements(ends, actions, spot_paid, total / days)

"""The document's game with storage: its equations (1) to (4), and what clock errors do to it.

One game, equations (1) and (2): in a part of a slot a prosumer buys d¹ of its need at s while its sun fills
the storage; in the rest it covers d² = d − d¹ itself and sells a from the storage at s^p.

    d¹ + d² = d                    (1)
    loss = d¹·s − a·s^p → min      (2)

The repeated game, equations (3) and (4): the operator answers with s + Δ_s, prosumers keep their own price
and shorten d¹ by Δ_d. With Δ_a = Δ_d the loss stays what it was exactly where

    d¹ − Δ_d = d¹·x/(x + Δ_s),   x = s + s^p.      (4)

The document calls x constant; but s rises by Δ_s in each round, and so does x. Carried through, equation
(4) telescopes to d_k = d_0·x_0/(x_0 + k·Δ_s), inversely proportional to the price's rise as it says; with x
held constant it would be geometric. Energy that is bought and stored in step needs Δ_a = −Δ_d instead, as
a shorter interval stores less; then x = s − s^p.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearing.errors import InputError
from networks.checks import number, whole

Reading = Literal["carried", "constant", "stored"]


def split_need(need: float, share: float) -> tuple[float, float]:
    """Need d as d¹ + d², bought in the given share of the time and self-supplied in the rest (1) [MWh]."""
    need = number("need", need, "MWh", minimum=0.0)
    if not 0 <= number("share", share, "a share of the time") <= 1:
        raise InputError(f"share is {share:g}; give a share from 0 to 1")
    return share * need, (1.0 - share) * need


def game_loss(bought: float, price: float, sold: float, own_price: float) -> float:
    """d¹·s − a·s^p, what one game costs (2) [$]; energies in MWh, prices in $/MWh."""
    return bought * price - sold * own_price


@dataclass(frozen=True, slots=True)
class StoredGame:
    """One game of one prosumer with storage, beside being friendly.

    Attributes
    ----------
    bought, own, stored, sold : d¹, d², filled into the storage, and sold a (from the storage, and sun
        beyond d²) [MWh]; loss : by (2) [$].
    friendly : money of the friendly slot, sale of the surplus less the purchase of what is missing [$].
    cost : money given up against the friendly slot, at today's prices [$].
    """

    bought: float
    own: float
    stored: float
    sold: float
    loss: float
    friendly: float
    cost: float


def play_storage_game(
    need: float,
    sun: float,
    share: float,
    price: float,
    own_price: float,
    capacity: float = np.inf,
    efficiency: float = 1.0,
) -> StoredGame:
    """Equations (1) and (2) with a battery of `capacity` [MWh] and a round-trip `efficiency`.

    Sun beyond the battery's room is lost while it fills. At `own_price` = `price`, a lossless battery and
    enough sun the cost is 0: artificial demand is free, as under the accounting "balanced"; without a
    battery (capacity 0) all that was bought is lost, as under "waste".
    """
    sun = number("sun", sun, "MWh", minimum=0.0)
    if not 0 <= number("efficiency", efficiency, "a share") <= 1:
        raise InputError(f"efficiency is {efficiency:g}; give a share from 0 to 1")
    bought, own = split_need(need, share)
    stored = min(share * sun, number("capacity", capacity, "MWh", minimum=0.0))
    available = efficiency * stored + (1.0 - share) * sun
    covered = min(own, available)
    sold = available - covered
    bought += own - covered
    friendly = max(sun - need, 0.0) * own_price - max(need - sun, 0.0) * price
    loss = game_loss(bought, price, sold, own_price)
    return StoredGame(bought, covered, stored, sold, loss, friendly, friendly + loss)


def next_interval(interval: float, price: float, own_price: float, rise: float) -> float:
    """d¹ − Δ_d of equation (4), for a price that has risen by `rise`."""
    x = number("price", price, "$/MWh", minimum=0.0) + number("own_price", own_price, "$/MWh", minimum=0.0)
    if not x + number("rise", rise, "$/MWh", minimum=0.0) > 0:
        raise InputError("price, own_price and rise are all 0; give a price above 0")
    return interval * x / (x + rise)


def repeat_game(
    interval: float,
    price: float,
    own_price: float,
    rise: float,
    rounds: int,
    reading: Reading = "carried",
) -> np.ndarray:
    """(rounds + 1,) lengths of the synchronization interval, round by round.

    `reading`: "carried" takes (4) with x = s + s^p of the round; "constant" holds x at its first value, as
    the document words it; "stored" has x = s − s^p of the round, for Δ_a = −Δ_d. With s = s^p that
    interval ends at once: a game that cost nothing loses money as soon as the price has risen.
    """
    whole("rounds", rounds, minimum=0)
    out = np.empty(rounds + 1)
    out[0] = number("interval", interval, "minutes", minimum=0.0)
    for k in range(rounds):
        s = price if reading == "constant" else price + k * rise
        if reading == "stored":
            x = s - own_price
            out[k + 1] = out[k] * x / (x + rise) if x + rise > 0 else out[k]
        else:
            out[k + 1] = next_interval(out[k], s, own_price, rise)
    return out


def rounds_until(interval: float, accuracy: float, price: float, own_price: float, rise: float) -> float:
    """Rounds after which the carried interval is shorter than the clocks' accuracy (inf without a rise).

    From d_k = d_0·x_0/(x_0 + k·Δ_s): k = x_0/Δ_s·(d_0/accuracy − 1).
    """
    number("accuracy", accuracy, "minutes", above=0)
    if rise <= 0:
        return float("inf")
    return max(0.0, (price + own_price) / rise * (interval / accuracy - 1.0))


def overlap_peak(starts: np.ndarray, sizes: np.ndarray, length: float) -> np.ndarray:
    """(…,) greatest sum of `sizes` of bursts [start, start + length) that run at once.

    Parameters
    ----------
    starts : (…, prosumers) times at which the bursts begin; sizes : likewise, or (prosumers,) [MW].
    """
    starts = np.asarray(starts, dtype=float)
    sizes = np.broadcast_to(np.asarray(sizes, dtype=float), starts.shape)
    since = starts[..., :, None] - starts[..., None, :]  # a peak is reached where some burst begins
    running = (since >= 0) & (since < length)
    return (running * sizes[..., None, :]).sum(axis=-1).max(axis=-1)


def overlap_share(
    generator: np.random.Generator, sizes: np.ndarray, length: float, clock_error: float, draws: int
) -> np.ndarray:
    """(draws,) peak of bursts whose clocks err by N(0, clock_error²), as a share of perfect timing.

    `length` and `clock_error` in the same unit of time; the limit of large errors is the greatest burst.
    """
    sizes = np.asarray(sizes, dtype=float)
    starts = number("clock_error", clock_error, "minutes", minimum=0.0) * generator.standard_normal(
        (whole("draws", draws), len(sizes))
    )
    return overlap_peak(starts, sizes, length) / sizes.sum()

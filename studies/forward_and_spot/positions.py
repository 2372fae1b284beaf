"""A forward market before the spot market: positions as contracts for difference on each player's own price.

B. Allaz and J.-L. Vila, Journal of Economic Theory 59 (1993): what is sold forward at a price that no longer
moves leaves a firm's spot incentive on its uncovered quantity only. Player i with a position of f_i MW earns

    spot payoff + s_i·(p_F − LMP_i)·f_i,   s_i = +1 where it has sold forward, −1 where it has bought.

The forward price p_F is a constant in the spot market, so that equilibria of the spot stage depend on the
positions alone; with p_F equal to the spot price that follows, positions move no money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.equilibria.pure import PureEquilibrium, pure_equilibria
from learners.games.game import PayoffTensor


def price_tensor(spot: PayoffTensor) -> np.ndarray:
    """(players, *actions) each player's own spot price [$/MWh], from the signals "price PLAYER"."""
    missing = [p for p in spot.players if f"price {p}" not in spot.signal_names]
    if missing or spot.signal_values is None:
        raise InputError(
            f"forward positions: the spot game sends no signal 'price {missing[0] if missing else ''}'; "
            "tabulate a game with one for each player"
        )
    return np.stack([spot.signal_values[spot.signal_names.index(f"price {p}")] for p in spot.players])


def cover(
    spot: PayoffTensor,
    forward_mw: Sequence[float],
    sells: Sequence[bool],
    forward_price: Sequence[float] | float = 0.0,
) -> PayoffTensor:
    """The spot game of players with forward positions.

    Parameters
    ----------
    forward_mw : (players,) position of each, at least 0 [MW].
    sells : (players,) True where the position is a sale.
    forward_price : of each position [$/MWh]; it moves payoffs by a constant, never incentives.
    """
    mw = np.asarray(forward_mw, dtype=float)
    if mw.shape != (len(spot.players),) or not (np.isfinite(mw) & (mw >= 0)).all():
        raise InputError(f"forward_mw is {forward_mw!r}; give one number of at least 0 MW per player")
    if len(sells) != len(spot.players):
        raise InputError(f"sells is {sells!r}; say for each of {len(spot.players)} players whether it sells")
    sign = np.where(np.asarray(sells, dtype=bool), 1.0, -1.0)
    price = np.broadcast_to(np.asarray(forward_price, dtype=float), mw.shape)
    shape = (-1, *(1,) * len(spot.actions))
    paid = (sign * mw).reshape(shape) * (price.reshape(shape) - price_tensor(spot))
    return PayoffTensor(
        np.round(spot.values + paid, 9) + 0.0,
        spot.players,
        spot.labels,
        spot.signal_values,
        spot.signal_names,
    )


def break_even_position(
    spot: PayoffTensor, player: int, profile: Sequence[int], action: int, sells: bool
) -> float:
    """The position [MW] beyond which a player no longer prefers its action of `profile` to `action`.

    Where it prefers the profile without a position and its own price moves against the position: the gain
    divided by the move of the price. 0 where it does not prefer it at all, inf where no position ends it.
    """
    other = list(profile)
    other[player] = action
    here, there = (slice(None), *profile), (slice(None), *other)
    gain = float(spot.values[here][player] - spot.values[there][player])  # type: ignore[index]
    prices = price_tensor(spot)
    move = float(prices[here][player] - prices[there][player])  # type: ignore[index]
    against = move if sells else -move  # a seller that is covered loses by a higher price, a buyer by a lower
    if gain <= 0:
        return 0.0
    return gain / against if against > 0 else float("inf")


@dataclass(frozen=True, eq=False)
class ForwardStage:
    """The forward stage, solved backward.

    Attributes
    ----------
    positions : per player the positions that it chooses from [MW].
    spot : profile of positions (indices) → pure equilibria of the spot game that follows.
    game : payoffs of choosing positions where the selected spot equilibrium follows and p_F equals its
        price; None where some positions leave no pure spot equilibrium.
    equilibria : pure equilibria of `game`: subgame-perfect choices of positions under the selection.
    """

    positions: tuple[tuple[float, ...], ...]
    spot: dict[tuple[int, ...], tuple[PureEquilibrium, ...]]
    game: PayoffTensor | None
    equilibria: tuple[PureEquilibrium, ...]


def solve_forward_stage(
    spot: PayoffTensor,
    positions: Sequence[Sequence[float]],
    sells: Sequence[bool],
    favours: int = 0,
    best: bool = True,
) -> ForwardStage:
    """Spot equilibria after every choice of positions, and the equilibria of choosing them.

    Parameters
    ----------
    favours, best : where several spot equilibria exist, the one in which this player earns most (or least)
        is expected by all; players often owe their collusion to this choice, so try both.
    """
    counts = [len(p) for p in positions]
    if len(positions) != len(spot.players) or 0 in counts:
        raise InputError("positions: give each player at least one position in MW")
    found: dict[tuple[int, ...], tuple[PureEquilibrium, ...]] = {}
    values = np.full((len(counts), *counts), np.nan)
    for place in np.ndindex(*counts):
        held = [float(p[k]) for p, k in zip(positions, place, strict=True)]
        found[place] = pure_equilibria(cover(spot, held, sells))
        if found[place]:
            paid = spot.payoffs(np.array([e.profile for e in found[place]]))
            order = [p[favours] for p in paid]
            values[(slice(None), *place)] = paid[int(np.argmax(order) if best else np.argmin(order))]
    labels = tuple(tuple(map(float, p)) for p in positions)
    if np.isnan(values).any():
        return ForwardStage(labels, found, None, ())
    game = PayoffTensor(values, spot.players, labels)
    return ForwardStage(labels, found, game, pure_equilibria(game))

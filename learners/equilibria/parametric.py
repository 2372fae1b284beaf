"""Clearings along a line of one player's offers: proven pieces on which dispatch and prices are affine.

Prices, offered MW and demand are affine in the player's number m (a mark-up, or a withheld share). Pieces
are proven, not sampled: if dispatch p and prices λ at one interior point of [a, b] are the linear
interpolation of those at a and b, the interpolation satisfies the optimality conditions on all of [a, b].
For primal and dual feasibility are convex, and in each complementary pair x ≥ 0, y ≥ 0 with x·y = 0 at
the interior point one of the two is zero at both ends, hence in between. Multipliers of lines are not
compared: where the binding lines' distribution factors are independent they follow from λ. What is no
piece is cut until kinks are known to `WIDTH`; each piece is cleared once more in its middle, where its
prices have to be unique to count as proven.

The set of optima along a line of cost vectors: T. Gal, Postoptimal Analyses, Parametric Programming, and
Related Topics (1995), chapter 4; M. J. Eisner and D. G. Severance, J. ACM 23(4) (1976), 619-635.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from clearing.tolerances import TIE_WIDTH
from learners.games.actions import Line
from learners.games.market_game import Game
from learners.games.payoffs import Cleared

WIDTH = 1e-9  # of the interval: jumps are located to this, changes of slope to SLIVER
STRAIGHT = 1e-8  # of the largest MW or price: deviation from a line that counts as rounding
TIED = 64 * TIE_WIDTH  # where offers meet, prices leave a line by the tie width times what a grid makes of it
SLIVER = 1e-6  # of the interval: narrower pieces are chords across a kink, and count as part of it
CUT = 2**0.5 - 1  # where intervals are cut; irrational, so that round mark-ups are not hit

Point = tuple[float, np.ndarray, np.ndarray]  # number, accepted (columns,), LMP (buses × periods,)


@dataclass(frozen=True)
class Stretch:
    """An interval of numbers in one demand state on which dispatch and prices are affine.

    Attributes
    ----------
    low, high : its ends.
    payoff : payoff at `low`, in the middle and at `high`, which determine the quadratic [$].
    unique : whether the prices at the player's buses are unique on it, or it sells nothing there.
    """

    low: float
    high: float
    payoff: tuple[float, float, float]
    unique: bool

    def at(self, number: np.ndarray) -> np.ndarray:
        """Payoffs at numbers within [$]."""
        t = (number - self.low) / (self.high - self.low)
        a, b, c = self.payoff
        return a * (1 - t) * (1 - 2 * t) + 4 * b * t * (1 - t) + c * t * (2 * t - 1)


class OfferLine:
    """Clearings along one player's number, the others' being fixed; one row per number and demand state.

    Attributes
    ----------
    states : demand states over which payoffs are averaged.
    bends : numbers at which the offers themselves change their slope.
    clearings : how many it has taken.
    """

    def __init__(self, game: Game, player: int, numbers: Sequence[float], level: int | None = None) -> None:
        self.game, self.player, self.clearings = game, player, 0
        columns = game.columns
        self.price, self.mw = columns.price.copy(), columns.mw.copy()
        lines: list[Line] = []
        for name, actions in zip(game.players, game.action_sets, strict=True):
            if not isinstance(actions, Line):
                raise InputError(
                    f"player {name!r} chooses {type(actions).__name__}; exact best responses are along a "
                    "line of Markups or Withholding"
                )
            lines.append(actions)
        for j, (own, line) in enumerate(zip(game.own, lines, strict=True)):
            if j != player:
                price, mw = line.along(columns, own, np.array([numbers[j]]))
                self.price, self.mw = self.price + price[0], self.mw + mw[0]
        self.own, self.line = game.own[player], lines[player]
        self.bends = self.line.bends(columns, self.own)
        self.states = _states(game, level)

    def at(self, number: np.ndarray, state: np.ndarray) -> list[Point]:
        """Clearings at numbers (n,) in demand states (n,)."""
        out: list[Point] = []
        for k in range(0, len(number), self.game.chunk):
            part = slice(k, k + self.game.chunk)
            cleared, _ = self.game.clear(*self._numbers(number[part], state[part]))
            lmp = cleared.lmp.reshape(len(cleared.lmp), -1)
            out += list(zip(number[part].tolist(), cleared.accepted, lmp, strict=True))
        self.clearings += len(number)
        return out

    def _numbers(self, number: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        columns = self.game.columns
        price, mw = self.line.along(columns, self.own, number)
        fixed = np.broadcast_to(columns.fixed_mw, (len(number), *columns.fixed_mw.shape))
        return self.game.in_states(state, self.price + price, self.mw + mw, fixed)

    def payoff(self, points: Sequence[Point], state: np.ndarray) -> np.ndarray:
        """(n, players) payoffs of clearings, which may be interpolated [$]."""
        number = np.array([p[0] for p in points])
        price, _, fixed = self._numbers(number, state)
        accepted, lmp = (np.stack([p[k] for p in points]) for k in (1, 2))
        columns, pricing = self.game.columns, self.game.pricing
        lmp = lmp.reshape(len(points), len(columns.grid.buses), -1)
        return self.game.earn(Cleared(columns, price, accepted, lmp, fixed, pricing))

    def unique_prices(self, number: np.ndarray, state: np.ndarray) -> np.ndarray:
        """(n,) whether the prices that pay the player are unique."""
        if self.game.pricing == "pay_as_bid":
            return np.ones(len(number), dtype=bool)
        columns, own = self.game.columns, self.own
        numbers = self._numbers(number, state)
        cleared, batch = self.game.clear(*numbers, want=("lmp_low", "lmp_high"))
        self.clearings += len(number)
        assert batch.lmp_low is not None
        assert batch.lmp_high is not None
        width = (batch.lmp_high - batch.lmp_low).reshape(cleared.lmp.shape)
        width = width[:, columns.bus[own], columns.period[own]]
        scale = STRAIGHT * (1 + np.abs(cleared.lmp).max(axis=(1, 2)))
        size = columns.mw[own].max(initial=0.0)  # the player's own: kilowatts count beside a power plant
        idle = np.abs(cleared.accepted[:, own]) <= STRAIGHT * size
        return ((width <= scale[:, None]) | idle).all(axis=1)


def trace_stretches(line: OfferLine, low: float, high: float) -> list[list[Stretch]]:
    """Per demand state the stretches of [low, high] in order; kinks between them are narrower than WIDTH."""
    width = WIDTH * (high - low)
    # the ends themselves may be kinks, and so are the bends of the offers
    inner = [b for b in line.bends if low + 2 * width < b < high - 2 * width]
    starts, ends = [low, *inner], [*inner, high]
    spans = [
        (a + width, b - width, s) for s in line.states.tolist() for a, b in zip(starts, ends, strict=True)
    ]
    state = np.array([s for _, _, s in spans])
    left, right = (line.at(np.array([span[k] for span in spans]), state) for k in (0, 1))
    open_ = [(a, b, span[2]) for a, b, span in zip(left, right, spans, strict=True)]
    proven: dict[int, list[tuple[Point, Point]]] = {int(s): [] for s in line.states}
    while open_:
        where = np.array([a[0] + CUT * (b[0] - a[0]) for a, b, _ in open_])
        cuts = line.at(where, np.array([s for _, _, s in open_]))
        following = []
        for (a, b, s), c in zip(open_, cuts, strict=True):
            if is_straight(a, c, b):
                proven[s].append((a, b))
            elif b[0] - a[0] > width:
                following += [(a, c, s), (c, b, s)]
        open_ = following
    merged = {s: _merge(pairs, width) for s, pairs in proven.items()}
    return _stretches(line, merged)


def is_straight(a: Point, c: Point, b: Point, rounding: float = STRAIGHT) -> bool:
    """Whether dispatch and prices at c are the interpolation of those at a and b."""
    share = (c[0] - a[0]) / (b[0] - a[0])
    for x, y, z in zip(a[1:], c[1:], b[1:], strict=True):
        scale = 1 + max(float(np.abs(x).max()), float(np.abs(z).max()))
        if not np.abs(x + share * (z - x) - y).max() <= rounding * scale:
            return False
    return True


def _merge(pairs: list[tuple[Point, Point]], width: float) -> list[tuple[Point, Point]]:
    """Adjacent pieces of one line as one, slivers left out."""
    merged: list[tuple[Point, Point]] = []
    for a, b in sorted(pairs, key=lambda pair: pair[0][0]):
        if merged and merged[-1][1][0] == a[0] and is_straight(merged[-1][0], a, b):
            merged[-1] = (merged[-1][0], b)
        elif b[0] - a[0] > 2 * width:
            merged.append((a, b))
    return merged


def _stretches(line: OfferLine, merged: dict[int, list[tuple[Point, Point]]]) -> list[list[Stretch]]:
    """Payoffs on proven pieces, each cleared once more in its middle."""
    flat = [(a, b, s) for s, pairs in merged.items() for a, b in pairs]
    state = np.array([s for _, _, s in flat], dtype=np.int64)
    middle = np.array([(a[0] + b[0]) / 2 for a, b, _ in flat])
    points, unique = line.at(middle, state), line.unique_prices(middle, state)
    found: dict[int, list[Stretch]] = {s: [] for s in merged}
    for (a, b, s), point, one in zip(flat, points, unique, strict=True):
        half = (a[0] + (b[0] - a[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)
        pays = line.payoff([a, half, b], np.full(3, s))[:, line.player].tolist()
        proof = bool(one) and is_straight(a, point, b, TIED)
        found[s].append(Stretch(a[0], b[0], (pays[0], pays[1], pays[2]), proof))
    return list(found.values())


def _states(game: Game, level: int | None) -> np.ndarray:
    """Demand states over which payoffs are averaged: all, or those of a level."""
    if game.states is None:
        if level is not None:
            raise InputError("level: this game has no demand states; leave it out")
        return np.zeros(1, dtype=np.int64)
    draws, levels = game.states.draws, game.states.levels
    if level is None:
        return np.arange(levels * draws)
    if not 0 <= level < levels:
        raise InputError(f"level is {level!r}; the game has levels 0 to {levels - 1}")
    return level * draws + np.arange(draws)

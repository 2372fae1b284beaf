"""The exact best response of one player over an interval of mark-ups, and ε-Nash certificates.

Along a line of offer prices the optimal dispatch p and the prices λ of a clearing are piecewise affine in
the mark-up m, so that a payoff is piecewise quadratic and its supremum is found on the pieces. Pieces are
proven, not sampled: if p and λ at one interior point of [a, b] are the linear interpolation of those at a and
b, the interpolation satisfies the optimality conditions on all of [a, b]. For primal and dual feasibility
are convex, and in each complementary pair x ≥ 0, y ≥ 0 with x·y = 0 at the interior point one of the two is
zero at both ends, hence in between. Multipliers of lines are not compared: where the binding lines'
distribution factors are independent they follow from λ. What is no piece is cut until kinks are known to
`WIDTH`; each piece is cleared once more in its middle, where its prices have to be unique to count as proven.

The set of optima along a line of cost vectors: T. Gal, Postoptimal Analyses, Parametric Programming, and
Related Topics (1995), chapter 4; M. J. Eisner and D. G. Severance, J. ACM 23(4) (1976), 619-635.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearing.errors import InputError
from learners.equilibria.pure import SAME_PAYOFF
from learners.games.actions import Markups
from learners.games.market_game import Game
from learners.games.payoffs import Cleared

WIDTH = 1e-9  # of the interval: jumps are located to this, changes of slope to SLIVER
STRAIGHT = 1e-8  # of the largest MW or price: deviation from a line that counts as rounding
SLIVER = 1e-6  # of the interval: narrower pieces are chords across a kink, and count as part of it
CUT = 2**0.5 - 1  # where intervals are cut; irrational, so that round mark-ups are not hit


@dataclass(frozen=True)
class Piece:
    """An interval of mark-ups on which dispatch and prices are affine.

    Attributes
    ----------
    low, high : ends [$/MWh, or share of cost].
    payoff : payoff at `low`, in the middle and at `high`, which determine the quadratic [$].
    best : (mark-up, payoff) of the greatest payoff on the piece.
    unique : whether the prices at the player's buses are unique on the piece, or it sells nothing there;
        else the market's price rule has chosen, and its choice was checked at points only.
    """

    low: float
    high: float
    payoff: tuple[float, float, float]
    best: tuple[float, float]
    unique: bool


@dataclass(frozen=True)
class ExactBestResponse:
    """The best mark-up of a player against the others' fixed ones.

    Attributes
    ----------
    player : name.
    markup : where the payoff is greatest; next to a jump, as near to it as kinks are located.
    payoff : the supremum of the payoff over the interval [$].
    pieces : in order; slivers at kinks are among them.
    kinks : mark-ups at which dispatch or prices change their slope, or jump.
    proven : whether prices are unique on all pieces but slivers, so that all but kinks is covered by proof.
    clearings : how many clearings it took.
    """

    player: str
    markup: float
    payoff: float
    pieces: tuple[Piece, ...]
    kinks: tuple[float, ...]
    proven: bool
    clearings: int


@dataclass(frozen=True)
class EquilibriumCertificate:
    """How far a profile of mark-ups is from a Nash equilibrium in continuous mark-ups.

    Attributes
    ----------
    markups, payoffs : of the players [$/MWh or share, $].
    responses : each player's best response.
    gains : what each gains by it [$], at least 0.
    epsilon : the greatest gain: the profile is an ε-Nash equilibrium for it [$].
    relative : the greatest gain as a share of the player's best payoff.
    proven : whether every best response is.
    """

    markups: tuple[float, ...]
    payoffs: tuple[float, ...]
    responses: tuple[ExactBestResponse, ...]
    gains: tuple[float, ...]
    epsilon: float
    relative: float
    proven: bool


def find_best_response(
    game: Game,
    player: str,
    markups: Mapping[str, float] | Sequence[float],
    interval: tuple[float, float] | None = None,
) -> ExactBestResponse:
    """The exact best response of `player` to the others' mark-ups.

    Parameters
    ----------
    game : a game without demand states whose players choose :class:`~learners.games.actions.Markups`.
    markups : of all players, by name or in their order; the player's own is ignored.
    interval : the mark-ups it may choose, by default from the least to the greatest of its action set.

    Raises
    ------
    InputError
        an unknown player, other action sets, an empty interval.
    """
    line = _Line.of(game, player, markups)
    low, high = line.own.values[0], line.own.values[-1]
    low, high = (min(low, high), max(low, high)) if interval is None else interval
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"interval of mark-ups is ({low!r}, {high!r}); give two finite numbers, low < high")
    pieces = _trace(line, float(low), float(high))
    ends = [(m, float(line.payoff(line.at(np.array([m])))[0])) for m in (float(low), float(high))]
    candidates = [*ends, *(p.best for p in pieces)]
    top = max(pay for _, pay in candidates)
    markup, payoff = next(c for c in candidates if c[1] >= top - SAME_PAYOFF * (1 + abs(top)))
    wide = [p for p in pieces if p.high - p.low > SLIVER * (high - low)]
    kinks = tuple((a.high + b.low) / 2 for a, b in pairwise(wide))
    proven = all(p.unique for p in wide)
    return ExactBestResponse(player, markup, payoff, pieces, kinks, proven, line.clearings)


def certify_equilibrium(
    game: Game,
    markups: Mapping[str, float] | Sequence[float],
    interval: tuple[float, float] | None = None,
) -> EquilibriumCertificate:
    """The ε of a profile of continuous mark-ups: every player's exact best response and its gain."""
    given = _profile(game, markups)
    first = _Line.of(game, game.players[0], given)
    now = game.earn(first.cleared(first.at(np.array([given[0]]))))[0]
    responses = tuple(find_best_response(game, name, given, interval) for name in game.players)
    gains = tuple(max(r.payoff - float(pay), 0.0) for r, pay in zip(responses, now, strict=True))
    relative = max(g / r.payoff if r.payoff > 0 else 0.0 for g, r in zip(gains, responses, strict=True))
    return EquilibriumCertificate(
        markups=given,
        payoffs=tuple(now.tolist()),
        responses=responses,
        gains=gains,
        epsilon=max(gains),
        relative=relative,
        proven=all(r.proven for r in responses),
    )


@dataclass(frozen=True, eq=False)
class _Points:
    """Clearings at mark-ups: accepted (n, columns), lmp (n, buses × periods)."""

    markup: np.ndarray
    accepted: np.ndarray
    lmp: np.ndarray

    def take(self, k: int) -> tuple[float, np.ndarray, np.ndarray]:
        return float(self.markup[k]), self.accepted[k], self.lmp[k]


Point = tuple[float, np.ndarray, np.ndarray]


class _Line:
    """Clearings along one player's mark-up."""

    def __init__(self, game: Game, player: int, own: Markups, price: np.ndarray, direction: np.ndarray):
        self.game, self.player, self.own = game, player, own
        self.price, self.direction, self.clearings = price, direction, 0

    @classmethod
    def of(cls, game: Game, player: str, markups: Mapping[str, float] | Sequence[float]) -> _Line:
        if player not in game.players:
            raise InputError(f"player {player!r} is not in the game; players: {', '.join(game.players)}")
        if game.states is not None:
            raise InputError("best responses are for one demand; make the game without states")
        i, price = game.players.index(player), game.columns.price.copy()
        directions = []
        for name, actions, own in zip(game.players, game.action_sets, game.own, strict=True):
            if not isinstance(actions, Markups):
                raise InputError(
                    f"player {name!r} chooses {type(actions).__name__}; best responses need Markups"
                )
            directions.append(actions.direction(game.columns, own))
        for j, value in enumerate(_profile(game, markups)):
            if j != i:
                price += value * directions[j]
        own_set = game.action_sets[i]
        assert isinstance(own_set, Markups)
        return cls(game, i, own_set, price, directions[i])

    def at(self, markup: np.ndarray) -> _Points:
        """Clearings at mark-ups (n,)."""
        pieces = [
            self._clear(markup[k : k + self.game.chunk]) for k in range(0, len(markup), self.game.chunk)
        ]
        self.clearings += len(markup)
        accepted, lmp = (np.concatenate([p[i] for p in pieces]) for i in (0, 1))
        return _Points(markup, accepted, lmp.reshape(len(markup), -1))

    def _clear(self, markup: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c = self.game.columns
        fixed = np.broadcast_to(c.fixed_mw, (len(markup), *c.fixed_mw.shape))
        cleared, _ = self.game.clear(
            self._prices(markup), np.broadcast_to(c.mw, (len(markup), len(c.mw))), fixed
        )
        return cleared.accepted, cleared.lmp

    def _prices(self, markup: np.ndarray) -> np.ndarray:
        return self.price + np.multiply.outer(markup, self.direction)

    def cleared(self, points: _Points) -> Cleared:
        c, n = self.game.columns, len(points.markup)
        fixed = np.broadcast_to(c.fixed_mw, (n, *c.fixed_mw.shape))
        lmp = points.lmp.reshape(fixed.shape)
        return Cleared(c, self._prices(points.markup), points.accepted, lmp, fixed, self.game.pricing)

    def payoff(self, points: _Points) -> np.ndarray:
        """(n,) the player's payoff [$]."""
        return self.game.earn(self.cleared(points))[:, self.player]

    def unique_prices(self, markup: np.ndarray) -> np.ndarray:
        """(n,) whether the prices that pay the player are unique at the mark-ups."""
        c, own = self.game.columns, self.game.own[self.player]
        n = len(markup)
        fixed = np.broadcast_to(c.fixed_mw, (n, *c.fixed_mw.shape))
        mw = np.broadcast_to(c.mw, (n, len(c.mw)))
        cleared, batch = self.game.clear(self._prices(markup), mw, fixed, want=("lmp_low", "lmp_high"))
        self.clearings += n
        if self.game.pricing == "pay_as_bid":
            return np.ones(n, dtype=bool)
        assert batch.lmp_low is not None
        assert batch.lmp_high is not None
        width = (batch.lmp_high - batch.lmp_low).reshape(fixed.shape)[:, c.bus[own], c.period[own]]
        scale = STRAIGHT * (1 + np.abs(cleared.lmp).max(axis=(1, 2)))
        idle = cleared.accepted[:, own] <= STRAIGHT * (1 + c.mw.max())
        return ((width <= scale[:, None]) | idle).all(axis=1)


def _trace(line: _Line, low: float, high: float) -> tuple[Piece, ...]:
    """Proven pieces of [low, high], kinks between them narrower than WIDTH of it."""
    width = WIDTH * (high - low)
    start = line.at(np.array([low + width, high - width]))  # the ends themselves may be kinks
    open_, proven = [(start.take(0), start.take(1))], []
    while open_:
        cuts = line.at(np.array([a[0] + CUT * (b[0] - a[0]) for a, b in open_]))
        following = []
        for k, (a, b) in enumerate(open_):
            c = cuts.take(k)
            if _straight(a, c, b):
                proven.append((a, b))
            elif b[0] - a[0] > width:
                following += [(a, c), (c, b)]
        open_ = following
    merged: list[tuple[Point, Point]] = []
    for a, b in sorted(proven, key=lambda pair: pair[0][0]):
        if merged and merged[-1][1][0] == a[0] and _straight(merged[-1][0], a, b):
            merged[-1] = (merged[-1][0], b)
        elif b[0] - a[0] > 2 * width:
            merged.append((a, b))
    middle = np.array([(a[0] + b[0]) / 2 for a, b in merged])
    points, unique = line.at(middle), line.unique_prices(middle)
    return tuple(
        _piece(line, a, b, bool(unique[k]) and _straight(a, points.take(k), b))
        for k, (a, b) in enumerate(merged)
    )


def _straight(a: Point, c: Point, b: Point) -> bool:
    """Whether dispatch and prices at c are the interpolation of those at a and b."""
    share = (c[0] - a[0]) / (b[0] - a[0])
    for x, y, z in zip(a[1:], c[1:], b[1:], strict=True):
        scale = 1 + max(float(np.abs(x).max()), float(np.abs(z).max()))
        if not np.abs(x + share * (z - x) - y).max() <= STRAIGHT * scale:
            return False
    return True


def _piece(line: _Line, a: Point, b: Point, unique: bool) -> Piece:
    """The payoff on a proven piece, from the interpolated dispatch and prices."""
    share = np.array([0.0, 0.5, 1.0])
    x, y = (a[k] + np.multiply.outer(share, b[k] - a[k]) for k in (1, 2))
    pays = line.payoff(_Points(a[0] + share * (b[0] - a[0]), x, y))
    curve, slope = 2 * (pays[0] - 2 * pays[1] + pays[2]), -3 * pays[0] + 4 * pays[1] - pays[2]
    candidates = [(0.0, pays[0]), (1.0, pays[2])]
    if curve < 0 and 0 < -slope / (2 * curve) < 1:
        top = -slope / (2 * curve)
        candidates.append((top, pays[0] + slope * top + curve * top**2))
    where, best = max(candidates, key=lambda pair: pair[1])
    three = (float(pays[0]), float(pays[1]), float(pays[2]))
    return Piece(a[0], b[0], three, (float(a[0] + where * (b[0] - a[0])), float(best)), unique)


def _profile(game: Game, markups: Mapping[str, float] | Sequence[float]) -> tuple[float, ...]:
    """Mark-ups in the order of the players."""
    if isinstance(markups, Mapping):
        missing = [name for name in game.players if name not in markups]
        if missing or len(markups) != len(game.players):
            raise InputError(f"mark-ups {dict(markups)}: give one for each of {', '.join(game.players)}")
        markups = [markups[name] for name in game.players]
    values = tuple(float(v) for v in markups)
    if len(values) != len(game.players) or not np.isfinite(values).all():
        raise InputError(f"mark-ups {values}: give a finite one for each of {', '.join(game.players)}")
    return values

"""The exact best response of one player over an interval of mark-ups, and ε-Nash certificates.

Along a line of offers a payoff is piecewise quadratic, so its supremum is found on the pieces, which
:mod:`learners.equilibria.parametric` proves. With demand states it is the mean of the payoffs in each, on the
pieces that they have in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearing.errors import InputError
from learners.equilibria.parametric import SLIVER, WIDTH, OfferLine, Stretch, trace_stretches
from learners.equilibria.pure import SAME_PAYOFF
from learners.games.market_game import Game


@dataclass(frozen=True)
class Piece:
    """An interval of mark-ups on which dispatch and prices are affine, in every demand state.

    Attributes
    ----------
    low, high : ends [$/MWh, or share of cost, or share withheld].
    payoff : (expected) payoff at `low`, in the middle and at `high`, which determine the quadratic [$].
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
    markup : where the payoff is greatest; next to a jump, as near to it as kinks are located. A share
        withheld, where the player chooses that.
    payoff : the supremum of the (expected) payoff over the interval [$].
    pieces : in order; slivers at kinks are among them.
    kinks : mark-ups at which dispatch or prices change their slope, or jump, in some demand state.
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


@dataclass(frozen=True, eq=False)
class ExactResponsePath:
    """Players who take turns to give their exact best responses.

    Attributes
    ----------
    markups : (moves + 1, players) profiles, the start first.
    settled : whether the path ended because nobody gained any more.
    certificate : of the last profile.
    """

    markups: np.ndarray
    settled: bool
    certificate: EquilibriumCertificate


def find_best_response(
    game: Game,
    player: str,
    markups: Mapping[str, float] | Sequence[float],
    interval: tuple[float, float] | None = None,
    level: int | None = None,
) -> ExactBestResponse:
    """The exact best response of `player` to the others' mark-ups.

    Parameters
    ----------
    game : a game whose players choose :class:`~learners.games.actions.Markups` or
        :class:`~learners.games.actions.Withholding`, each on its own line.
    markups : of all players (shares withheld, of those who withhold), by name or in their order; the
        player's own is ignored.
    interval : what it may choose, by default from the least to the greatest of its action set.
    level : a demand level that is known; else payoffs are the expectation over all demand states.

    Raises
    ------
    InputError
        an unknown player, other action sets, an empty interval, a level that the game lacks.
    """
    if player not in game.players:
        raise InputError(f"player {player!r} is not in the game; players: {', '.join(game.players)}")
    line = OfferLine(game, game.players.index(player), _profile(game, markups), level)
    low, high = line.line.span if interval is None else interval
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"interval of mark-ups is ({low!r}, {high!r}); give two finite numbers, low < high")
    low, high = float(low), float(high)
    pieces = _in_common(trace_stretches(line, low, high), WIDTH * (high - low))
    candidates = [*((m, _payoff_at(line, m)) for m in (low, high)), *(p.best for p in pieces)]
    top = max(pay for _, pay in candidates)
    markup, payoff = next(c for c in candidates if c[1] >= top - SAME_PAYOFF * (1 + abs(top)))
    wide = [p for p in pieces if p.high - p.low > SLIVER * (high - low)]
    kinks = tuple((a.high + b.low) / 2 for a, b in pairwise(wide))
    # a market that caps offers bends the line of prices itself, which no piece knows of
    proven = all(p.unique for p in wide) and not game.market.changes_offers
    return ExactBestResponse(player, markup, payoff, pieces, kinks, proven, line.clearings)


def certify_equilibrium(
    game: Game,
    markups: Mapping[str, float] | Sequence[float],
    interval: tuple[float, float] | None = None,
    level: int | None = None,
) -> EquilibriumCertificate:
    """The ε of a profile of continuous mark-ups: every player's exact best response and its gain."""
    given = _profile(game, markups)
    line = OfferLine(game, 0, given, level)
    points = line.at(np.full(len(line.states), given[0]), line.states)
    now = line.payoff(points, line.states).mean(axis=0)
    responses = tuple(find_best_response(game, name, given, interval, level) for name in game.players)
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


def exact_response_path(
    game: Game,
    start: Mapping[str, float] | Sequence[float],
    interval: tuple[float, float] | None = None,
    level: int | None = None,
    sweeps: int = 50,
    tolerance: float = 1e-6,
) -> ExactResponsePath:
    """Exact best responses in turn, in the players' order, until nobody gains.

    A player moves where it gains more than `tolerance` of its own best payoff (and more than what is rounding
    of 1 $). The path ends unsettled after
    `sweeps` rounds of all players, or when a profile comes back: then responses cycle, and from this start
    lead to no equilibrium.
    """
    now = list(_profile(game, start))
    path, seen = [tuple(now)], {_rounded(now)}
    for _ in range(sweeps):
        moved = False
        for i, player in enumerate(game.players):
            found = find_best_response(game, player, now, interval, level)
            pays = _payoff_at(OfferLine(game, i, now, level), now[i])
            if found.payoff - pays > tolerance * abs(found.payoff) + SAME_PAYOFF:
                now[i], moved = found.markup, True
                path.append(tuple(now))
        if not moved or _rounded(now) in seen:
            break
        seen.add(_rounded(now))
    certificate = certify_equilibrium(game, now, interval, level)
    return ExactResponsePath(np.array(path), not moved, certificate)


def _rounded(markups: Sequence[float]) -> tuple[float, ...]:
    """A profile as a key: numbers closer than kinks are located are the same."""
    return tuple(round(m, 5) for m in markups)


def _payoff_at(line: OfferLine, number: float) -> float:
    """The player's mean payoff over the demand states [$]."""
    points = line.at(np.full(len(line.states), number), line.states)
    return float(line.payoff(points, line.states)[:, line.player].mean())


def _in_common(states: list[list[Stretch]], width: float) -> tuple[Piece, ...]:
    """Pieces that all demand states have in common, with the mean of their payoffs."""
    if len(states) == 1:
        return tuple(_piece(s.low, s.high, s.payoff, s.unique) for s in states[0])
    ends = np.unique([end for stretches in states for s in stretches for end in (s.low, s.high)])
    lows = [np.array([s.low for s in stretches]) for stretches in states]
    out = []
    for a, b in pairwise(ends.tolist()):
        if b - a <= 2 * width:
            continue
        covering = []
        for low, stretches in zip(lows, states, strict=True):
            k = int(np.searchsorted(low, a, side="right")) - 1
            if k >= 0 and stretches[k].high >= b:
                covering.append(stretches[k])
        if len(covering) == len(states):
            pays = np.mean([s.at(np.array([a, (a + b) / 2, b])) for s in covering], axis=0).tolist()
            out.append(_piece(a, b, (pays[0], pays[1], pays[2]), all(s.unique for s in covering)))
    return tuple(out)


def _piece(low: float, high: float, pays: tuple[float, float, float], unique: bool) -> Piece:
    """A piece and the top of its quadratic."""
    curve, slope = 2 * (pays[0] - 2 * pays[1] + pays[2]), -3 * pays[0] + 4 * pays[1] - pays[2]
    candidates = [(0.0, pays[0]), (1.0, pays[2])]
    if curve < 0 and 0 < -slope / (2 * curve) < 1:
        top = -slope / (2 * curve)
        candidates.append((top, pays[0] + slope * top + curve * top**2))
    where, best = max(candidates, key=lambda pair: pair[1])
    return Piece(low, high, pays, (low + where * (high - low), best), unique)


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

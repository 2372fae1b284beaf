"""Mixed equilibria of two players: one by Lemke and Howson's path, or all in exact arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clearing.errors import InputError, NumericalError
from learners.equilibria.polytopes import Vertices, vertices_by_pivots, vertices_by_supports
from learners.equilibria.pure import rounding_of
from learners.games.game import PayoffTensor, tabulate
from learners.protocols import PayoffSource
from networks.checks import shown, whole

Method = Literal["lemke_howson", "support_enumeration", "vertex_enumeration"]
GAP = 1e-7  # of the player's range of payoffs: what a best reply may gain in an equilibrium that was found
DIGITS = 10  # of a player's range of payoffs that the enumerations read
DOUBLE = 1e-14  # of a player's greatest payoff: what is left of a difference after rounding to doubles


@dataclass(frozen=True, eq=False)
class MixedEquilibrium:
    """Probabilities over actions from which nobody gains by deviating.

    Attributes
    ----------
    strategies : per player (actions,) probabilities.
    payoffs : (2,) expected [$].
    gap : greatest gain of a best reply [$].
    component : number of the connected set of equilibria of which this is an end; equilibria that share it
        are joined by further ones (mixtures of one player's strategies where the other's are the same). None
        where one equilibrium was sought.
    """

    strategies: tuple[np.ndarray, np.ndarray]
    payoffs: np.ndarray
    gap: float
    component: int | None = None


def mixed_equilibria(
    source: PayoffSource, method: Method = "lemke_howson", start: int = 0, most_pivots: int = 2_000_000
) -> tuple[MixedEquilibrium, ...]:
    """Equilibria of a two-player game: one by Lemke and Howson's path, all by the enumerations.

    A degenerate game (more best replies to a strategy than actions that it mixes) may have a continuum of
    equilibria. The enumerations return its *extreme* equilibria, the ends of that continuum, of which every
    equilibrium is a mixture, and number the connected sets that they span. They work in exact arithmetic on
    payoffs read to `DIGITS` digits of the player's own range, so that ties are ties.

    Parameters
    ----------
    method : "lemke_howson" finds one, of degenerate games too (lexicographic pivots); "vertex_enumeration"
        finds all, for up to about a dozen actions each; "support_enumeration" finds the same from linear
        systems for all supports, for up to about eight.
    start : the label dropped first by Lemke and Howson, from 0 to the number of all actions less 1; other
        labels may lead to other equilibria, and to them by shorter paths.
    most_pivots : after which Lemke and Howson's path is given up.

    Raises
    ------
    InputError
        for what is no game, without two players, for an unknown start or method, for a game too large to
        enumerate; for Lemke and Howson also without quantecon (extra `equilibria`).
    NumericalError
        when what was found is no equilibrium: a best reply gains more than `GAP`.

    Source: C. E. Lemke and J. T. Howson, SIAM J. Appl. Math. 12(2) (1964), 413-423; D. Avis et al., Economic
    Theory 42 (2010), 9-37.

    Examples
    --------
    >>> game = PayoffTensor([[[1, 1], [1, 0]], [[1, 1], [0, 2]]])
    >>> for e in mixed_equilibria(game, "vertex_enumeration"):
    ...     print(e.component, *e.strategies)
    0 [1. 0.] [1. 0.]
    0 [1. 0.] [0. 1.]
    """
    tensor = tabulate(source)
    if len(tensor.players) != 2:
        raise InputError(f"mixed equilibria are for two players; the game has {len(tensor.players)}")
    if not isinstance(method, str) or method not in get_args(Method):
        raise InputError(
            f"method is {shown(method)}; use 'lemke_howson', 'support_enumeration' or 'vertex_enumeration'"
        )
    if method == "lemke_howson":
        return (_by_lemke_howson(tensor, start, most_pivots),)
    enumerate_vertices = vertices_by_pivots if method == "vertex_enumeration" else vertices_by_supports
    first, second = _matrices(tensor)
    return _extreme(tensor, enumerate_vertices(first), enumerate_vertices(second))


def _matrices(tensor: PayoffTensor) -> tuple[np.ndarray, np.ndarray]:
    """What each player's actions leave to the other: positive integers (own actions, the other's actions)."""
    one, two = tensor.values
    return _whole(two, axis=1), _whole(one, axis=0).T


def _whole(values: np.ndarray, axis: int) -> np.ndarray:
    """Payoffs of a player (choosing along `axis`) as positive integers, up to what it cannot influence."""
    spread = float(np.ptp(values, axis=axis).max())
    if spread <= rounding_of(values[None])[0]:
        return np.ones(values.shape, dtype=object)
    unit = 10 ** Fraction(max(_power(spread) - DIGITS, _power(DOUBLE * float(np.abs(values).max()))))
    exact = [[round(Fraction(v) / unit) for v in row] for row in values.tolist()]
    whole = np.array(exact, dtype=object).reshape(values.shape)
    whole = whole - whole.min(axis=axis, keepdims=True)
    return whole // math.gcd(*whole.ravel().tolist()) + 1


def _power(value: float) -> int:
    """The least power of ten that is not below a value."""
    return math.ceil(math.log10(value))


def _extreme(tensor: PayoffTensor, first: Vertices, second: Vertices) -> tuple[MixedEquilibrium, ...]:
    """Pairs of vertices in which every action is unplayed or a best reply, and what they span."""
    mine = first.absent.astype(np.float32)
    theirs = np.roll(second.absent, tensor.actions[0], axis=1).astype(np.float32)
    pairs = np.argwhere(mine @ theirs.T == 0)
    a, b = pairs.T
    size = len(mine) + len(theirs)
    joined = coo_array((np.ones(len(pairs)), (a, len(mine) + b)), shape=(size, size))
    part = connected_components(joined, directed=False)[1][a]
    number = {p: k for k, p in enumerate(dict.fromkeys(part.tolist()))}
    found = []
    for i, j, p in zip(a.tolist(), b.tolist(), part.tolist(), strict=True):
        x, y = (np.array(s, dtype=float) for s in (first.strategies[i], second.strategies[j]))
        found.append(_checked(tensor, x, y, "enumeration", number[p]))
    return tuple(found)


def _by_lemke_howson(tensor: PayoffTensor, start: int, most_pivots: int) -> MixedEquilibrium:
    start = whole("start (the label of an action)", start, 0, sum(tensor.actions) - 1)
    most_pivots = whole("most_pivots", most_pivots)
    library = _quantecon()
    one, two = tensor.values
    scaled = [np.ascontiguousarray((v - v.min()) / (np.ptp(v) or 1.0)) for v in (one, two.T)]
    game = library.NormalFormGame([library.Player(v) for v in scaled])
    pair, result = library.lemke_howson(game, init_pivot=start, max_iter=most_pivots, full_output=True)
    if not result.converged:
        raise NumericalError("Lemke and Howson's path did not end; start from another label")
    x, y = (np.asarray(strategy) for strategy in pair)
    return _checked(tensor, x, y, "lemke_howson")


def _checked(
    tensor: PayoffTensor, x: np.ndarray, y: np.ndarray, method: str, component: int | None = None
) -> MixedEquilibrium:
    one, two = tensor.values
    pays = (one @ y, x @ two)
    payoffs = np.array([x @ pays[0], pays[1] @ y])
    gains = np.array([max(float(p.max() - own), 0.0) for p, own in zip(pays, payoffs, strict=True)])
    for player, gain, values in zip(tensor.players, gains.tolist(), tensor.values, strict=True):
        if gain > GAP * np.ptp(values) + DOUBLE * np.abs(values).max():
            raise NumericalError(
                f"{method}: a best reply of {player!r} gains {gain:.2g} $; try another method or start"
            )
    return MixedEquilibrium((x, y), payoffs, float(gains.max()), component)


def _quantecon() -> Any:
    try:
        import quantecon.game_theory as library
    except ImportError:
        raise InputError(
            "Lemke and Howson's path needs quantecon; install walras[equilibria], or use "
            "method 'vertex_enumeration'"
        ) from None
    return library

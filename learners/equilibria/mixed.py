"""Mixed equilibria of two players, by quantecon's algorithms, checked by our own gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from clearing.errors import InputError, NumericalError
from learners.games.game import PayoffSource, tabulate

Method = Literal["lemke_howson", "support_enumeration", "vertex_enumeration"]
GAP = 1e-7  # of the payoffs' range: what a best reply may gain in an equilibrium found in floating point


@dataclass(frozen=True, eq=False)
class MixedEquilibrium:
    """Probabilities over actions from which nobody gains by deviating.

    Attributes
    ----------
    strategies : per player (actions,) probabilities.
    payoffs : (2,) expected [$].
    gap : greatest gain of a best reply [$].
    """

    strategies: tuple[np.ndarray, np.ndarray]
    payoffs: np.ndarray
    gap: float


def mixed_equilibria(
    source: PayoffSource, method: Method = "lemke_howson", start: int = 0, most_pivots: int = 2_000_000
) -> tuple[MixedEquilibrium, ...]:
    """Equilibria of a two-player game: one by Lemke and Howson's path, all by the enumerations.

    Parameters
    ----------
    method : "lemke_howson" finds one (degenerate games too, by lexicographic pivots); the enumerations find
        all of a nondegenerate game, for up to about a dozen actions each.
    start : the label dropped first by Lemke and Howson; other labels may lead to other equilibria,
        and to them by shorter paths.
    most_pivots : after which Lemke and Howson's path is given up.

    Raises
    ------
    InputError
        without two players, or without quantecon (extra `equilibria`).
    NumericalError
        when what was found is no equilibrium: a best reply gains more than `GAP`.
    """
    tensor = tabulate(source)
    if len(tensor.players) != 2:
        raise InputError(f"mixed equilibria are for two players; the game has {len(tensor.players)}")
    library = _quantecon()
    if method not in ("lemke_howson", "support_enumeration", "vertex_enumeration"):
        raise InputError(
            f"method is {method!r}; use 'lemke_howson', 'support_enumeration' or 'vertex_enumeration'"
        )
    one, two = tensor.values
    low, spread = float(tensor.values.min()), float(np.ptp(tensor.values)) or 1.0
    scaled = [np.ascontiguousarray((v - low) / spread) for v in (one, two.T)]
    game = library.NormalFormGame([library.Player(v) for v in scaled])
    if method == "lemke_howson":
        pair, result = library.lemke_howson(game, init_pivot=start, max_iter=most_pivots, full_output=True)
        if not result.converged:
            raise NumericalError("Lemke and Howson's path did not end; start from another label")
        pairs = [pair]
    else:
        pairs = getattr(library, method)(game)
    found = tuple(_checked(one, two, np.asarray(x), np.asarray(y)) for x, y in pairs)
    worst = max((e.gap for e in found), default=0.0)
    if worst > GAP * spread:
        raise NumericalError(f"{method}: a best reply gains {worst:.2g} $; try another method or start")
    return found


def _checked(one: np.ndarray, two: np.ndarray, x: np.ndarray, y: np.ndarray) -> MixedEquilibrium:
    pays_one, pays_two = one @ y, x @ two
    payoffs = np.array([x @ pays_one, pays_two @ y])
    gap = max(float(pays_one.max() - payoffs[0]), float(pays_two.max() - payoffs[1]), 0.0)
    return MixedEquilibrium((x, y), payoffs, gap)


def _quantecon() -> Any:
    try:
        import quantecon.game_theory as library
    except ImportError:
        raise InputError("mixed equilibria need quantecon; install walras[equilibria]") from None
    return library

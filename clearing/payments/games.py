"""Cooperative games with transferable utility: the core, the least core, the nucleolus, the Shapley value.

A game gives every coalition of players a worth; payments x share the worth of all. Coalitions are
numbers whose bit k says whether player k is in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.solvers import solve
from networks.checks import freeze_arrays, whole
from networks.errors import InputError

MOST_PLAYERS = 16  # of a game given by the worth of every coalition
EXACT_SHAPLEY = 10  # players beyond which the Shapley value is sampled
TIGHT = 1e-7  # multiplier of a coalition's row above which the row binds in every solution


@dataclass(frozen=True, eq=False)
class CooperativeGame:
    """The worth of every coalition.

    Attributes
    ----------
    players : labels.
    worth : (2^players,) by coalition; worth[0] is 0. Any unit, usually $.
    """

    players: tuple[Hashable, ...]
    worth: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.players)
        if not 1 <= n <= MOST_PLAYERS:
            raise InputError(f"a game has {n} players; give 1 to {MOST_PLAYERS}")
        if self.worth.shape != (2**n,) or not np.isfinite(self.worth).all() or self.worth[0] != 0:
            raise InputError(f"worth needs {2**n} finite numbers, of the empty coalition 0")
        freeze_arrays(self)

    @classmethod
    def from_function(
        cls, players: Sequence[Hashable], worth: Callable[[frozenset[Hashable]], float]
    ) -> CooperativeGame:
        """The game whose coalitions are worth what `worth` says; it is asked 2^players − 1 times."""
        players = tuple(players)
        if len(players) > MOST_PLAYERS:
            raise InputError(f"a game has {len(players)} players; give 1 to {MOST_PLAYERS}")
        values = np.zeros(2 ** len(players))
        for mask in range(1, len(values)):
            values[mask] = worth(frozenset(p for k, p in enumerate(players) if mask >> k & 1))
        return cls(players, values)

    @cached_property
    def members(self) -> np.ndarray:
        """(2^players, players) 1.0 where the player is in the coalition."""
        return coalition_members(len(self.players))

    def coalition(self, mask: int) -> tuple[Hashable, ...]:
        """Labels of a coalition's players."""
        return tuple(p for k, p in enumerate(self.players) if mask >> k & 1)

    def payments(self, by_player: Mapping[Hashable, float] | np.ndarray | Sequence[float]) -> np.ndarray:
        """(players,) payments in the order of the players, from a mapping or as given."""
        given = [by_player[p] for p in self.players] if isinstance(by_player, Mapping) else by_player
        out = np.array(given, dtype=float)
        if out.shape != (len(self.players),) or not np.isfinite(out).all():
            raise InputError(f"payments need one finite number for each of {len(self.players)} players")
        return out


def coalition_members(players: int) -> np.ndarray:
    """(2^players, players) 1.0 where bit k of the row's number is set."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(float)


@dataclass(frozen=True)
class CoreCheck:
    """Whether payments are in the core.

    Attributes
    ----------
    excess : greatest worth(S) − x(S) over coalitions other than nobody and all.
    coalition : the one with that excess: above 0, it would rather be on its own.
    shortfall : worth(all) − Σ x.
    """

    excess: float
    coalition: tuple[Hashable, ...]
    shortfall: float

    def holds(self, tolerance: float = 1e-9) -> bool:
        """x(S) ≥ worth(S) for every S and Σ x = worth(all), to a tolerance in the game's unit."""
        return self.excess <= tolerance and abs(self.shortfall) <= tolerance


def check_core(game: CooperativeGame, payments: Mapping[Hashable, float] | np.ndarray) -> CoreCheck:
    """The greatest excess of any coalition at these payments (the core: no excess above 0)."""
    x = game.payments(payments)
    excess = game.worth - game.members @ x
    proper = excess[1:-1]
    if len(proper) == 0:
        return CoreCheck(-np.inf, (), float(excess[-1]))
    mask = int(np.argmax(proper)) + 1
    return CoreCheck(float(excess[mask]), game.coalition(mask), float(excess[-1]))


@dataclass(frozen=True, eq=False)
class LeastCore:
    """Payments whose greatest excess is least.

    Attributes
    ----------
    excess : ε, the least possible greatest excess; the core is empty exactly where it is above 0.
    payments : (players,) one point of the least core.
    rounds, coalitions : linear programs solved, and coalitions they needed.
    """

    excess: float
    payments: np.ndarray
    rounds: int
    coalitions: tuple[int, ...]


def least_core(game: CooperativeGame, tolerance: float = 1e-9) -> LeastCore:
    """min ε with x(S) + ε ≥ worth(S) for every proper S, x(all) = worth(all), by constraint generation.

    It starts from single players and adds the coalition of greatest excess until none exceeds ε.

    Source: M. Maschler, B. Peleg, L. Shapley, Math. Oper. Res. 4 (1979); some texts use −ε.
    """
    n = len(game.players)
    if n == 1:
        return LeastCore(-np.inf, game.worth[1:].copy(), 0, ())
    chosen = [1 << k for k in range(n)]
    room = tolerance * (1.0 + float(np.abs(game.worth).max()))
    for rounds in range(1, 2**n):
        x, epsilon = _least_excess(game, chosen)
        excess = game.worth - game.members @ x
        mask = int(np.argmax(excess[1:-1])) + 1
        if excess[mask] <= epsilon + room or mask in chosen:
            return LeastCore(epsilon + 0.0, x + 0.0, rounds, tuple(sorted(chosen)))  # no −0
        chosen.append(mask)
    raise AssertionError("every coalition has been added")


def _least_excess(game: CooperativeGame, chosen: Sequence[int]) -> tuple[np.ndarray, float]:
    n, rows = len(game.players), len(chosen)
    matrix = np.ones((rows + 1, n + 1))
    matrix[:-1, :n] = game.members[list(chosen)]
    matrix[-1, n] = 0.0
    right = np.append(game.worth[list(chosen)], game.worth[-1])
    high = np.append(np.full(rows, np.inf), game.worth[-1])
    found = solve(_linear(np.append(np.zeros(n), 1.0), matrix, right, high)).x
    return found[:n], float(found[n])


def nucleolus(game: CooperativeGame, imputations: bool = True) -> np.ndarray:
    """(players,) the payments whose excesses, sorted from the greatest, are lexicographically least.

    A sequence of linear programs: each finds the least greatest excess of the coalitions that are still
    free, and fixes those whose rows have a positive multiplier; coalitions that the fixed ones determine
    (rank test) are dropped. It ends when the fixed ones determine every payment.

    Parameters
    ----------
    imputations : hold x_k ≥ worth({k}) (the nucleolus); False gives the prenucleolus.

    Raises
    ------
    InputError
        where no payments give every player what it is worth alone.

    Source: D. Schmeidler, SIAM J. Appl. Math. 17 (1969); the procedure of A. Kopelowitz (1967).
    """
    n = len(game.players)
    alone = game.worth[[1 << k for k in range(n)]]
    if imputations and alone.sum() > game.worth[-1] + 1e-9 * (1.0 + float(np.abs(game.worth).max())):
        raise InputError(
            f"the players are worth {alone.sum():g} apart and {game.worth[-1]:g} together; "
            "no payments can keep them all (imputations=False gives the prenucleolus)"
        )
    fixed = np.ones((1, n))
    level = [float(game.worth[-1])]
    free = np.arange(1, 2**n - 1)
    lowest = alone if imputations else np.full(n, -np.inf)
    while np.linalg.matrix_rank(fixed) < n:
        members = game.members[free]
        matrix = np.block([[members, np.ones((len(free), 1))], [fixed, np.zeros((len(fixed), 1))]])
        right = np.append(game.worth[free], level)
        high = np.append(np.full(len(free), np.inf), level)
        low = np.append(lowest, -np.inf)
        found = solve(_linear(np.append(np.zeros(n), 1.0), matrix, right, high, low))
        x, epsilon = found.x[:n], float(found.x[n])
        for row in np.flatnonzero(found.row_dual[: len(free)] > TIGHT):
            fixed, level = _fix(fixed, level, members[row], float(game.worth[free[row]]) - epsilon)
        for k in np.flatnonzero((found.column_dual[:n] > TIGHT) & (x <= lowest + 1e-9)):
            fixed, level = _fix(fixed, level, np.eye(n)[k], float(lowest[k]))
        free = free[~_spanned(fixed, game.members[free])]
        if not len(free):
            break
    return np.linalg.lstsq(fixed, np.array(level), rcond=None)[0]


def _fix(
    fixed: np.ndarray, level: list[float], row: np.ndarray, value: float
) -> tuple[np.ndarray, list[float]]:
    """The fixed rows with one more, unless they determine it already."""
    return (fixed, level) if _spanned(fixed, row[None])[0] else (np.vstack([fixed, row]), [*level, value])


def _spanned(fixed: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which rows are linear combinations of the fixed ones."""
    basis = np.linalg.svd(fixed, full_matrices=False)[2][: np.linalg.matrix_rank(fixed)]
    rest = rows - rows @ basis.T @ basis
    return np.abs(rest).max(axis=1) < 1e-9


def _linear(
    cost: np.ndarray,
    matrix: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    column_low: np.ndarray | None = None,
) -> Program:
    size = len(cost)
    free = np.full(size, np.inf)
    column_low = -free if column_low is None else column_low
    return Program(cost, np.zeros(size), sparse.csc_array(matrix), low, high, column_low, free)


@dataclass(frozen=True, eq=False)
class ShapleyValue:
    """Average marginal contributions.

    Attributes
    ----------
    payments : (players,).
    standard_error : (players,) 0 where exact.
    samples : permutations drawn, 0 where exact.
    """

    payments: np.ndarray
    standard_error: np.ndarray
    samples: int = 0


def shapley_value(game: CooperativeGame) -> ShapleyValue:
    """φ_k = Σ_S |S|!·(n − |S| − 1)!/n!·(worth(S ∪ k) − worth(S)): every order equally likely, exactly.

    Source: L. Shapley (1953). For more than `EXACT_SHAPLEY` players see :func:`sample_shapley`.
    """
    n = len(game.players)
    size = game.members.sum(axis=1).astype(int)
    weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    out = np.empty(n)
    for k in range(n):
        without = np.flatnonzero(game.members[:, k] == 0)
        out[k] = weight[size[without]] @ (game.worth[without | (1 << k)] - game.worth[without])
    return ShapleyValue(out, np.zeros(n))


def sample_shapley(
    players: int, worth: Callable[[int], float], samples: int, generator: np.random.Generator
) -> ShapleyValue:
    """Shapley value by random orders, each with its reverse, with standard errors.

    `worth(mask)` is asked once per coalition met. Payments add up to the worth of all.
    Source: J. Castro, D. Gómez, J. Tejada, Computers & OR 36 (2009), with antithetic orders.
    """
    whole("samples", samples, minimum=2)
    known: dict[int, float] = {0: 0.0}

    def value(mask: int) -> float:
        if mask not in known:
            known[mask] = float(worth(mask))
        return known[mask]

    def contributions(order: Iterable[int]) -> np.ndarray:
        out, mask = np.empty(players), 0
        for k in order:
            out[k] = value(mask | 1 << k) - value(mask)
            mask |= 1 << k
        return out

    drawn = np.empty((samples, players))
    for row in range(samples):
        order = generator.permutation(players).tolist()
        drawn[row] = 0.5 * (contributions(order) + contributions(order[::-1]))
    return ShapleyValue(drawn.mean(axis=0), drawn.std(axis=0, ddof=1) / np.sqrt(samples), samples)

"""Exact facts of the situations without a meshed grid: equilibria by enumeration, formulas, cycles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.self_play.facts import (
    Bertrand,
    Capacity,
    CapacityAt,
    CapacityOnOnes,
    CapacityPair,
    Facts,
    HalfLoad,
    Many,
    Mixture,
    PayAsBid,
    PayAsBidMixed,
    TwoBus,
    Unequal,
)
from studies.self_play.situations import CAP, CAPACITY, COST, DUOPOLY_DEMAND, even_grid, price_game

if TYPE_CHECKING:
    from learners.games.bertrand import CapacityBertrand

LINES = (10, 25, 50, 75)  # MW of the two-bus line
STEP_ONE = even_grid("bertrand", 101)
DISCRETE: tuple[tuple[float, ...], ...] = (
    (0, 10, 20, 30), (0, 30, 60, 90), (0, 50, 100), (0, 10, 100), (0, 60, 100), (10, 20, 40, 80), STEP_ONE,
)  # fmt: skip
SAME_PRICE = ((200.0, 1.6), (220.0, 1.5), (250.0, 1.4), (300.0, 1.3), (180.0, 1.75))


def grid_words(grid: Sequence[float]) -> str:
    """ "{0, 10, 100}", or "0 to 100 in steps of 1"."""
    if len(grid) > 8:
        return f"{grid[0]:g} to {grid[-1]:g} in {len(grid)} levels"
    return "{" + ", ".join(f"{m:g}" for m in grid) + "}"


def list_facts() -> list[Facts]:
    """Everything that is known of these situations."""
    return [*_simple(), *_bertrand(), *_capacity(), *_pay_as_bid(), *_two_bus(), _unequal()]


def symmetric_equilibria(grid: Sequence[float], strict: bool = False) -> list[float]:
    """Mark-ups m such that (m, m) is a pure equilibrium of Bertrand's game on a grid of mark-ups."""
    from learners import pure_equilibria

    found = pure_equilibria(price_game("bertrand", tuple(float(m) for m in grid)))
    same = [e for e in found if len(set(e.profile)) == 1 and (e.strict or not strict)]
    return [float(grid[e.profile[0]]) for e in same]


def _simple() -> list[Facts]:
    from learners import pure_equilibria

    many = price_game("many", (0.0, 10.0))
    residual = (sum(many.capacity) - max(many.capacity)) / many.demand
    honest = np.zeros((1, many.count), dtype=np.int64)
    alone = honest.copy()
    alone[0, 0] = 1
    gain = many.payoffs(alone)[0, 0] - many.payoffs(honest)[0, 0]
    half = pure_equilibria(price_game("half_load", even_grid("half_load", 21)))
    return [Many(residual, gain), HalfLoad(any(e.profile == (20, 20) for e in half))]


def _bertrand() -> list[Facts]:
    return [Bertrand(grid_words(grid), _listed(symmetric_equilibria(grid))) for grid in DISCRETE]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _capacity() -> list[Facts]:
    from learners import pure_equilibria

    game = price_game("capacity_uniform", STEP_ONE)
    out: list[Facts] = [Capacity(game.indifference_price(CAP))]
    for cap, ratio in SAME_PRICE:
        other = replace(game, demand=ratio * CAPACITY, prices=(COST, cap))
        out.append(CapacityAt(f"{cap:g}", f"{ratio:g}", other.indifference_price(cap)))
    found = pure_equilibria(game)
    lows = [min(e.profile) for e in found if max(e.profile) == 100]
    profits = np.array([e.payoffs for e in found])
    least, most = float(profits.min()), float(profits.max())
    out.append(CapacityOnOnes(len(found), len(lows), max(lows, default=-1), least, most))
    for pair in ((100.0, 100.0), (120.0, 80.0), (90.0, 130.0)):
        out.append(CapacityPair(_listed(pair), _indifference(game, pair)))
    return [*out, Mixture("capacity", *_mixture_payoffs(game, CAP))]


def _indifference(game: CapacityBertrand, capacity: tuple[float, float]) -> float:
    """Profit just below the rival's bid less profit at the cap, when the rival bids p*."""
    other = replace(game, capacity=capacity)
    rival = other.indifference_price(CAP)
    below, top = other.profit(np.array([[rival * (1 - 1e-12), rival], [CAP, rival]]))[:, 0]
    return float(below - top)


def _mixture_payoffs(game: CapacityBertrand, cap: float, points: int = 20_001) -> tuple[float, float]:
    """Least and greatest expected profit of prices in the support against the rival's mixed strategy.

    The rival's price is drawn at the middles of `points` equal slices of probability.
    """
    share = (np.arange(points) + 0.5) / points
    price = np.linspace(COST, cap, 200_001)
    rival = np.interp(share, game.mixed_cdf(price, cap), price)
    low = COST if game.pricing == "uniform" else game.indifference_price(cap)
    own = np.linspace(low + 0.05, cap - 0.05, 41)
    pays = [game.profit(np.column_stack([np.full(points, p), rival]))[:, 0].mean() for p in own]
    return float(min(pays)), float(max(pays))


def _pay_as_bid() -> list[Facts]:
    from learners import pure_equilibria

    game = price_game("capacity_pay_as_bid", STEP_ONE)
    mixture = Mixture("pay-as-bid", *_mixture_payoffs(game, CAP))
    mixed = PayAsBidMixed(game.indifference_price(CAP))
    found = _lemke_howson(game)
    if found is not None:
        played = np.flatnonzero(found.strategies[0] > 1e-9)
        mixed = replace(mixed, found_profit=float(found.payoffs[0]), found_least=float(played.min()))
    return [PayAsBid(len(pure_equilibria(game))), mixture, mixed]


def _two_bus() -> list[Facts]:
    from learners import best_response_path, pure_equilibria

    out: list[Facts] = []
    for line in LINES:
        game = price_game(f"two_bus_{line}", STEP_ONE)
        mixed = game.mixed(CAP)
        path = best_response_path(game, (100, 100))
        cycle = path.cycle if path.cycle is not None else path.profiles[-1:]
        known = TwoBus(line, len(pure_equilibria(game)), mixed.bound, mixed.mean_markup, mixed.profits[0],
                       _greatest_reply(game, mixed), float(cycle.min()), _period(cycle))  # fmt: skip
        found = _lemke_howson(game)
        if found is not None:
            one, two = (float(np.arange(101) @ s) for s in found.strategies)
            first, second = map(float, found.payoffs)
            known = replace(known, found_mean=(one + two) / 2, found_first=first, found_second=second)
        out.append(known)
    return out


def _period(cycle: np.ndarray) -> int:
    """Moves until the two bids come again, whoever asks which."""
    half = len(cycle) // 2
    swapped = len(cycle) % 2 == 0 and np.array_equal(cycle[half:], cycle[:half, ::-1])
    return half if swapped else len(cycle)


def _greatest_reply(game: Any, mixed: Any) -> float:
    """The most that any mark-up pays against the mixed equilibrium, on a grid of a hundredth."""
    markup = np.linspace(0.0, CAP - COST, 10_001)[:-1]
    above = 1.0 - mixed.cdf(markup)
    demand, line = game.demand[0], game.line
    return float((markup * (demand - line + 2 * line * above)).max())


def _unequal() -> Facts:
    from_20 = tuple(float(m) for m in range(20, 101))  # the 81 mark-ups of the reference calculation
    game = replace(price_game("two_bus_50", from_20), demand=(100.0, 80.0), line=40.0)
    mixed = game.mixed(CAP)
    known = Unequal(mixed.bound, mixed.profits[0], mixed.profits[1], mixed.atom)
    found = _lemke_howson(game)
    if found is None:
        return known
    played = np.flatnonzero(found.strategies[0] > 1e-9)
    first, second = map(float, found.payoffs)
    return replace(known, found_first=first, found_second=second, found_least=from_20[int(played.min())],
                   found_atom=float(max(s[-1] for s in found.strategies)))  # fmt: skip


def _lemke_howson(game: Any) -> Any:
    """A mixed equilibrium on the grid, None without quantecon or where the path does not end well."""
    from clearing.errors import InputError, NumericalError
    from learners import mixed_equilibria

    for start in (game.actions[0] // 2, 0):
        try:
            return mixed_equilibria(game, start=start, most_pivots=200_000)[0]
        except NumericalError:
            continue
        except InputError:  # no quantecon
            break
    return None


def indifference_rows() -> dict[str, float]:
    """What the figures draw behind the bids: the indifference mark-up of the capacity situation."""
    game = price_game("capacity_uniform", STEP_ONE)
    return {"capacity_uniform": game.indifference_price(CAP) - COST, "demand": DUOPOLY_DEMAND}

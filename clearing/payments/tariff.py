"""The tariff game: what coalitions of agents earn at the grid's tariffs, and payments that nobody leaves.

worth(S) = −(least bill of S, private lines inside S only), the self-interested model restricted to S. No
coalition depends on what others do. Its core is never empty, and one dual solution gives a point of it.
Mathematics and proof: docs/mathematics-coalition.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearing.arrays.conic_compiled import compile_conic_model
from clearing.errors import NumericalError
from clearing.payments.games import CooperativeGame, coalition_members
from clearing.solvers import solve_conic
from clearing.trading.instance import TradingInstance
from clearing.trading.markets import SelfInterestedTrading
from clearing.trading.models import TradingStructure, build_self_interested_model
from clearing.trading.polish import polish_coalitions
from networks.checks import freeze_arrays
from networks.errors import InputError

MOST_AGENTS = 12  # of a tariff game with the worth of every coalition
MOST_NODES = 20_000  # copies of agents in one program


def tariff_game(instance: TradingInstance) -> CooperativeGame:
    """The worth of every coalition of agents [$ in the hour].

    The self-interested model is separable, so all coalitions are copies in one program and one solve.
    What is reported is the bill of feasible flows (losses exactly r·g²), so a worth is never overstated.

    Raises
    ------
    InputError
        for more than `MOST_AGENTS` agents (2^agents coalitions).
    """
    agents = instance.agents
    if not 1 <= len(agents) <= MOST_AGENTS:
        raise InputError(
            f"the instance has {len(agents)} agents; the worth of every coalition is computed for 1 to "
            f"{MOST_AGENTS} (dual_price_payments needs no such table)"
        )
    return CooperativeGame(agents, coalition_worths(instance, np.arange(2 ** len(agents))))


def coalition_worths(instance: TradingInstance, masks: Sequence[int] | np.ndarray) -> np.ndarray:
    """(masks,) worth in the tariff game of coalitions, bit k for the k-th agent [$]."""
    given = [int(mask) for mask in masks]
    nodes = np.cumsum([mask.bit_count() for mask in given])
    cuts = np.searchsorted(nodes, np.arange(MOST_NODES, nodes[-1:].sum() + 1, MOST_NODES))
    starts = [0, *sorted(set(cuts.tolist()) - {0}), len(given)]
    parts = [_worths(instance, given[a:b]) for a, b in pairwise(starts) if b > a]
    return np.concatenate(parts) if parts else np.zeros(0)


def _worths(instance: TradingInstance, given: list[int]) -> np.ndarray:
    who = np.flatnonzero(instance.agent)
    order = np.full(len(instance.grid.buses), -1)
    order[who] = np.arange(len(who))
    first, second = (order[side] for side in instance.private_ends)
    members = np.array([[mask >> k & 1 for k in range(len(who))] for mask in given], dtype=bool)
    members = members.reshape(len(given), len(who))
    copy, agent = np.nonzero(members)  # one copy of each agent per coalition that it is in
    node = np.full(members.shape, -1)
    node[copy, agent] = np.arange(len(copy))
    which, line = np.nonzero(members[:, first] & members[:, second])
    start, end = node[which, first[line]], node[which, second[line]]
    none = np.zeros(0, dtype=np.int64)
    structure = TradingStructure(len(copy), 0, none, none, none, start, end)
    compiled = compile_conic_model(build_self_interested_model(structure))
    base, scale = instance.unit_mw, instance.supply_price
    net, price = instance.net_mw[who] / base, instance.buy_price[who] / scale
    sell = instance.sell_price / scale
    r = instance.private.r_pu[line] * (base / instance.grid.base_mva)
    numbers = {
        "net": net[agent],
        "public_r": none,
        "public_x": none,
        "public_shift": none,
        "private_r": r,
        "buy_price": price[agent],
        "sell_price": np.full(len(copy), sell),
    }
    solution = solve_conic(compiled.at(**numbers))
    exact = polish_coalitions(structure, numbers, solution.row_dual[compiled.rows["balance"]])
    flow = solution.x[compiled.variables["private_flow"]] if exact is None else exact[0]
    half = 0.5 * r * flow**2
    size = len(copy)
    left = net[agent] - np.bincount(start, flow + half, size) + np.bincount(end, flow - half, size)
    profit = np.where(left > 0, sell * left, price[agent] * left)
    return scale * base * np.bincount(copy, profit, minlength=len(given)) + 0.0


@dataclass(frozen=True, eq=False)
class DualPayments:
    """Payments of the tariff game from one dual solution, with the numbers of their proof.

    Attributes
    ----------
    agents : labels.
    payments : (agents,) x_i = λ_i·p_i + ½·Σ rents of its lines [$]; what the grid (or the coalition's
        treasurer) pays each agent, negative where the agent pays.
    price : (agents,) λ, between sell and buy price [$/MWh].
    rent : (private lines,) (λ_to − λ_from)²/(2·r·(λ_from + λ_to)) ≥ 0 [$].
    worth : of all agents together [$].
    surplus : Σ payments − worth ≥ 0, the duality gap: 0 but for the solver's tolerance [$].
    margin : least λ − sell price and buy price − λ, ≥ 0: λ is dual feasible for every coalition.
    """

    agents: tuple[Hashable, ...]
    payments: np.ndarray
    price: np.ndarray
    rent: np.ndarray
    worth: float
    surplus: float
    margin: float

    def __post_init__(self) -> None:
        freeze_arrays(self)


def dual_price_payments(instance: TradingInstance) -> DualPayments:
    """A core point of the tariff game, for any number of agents, by one solve.

    For sell ≤ λ_i ≤ buy_i weak duality gives worth(S) ≤ Σ_S λ_i·p_i + Σ_{lines inside S} rent ≤ x(S) for
    every S, and for all agents together both are equalities at the optimal λ. The conditions are checked
    here: λ within the tariffs, rents ≥ 0, Σ x = worth(all) to 1e-6.

    Raises
    ------
    NumericalError
        where a condition of the proof fails.
    """
    if not instance.agents:
        raise InputError("the instance has no agents; there is nobody to pay")
    outcome = SelfInterestedTrading("flat").clear(instance)
    who = np.flatnonzero(instance.agent)
    price = outcome.price  # within the tariffs by construction
    start, end = instance.private_ends
    gap, total = price[end] - price[start], price[start] + price[end]
    rent = instance.grid.base_mva * gap**2 / (2.0 * instance.private.r_pu * total)
    size = len(instance.grid.buses)
    shares = np.bincount(start, 0.5 * rent, size) + np.bincount(end, 0.5 * rent, size)
    payments = price[who] * instance.net_mw[who] + shares[who]
    worth = -outcome.objective
    surplus = float(payments.sum()) - worth
    margin = float(np.min(np.append(price[who] - instance.sell_price, instance.buy_price[who] - price[who])))
    scale = 1.0 + abs(worth)
    if margin < 0 or float(np.min(rent, initial=0.0)) < 0 or not -1e-9 * scale <= surplus <= 1e-6 * scale:
        raise NumericalError(
            f"dual prices: the proof of core membership fails (margin {margin:.1e} $/MWh, surplus "
            f"{surplus:.1e} $)"
        )
    return DualPayments(instance.agents, payments, price[who], rent, worth, surplus, margin)


def market_game(instance: TradingInstance) -> CooperativeGame:
    """The market game without losses: a coalition pools endowments and demands, wherever its lines are.

    worth(S) = sell·P where P = Σ_S p ≥ 0, else (least buy price in S)·P. The core of a market game always
    exists, and competitive prices give a point of it (:func:`market_payments`): the baseline against
    which losses are judged. Source: L. Shapley, M. Shubik, J. Econ. Theory 1 (1969) and 11 (1975).
    """
    who = np.flatnonzero(instance.agent)
    members = coalition_members(len(who))
    pooled = members @ instance.net_mw[who]
    buy = np.where(members > 0, instance.buy_price[who], np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        worth = np.where(pooled >= 0, instance.sell_price * pooled, buy * pooled)
    worth[0] = 0.0
    return CooperativeGame(instance.agents, worth)


def market_payments(instance: TradingInstance) -> np.ndarray:
    """(agents,) λ·p_i at the competitive price of the market game [$].

    λ is the sell price where all agents together have a surplus, their least buy price where they have a
    deficit, and halfway where they have neither, up to the rounding of the sum.
    """
    who = np.flatnonzero(instance.agent)
    net = instance.net_mw[who]
    total = float(net.sum())
    if abs(total) <= 4.0 * len(who) * np.finfo(float).eps * float(np.abs(net).sum()):
        total = 0.0
    low, high = instance.sell_price, float(instance.buy_price[who].min())
    price = low if total > 0 else high if total < 0 else 0.5 * (low + high)
    return price * instance.net_mw[who]

"""Payments that make cooperation acceptable: what each agent gets under each rule, and who would leave.

One table for an instance with few agents: what an agent is worth alone, what it gets by dual prices,
Shapley value and nucleolus of the tariff game, with core tests; and what the grid keeps when it pays
agents to act as it would have them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from clearing.payments.games import (
    EXACT_SHAPLEY,
    CooperativeGame,
    CoreCheck,
    LeastCore,
    ShapleyValue,
    check_core,
    least_core,
    nucleolus,
    sample_shapley,
    shapley_value,
)
from clearing.payments.tariff import (
    MOST_AGENTS,
    DualPayments,
    coalition_worths,
    dual_price_payments,
    tariff_game,
)
from clearing.trading.instance import TradingInstance
from clearing.trading.markets import CooperativeTrading, SelfInterestedTrading
from networks.checks import whole


@dataclass(frozen=True, eq=False)
class Payments:
    """Payments of the tariff game to an instance's agents [$ in the hour].

    Attributes
    ----------
    table : index agent; columns alone (its worth by itself), dual_price, shapley, nucleolus (NaN where there
        are too many agents for it), shapley_error (standard error, 0 where exact).
    core : rule → core test, for the rules that could be tested on every coalition.
    least_core : of the tariff game, None with too many agents.
    game : the tariff game, None with too many agents.
    dual : the dual payments and their proof, which needs no table of coalitions.
    grid_gain : what the grid keeps when it pays dual prices and the agents then act as in the cooperative
        model: supply price·(supply under self-interest − supply under cooperation) ≥ 0.
    """

    table: pd.DataFrame
    core: dict[str, CoreCheck]
    least_core: LeastCore | None
    game: CooperativeGame | None
    dual: DualPayments
    grid_gain: float


def pay_agents(
    instance: TradingInstance, generator: np.random.Generator | None = None, samples: int = 200
) -> Payments:
    """Every payment rule on one instance.

    Up to `MOST_AGENTS` agents everything is exact. Beyond, what needs every coalition is left out, and
    the Shapley value is that of :func:`tariff_shapley`; dual prices need no such table, and their place
    in the core is proved for any number of agents.
    """
    dual = dual_price_payments(instance)
    count = len(instance.agents)
    none = np.full(count, np.nan)
    game, least, kernel, shapley = None, None, none, ShapleyValue(none, none)
    if count <= MOST_AGENTS:
        game = tariff_game(instance)
        least, kernel, shapley = least_core(game), nucleolus(game), shapley_value(game)
        alone = game.worth[[1 << k for k in range(count)]]
    else:
        alone = coalition_worths(instance, [1 << k for k in range(count)])
        shapley = tariff_shapley(instance, samples, generator)
    table = pd.DataFrame(
        {
            "alone": alone,
            "dual_price": dual.payments,
            "shapley": shapley.payments,
            "nucleolus": kernel,
            "shapley_error": shapley.standard_error,
        },
        index=pd.Index(list(instance.agents), name="agent"),
    )
    rules = (
        {}
        if game is None
        else {rule: table[rule].to_numpy() for rule in ("dual_price", "shapley", "nucleolus")}
    )
    core = {rule: check_core(game, x) for rule, x in rules.items()} if game is not None else {}
    selfish = SelfInterestedTrading("flat").clear(instance)
    together = CooperativeTrading().clear(instance)
    gain = instance.supply_price * (selfish.main_grid_mw - together.main_grid_mw)
    return Payments(table, core, least, game, dual, gain)


def tariff_shapley(
    instance: TradingInstance, samples: int, generator: np.random.Generator | None
) -> ShapleyValue:
    """Shapley value of the tariff game of any number of agents.

    The game is the sum of games of the coalitions that private lines connect, and so is its value: a
    component of up to `EXACT_SHAPLEY` agents is exact, a greater one is sampled by random orders (NaN without
    a generator).
    """
    count = len(instance.agents)
    order = {bus: k for k, bus in enumerate(instance.agents)}
    place = np.array([order[bus] for bus in instance.private.buses], dtype=np.int64)
    ends = (place[instance.private.from_bus], place[instance.private.to_bus])
    links = coo_array((np.ones(len(ends[0])), ends), shape=(count, count))
    component = connected_components(links, directed=False)[1]
    payments, error = np.full(count, np.nan), np.full(count, np.nan)
    most = 0
    for number in range(int(component.max()) + 1):
        who = np.flatnonzero(component == number)
        if len(who) <= EXACT_SHAPLEY:
            masks = _masks(who, np.arange(2 ** len(who)))
            game = CooperativeGame(tuple(who.tolist()), coalition_worths(instance, masks))
            found = shapley_value(game)
        elif generator is not None:
            found = _sample_component(instance, who, whole("samples", samples, 2), generator)
            most = samples
        else:
            continue
        payments[who], error[who] = found.payments, found.standard_error
    return ShapleyValue(payments, error, most)


def _sample_component(
    instance: TradingInstance, who: np.ndarray, samples: int, generator: np.random.Generator
) -> ShapleyValue:
    """All coalitions met by the random orders are solved together, so the orders are drawn twice."""
    state = generator.bit_generator.state
    met: dict[int, float] = {}
    sample_shapley(len(who), lambda mask: met.setdefault(mask, 0.0), samples, generator)
    masks = list(met)
    worths = coalition_worths(instance, _masks(who, masks))
    known = dict(zip(masks, worths.tolist(), strict=True))
    generator.bit_generator.state = state
    return sample_shapley(len(who), known.__getitem__, samples, generator)


def _masks(who: np.ndarray, local: Iterable[int]) -> list[int]:
    """Coalitions of a component's players as coalitions of all agents."""
    bits = [1 << k for k in who.tolist()]
    return [sum(bit for k, bit in enumerate(bits) if int(mask) >> k & 1) for mask in local]

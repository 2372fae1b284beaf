"""Coalition trading over private lines under four models, and the payments that hold coalitions together."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from gate_cases import ROOT, Cases, Outputs, attributes, proof, public

from clearing import TradingInstance
from networks import draw_random_lines

MODELS = ("AdHocTrading", "SelfInterestedTrading", "CooperativeTrading", "IntegratedTrading")


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {f"clearing/trading/{model}": partial(trade, model) for model in MODELS}
    found["clearing/trading/nodal tariff"] = trade_at_nodal_tariff
    found["clearing/payments/village"] = pay_village
    found["clearing/payments/games"] = solve_games
    found["clearing/payments/charged shares"] = charge_shares
    return found


@cache
def villages() -> dict[str, TradingInstance]:
    """The example, and the same houses with other private lines."""
    village = TradingInstance.from_folder(ROOT / "examples" / "trading" / "village")
    houses = list(village.agents)
    found = {"example": village}
    for degree in (0.0, 1.0, 3.0):
        rng = np.random.default_rng(int(degree))
        lines = draw_random_lines(houses, rng, mean_degree=degree, side_km=0.5, r_pu_per_km=0.5)
        found[f"degree {degree:g}"] = village.with_private(lines)
    return found


def trade(model: str) -> Outputs:
    return {name: traded(public("clearing", model)().clear(village)) for name, village in villages().items()}


def traded(outcome: Any) -> dict[str, Any]:
    """A coalition clearing."""
    names = (
        "model",
        "tariff",
        "objective",
        "main_grid_mw",
        "losses_mw",
        "supply_cost",
        "agent_cost",
        "price",
    )
    frames = ("trades", "agents", "public_lines", "private_lines", "private_rent", "buy_price")
    return attributes(outcome, *names, *frames) | {"certificate": proof(outcome.certificate)}


def trade_at_nodal_tariff() -> Outputs:
    tariff, selfish = public("clearing", "nodal_tariff"), public("clearing", "SelfInterestedTrading")
    found: dict[str, Any] = {}
    for name, village in villages().items():
        found[name] = {"tariff": tariff(village), "selfish": traded(selfish("nodal").clear(village))}
    return found


def pay_village() -> Outputs:
    found: dict[str, Any] = {}
    for name, village in villages().items():
        paid = public("clearing", "pay_agents")(village)
        found[name] = {
            "table": paid.table,
            "gain": paid.grid_gain,
            "worth": paid.game.worth,
            "core": {
                rule: attributes(c, "excess", "coalition", "shortfall") for rule, c in paid.core.items()
            },
            "least core": attributes(paid.least_core, "excess", "payments", "rounds", "coalitions"),
            "dual": attributes(paid.dual, "payments", "price", "rent", "worth", "surplus", "margin"),
        }
    return found


def solve_games() -> Outputs:
    """Cooperative games by hand and by draw: core, least core, nucleolus, Shapley, stable partitions."""
    game_of = public("clearing", "CooperativeGame")
    found: dict[str, Any] = {}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        worth = np.round(rng.uniform(0, 2, 16), 1 if seed % 2 else 12) * [
            bin(m).count("1") for m in range(16)
        ]
        game = game_of(("a", "b", "c", "d"), worth)
        least, shares = public("clearing", "least_core")(game), public("clearing", "shapley_value")(game)
        earnings = public("clearing", "earnings_of")(game)
        merged = public("clearing", "merge_and_split")(earnings, 4)
        found[f"{seed}"] = {
            "least core": attributes(least, "excess", "payments", "rounds", "coalitions"),
            "nucleolus": public("clearing", "nucleolus")(game, imputations=False),
            "shapley": shares.payments,
            "core": attributes(
                public("clearing", "check_core")(game, shares.payments), "excess", "coalition"
            ),
            "merged": attributes(merged, "partition", "stable", "path"),
            "stable": public("clearing", "stable_partitions")(earnings, 4),
        }
    return found


def charge_shares() -> Outputs:
    found: dict[str, Any] = {}
    for name, village in villages().items():
        game = public("clearing", "ChargedShareGame")(village)
        found[name] = {
            convention: game.characteristic_function(convention).worth
            for convention in ("singletons", "merge", "worst", "best")
        }
    return found

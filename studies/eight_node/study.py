"""The poster's eight-node example: who trades with whom in each of four models, and who is paid what.

The poster on coalitions of owners of private lines lists trades but no numbers. The instance
(`data/eight_node`) is our reconstruction: four of its impedances were chosen so that the listed trades come
out, so agreement with them is no test of the models; what follows from them (losses, payments, cores) is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables

if TYPE_CHECKING:
    from clearing.trading.instance import TradingInstance

MODELS = ("ad_hoc", "self_interested", "cooperative", "integrated")
CONVENTIONS = ("singletons", "merge", "worst", "best")


@dataclass(frozen=True)
class Settings(Spec):
    """The tariffs between agents and grid; the grid itself is given."""

    buy_price: float = setting(1.0, "tariff at which agents buy from the grid", "$/MWh", low=0.01)
    sell_price: float = setting(0.4, "tariff at which they sell to it, below the other", "$/MWh", low=0.01)


def cells(spec: Settings) -> Sequence[Cell]:
    """One per model, one for the payments, one per game in which losses are charged."""
    parts = [{"part": "model", "name": name} for name in MODELS]
    parts += [{"part": "game", "name": name} for name in ("tariff", "market")]
    parts += [{"part": "charged", "name": name} for name in CONVENTIONS]
    return [*parts, {"part": "partition", "name": "merge and split"}]


def instance_of(spec: Settings) -> TradingInstance:
    """The eight-node instance at the spec's tariffs."""
    from clearing.trading.tables import eight_node

    instance = eight_node()
    price = np.full(len(instance.grid.buses), spec.buy_price)
    return replace(instance, buy_price=price, sell_price=spec.sell_price)


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Lines, agents and trades of a model; payments and cores of a game."""
    from clearing.payments.charged import ChargedShareGame
    from clearing.payments.partitions import merge_and_split, stable_partitions

    instance = instance_of(spec)
    if cell["part"] == "model":
        return _clear(instance, cell["name"])
    if cell["name"] == "tariff":
        return _tariff(instance)
    if cell["name"] == "market":
        return _market(instance)
    game = ChargedShareGame(instance)
    if cell["part"] == "charged":
        return {"cores": [_core(game.characteristic_function(cell["name"]))]}
    agents = len(game.agents)
    end = merge_and_split(game.earnings, agents)
    rows = [{"kind": "path", "step": k, "blocks": _blocks(game.agents, p)} for k, p in enumerate(end.path)]
    stable = stable_partitions(game.earnings, agents)
    rows += [{"kind": "stable", "step": k, "blocks": _blocks(game.agents, p)} for k, p in enumerate(stable)]
    return {"partitions": rows}


def _clear(instance: TradingInstance, model: str) -> Row:
    from clearing.trading import markets as trading

    kinds = {
        "ad_hoc": trading.AdHocTrading,
        "self_interested": trading.SelfInterestedTrading,
        "cooperative": trading.CooperativeTrading,
        "integrated": trading.IntegratedTrading,
    }
    outcome = kinds[model]().clear(instance, verify=True)
    row, residual = outcome.certificate.worst
    total = {
        "losses_mw": outcome.losses_mw,
        "main_grid_mw": outcome.main_grid_mw,
        "objective": outcome.objective,
        "bound": outcome.bound,
        "cut_bound": outcome.cut_bound,
        "worst_row": row,
        "worst_residual": residual,
        "worst_gap_mw": float(max(outcome.public_gap_mw.max(), outcome.private_gap_mw.max(initial=0.0))),
    }
    lines = [
        frame.reset_index().assign(kind=kind)
        for kind, frame in (("public", outcome.public_lines), ("private", outcome.private_lines))
    ]
    rows = [row for frame in lines for row in frame.to_dict("records")]
    return {
        "models": [total],
        "lines": rows,
        "agents": outcome.agents.reset_index(),
        "trades": outcome.trades,
    }


def _tariff(instance: TradingInstance) -> Row:
    from clearing.payments.rules import pay_agents

    paid = pay_agents(instance)
    assert paid.game is not None
    worst = max(check.excess for check in paid.core.values())
    core = _core(paid.game) | {"payment_excess": float(worst), "grid_gain": paid.grid_gain}
    columns = ["alone", "dual_price", "shapley", "nucleolus"]
    return {"payments": paid.table[columns].reset_index(), "cores": [core]}


def _market(instance: TradingInstance) -> Row:
    from clearing.payments.games import check_core
    from clearing.payments.tariff import market_game, market_payments

    game = market_game(instance)
    check = check_core(game, market_payments(instance))
    return {"cores": [_core(game) | {"payment_excess": float(check.excess), "grid_gain": np.nan}]}


def _core(game: Any) -> Row:
    from clearing.payments.games import least_core

    found = least_core(game)
    return {
        "worth_all": float(game.worth[-1]),
        "least_excess": max(float(found.excess), 0.0),
        "empty": bool(found.excess > 1e-7),
        "rounds": int(found.rounds),
        "rows": len(found.coalitions),
    }


def _blocks(agents: tuple[Any, ...], partition: tuple[int, ...]) -> str:
    blocks = [[str(a) for k, a in enumerate(agents) if mask >> k & 1] for mask in partition]
    return " | ".join(" ".join(block) for block in sorted(blocks))


def fingerprint(spec: Settings) -> str:
    """Changes when the instance's files do."""
    from hashlib import sha256

    from networks.named_cases import data_folder

    folder = data_folder().joinpath("eight_node")
    names = sorted(item.name for item in folder.iterdir() if item.is_file())
    return sha256(b"".join(folder.joinpath(name).read_bytes() for name in names)).hexdigest()


STUDY = Study(
    title="Four models of trade on the poster's eight-node example, and payments that support cooperation",
    question="Who trades what with whom when neighbours trade ad hoc, coalitions serve themselves, "
    "coalitions and grid cooperate, or one hand runs all lines; and do payments exist that keep everyone in?",
    method="Seven agents and the main grid on eight public lines and three private ones. Each model is "
    "cleared exactly, with a certificate and an independent bound by tangent cuts. Agents are paid by dual "
    "prices, Shapley value and nucleolus of the tariff game, where nobody depends on outsiders; beside it "
    "stand the market game without losses and the game in which losses are charged to their causers, under "
    "four conventions about outsiders. Impedances are reconstructed: four were chosen so that the listed "
    "trades come out.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=fingerprint,
    under_specified=(
        "All numbers: endowments, demands, impedances and tariffs are ours. Four impedances were solved for "
        "from the listed trades, and other sets of numbers would do as well.",
        "Whether a listed trade is what is sent, what arrives, or the flow at the midpoint of the line: we "
        "read the midpoint flow.",
        "The names of the agents in the integrated model's trade are lost in the text: we read that A4 "
        "receives 1 unit from A1.",
        "Which game “supporting payments” refers to: who pays the losses, and what outsiders do.",
    ),
    random=False,
)

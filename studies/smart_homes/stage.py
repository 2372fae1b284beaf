"""The sealed stage game's table: its cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.smart_homes.learning import Treatment, Yardsticks, yardsticks

if TYPE_CHECKING:
    from learners.games.game import PayoffTensor


@dataclass(frozen=True)
class StageCase:
    """One row of the table.

    Attributes
    ----------
    words : what is different; game : arguments of the stage game; treatment : how sellers learn.
    tested : whether best-response losses and deviations are computed.
    """

    words: str
    game: tuple[tuple[str, Any], ...]
    treatment: Treatment
    tested: bool = False


def _grid(count: int) -> tuple[float, ...]:
    return tuple(np.round(np.linspace(0.08, 0.28, count), 12).tolist())


UNIFORM: tuple[tuple[str, Any], ...] = (("pricing", "uniform"),)
BIDS: tuple[tuple[str, Any], ...] = (("pricing", "pay_as_bid"),)
FULL = Treatment()

CASES: dict[str, StageCase] = {
    "uniform": StageCase(
        "uniform price, all offers seen", UNIFORM, FULL, tested=True
    ),
    "bids": StageCase("pay-as-bid, all offers seen", BIDS, FULL, tested=True),
    "uniform_price": StageCase(
        "uniform price, only the price seen", UNIFORM, Treatment("price")
    ),
    "uniform_own": StageCase(
        "uniform price, only the own offer seen", UNIFORM, Treatment("own")
    ),
    "uniform_none": StageCase(
        "uniform price, no memory", UNIFORM, Treatment("none")
    ),
    "bids_price": StageCase(
        "pay-as-bid, only the price seen", BIDS, Treatment("price")
    ),
    "bids_own": StageCase(
        "pay-as-bid, only the own offer seen", BIDS, Treatment("own")
    ),
    "bids_none": StageCase("pay-as-bid, no memory", BIDS, Treatment("none")),
    "vcg": StageCase("VCG payments, all offers seen", (("pricing", "vcg"),), FULL),
    "bids_4": StageCase(
        "pay-as-bid, offers locked for 4 rounds", BIDS, Treatment(lock=4)
    ),
    "bids_16": StageCase(
        "pay-as-bid, offers locked for 16 rounds", BIDS, Treatment(lock=16)
    ),
    "bids_96": StageCase(
        "pay-as-bid, offers locked for a day", BIDS, Treatment(lock=96)
    ),
    "patient": StageCase(
        "pay-as-bid, δ = .995", BIDS, Treatment(delta=0.995)
    ),
    "patient_16": StageCase(
        "pay-as-bid, δ = .995, offers locked for 16 rounds", BIDS, Treatment(delta=0.995, lock=16),
    ),
    "patient_96": StageCase(
        "pay-as-bid, δ = .995, offers locked for a day", BIDS, Treatment(delta=0.995, lock=96),
    ),
    "myopic_bids": StageCase("pay-as-bid, δ = 0", BIDS, Treatment(delta=0.0)),
    "myopic": StageCase("uniform price, δ = 0", UNIFORM, Treatment(delta=0.0)),
    "fast_1": StageCase(
        "pay-as-bid, exploration falls 10 times as fast", BIDS, Treatment(beta=4e-5)
    ),
    "fast_2": StageCase(
        "pay-as-bid, exploration falls 50 times as fast", BIDS, Treatment(beta=2e-4)
    ),
    "fast_3": StageCase(
        "pay-as-bid, exploration falls 250 times as fast", BIDS, Treatment(beta=1e-3)
    ),
    "firm": StageCase(
        "the firm sold to each seller", (("sell", True),), FULL
    ),
    "costs": StageCase(
        "uniform price, costs .08, .10, .12", (*UNIFORM, ("costs", (0.08, 0.10, 0.12))), FULL,
    ),
    "five": StageCase(
        "uniform price, 5 sellers, 7 offers, all seen",
        (*UNIFORM, ("costs", (0.08,) * 5), ("prices", _grid(7))), FULL,
    ),
    "five_own": StageCase(
        "uniform price, 5 sellers, 7 offers, only the own seen",
        (*UNIFORM, ("costs", (0.08,) * 5), ("prices", _grid(7))), Treatment("own"),
    ),
    "coarse": StageCase(
        "uniform price, 3 sellers, 6 offers", (*UNIFORM, ("prices", _grid(6))), FULL, tested=True,
    ),
    "slower": StageCase(
        "uniform price, exploration falls 2.5 times as fast", UNIFORM, Treatment(beta=1e-5), tested=True
    ),
    "two": StageCase(
        "uniform price, 2 sellers of 10 units each", (*UNIFORM, ("costs", (0.08,) * 2), ("capacity", 10.0)),
        FULL, tested=True,
    ),
    "two_fast": StageCase(
        "the same two, exploration falls 10 times as fast",
        (*UNIFORM, ("costs", (0.08,) * 2), ("capacity", 10.0)), Treatment(beta=4e-5), tested=True,
    ),
}  # fmt: skip


@lru_cache(maxsize=32)
def stage_game(arguments: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    """The game and its tensor."""
    from learners import SealedStage, tabulate

    given = dict(arguments)
    sells = given.pop("sell", False)
    game = SealedStage(**given)
    if sells:
        game = game.with_fee()
    return game, tabulate(game)


def stage_yardsticks(game: Any, tensor: PayoffTensor) -> Yardsticks:
    """Competition, static Nash and joint optimum of a stage game without groups of buyers."""
    truth = np.array([game.truthful])
    return yardsticks(tensor, game.competitive(), game.signals(truth)[0])

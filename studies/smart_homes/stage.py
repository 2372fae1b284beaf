"""The sealed stage game's table: its cases, and what an independent prototype found in each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from studies.smart_homes.learning import Treatment, Yardsticks, yardsticks

NOTES = "Working notes on microgrids, table of the sealed stage game (independent prototype)"


@dataclass(frozen=True)
class Printed:
    """What the notes print: means of `sessions` sessions, None where a cell is empty; a range of prices."""

    price: float
    profit: float | None
    welfare: float | None
    sessions: int = 8
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class StageCase:
    """One row of the table.

    Attributes
    ----------
    words : what is different; game : arguments of the stage game; treatment : how sellers learn.
    printed : what the notes have, None for cases of ours.
    tested : whether best-response losses and deviations are computed.
    """

    words: str
    game: tuple[tuple[str, Any], ...]
    treatment: Treatment
    printed: Printed | None = None
    tested: bool = False


def _grid(count: int) -> tuple[float, ...]:
    return tuple(np.round(np.linspace(0.08, 0.28, count), 12).tolist())


_P = Printed
UNIFORM: tuple[tuple[str, Any], ...] = (("pricing", "uniform"),)
BIDS: tuple[tuple[str, Any], ...] = (("pricing", "pay_as_bid"),)
FULL = Treatment()

CASES: dict[str, StageCase] = {
    "uniform": StageCase(
        "uniform price, all offers seen", UNIFORM, FULL, _P(0.158, 0.52, 0.874, low=0.14, high=0.18), True
    ),
    "bids": StageCase("pay-as-bid, all offers seen", BIDS, FULL, _P(0.153, 0.47, 0.865), True),
    "uniform_price": StageCase(
        "uniform price, only the price seen", UNIFORM, Treatment("price"), _P(0.104, 0.23, 1.0)
    ),
    "uniform_own": StageCase(
        "uniform price, only the own offer seen", UNIFORM, Treatment("own"), _P(0.100, 0.20, 1.0)
    ),
    "uniform_none": StageCase(
        "uniform price, no memory", UNIFORM, Treatment("none"), _P(0.100, 0.20, 1.0)
    ),
    "bids_price": StageCase(
        "pay-as-bid, only the price seen", BIDS, Treatment("price"), _P(0.112, 0.29, 0.98)
    ),
    "bids_own": StageCase(
        "pay-as-bid, only the own offer seen", BIDS, Treatment("own"), _P(0.100, 0.20, 1.0)
    ),
    "bids_none": StageCase("pay-as-bid, no memory", BIDS, Treatment("none"), _P(0.128, 0.40, 0.96)),
    "vcg": StageCase("VCG payments, all offers seen", (("pricing", "vcg"),), FULL, _P(0.155, 0.59, 0.94, 4)),
    "bids_4": StageCase(
        "pay-as-bid, offers locked for 4 rounds", BIDS, Treatment(lock=4), _P(0.100, 0.20, 1.0)
    ),
    "bids_16": StageCase(
        "pay-as-bid, offers locked for 16 rounds", BIDS, Treatment(lock=16), _P(0.100, 0.20, 1.0)
    ),
    "bids_96": StageCase(
        "pay-as-bid, offers locked for a day", BIDS, Treatment(lock=96), _P(0.100, 0.20, 1.0)
    ),
    "patient": StageCase(
        "pay-as-bid, δ = .995", BIDS, Treatment(delta=0.995), _P(0.170, 0.56, 0.84, 5)
    ),
    "patient_16": StageCase(
        "pay-as-bid, δ = .995, offers locked for 16 rounds", BIDS, Treatment(delta=0.995, lock=16),
        _P(0.132, 0.38, 0.93, 5),
    ),
    "patient_96": StageCase(
        "pay-as-bid, δ = .995, offers locked for a day", BIDS, Treatment(delta=0.995, lock=96),
        _P(0.100, 0.20, 1.0, 5),
    ),
    "myopic_bids": StageCase("pay-as-bid, δ = 0", BIDS, Treatment(delta=0.0), _P(0.100, 0.20, 1.0)),
    "myopic": StageCase("uniform price, δ = 0", UNIFORM, Treatment(delta=0.0), _P(0.100, 0.20, 1.0)),
    "fast_1": StageCase(
        "pay-as-bid, exploration falls 10 times as fast", BIDS, Treatment(beta=4e-5), _P(0.138, 0.45, 0.92)
    ),
    "fast_2": StageCase(
        "pay-as-bid, exploration falls 50 times as fast", BIDS, Treatment(beta=2e-4), _P(0.142, 0.45, 0.92)
    ),
    "fast_3": StageCase(
        "pay-as-bid, exploration falls 250 times as fast", BIDS, Treatment(beta=1e-3), _P(0.141, 0.45, 0.92)
    ),
    "firm": StageCase(
        "the firm sold to each seller", (("sell", True),), FULL, _P(0.100, 0.0, 1.0, 6)
    ),
    "costs": StageCase(
        "uniform price, costs .08, .10, .12", (*UNIFORM, ("costs", (0.08, 0.10, 0.12))), FULL,
        _P(0.149, 0.42, 0.90, 6),
    ),
    "five": StageCase(
        "uniform price, 5 sellers, 7 offers, all seen",
        (*UNIFORM, ("costs", (0.08,) * 5), ("prices", _grid(7))), FULL, _P(0.113, 0.30, 0.98, 2),
    ),
    "five_own": StageCase(
        "uniform price, 5 sellers, 7 offers, only the own seen",
        (*UNIFORM, ("costs", (0.08,) * 5), ("prices", _grid(7))), Treatment("own"), _P(0.113, 0.30, 0.98, 2),
    ),
    "coarse": StageCase(
        "uniform price, 3 sellers, 6 offers", (*UNIFORM, ("prices", _grid(6))), FULL,
        _P(0.120, None, None, 6), True,
    ),
    "slower": StageCase(
        "uniform price, exploration falls 2.5 times as fast", UNIFORM, Treatment(beta=1e-5), None, True
    ),
    "two": StageCase(
        "uniform price, 2 sellers of 10 units each", (*UNIFORM, ("costs", (0.08,) * 2), ("capacity", 10.0)),
        FULL, None, True,
    ),
    "two_fast": StageCase(
        "the same two, exploration falls 10 times as fast",
        (*UNIFORM, ("costs", (0.08,) * 2), ("capacity", 10.0)), Treatment(beta=4e-5), None, True,
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


def stage_yardsticks(game: Any, tensor: Any) -> Yardsticks:
    """Competition, static Nash and joint optimum of a stage game without groups of buyers."""
    truth = np.array([game.truthful])
    return yardsticks(tensor, game.competitive(), game.signals(truth)[0])

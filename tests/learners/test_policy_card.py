"""Policy cards: paths and sentences of strategies that are known."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.game import PayoffTensor
from learners.strategies.learner import Seat
from learners.strategies.memory import DemandLevel, LastActions, LastSignal
from learners.strategies.policy_card import Strategy, follow, make_policy_card, resting_cycle
from learners.strategies.rules import Fixed, Grim, TitForTat, Undercut
from learners.strategies.tabular import QLearning

PRICES = np.array([1.0, 2.0, 3.0, 4.0])
A, B = np.meshgrid(PRICES, PRICES, indexing="ij")
PROFIT = (A - 0.5) * np.maximum(0.0, 6 - 1.5 * A + B)
GAME = PayoffTensor(np.stack([PROFIT, PROFIT.T]), ("Ada", "Ben"), (tuple(PRICES),) * 2)


def strategies(one, two):
    return [rule.begin(Seat(i, GAME), 1).strategy() for i, rule in enumerate((one, two))]


def test_strategy_replies_by_its_own_states():
    only_rival = Strategy(0, np.array([3, 2, 1, 0]), (1,))
    assert only_rival.reply(np.array([[0, 0], [3, 2]]), (4, 4)).tolist() == [3, 1]
    assert only_rival.over_profiles((4, 4)).reshape(4, 4).tolist() == [[3, 2, 1, 0]] * 4
    with pytest.raises(InputError, match="not last actions"):
        Strategy(0, np.array([0]), None).reply(np.array([[0, 0]]), (4, 4))


def test_follow_and_cycles():
    pair = strategies(TitForTat(3), TitForTat(3))
    assert follow(pair, (4, 4), (3, 3), 3, {1: {1: 0}}).tolist() == [[3, 3], [3, 0], [0, 3], [3, 0]]
    assert resting_cycle(pair, (4, 4), (3, 0)).tolist() == [[3, 0], [0, 3]]
    undercutting = strategies(Undercut(restart=3), Undercut(restart=3))
    assert resting_cycle(undercutting, (4, 4), (2, 2))[:, 0].tolist() == [2, 1, 0, 3]


def test_card_of_a_punisher_that_returns():
    """It answers a cut with 1 for one round, and only then."""
    table = np.full((4, 4), 3)
    table[3, :3] = 0
    punisher = Strategy(0, table.ravel(), (0, 1))
    card = make_policy_card(GAME, [punisher, *strategies(Fixed(3), Fixed(3))[1:]], 0, start=(3, 3))
    assert card.player == "Ada"
    assert card.rest.tolist() == [[3, 3]]
    assert card.after_cut[:4, 0].tolist() == [3, 3, 0, 3]
    assert len(card.after_raise) == 0, "Ben cannot ask more"
    text = str(card)
    assert "Ada rests at 4 and earns" in text
    assert "Ada cuts to 1 instead of 4, and all are back 2 rounds after the cut" in text
    assert card.table.columns.tolist() == ["last Ada", "last Ben", "action"]
    assert len(card.table) == 16


def test_card_of_one_who_ignores():
    card = make_policy_card(GAME, strategies(Fixed(2), Fixed(1)), 0, start=(2, 1), step=1)
    assert "plays on as before, and all play on as before" in str(card)
    assert card.after_raise[1].tolist() == [2, 2]


def test_card_of_tit_for_tat_loses_its_phase():
    card = make_policy_card(GAME, strategies(TitForTat(3), TitForTat(3)), 0, start=(3, 3))
    assert "not returned" in str(card)


def test_grim_is_asked_as_it_is_now():
    calm = Grim(2).begin(Seat(0, GAME), 1)
    assert calm.strategy().reply(np.array([[2, 3]]), (4, 4)) == [2]
    calm.angry[:] = True
    assert calm.strategy().reply(np.array([[2, 3]]), (4, 4)) == [0]


def test_one_strategy_each():
    with pytest.raises(InputError, match="1 strategies for 2 players"):
        make_policy_card(GAME, strategies(Fixed(2), Fixed(1))[:1])


def test_card_of_one_who_remembers_the_price_alone():
    """Prices below 2.5 are answered with 2, others with 4: a price of 1 or 2 by anybody counts."""
    heard = PayoffTensor(
        GAME.values, GAME.players, GAME.labels, np.minimum(A, B)[None], signal_names=("price",)
    )  # fmt: skip
    learner = QLearning(memory=LastSignal((2.5,))).begin(Seat(0, heard), 1)
    learner.best[0] = [1, 3]
    strategy = learner.strategy()
    assert strategy.over_profiles((4, 4)).reshape(4, 4).tolist() == [
        [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 3, 3], [1, 1, 3, 3],
    ]  # fmt: skip
    card = make_policy_card(heard, [strategy, *strategies(Fixed(3), Fixed(3))[1:]], 0, start=(3, 3), step=2)
    assert card.after_cut[:5, 0].tolist() == [3, 3, 1, 1, 1], "its own low price is the price it hears"


def test_strategies_by_demand_level_and_by_stage():
    hourly = PayoffTensor(GAME.values, GAME.players, GAME.labels)
    object.__setattr__(hourly, "levels", 2)
    learner = QLearning(memory=DemandLevel(LastActions("rivals"))).begin(Seat(0, hourly), 1)
    learner.best[0] = np.arange(8) % 4
    learner.best[0, 4:] = 2
    assert learner.strategy(level=0).over_profiles((4, 4))[:4].tolist() == [0, 1, 2, 3]
    assert (learner.strategy(level=1).over_profiles((4, 4)) == 2).all()
    with pytest.raises(InputError, match="strategy for each demand level"):
        learner.strategy()
    day = QLearning(memory=LastActions("own")).begin(Seat(0, GAME, stages=2), 1)
    day.best[0] = [0, 1, 2, 3, 3, 2, 1, 0]
    assert day.strategy(stage=1).over_profiles((4, 4)).tolist() == [3] * 4 + [2] * 4 + [1] * 4 + [0] * 4
    with pytest.raises(InputError, match="not last actions"):
        day.strategy().over_profiles((4, 4))

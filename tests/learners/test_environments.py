"""Environments: the libraries' own conformance tests, seeds, information rules, update periods."""

import warnings

import numpy as np
import pytest

import networks
from clearing import NodalMarket
from clearing.errors import InputError
from learners import DemandStates, Game, Markups
from learners.games.bertrand import LogitBertrand
from learners.games.game import PayoffTensor

pytest.importorskip("pettingzoo")
pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test

from learners.environments import parallel_env, single_agent_env

DILEMMA = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]], players=("one", "two"))


def nodal_game(noise: bool = False) -> Game:
    case = networks.load("five_bus")
    states = DemandStates.drawn((0.9, 1.0), 0.05, 3, np.random.default_rng(0)) if noise else None
    return Game(NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30)), states=states)


@pytest.mark.parametrize("information", ["none", "own", "price", "all"])
def test_pettingzoo_conformance(information):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(parallel_env(nodal_game(), rounds=40, information=information), num_cycles=120)
        parallel_api_test(parallel_env(LogitBertrand.calvano(), rounds=30), num_cycles=100)


def test_pettingzoo_seed_test():
    game = nodal_game(noise=True)
    parallel_seed_test(lambda: parallel_env(game, rounds=60))


def test_gymnasium_conformance():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(minimum|maximum) value.*infinity.*")
        check_env(single_agent_env(nodal_game(noise=True), "G3", rounds=20), skip_render_check=True)
        check_env(single_agent_env(DILEMMA, "two", information="own"), skip_render_check=True)


def test_rounds_pay_what_the_game_pays():
    game = nodal_game()
    env = parallel_env(game, rounds=2, reward_scale=100.0)
    env.reset(seed=3)
    observations, rewards, ended, cut, _ = env.step({"G1": 0, "G2": 3, "G3": 3})
    assert list(rewards.values()) == pytest.approx(game.payoffs([[0, 3, 3]])[0] / 100)
    assert observations["G1"] == pytest.approx([0, 1, 1, *game.signals([[0, 3, 3]])[0]], rel=1e-6)
    assert not any(ended.values())
    assert not any(cut.values())
    *_, cut, _ = env.step({"G1": 0, "G2": 0, "G3": 0})
    assert all(cut.values())
    assert env.agents == []
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_information_rules():
    def seen(information):
        env = parallel_env(nodal_game(), information=information)
        env.reset(seed=0)
        return env.step({"G1": 1, "G2": 2, "G3": 3})[0]["G2"]

    price = nodal_game().signals([[1, 2, 3]])[0]
    assert seen("none") == pytest.approx([0])
    assert seen("own") == pytest.approx([2 / 3])
    assert seen("price") == pytest.approx([2 / 3, *price], rel=1e-6)
    assert seen("all") == pytest.approx([1 / 3, 2 / 3, 1, *price], rel=1e-6)


def test_update_periods_hold_actions():
    env = parallel_env(DILEMMA, update_period={"two": 3})
    env.reset(seed=0)
    paid = [env.step({"one": 0, "two": a})[1]["one"] for a in (0, 1, 1, 1, 0)]
    assert paid == [3, 3, 3, 0, 0]


def test_rivals_follow_their_policies():
    env = single_agent_env(DILEMMA, "one", {"two": lambda last: last[:, 0]})
    env.reset(seed=0)
    env.step(0)
    assert [env.step(a)[1] for a in (0, 1, 1, 0, 0)] == [3, 4, 1, 0, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: parallel_env(DILEMMA, information="some"), "use 'none'"),
        (lambda: parallel_env(DILEMMA, rounds=0), "at least 1"),
        (lambda: parallel_env(DILEMMA, update_period={"three": 2}), "'three' is no player"),
        (lambda: single_agent_env(DILEMMA, "three"), "'three' is not in the game"),
        (lambda: single_agent_env(DILEMMA, "one", {}), "a policy for each of two"),
        (lambda: parallel_env(DILEMMA).step({"one": 0}), "no action of 'two'"),
        (lambda: parallel_env(DILEMMA).step({"one": 0, "two": 2}), "from 0 to 1"),
        (lambda: parallel_env(DILEMMA).step({"one": 0, "two": 0.5}), "'two': action is 0.5"),
        (lambda: parallel_env(DILEMMA).step({"one": np.array([1]), "two": 0}), "'one': action is array"),
        (lambda: single_agent_env(DILEMMA, "two").step(1.5), "'two': action is 1.5"),
        (lambda: parallel_env(DILEMMA).reset(seed=-1), "seed is -1"),
        (lambda: single_agent_env(DILEMMA, "one").reset(seed=0.5), "seed is 0.5"),
        (lambda: parallel_env(DILEMMA, rounds=2.5), "rounds is 2.5"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()

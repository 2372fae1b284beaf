"""Genetic self-play: networks by hand, streams, discrete Bertrand grids."""

import math
from dataclasses import replace

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.sessions.traces import TraceSpec
from learners.strategies.compiled_networks import breed, network_shares
from learners.strategies.conformance import check_learner
from learners.strategies.evolution import Evolution
from learners.strategies.policy_card import make_policy_card
from learners.strategies.rules import Fixed


def bertrand(levels):
    """Two sellers of which the cheaper serves all; ties split; the price is the lower mark-up."""
    own, rival = np.meshgrid(levels, levels, indexing="ij")
    profit = np.where(own < rival, own, np.where(own == rival, own / 2, 0.0))
    return PayoffTensor(
        np.stack([profit, profit.T]), labels=(tuple(levels),) * 2,
        signal_values=np.minimum(own, rival)[None], signal_names=("price",),
    )  # fmt: skip


class Hours:
    """One table per demand level."""

    def __init__(self, tables):
        self.tables, self.levels, self.states = tables, len(tables), None
        self.players, self.actions = tables[0].players, tables[0].actions
        self.signal_names = tables[0].signal_names

    def payoffs(self, profiles, rng=None, level=None):
        return self._at(level, lambda table: table.payoffs(profiles))

    def signals(self, profiles, level=None):
        return self._at(level, lambda table: table.signals(profiles))

    def _at(self, level, ask):
        every = np.stack([ask(table) for table in self.tables])
        return every.mean(axis=0) if level is None else every[level, np.arange(every.shape[1])]


def test_network_by_hand():
    weights = np.array([[[0.5, -1.0, 0.2, 2.0, 0.1]]])  # one unit: inputs .5, −1, bias .2; output 2, bias .1
    out = np.empty((1, 1))
    network_shares(weights, np.array([[[0.4, 0.3]]]), 1, out)
    hidden = math.tanh(0.5 * 0.4 - 0.3 + 0.2)
    assert out[0, 0] == pytest.approx(1 / (1 + math.exp(-(2 * hidden + 0.1))))
    network_shares(np.array([[[0.7]]]), np.array([[[0.4, 0.3]]]), 0, out)
    assert out[0, 0] == pytest.approx(1 / (1 + math.exp(-0.7)))


def test_breeding_keeps_elites_and_prefers_winners():
    weights, memories = np.arange(5.0)[:, None], np.arange(5.0)[:, None]
    fitness = np.array([0.0, 3.0, 1.0, 2.0, -1.0])
    uniforms = np.full((5, 6), 0.9)
    uniforms[2, :4] = [0.3, 0.5, 0.7, 0.9]  # contestants 1 and 2 against 3 and 4
    uniforms[2, 4] = 0.1
    new, kept = np.empty_like(weights), np.empty_like(memories)
    breed(weights, memories, fitness, np.ones((5, 1)), uniforms, 2, 2, 1, 0.0, weights - 10, new, kept)
    assert new[:, 0].tolist()[:3] == [1.0, 3.0, 1.0]
    assert new[4, 0] == -6.0
    assert kept[2, 0] == 1.0


@pytest.mark.parametrize(
    "spec", [Evolution(), Evolution(hidden=0, immigrants=5)], ids=["networks", "constants"]
)
def test_replicates_do_not_see_each_other(spec):
    game = bertrand(range(11))
    whole = spec.evolve(game, 12, seed=3, replicates=4)
    alone = spec.evolve(game, 12, seed=3, replicates=[2])
    assert (whole.median_action[:, 2] == alone.median_action[:, 0]).all()
    assert (whole.weights[2] == alone.weights[0]).all()
    assert not (whole.weights[1] == whole.weights[2]).all()


@pytest.mark.parametrize(
    ("levels", "highest_strict"),
    [
        ((0, 10, 20, 30), 10),
        ((0, 30, 60, 90), 30),
        ((0, 10, 100), 100),
        ((0, 60, 100), 60),
        ((0, 50, 100), 50),
    ],
)
def test_discrete_bertrand_ends_at_the_highest_strict_equilibrium(levels, highest_strict):
    """(m, m) is strict where the next lower mark-up is below m/2: what looks arbitrary is predictable."""
    ended = Evolution().evolve(bertrand(levels), 80, seed=1, replicates=12)
    assert (np.array(levels)[ended.median_action[-1]] == highest_strict).all()


def test_constants_do_as_well_as_networks():
    ended = Evolution(hidden=0).evolve(bertrand((0, 10, 20, 30)), 80, seed=1, replicates=6)
    assert (ended.median_action[-1] == 1).all()


SMALL = Evolution(strategies=6, matches=3, elites=1, immigrants=1)
VARIANTS = [
    SMALL,
    replace(SMALL, memory=0),
    replace(SMALL, memory=3),
    replace(SMALL, hidden=0, start="cooperative"),
]


@pytest.mark.parametrize("spec", VARIANTS, ids=["one round", "no inputs", "three rounds", "constants"])
def test_self_play_is_a_session_of_evolving_learners(spec):
    """The batched matches and the rounds of a session are the same bits."""
    game = bertrand(range(11))
    ended = spec.evolve(game, 4, seed=5, replicates=3)
    played = Session(game, (spec, spec), 4 * 18, trace=TraceSpec(window=18)).play(5, 3)
    for row, one in enumerate(played.ended):
        last = np.sort(one.trace.last_profiles, axis=0)[(18 - 1) // 2]
        assert (last == ended.median_action[-1, row]).all()
        for i in (0, 1):
            assert (one.arrays[i]["weights"] == ended.weights[row, i]).all()


@pytest.mark.parametrize("spec", VARIANTS, ids=["one round", "no inputs", "three rounds", "constants"])
def test_the_evolving_learner_keeps_the_contract(spec):
    check_learner(spec)


def test_pools_play_other_learners_and_have_a_strategy():
    game = bertrand((0, 10, 20, 30))
    ended = Session(game, (Evolution(hidden=0), Fixed(2)), 30 * 500).play(seed=1, replicates=3)
    pool = ended.learner(0)
    assert (pool.median == 1).all(), "half of 20 is what the tie pays, 10 alone is as much; 10 is the lower"
    assert pool.strategy(0).reply(np.array([[3, 3]]), game.actions)[0] == 1
    card = make_policy_card(game, ended.strategies(0), 0, start=ended.ended[0].standing)
    assert card.rest.tolist() == [[1, 2]]


@pytest.mark.parametrize("levels", [None, "cycle", "drawn"])
def test_interrupted_self_play_goes_on_bit_for_bit(levels, tmp_path):
    game = Hours((bertrand(range(11)), bertrand(range(0, 22, 2)), bertrand(range(5, 16))))
    spec = replace(SMALL, memory=2, sees_level=levels is not None)
    whole = spec.evolve(game, 9, seed=2, replicates=[4, 1], levels=levels)
    file = tmp_path / "pools.npz"
    spec.evolve(game, 5, seed=2, replicates=[4, 1], levels=levels, checkpoint=file)
    again = spec.evolve(game, 9, seed=2, replicates=[4, 1], levels=levels, checkpoint=file)
    for name in ("median_action", "mean_profit", "quartiles", "mean_signals", "weights"):
        assert np.array_equal(getattr(whole, name), getattr(again, name)), name
    with pytest.raises(InputError, match="of seed 2"):
        spec.evolve(game, 9, seed=3, replicates=[4, 1], levels=levels, checkpoint=file)
    with pytest.raises(InputError, match="another self-play"):
        replace(spec, step=0.1).evolve(game, 9, seed=2, replicates=[4, 1], levels=levels, checkpoint=file)
    with pytest.raises(InputError, match="9 generations old"):
        spec.evolve(game, 8, seed=2, replicates=[4, 1], levels=levels, checkpoint=file)
    file.write_bytes(b"torn")
    with pytest.raises(InputError, match="cannot be read"):
        spec.evolve(game, 9, seed=2, replicates=[4, 1], levels=levels, checkpoint=file)


def test_first_pools_lie_where_they_are_asked_to():
    game = bertrand(range(101))
    medians = {
        start: Evolution(start=start).evolve(game, 1, seed=1, replicates=10).median_action.mean()
        for start in ("defecting", "random", "cooperative")
    }
    assert medians["defecting"] < 20
    assert 35 < medians["random"] < 65
    assert medians["cooperative"] > 80
    assert (Evolution(start=0.95).evolve(game, 1, seed=1).weights == Evolution(start="cooperative").evolve(
        game, 1, seed=1).weights).all()  # fmt: skip


def test_a_strategy_that_sees_the_level_answers_it():
    """One player whose best action is the demand level itself: seen, it is met; unseen, it cannot be."""
    game = Hours(tuple(PayoffTensor([[-abs(float(a - 4 * k)) for a in range(9)]]) for k in range(3)))
    spec = Evolution(strategies=30, sees_level=True)
    seen = spec.evolve(game, 120, seed=1, replicates=4, levels="cycle").mean_profit[-5:].mean()
    blind = replace(spec, sees_level=False, memory=0).evolve(game, 120, seed=1, replicates=4, levels="cycle")
    assert seen > -1.2
    assert blind.mean_profit[-5:].mean() < -2.4, "the middle is off by 4, 0, 4"


def test_pools_in_a_session_see_announced_levels():
    game = Hours(tuple(PayoffTensor([[-abs(float(a - 4 * k)) for a in range(9)]]) for k in range(3)))
    spec = Evolution(strategies=20, matches=4, sees_level=True)
    ended = Session(game, (spec,), 80 * 100, levels="cycle").play(seed=1, replicates=3)
    assert (ended.window_profits() > -1.5).all()
    with pytest.raises(InputError, match="announces levels"):
        Session(game, (spec,), 5).play()
    with pytest.raises(InputError, match="sees demand levels"):
        ended.strategies(0)


def test_held_since():
    ended = Evolution().evolve(bertrand((0, 10, 20, 30)), 40, seed=1, replicates=3)
    since = ended.held_since(lambda rows: (rows == 1).all(axis=1), 5)
    assert (since >= 0).all()
    assert (ended.held_since(lambda rows: (rows == 9).all(axis=1), 5) == -1).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Evolution(strategies=1), "at least 2"),
        (lambda: Evolution(elites=30, immigrants=20), "leave room"),
        (lambda: Evolution(mutation=2.0), "probability"),
        (lambda: Evolution(start=1.0), "between 0 and 1"),
        (lambda: Evolution(start="shy"), "random, defecting, cooperative"),
        (lambda: Evolution(memory=-1), "memory -1"),
        (lambda: Evolution().evolve(bertrand((0, 1)), 0), "at least 1"),
        (lambda: Evolution(sees_level=True).evolve(bertrand((0, 1)), 1), "levels that are announced"),
        (lambda: Evolution().evolve(bertrand((0, 1)), 1, levels="cycle"), "no demand levels"),
        (lambda: Evolution().evolve(bertrand((0, 1)), 1, levels="often"), "cycle, drawn"),
        (lambda: Evolution(signal_range=((1.0, 1.0),)).evolve(bertrand((0, 1)), 1), "of price"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()

"""Days of several hours: the compiled loop beside the session, masks, ramps, and the day as one game."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.errors import InputError
from learners.equilibria.pure import pure_equilibria
from learners.equilibria.shares import share_interval
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.sessions.stopping import Stages
from learners.strategies.memory import LastActions, LastSignal
from learners.strategies.policies import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Exponential
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa
from studies.two_sided_three_node.days import play_days
from studies.two_sided_three_node.offer_ramps import OfferRamps, day_game

OFFERS = (200.0, 196.0, 190.0)


def hours(seed: int, shape=(3, 2), count: int = 3) -> tuple[PayoffTensor, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        PayoffTensor(
            rng.normal(size=(len(shape), *shape)),
            signal_values=rng.normal(size=(1, *shape)),
            signal_names=("price",),
        )
        for _ in range(count)
    )


LEARNERS = (
    ExpectedSarsa(0.2, 0.9, EntropyBoltzmann(0.5), LastActions("own")),
    ExpectedSarsa(0.2, 0.9, EpsilonGreedy(Exponential(0.01)), LastActions("all")),
    Sarsa(0.3, 0.7, Boltzmann(0.4), LastActions("none")),
    QLearning(0.1, 1.0, EpsilonGreedy(0.2), LastActions("own"), by_visits=True),
    QLearning(0.1, 0.5, EntropyBoltzmann(0.4), LastSignal((0.0,))),
)


@settings(max_examples=12, deadline=None)
@given(
    first=st.sampled_from([k for k in LEARNERS if not isinstance(k.memory, LastSignal)]),
    second=st.sampled_from(LEARNERS),
    seed=st.integers(0, 1000),
    ramp=st.sampled_from([4.0, 6.0, np.inf]),
)
def test_the_compiled_loop_has_the_bits_of_a_session(first, second, seed, ramp):
    """Same profiles, tables and last changes as through act and update, whatever learns (law 9)."""
    own = isinstance(first.memory, LastActions) and first.memory.of in ("own", "all")
    ramps = OfferRamps(3, [OFFERS if own else None, None], ramp, [200.0, None],
                       {(0, 1): np.array([True, False])})  # fmt: skip
    if isinstance(second.memory, LastSignal):
        ramps = OfferRamps(3, [OFFERS if own else None, None], ramp, [200.0, None])
    session = Session(Stages(hours(seed), ramps), (first, second), 3 * 20)
    days = play_days(session, seed, 3)
    slow = session.play(seed, 3)
    for r, ended in enumerate(slow.ended):
        assert np.array_equal(days.actions(days.played)[r].reshape(-1, 2), ended.trace.last_profiles)
        assert days.last_change[r] == max(a["last_change"] for a in ended.arrays)
        for i in range(2):
            kept = ended.arrays[i]["tables"]
            seen = np.isfinite(days.tables[i][r])
            assert np.array_equal(days.tables[i][r][seen], kept[seen])


def test_replicates_do_not_depend_on_their_batch():
    session = Session(Stages(hours(3)), (LEARNERS[0], LEARNERS[1]), 3 * 50)
    together, alone = play_days(session, 5, 4), play_days(session, 5, [2])
    assert np.array_equal(together.played[2], alone.played[0])
    assert np.array_equal(together.greedy[2], alone.greedy[0])


def test_the_greedy_path_and_the_day_it_settles():
    """Learners settle on the profile that dominates; payoffs follow it."""
    game = PayoffTensor([[[0, 0], [1, 5]], [[0, 1], [0, 7]]])
    learner = ExpectedSarsa(1.0, 0.0, EpsilonGreedy(0.5), LastActions("none"))
    days = play_days(Session(Stages((game, game)), (learner, learner), 2 * 200), 1, 5)
    assert (days.greedy[:, -1] == 3).all()
    assert days.payoffs(days.greedy[:, -1]).tolist() == [[[5, 7], [5, 7]]] * 5
    for r, day in enumerate(days.settled_day):
        assert (days.greedy[r, day:] == days.greedy[r, -1]).all()
        assert day == 0 or (days.greedy[r, day - 1] != days.greedy[r, -1]).any()


def test_one_day_has_settled():
    session = Session(Stages(hours(2)), (LEARNERS[0], LEARNERS[1]), 3)
    assert play_days(session, 0, 2).settled_day.tolist() == [0, 0]


def test_ramps_are_on_offers_and_name_an_unreachable_start():
    ramps = OfferRamps(2, [OFFERS, None], 6.0, [200.0, None])
    assert ramps(0, 0, np.zeros((1, 2), int)).tolist() == [[True, True, False]]
    assert ramps(1, 0, np.array([[0, 0], [1, 0], [2, 1]])).tolist() == [
        [True, True, False], [True, True, True], [False, True, True],
    ]  # fmt: skip
    assert ramps(1, 1, np.zeros((1, 2), int)) is None
    assert ramps.plans(0, 3).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]
    with pytest.raises(InputError, match=r"offered 100.*reaches none"):
        OfferRamps(2, [OFFERS, None], 6.0, [100.0, None])


def test_a_mask_that_the_memory_cannot_tell_is_refused():
    ramps = OfferRamps(2, [OFFERS, None], 5.0)
    forgetful = ExpectedSarsa(0.1, 0.9, EntropyBoltzmann(0.5), LastActions("none"))
    session = Session(Stages(hours(1, count=2), ramps), (forgetful, forgetful), 4)
    with pytest.raises(InputError, match="one state has two masks"):
        play_days(session, 0, 1)


def test_what_cannot_be_played_in_days_is_refused():
    plain = Session(hours(1)[0], LEARNERS[:2], 10)
    with pytest.raises(InputError, match="Stages of payoff tensors"):
        play_days(plain, 0, 1)
    with pytest.raises(InputError, match="whole days"):
        play_days(Session(Stages(hours(1)), LEARNERS[:2], 10), 0, 1)


def test_the_day_as_one_game_sums_its_hours():
    stages = hours(4, count=2)
    ramps = OfferRamps(2, [OFFERS, None], 6.0, [200.0, None])
    game = day_game(stages, ramps)
    plans = ramps.plans(0, 3)
    assert game.actions == (len(plans), 4)
    for a, plan in enumerate(plans):
        for d in range(4):
            hour_cuts = divmod(d, 2)
            want = sum(stages[h].values[:, plan[h], hour_cuts[h]] for h in range(2))
            assert np.allclose(game.values[:, a, d], want)
    free = day_game(stages)
    by_hour = [{e.profile for e in pure_equilibria(s)} for s in stages]
    whole = {
        tuple(divmod(k, n) for k, n in zip(e.profile, (3, 2), strict=True)) for e in pure_equilibria(free)
    }
    assert whole == {((a, b), (c, d)) for a, c in by_hour[0] for b, d in by_hour[1]}


@given(n=st.integers(1, 300), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_share_intervals_hold_the_share_and_mirror(n, share, level):
    k = round(share * n)
    low, high = share_interval(k, n, level)
    assert 0 <= low <= k / n <= high <= 1
    mirrored = share_interval(n - k, n, level)
    assert np.allclose([1 - high, 1 - low], mirrored)
    if 0 < k < n:  # Wilson's ends are where the score test just does not reject
        from scipy import stats

        z = stats.norm.ppf(0.5 + level / 2)
        for end in (low, high):
            assert abs(k / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n), rel=1e-6)


def test_impossible_shares_are_refused():
    with pytest.raises(InputError, match="hits"):
        share_interval(3, 2)
    with pytest.raises(InputError, match="level"):
        share_interval(1, 2, 1.0)

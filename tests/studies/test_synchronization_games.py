"""Synchronization games: exact clearing in four forms, controls, equilibria, learners, storage, meters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing import InputError
from clearing.posted.accounting import prosumer_book, prosumer_cash
from clearing.posted.market import PostedOfferMarket
from studies.synchronization.neighbourhood import (
    Neighbourhood,
    SyncRules,
    clear_plans,
    draw_neighbourhood,
    friendly_plans,
)
from studies.synchronization.plan_game import SyncPlanGame, one_slot_plans
from studies.synchronization.replies import (
    find_sync_equilibrium,
    flip_gains,
    pair_gains,
    reply_profits,
    search_gain,
)
from studies.synchronization.slot_learning import SlotLearning, greedy_plans, learn_slots, play_days
from studies.synchronization.storage import (
    next_interval,
    play_storage_game,
)

RULES = [
    SyncRules("literal"),
    SyncRules("balanced"),
    SyncRules("waste"),
    SyncRules("sales"),
    SyncRules("balanced", price_blind=True),
    SyncRules("balanced", ratchet=0.0, exponent=1.5),
    SyncRules("balanced", ratchet=0.4, storage_loss=0.3, fine=0.02),
    SyncRules("balanced", elasticity=0.3, flat_price=900.0, share=0.25),
    SyncRules("balanced", response_payment=300.0),
]


def world(days: int = 3, seed: int = 0) -> Neighbourhood:
    return draw_neighbourhood(np.random.default_rng(seed), days)


@pytest.mark.parametrize("accounting", ["literal", "balanced", "waste", "sales"])
def test_plans_clear_as_the_posted_offer_market_does(accounting):
    homes = world()
    plays = np.random.default_rng(1).random((homes.days, homes.slots, homes.prosumers)) < 0.3
    rules = SyncRules(accounting)
    ours = clear_plans(homes, plays, rules)
    book = prosumer_book(homes.consumers_mw, homes.need_mw, homes.sun_mw, plays, accounting=accounting)
    market = PostedOfferMarket("peak", rules.reference_price, homes.reference_mw)
    theirs = market.clear(book)
    cash = prosumer_cash(theirs, homes.need_mw, homes.sun_mw, plays, accounting)
    assert np.abs(ours.price - theirs.book.operator_price).max() <= 1e-12 * ours.price.max()
    assert np.abs(ours.sold_mw - theirs.accepted_mw).max() <= 1e-12 * homes.sun_mw.max()
    assert np.abs(ours.cash - cash).max() <= 1e-12 * np.abs(cash).max()
    level = clear_plans(homes, plays, replace(rules, ratchet=0.0))
    again = PostedOfferMarket("level", rules.reference_price, homes.reference_mw).clear(book)
    assert np.abs(level.price - again.book.operator_price).max() <= 1e-12 * level.price.max()


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_replies_are_the_profits_of_cleared_plans(rules):
    homes = world(seed=2)
    generator = np.random.default_rng(3)
    plays = generator.random((homes.slots, homes.prosumers)) < 0.2
    plans = generator.random((4, homes.slots)) < 0.3
    for i in (0, 4):
        fast = reply_profits(homes, plays, i, plans, rules)
        for row, plan in zip(fast, plans, strict=True):
            changed = plays.copy()
            changed[:, i] = plan
            slow = clear_plans(homes, changed, rules).profit[:, i]
            assert np.abs(row - slow).max() <= 1e-11 * np.abs(slow).max()


def test_a_batch_of_plans_is_each_plan():
    homes = world()
    plays = np.random.default_rng(0).random((4, 1, homes.slots, homes.prosumers)) < 0.3
    both = clear_plans(homes, plays, SyncRules())
    for k in range(4):
        assert (clear_plans(homes, plays[k], SyncRules()).cash == both.cash[k]).all()


def test_real_time_prices_are_the_fixed_point_of_a_slot_loop():
    homes = world()
    rules = SyncRules(elasticity=0.4, flat_price=800.0)
    plays = np.random.default_rng(5).random((homes.slots, homes.prosumers)) < 0.3
    ours = clear_plans(homes, plays, rules)
    artificial = 0.5 * (homes.need_mw * plays).sum(axis=-1)
    for day in range(homes.days):
        peak = 0.0
        for t in range(homes.slots):
            stiff = homes.short_mw[day, t].sum() + artificial[day, t]

            def demand(level, day=day, t=t, stiff=stiff):
                s = rules.reference_price * (level / homes.reference_mw) ** rules.exponent
                c = homes.consumers_mw[day, t]
                return stiff + (c * (s / rules.flat_price) ** -rules.elasticity if s > 0 and c > 0 else 0.0)

            if demand(max(peak, 1e-15)) > peak:  # a new peak: bisect for the level that it sets itself
                low, high = max(peak, 1e-15), 1.0
                for _ in range(200):
                    middle = 0.5 * (low + high)
                    low, high = (middle, high) if demand(middle) > middle else (low, middle)
                peak = high
            price = rules.reference_price * (peak / homes.reference_mw) ** rules.exponent
            assert ours.price[day, t] == pytest.approx(price, rel=1e-9, abs=1e-9)
    assert ours.bill.mean() != clear_plans(homes, plays, SyncRules()).bill.mean()


def test_the_peak_resets_at_midnight_and_blind_prices_ignore_artificial_demand():
    homes = world()
    everyone = np.ones((homes.slots, homes.prosumers), dtype=bool)
    friendly, synced = (clear_plans(homes, p, SyncRules()) for p in (friendly_plans(homes), everyone))
    assert (np.diff(friendly.price, axis=1) >= 0).all()
    assert (friendly.price[1:, 0] < friendly.price[:-1, -1]).all()
    assert synced.price[:, -1].min() > friendly.price[:, -1].min()
    blind = clear_plans(homes, everyone, SyncRules(price_blind=True))
    assert blind.price == pytest.approx(friendly.price, rel=1e-12)
    assert (blind.demand_mw == synced.demand_mw).all()


def loop_learning(homes, rules, learning, generator):
    """The document's equation (6), one slot and one prosumer after another."""
    slots, count = homes.slots, homes.prosumers
    q = np.zeros((slots, count, 2))
    pending = None
    for day in range(homes.days):
        explores, coin = generator.random((2, slots, count))
        plays = np.zeros((slots, count), dtype=bool)
        for t in range(slots):
            if pending is not None:
                learn(q, *pending, t, learning)
            for i in range(count):
                greedy = q[t, i, 1] > q[t, i, 0]
                plays[t, i] = coin[t, i] < 0.5 if explores[t, i] < learning.epsilon else greedy
            reward = clear_plans(homes.part(day, day + 1), plays, rules).cash[0, t]
            pending = (t, plays[t].astype(int), reward)
    learn(q, *pending, 0, learning)
    return q


def learn(q, t, actions, reward, after, learning):
    for i, a in enumerate(actions):
        q[t, i, a] += learning.alpha * (reward[i] + learning.gamma * q[after, i].max() - q[t, i, a])


def test_learning_day_by_day_is_learning_slot_by_slot():
    homes = draw_neighbourhood(np.random.default_rng(0), 4, slots=24)
    learning = SlotLearning(alpha=0.3, epsilon=0.5)
    fast = learn_slots(homes, SyncRules("literal"), learning, np.random.default_rng(9))
    slow = loop_learning(homes, SyncRules("literal"), learning, np.random.default_rng(9))
    assert np.abs(fast - slow).max() <= 1e-12


def test_what_is_learned_literally_does_not_need_the_operator():
    """The pattern is own need without sun; an operator that is blind to it changes (almost) no decision."""
    homes = world(days=200)
    literal = SyncRules("literal")
    seen, blind = (
        greedy_plans(learn_slots(homes, r, SlotLearning(), np.random.default_rng(1)))
        for r in (literal, replace(literal, price_blind=True))
    )
    assert (seen == blind).mean() > 0.98
    by_day = (homes.hour >= 5.5) & (homes.hour < 21)
    net_buyer = homes.short_mw.mean(axis=0) > homes.surplus_mw.mean(axis=0)
    assert (seen == net_buyer)[by_day].mean() > 0.9
    honest = greedy_plans(learn_slots(homes, SyncRules("balanced"), SlotLearning(), np.random.default_rng(1)))
    assert (honest != seen)[by_day].mean() > 0.1


def test_posting_in_steps_sells_less_and_follows_the_rule():
    homes = world(days=5)
    plans = friendly_plans(homes)
    matched, _ = play_days(homes, plans, SyncRules())
    stepped, posted = play_days(homes, plans, SyncRules(), "steps")
    assert (stepped.price == matched.price).all()
    assert stepped.profit.sum() < matched.profit.sum()
    offers = homes.surplus_mw > 0
    sold = stepped.sold_mw > 0
    assert (posted[sold] <= np.broadcast_to(stepped.price[..., None], posted.shape)[sold]).all()
    for i in range(homes.prosumers):
        asked = posted[..., i][offers[..., i]]
        won = sold[..., i][offers[..., i]]
        assert asked[1:] == pytest.approx(asked[:-1] * np.where(won[:-1], 1.1, 0.9))
    with pytest.raises(InputError, match="sells nothing"):
        play_days(homes, plans, SyncRules("sales"), "steps")


def test_the_equilibrium_gains_from_no_one_or_two_slots_and_raises_prices():
    homes = world(days=30)
    rules = SyncRules("balanced")
    found = find_sync_equilibrium(homes, rules)
    assert found.settled
    assert found.plays.any()
    assert flip_gains(homes, found.plays, rules).max() <= 1e-9
    pairs = pair_gains(homes, found.plays, 0, rules)
    assert np.array_equal(pairs, pairs.T)
    assert np.diag(pairs) == pytest.approx(flip_gains(homes, found.plays, rules)[:, 0], abs=1e-12)
    gain, plan = search_gain(homes, found.plays, 0, rules, np.random.default_rng(0), starts=4)
    own = reply_profits(homes, found.plays, 0, np.stack([found.plays[:, 0], plan]), rules).mean(axis=1)
    assert gain == pytest.approx(own[1] - own[0], abs=1e-12)
    assert gain >= -1e-12
    friendly = clear_plans(homes, friendly_plans(homes), rules)
    reached = clear_plans(homes, found.plays, rules)
    assert reached.mean_price(9, 16) > 1.05 * friendly.mean_price(9, 16)
    assert reached.profit.mean() > friendly.profit.mean()


@pytest.mark.parametrize(
    "rules", [SyncRules(ratchet=0.0), SyncRules(price_blind=True), SyncRules(fine=5.0), SyncRules(share=0.0)]
)
def test_remedies_that_leave_nothing_to_gain_leave_everyone_friendly(rules):
    for seed in (0, 1):
        found = find_sync_equilibrium(world(days=20, seed=seed), rules)
        assert found.settled
        assert not found.plays.any()


def test_plan_game_pays_the_day_and_the_difference():
    homes = world(days=6)
    plans = one_slot_plans(homes)
    assert plans.shape == (13, 96)
    assert plans.sum(axis=1).tolist() == [0] + [1] * 12
    game = SyncPlanGame(homes, SyncRules(), plans)
    profile = np.array([[3, 3, 0, 5, 12]])
    plays = plans[profile[0]].T
    assert game.payoffs(profile)[0] == pytest.approx(
        clear_plans(homes, plays, SyncRules()).profit.mean(axis=0)
    )
    paid = SyncPlanGame(homes, SyncRules(), plans, difference=True).payoffs(profile)[0]
    for i in range(5):
        without = profile.copy()
        without[0, i] = 0
        assert paid[i] == pytest.approx(game.payoffs(profile)[0, i] - game.payoffs(without)[0, i], abs=1e-12)
    drawn = [game.payoffs(profile, np.random.default_rng(k))[0] for k in range(3)]
    one_day = [clear_plans(homes.part(d, d + 1), plays, SyncRules()).profit[0] for d in range(6)]
    for row in drawn:
        assert min(np.abs(row - day).max() for day in one_day) <= 1e-12


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), order=st.permutations(range(5)))
def test_names_do_not_matter(seed, order):
    homes = world(days=1, seed=seed)
    plays = np.random.default_rng(seed).random((homes.slots, 5)) < 0.3
    moved = Neighbourhood(homes.consumers_mw, homes.need_mw[..., order], homes.sun_mw[..., order])
    one, other = clear_plans(homes, plays, SyncRules()), clear_plans(moved, plays[:, order], SyncRules())
    assert one.profit[:, order] == pytest.approx(other.profit, rel=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SyncRules("litteral"), "did you mean"),
        (lambda: SyncRules(elasticity=0.1), "flat_price"),
        (lambda: SyncRules(elasticity=0.1, flat_price=9.0, ratchet=0.5), "ratchet = 1"),
        (lambda: SyncRules(ratchet=2.0), "from 0 to 1"),
        (lambda: SyncRules(fine=-1.0), "fine"),
        (lambda: SlotLearning(alpha=2.0), "alpha"),
        (lambda: SlotLearning(posting="clip"), "posting"),
        (lambda: Neighbourhood(np.ones((1, 4)), np.ones((1, 3, 2)), np.ones((1, 4, 2))), "slots, prosumers"),
        (lambda: Neighbourhood(-np.ones((1, 4)), np.ones((1, 4, 2)), np.ones((1, 4, 2))), "at least 0"),
        (lambda: Neighbourhood(np.zeros((1, 4)), np.zeros((1, 4, 2)), np.ones((1, 4, 2))), "reference_mw"),
        (lambda: clear_plans(world(1), np.zeros((95, 5)), SyncRules()), "plays has shape"),
        (lambda: reply_profits(world(1), np.zeros((96, 5)), 0, np.zeros((2, 95)), SyncRules()), "plans has"),
        (lambda: play_storage_game(1.0, 1.0, 1.5, 1.0, 1.0), "from 0 to 1"),
        (lambda: next_interval(1.0, 0.0, 0.0, 0.0), "above 0"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()

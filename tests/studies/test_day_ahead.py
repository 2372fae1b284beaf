"""The general two-sided market: eqs. by hand, ramps, cap, external demand, and learning in all seats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clearing
import networks
from clearing.errors import InputError
from learners.games.payoffs import Disco
from studies.two_sided_eighteen_bus.day_ahead_learning import DayAheadLearning, learn_day_ahead
from studies.two_sided_eighteen_bus.day_ahead_market import DayAheadMarket, DayAheadRules

PROFILE = (0.7, 1.0, 0.8)


@pytest.fixture(scope="module")
def one_bus():
    """One bus: units at 10 and 20 $/MWh, 100 MW each; two discos of 60 MW at 50 and 40 $/MWh."""
    grid = networks.Grid.from_tables(
        buses=[{"bus": "a"}, {"bus": "b"}],
        branches=[{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1}],
    )
    from networks.case import Case, Provenance
    from networks.fleet import Fleet

    base = networks.load("three_node")
    fleet = replace(
        base.fleet, buses=grid.buses, units=("X", "Y"), unit_owner=("X", "Y"), unit_bus=np.array([0, 1]),
        min_mw=np.zeros(2), max_mw=np.full(2, 100.0), constant_cost=np.zeros(2),
        segment_unit=np.array([0, 1]),
        segment_from_mw=np.zeros(2), segment_to_mw=np.full(2, 100.0), segment_price=np.array([10.0, 20.0]),
        segment_slope=np.zeros(2), ramp_up_mw=np.full(2, np.inf), ramp_down_mw=np.full(2, np.inf),
        previous_mw=np.full(2, np.nan), loads=("P", "Q"), load_owner=("P", "Q"), load_bus=np.array([0, 1]),
        load_mw=np.full((2, 1), 60.0), load_price=np.full(2, np.nan), load_slope=np.zeros(2),
    )  # fmt: skip
    assert isinstance(fleet, Fleet)
    assert isinstance(base.provenance, Provenance)
    return Case("one", "one bus", grid, fleet, base.provenance)


CONTRACTS = {"P": Disco(None, 50.0, 5.0, load="P"), "Q": Disco(None, 40.0, 5.0, load="Q")}


def market(case, **rules) -> DayAheadMarket:
    own = DayAheadRules(**({"profile": PROFILE, "interruptible_mw": 10.0} | rules))
    return DayAheadMarket(clearing.NodalMarket(case.grid), case, CONTRACTS, own)


def day(*actions: int) -> np.ndarray:
    return np.tile(np.array(actions), (1, len(PROFILE), 1))


def test_the_truthful_day_by_hand(one_bus):
    """84, 120 and 96 MW of demand: 10 $/MWh below 100 MW, 20 above."""
    out = market(one_bus).clear(day(0, 0, 0, 0))
    assert np.allclose(out.lmp[0, :, 0], [10, 20, 10])
    assert np.allclose(out.dispatch[0], [[84, 0], [100, 20], [96, 0]])
    assert np.allclose(out.profits[0, :, 0], [0, 1000, 0])
    assert np.allclose(out.profits[0, :, 2], [40 * 42, 30 * 60, 40 * 48])
    assert not out.external.any()


def test_offers_of_phi_and_sigma(one_bus):
    """φ = 0.5 leaves 50 MW of X; σ = 0.5 doubles Y's price to 40, which Q's 40 just accepts."""
    rules = {"offers": ((1.0, 0.0), (0.5, 0.0), (1.0, 0.5)), "bids": ((0.0, 1.0),)}
    out = market(one_bus, **rules).clear(day(1, 2, 0, 0))
    assert np.allclose(out.dispatch[0, :, 0], 50)
    assert np.allclose(out.lmp[0, :, 0], 40)
    assert np.allclose(out.profits[0, :, 0], (40 - 10) * 50)
    capped = market(one_bus, **rules, price_cap=30.0).clear(day(1, 2, 0, 0))
    assert np.allclose(capped.lmp[0, :, 0], 30), "offers and bids above the cap are brought down to it"


def test_interruption_and_demand_outside_the_market(one_bus):
    """μ cuts 10 MW at 5 $/MWh; η = 0.2 bids 8 $/MWh, below every cost, so all of Q is bought outside."""
    rules = {"offers": ((1.0, 0.0),), "bids": ((0.0, 1.0), (1.0, 1.0), (0.0, 0.2)), "external_price": 45.0}
    out = market(one_bus, **rules).clear(day(0, 0, 1, 2))
    assert np.allclose(out.served[0, :, 0], np.array(PROFILE) * 60 - 10)
    assert np.allclose(out.external[0, :, 1], np.array(PROFILE) * 60)
    assert np.allclose(out.profits[0, :, 3], (40 - 45) * np.array(PROFILE) * 60)
    served = out.served[0, :, 0]
    assert np.allclose(out.profits[0, :, 2], (50 - out.lmp[0, :, 0]) * served - 5 * 10)
    cost = market(one_bus, **rules, objective="cost").clear(day(0, 0, 1, 2))
    assert np.allclose(cost.profits[0, :, 3], -45 * np.array(PROFILE) * 60)


def test_forecasts_and_their_bids(one_bus):
    """F(q) falls as demand rises with a negative exponent; forecasts scatter around the truth."""
    game = market(one_bus, forecast_exponent=-1.0, forecast_error=0.1, price_cap=1000.0)
    price, mw, cut = game.numbers(day(0, 0, 0, 0), game.forecasts())
    mean = np.mean(PROFILE)
    assert np.allclose(price[0, :, 2], 50 * mean / np.array(PROFILE))
    assert np.allclose(mw[0, :, 2], np.array(PROFILE) * 60)
    assert not cut.any()
    noise = np.random.default_rng(0).standard_normal((400, 3, 2))
    drawn = game.forecasts(noise)
    assert np.allclose(drawn.mean(axis=0), game.forecasts()[0], rtol=0.02)
    assert np.allclose(drawn.std(axis=0) / drawn.mean(axis=0), 0.1, rtol=0.15)


def test_dispatch_ramps_couple_the_hours(one_bus):
    """With 5 MW/h X cannot go from 84 to 100 MW, nor Y stand still; days clear as one problem."""
    free, held = (market(one_bus, dispatch_ramp_mw=r).clear(day(0, 0, 0, 0)) for r in (None, 20.0))
    assert abs(np.diff(held.dispatch, axis=1)).max() <= 20 + 1e-6
    assert np.allclose(held.dispatch.sum(axis=2), free.dispatch.sum(axis=2))
    loose = market(one_bus, dispatch_ramp_mw=1000.0).clear(day(0, 0, 0, 0))
    assert np.allclose(loose.lmp, free.lmp)
    assert np.allclose(loose.dispatch, free.dispatch)
    assert np.allclose(loose.profits, free.profits)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), ramp=st.sampled_from([10.0, 60.0, np.inf]))
def test_learned_days_keep_the_offer_ramp(one_bus, seed, ramp):
    game = market(one_bus, offers=((1.0, 0.0), (0.95, 0.0), (0.5, 0.0)), offer_ramp_mw=ramp)
    found = learn_day_ahead(game, DayAheadLearning(0.9, 0.9), 5, seed, 3)
    phi = np.array([1.0, 0.95, 0.5])[found.greedy[:, :, :2]]
    assert (abs(np.diff(phi * 100, axis=1)) <= ramp + 1e-9).all()
    assert np.allclose(found.ends.profits, game.clear(found.greedy).profits)


def test_replicates_do_not_depend_on_their_batch(one_bus):
    game = market(one_bus, forecast_error=0.05)
    together = learn_day_ahead(game, DayAheadLearning(), 20, 7, 3)
    alone = learn_day_ahead(game, DayAheadLearning(), 20, 7, [2])
    assert np.array_equal(together.profits[2], alone.profits[0])
    assert np.array_equal(together.greedy[2], alone.greedy[0])


def test_a_lone_genco_learns_its_best_mark_up(one_bus):
    """X and Y both at φ = 1: a mark-up of Y to just below the bids pays it most, and it finds that."""
    rules = {"offers": ((1.0, 0.0), (1.0, 0.45)), "bids": ((0.0, 1.0),), "profile": (1.0,)}
    game = market(one_bus, **rules)
    found = learn_day_ahead(game, DayAheadLearning(0.3, 0.3, 0.1, 0.0), 300, 1, 10)
    assert (found.greedy[:, 0, 1] == 1).all(), "without a mark-up Y earns nothing at the margin"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"offers": ((1.1, 0.0),)}, "φ"),
        ({"offers": ((1.0, 1.0),)}, "σ"),
        ({"bids": ((0.0, 1.5),)}, "η"),
        ({"profile": ()}, "profile"),
        ({"profile": (1.0, -1.0)}, "profile"),
        ({"price_cap": 0.0}, "price cap"),
        ({"interruptible_mw": 1000.0}, "interrupt less"),
        ({"objective": "fun"}, "objective"),
    ],
)
def test_wrong_rules_are_refused(one_bus, rules, words):
    with pytest.raises(InputError, match=words):
        market(one_bus, **rules)


def test_wrong_learning_is_refused(one_bus):
    with pytest.raises(InputError, match="alpha"):
        DayAheadLearning(alpha=0.0)
    with pytest.raises(InputError, match="genco_rate"):
        DayAheadLearning(genco_rate=1.5)
    with pytest.raises(InputError, match="days is 0"):
        learn_day_ahead(market(one_bus), DayAheadLearning(), 0, 0, 1)
    with pytest.raises(InputError, match="'P' has none"):
        DayAheadMarket(clearing.NodalMarket(one_bus.grid), one_bus, {})

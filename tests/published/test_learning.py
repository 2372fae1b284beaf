"""Learning baselines: logit Bertrand, sequential pricing, three nodes, evolved mark-ups on five buses.

The long ones are marked slow: `pytest -m slow tests/published/test_learning.py`.
"""

import math
import re
import time
from pathlib import Path

import numpy as np
import pytest

import clearing
import networks
from learners import Game, Markups, tabulate
from learners.games.bertrand import LogitBertrand
from learners.games.game import PayoffTensor
from learners.games.sequential_pricing import SequentialPricing
from learners.sessions.session import Session
from learners.sessions.stopping import Stages, Stopping
from learners.strategies.evolution import Evolution
from learners.strategies.memory import LastActions
from learners.strategies.policies import EntropyBoltzmann, EpsilonGreedy, Exponential
from learners.strategies.policy_card import follow, make_policy_card, resting_cycle
from learners.strategies.tabular import ExpectedSarsa, QLearning

LOGIT = LogitBertrand.calvano()
TABLE = tabulate(LOGIT)
NASH, MONOPOLY = (LOGIT.symmetric_profit(p) for p in (LOGIT.nash_price, LOGIT.monopoly_price))


def logit_session(beta, delta=0.95):
    """Calvano, Calzolari, Denicolò, Pastorello (AER 2020), section III: α .15, memory one."""
    spec = QLearning(0.15, delta, EpsilonGreedy(Exponential(beta)), initial="uniform_rivals")
    return Session(TABLE, (spec, spec), Stopping(20_000_000, unchanged=100_000))


def profit_gain(ended):
    return (ended.limit_profits().mean(axis=1) - NASH) / (MONOPOLY - NASH)


def punishment(ended):
    """Mean price change (rounds,) of the rival after firm 2's static best reply, where play rests."""
    prices = np.array(TABLE.labels[0], dtype=float)
    paths = []
    for row, one in enumerate(ended.ended):
        strategies = ended.strategies(row)
        rest = resting_cycle(strategies, TABLE.actions, one.standing)
        if len(rest) == 1:
            card = make_policy_card(TABLE, strategies, 0, start=one.standing, rounds=20)
            if len(card.after_cut):
                calm = follow(strategies, TABLE.actions, rest[0], 20)
                paths.append(prices[card.after_cut[:, 0]] - prices[calm[:, 0]])
    return np.mean(paths, axis=0)


def test_the_readmes_experiment_shows_what_the_readme_says():
    """Profits above competition, not above the best static Nash equilibrium; from under 20 lines."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.S) if "Benchmarks" in b]
    assert len(block.splitlines()) < 20
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    table = names["yardsticks"].compare(names["ended"].limit_profits())
    assert table["low"]["competitive"] > 0.5
    assert table["high"]["nash_high"] < 0


def test_static_benchmarks():
    assert LOGIT.nash_price == pytest.approx(1.472927, abs=5e-7)
    assert LOGIT.monopoly_price == pytest.approx(1.924981, abs=5e-7)
    assert pytest.approx(0.222927, abs=5e-7) == NASH
    assert pytest.approx(0.337490, abs=5e-7) == MONOPOLY


def test_q_learners_price_above_nash_and_punish_cuts():
    """A tenth of the baseline's exploration: the gain is positive in every session, and cuts are answered."""
    ended = logit_session(4e-5).play(seed=1, replicates=12)
    gain = profit_gain(ended)
    assert ended.stable.all()
    assert (ended.rounds >= 175_000).all(), "β·t > 7 comes first"
    assert 0.55 < gain.mean() < 0.95
    assert punishment(ended)[2] < 0


@pytest.mark.slow
def test_logit_baseline_of_forty_sessions():
    """Average profit gain in [.80, .90]; controls without a future; punishment, then return; two minutes."""
    begun, busy = time.perf_counter(), time.process_time()
    ended = logit_session(4e-6).play(seed=1, replicates=40, workers=2)
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    gain = profit_gain(ended)
    print(
        f"Δ {gain.mean():.3f} sd {gain.std(ddof=1):.3f}, {ended.rounds.mean():,.0f} rounds, {seconds:.0f} s"
    )
    assert 0.80 <= gain.mean() <= 0.90
    assert ended.stable.all()
    path = punishment(ended)
    print("rival's price after a cut:", path.round(3))
    assert path[2] < -0.1, "the rival cuts at once"
    assert path[2] < path[4] < 0.02, "and comes back step by step"
    assert np.abs(path[12:]).max() < 0.03, "to where play rested"
    assert busy / 2 < 120, "two cores for two minutes"
    for delta, published in ((0.0, 0.197), (0.35, 0.160)):
        control = profit_gain(logit_session(4e-6, delta).play(seed=1, replicates=12, workers=2))
        print(f"δ = {delta}: Δ {control.mean():.3f} sd {control.std(ddof=1):.3f}")
        assert abs(control.mean() - published) < 0.15
        assert control.mean() < gain.mean() - 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "sessions", "mean", "fixed"),
    [(6, 100, 0.1089, 0.73), (12, 100, 0.1021, 0.21), (24, 40, 0.1070, 0.075)],
)
def test_sequential_pricing_of_q_learners(steps, sessions, mean, fixed):
    """Klein (RAND 2021): alternating moves, α .3, δ .95, ε from 1 to 1e-6 in 500,000 rounds; the expected
    values are of an independent run of the same rules. Joint optimum .125, competitive cycle .0741."""
    theta = 2.763e-5
    policy = EpsilonGreedy(Exponential(-math.log1p(-theta)))
    spec = QLearning(0.3, 0.95, policy, LastActions("rivals"))
    game = tabulate(SequentialPricing.on_grid(steps))
    session = Session(game, (spec, spec), 500_000, every=((2, 0), (2, 1)))
    ended = session.play(seed=1, replicates=sessions, workers=2)
    profit = ended.window_profits().mean(axis=1)
    last = np.array([one.trace.last_profiles[-200:] for one in ended.ended])
    rests = (last == last[:, :1]).all(axis=(1, 2)).mean()
    print(
        f"k = {steps}: mean profit {profit.mean():.4f} sd {profit.std(ddof=1):.4f}, {rests:.0%} at one price"
    )
    assert profit.mean() == pytest.approx(mean, abs=0.004)
    assert rests == pytest.approx(fixed, abs=0.15)


HOUR_1 = PayoffTensor([[[0, 0], [398, 398]], [[500, 500], [300, 300]]], ("Gen-A", "Disco-1"))
HOUR_2 = PayoffTensor([[[0, 0], [0, 398]], [[240, 160], [240, 260]]], ("Gen-A", "Disco-1"))


@pytest.mark.parametrize(("rate", "share"), [(0.1, 0.48), (0.3, 0.82), (0.5, 0.47), (0.9, 0.06)])
def test_two_sided_shares_on_three_nodes(rate, share):
    """Energies 2017, 10, 2045, Algorithm 1 on its least grid: A offers 200 or 199 MW, Disco-1 interrupts 0 or
    20 MW in hour 2; 700 days, α .1. Payoffs are the clearings of `test_three_node.py` at the end of the
    price segment with LMP1 = 6. Expected: shares of an independent run, ±11 points for two samples."""

    def feasible(stage, player, last):
        return np.tile([True, False], (len(last), 1)) if (stage, player) == (0, 1) else None

    policy = EntropyBoltzmann(rate)
    gen_a, disco = (ExpectedSarsa(0.1, 0.95, policy, LastActions(of)) for of in ("own", "none"))
    ended = Session(Stages((HOUR_1, HOUR_2), feasible), (gen_a, disco), 1400).play(seed=3, replicates=200)
    a, d = ended.learner(0).best, ended.learner(1).best
    offer_1 = a[:, 0]
    offer_2 = a[np.arange(200), 2 + offer_1]
    two_sided = (offer_1 == 1) & (offer_2 == 1) & (d[:, 1] == 1)
    assert two_sided.mean() == pytest.approx(share, abs=0.11)


def test_evolved_mark_ups_on_five_buses():
    """The reconstructed five-bus case, exact clearings of 31³ profiles: G3 and one of G1, G2 at the top,
    the other low. An independent run: 36 and 3 of 40 after 60 generations, median 14 generations."""
    case = networks.load("five_bus")
    game = Game(clearing.NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups(range(31))).tensor()
    ended = Evolution().evolve(game, 60, seed=1, replicates=40)

    def equilibrium(m):
        top = m >= 29
        return top[:, 2] & ((top[:, 1] & (m[:, 0] <= 10)) | (top[:, 0] & (m[:, 1] <= 10)))

    since = ended.held_since(equilibrium)
    first_low = (ended.median_action[-1][:, 0] <= 10).sum()
    assert (since >= 0).mean() >= 0.9
    assert 8 <= np.median(since[since >= 0]) <= 20
    assert first_low >= 30, "the basin of the equilibrium with G1 low is the larger one"

"""Forward positions: payoffs by hand, thresholds, backward induction, and learning in two settlements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.errors import InputError
from learners.equilibria.pure import pure_equilibria
from learners.games.game import PayoffTensor
from studies.forward_and_spot.positions import break_even_position, cover, price_tensor, solve_forward_stage
from studies.forward_and_spot.two_settlements import learn_two_settlements


@pytest.fixture
def article() -> PayoffTensor:
    """Hour 2: A offers 200 or 199, D1 interrupts 0 or 20 MW; 8/8 $/MWh if both act, else 6/9."""
    return PayoffTensor(
        [[[0, 0], [0, 398]], [[240, 160], [240, 260]]],
        players=("A", "D"),
        labels=((200.0, 199.0), (0.0, 20.0)),
        signal_values=np.array([[[6, 6], [6, 8]], [[9, 9], [9, 8]]]),
        signal_names=("price A", "price D"),
    )


def test_positions_are_contracts_for_difference(article):
    """A sold 100 MW at 7: 100·(7 − LMP); D bought 60 MW at 8.5: 60·(LMP − 8.5)."""
    held = cover(article, (100, 60), (True, False), (7.0, 8.5))
    assert held.values[0].tolist() == [[100, 100], [100, 298]]
    assert held.values[1].tolist() == [[270, 190], [270, 230]]


@given(mw=st.floats(0, 300), price=st.floats(-50, 50), seed=st.integers(0, 100))
def test_the_forward_price_moves_no_incentive(mw, price, seed):
    rng = np.random.default_rng(seed)
    game = PayoffTensor(rng.normal(size=(2, 3, 2)), players=("A", "D"),
                        signal_values=rng.normal(size=(2, 3, 2)),
                        signal_names=("price A", "price D"))  # fmt: skip
    one = cover(game, (mw, mw), (True, False), price).values
    other = cover(game, (mw, mw), (True, False)).values
    shift = one - other
    assert np.allclose(shift, shift[:, :1, :1], atol=1e-6)


def test_break_even_positions_of_the_article(article):
    """A's 398 $ for 2 $/MWh: 199 MW. D's 20 $ for 1 $/MWh: 20 MW."""
    together = (1, 1)
    assert break_even_position(article, 0, together, 0, True) == 199.0
    assert break_even_position(article, 1, together, 0, False) == 20.0
    assert break_even_position(article, 1, together, 0, True) == float("inf"), (
        "a sale makes a lower price pay"
    )
    assert break_even_position(article, 1, (0, 1), 0, False) == 0.0, "it never wanted to"


@pytest.mark.parametrize(("mw", "two_sided"), [(0, True), (19.9, True), (20.1, False), (120, False)])
def test_the_buyers_cover_ends_collusion_at_its_threshold(article, mw, two_sided):
    found = {e.profile for e in pure_equilibria(cover(article, (0, mw), (True, False)))}
    assert ((1, 1) in found) == two_sided


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), seller=st.booleans())
def test_break_even_is_where_the_preference_turns(seed, seller):
    rng = np.random.default_rng(seed)
    game = PayoffTensor(rng.normal(size=(2, 3, 3)), players=("A", "D"),
                        signal_values=rng.normal(size=(2, 3, 3)),
                        signal_names=("price A", "price D"))  # fmt: skip
    profile = tuple(rng.integers(0, 3, 2).tolist())
    mw = break_even_position(game, 1, profile, 0, seller)
    for factor, prefers in ((0.999, True), (1.001, False)):
        if 1e-3 < mw < 1e6:
            held = cover(game, (0, factor * mw), (True, seller)).values[1]
            assert (held[profile] > held[profile[0], 0]) == prefers


def test_backward_induction(article):
    """Whoever expects collusion holds less than its threshold; all positions have spot equilibria."""
    stage = solve_forward_stage(article, ((0, 100), (0, 10, 60)), (True, False))
    assert stage.game is not None
    assert stage.game.values[:, 0, 0].tolist() == [398, 260]
    assert stage.game.values[:, 0, 2].tolist() == [0, 240]
    chosen = {e.labels for e in stage.equilibria}
    assert (0.0, 0.0) in chosen
    assert all(d < 20 for _, d in chosen)
    worst = solve_forward_stage(article, ((0, 100), (0, 60)), (True, False), best=False)
    assert np.allclose(worst.game.values[0], 0)


def test_positions_without_a_spot_equilibrium_leave_the_stage_unsolved():
    pennies = PayoffTensor(
        [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]], players=("A", "D"),
        signal_values=np.zeros((2, 2, 2)), signal_names=("price A", "price D"),
    )  # fmt: skip
    stage = solve_forward_stage(pennies, ((0,), (0,)), (True, False))
    assert stage.game is None
    assert stage.equilibria == ()


def test_two_settlements_learn_and_repeat_bit_for_bit(article):
    ask = (article, ((0, 100), (0, 60)), (True, False), 0.3, 300, 4)
    together, alone = learn_two_settlements(*ask, 4), learn_two_settlements(*ask, [3])
    for name in ("positions", "actions", "payoffs", "online"):
        assert np.array_equal(getattr(together, name)[3], getattr(alone, name)[0])
    flat = article.values.reshape(2, -1).T
    assert np.array_equal(together.payoffs, flat[together.actions @ [2, 1]])


def test_a_position_at_the_price_it_foresees_moves_no_money(article):
    """One position each and no choice: what is earned online is the spot payoff, once the price is known."""
    alone = PayoffTensor(article.values[:, 1:, 1:], article.players,
                         signal_values=article.signal_values[:, 1:, 1:],
                         signal_names=article.signal_names)  # fmt: skip
    found = learn_two_settlements(alone, ((150,), (60,)), (True, False), 0.5, 20, 0, 2)
    assert np.allclose(found.online, [398, 260])


def test_wrong_positions_are_refused(article):
    with pytest.raises(InputError, match="one number"):
        cover(article, (1,), (True, False))
    with pytest.raises(InputError, match="one number"):
        cover(article, (-1, 0), (True, False))
    with pytest.raises(InputError, match="say for each"):
        cover(article, (1, 1), (True,))
    with pytest.raises(InputError, match="at least one position"):
        solve_forward_stage(article, ((0,), ()), (True, False))
    with pytest.raises(InputError, match="no signal 'price A'"):
        price_tensor(PayoffTensor(article.values, ("A", "D")))
    with pytest.raises(InputError, match="days is 0"):
        learn_two_settlements(article, ((0,), (0,)), (True, False), 0.5, 0, 0, 1)

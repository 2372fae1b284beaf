"""Action sets: what they add to a book, day plans under ramps, and refusals."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.actions import (
    Bids,
    Combined,
    DayPlans,
    Interruptions,
    Markups,
    OfferPrices,
    Withholding,
    feasible_plans,
)
from learners.games.moves import Columns, Moves
from tests.support.small import book_of, buy, grid_of, sell


def columns_of(periods: int = 1) -> Columns:
    book = book_of(
        sell("G", "a", 100.0, 20.0, min_mw=30.0),
        sell("H", "b", 50.0, 40.0, slope=0.1),
        buy("D", "b", 60.0, 90.0),
        fixed={"b": 40.0},
        periods=periods,
    )
    return Columns.of(book, grid_of(("a", "b", 0.1)))


def own_of(columns: Columns, *labels: str) -> np.ndarray:
    return columns.owned(labels)


def test_markups_raise_sales_only():
    c = columns_of()
    everything = own_of(c, "G", "H", "D")
    assert Markups((0, 5)).effects(c, everything).price[1] == pytest.approx([5, 5, 0])
    assert Markups((0, 0.5), relative=True).effects(c, everything).price[1] == pytest.approx([10, 20, 0])


def test_withholding_keeps_the_minimum_output():
    c = columns_of()
    effects = Withholding((0.0, 0.5, 0.9)).effects(c, own_of(c, "G", "D"))
    assert effects.mw[:, 0] == pytest.approx([0, -50, -70])
    assert not effects.mw[:, 1:].any()


def test_offer_prices_and_bids():
    c = columns_of()
    assert (c.price + OfferPrices((55.0,)).effects(c, own_of(c, "H")).price)[0] == pytest.approx([20, 55, 90])
    bids = Bids(mu=(1.0, 0.5), eta=(1.0, 0.8)).effects(c, own_of(c, "D"))
    assert bids.labels == ((1.0, 1.0), (1.0, 0.8), (0.5, 1.0), (0.5, 0.8))
    assert bids.mw[:, 2] == pytest.approx([0, 0, -30, -30])
    assert bids.price[:, 2] == pytest.approx([0, -18, 0, -18])


def test_interruptions_reduce_fixed_demand_in_their_periods():
    c = columns_of(periods=2)
    effects = Interruptions((0, 10), "b", periods=(1,)).effects(c, own_of(c))
    assert effects.fixed_mw[1] == pytest.approx(np.array([[0, 0], [0, -10]]))
    assert effects.interrupted_mwh == pytest.approx([0, 10])


def test_combined_sets_multiply_and_refuse_to_overlap():
    c = columns_of()
    both = Combined((Markups((0, 5, 10)), Withholding((0, 0.5)))).effects(c, own_of(c, "G"))
    assert len(both.labels) == 6
    assert both.labels[3] == (5.0, 0.5)
    assert (both.price[3, 0], both.mw[3, 0]) == (5, -50)
    with pytest.raises(InputError, match="two sets move the same price"):
        Combined((Markups((5,)), OfferPrices((60,)))).effects(c, own_of(c, "G"))


@pytest.mark.parametrize(("ramp", "previous", "plans"), [(np.inf, None, 9), (25, None, 7), (25, 100, 5)])
def test_day_plans_respect_ramps_on_offers(ramp, previous, plans):
    """Offers of 100, 75, 50 MW in two hours: 9 plans, 7 without a jump of 50, 5 from 100 MW."""
    c = columns_of(periods=2)
    effects = DayPlans(Withholding((0, 0.25, 0.5)), ramp, previous).effects(c, own_of(c, "G"))
    assert len(effects.labels) == plans
    k = effects.labels.index((0.25, 0.5))
    assert effects.mw[k, :2] == pytest.approx([-25, -50])


def test_feasible_plans_follow_masks():
    mask = np.array([[True, False], [True, True]])
    assert feasible_plans(np.array([True, True]), [mask, mask]).tolist() == [
        [0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1],
    ]  # fmt: skip


def test_profiles_become_numbers_without_touching_the_book():
    c = columns_of()
    moves = Moves(
        c,
        (
            Markups((0, 5)).effects(c, own_of(c, "G")),
            Withholding((0, 0.5)).effects(c, own_of(c, "H")),
            Interruptions((0, 15), "b").effects(c, own_of(c)),
        ),
    )
    price, mw, fixed = moves.numbers(np.array([[0, 0, 0], [1, 1, 1]]))
    assert price[1] == pytest.approx([25, 40, 90])
    assert mw[1] == pytest.approx([100, 25, 60])
    assert fixed[1, :, 0] == pytest.approx([0, 25])
    assert price[0] == pytest.approx(c.price)
    assert fixed[0] == pytest.approx(c.fixed_mw)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Markups(()), "at least one number"),
        (lambda: Markups((0, np.nan)), "mark-ups: .*nan"),
        (lambda: Withholding((0, 1.5)), "1.5 is not allowed"),
        (
            lambda: Interruptions((50,), "b").effects(columns_of(), own_of(columns_of())),
            "more than its fixed",
        ),
        (lambda: Interruptions((5,), "x").effects(columns_of(), own_of(columns_of())), "bus 'x' is not"),
        (lambda: columns_of().owned(("Q",)), "'Q' is no participant"),
        (
            lambda: DayPlans(Withholding((0,)), 1.0, 0.0).effects(columns_of(2), own_of(columns_of(2), "G")),
            "allows none",
        ),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()

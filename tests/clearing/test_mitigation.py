"""Mitigation: offers of sellers that fail a test are capped at cost plus ten per cent."""

import numpy as np
import pytest

from clearing import NodalMarket
from clearing.errors import InputError
from clearing.mitigation import FlowTest, MitigatedMarket, fails_three_pivotal
from learners import DemandStates, Game, Markups
from tests.support.small import book_of, grid_of, sell

GRID = grid_of(("a", "b", 0.1))


def sellers(count: int, mw: float, demand: float):
    """Sellers at cost 10, 11, 12, ..."""
    return book_of(*[sell(f"G{k}", "a", mw, 10.0 + k) for k in range(count)], fixed={"b": demand})


def test_who_fails():
    """Seven equal sellers with supply of 1.8 times demand pass, six fail; three always do."""
    assert fails_three_pivotal(sellers(6, 30, 100)) == {f"owner of G{k}" for k in range(6)}
    assert fails_three_pivotal(sellers(7, 180 / 7, 100)) == set()
    assert len(fails_three_pivotal(sellers(3, 1000, 1))) == 3


def test_failing_offers_are_capped_and_others_stay():
    costs = sellers(3, 50, 100)
    market = MitigatedMarket(NodalMarket(GRID), costs)
    dear = costs.with_markup({"owner of G1": 40, "owner of G2": 0.5})
    assert market.capped(dear).price == pytest.approx([10, 12.1, 12.5])
    assert market.clear(dear).lmp == pytest.approx(np.full((2, 1), 12.3), abs=0.2)
    many = sellers(8, 50, 100)
    free = MitigatedMarket(NodalMarket(GRID), many)
    bold = many.with_markup({"owner of G0": 40})
    assert free.capped(bold).price == pytest.approx(bold.price)


def test_a_test_of_ones_own():
    costs = sellers(3, 50, 100)
    market = MitigatedMarket(NodalMarket(GRID), costs, 0.0, test=lambda book: {"owner of G1"})
    bold = costs.with_markup({f"owner of G{k}": 5 for k in range(3)})
    assert market.capped(bold).price == pytest.approx([15, 11, 17])


BEHIND = grid_of(("A", "B", 0.1, 10.0))


def pocket(count: int):
    """30 MW needed at B behind a limit of 10: free flow 30, so 20 MW of overload; a MW at B in place of A's
    unloads the branch by 1. `count` sellers of 20 MW each at B."""
    local = [sell(f"near{k}", "B", 20.0, 20.0) for k in range(count)]
    return book_of(sell("cheap", "A", 500, 10), *local, fixed={"B": 30})


def test_who_is_pivotal_for_a_branch():
    """Of five sellers of 20 MW relief three leave 40, twice what is needed; of four 20, of three nothing."""
    for count, fail in ((3, 3), (4, 4), (5, 0)):
        book = pocket(count)
        found = FlowTest(NodalMarket(BEHIND), book)(book)
        assert found == {f"owner of near{k}" for k in range(fail)}, count
    alone = pocket(3)
    market = MitigatedMarket(NodalMarket(BEHIND), alone, test="flows")
    bold = alone.with_markup({"owner of near0": 50, "owner of cheap": 5})
    assert market.capped(bold).price == pytest.approx([15, 22, 20, 20]), "the seller outside is left alone"
    assert market.find_failing(bold) == market.find_failing(alone), "prices play no part"
    wide = NodalMarket(grid_of(("A", "B", 0.1, 40.0)))
    assert FlowTest(wide, alone)(alone) == set(), "nothing binds, nothing is tested"


def test_flow_tests_in_games_by_level_of_demand():
    """At a tenth of the demand the branch does not bind, and nobody is capped."""
    book = pocket(3)
    states = DemandStates(np.array([[1.0], [0.1]]))
    game = Game(
        MitigatedMarket(NodalMarket(BEHIND), book, test="flows"), book, ["near0", "near1", "near2"],
        Markups((0, 50)), states=states,
    )  # fmt: skip
    price = game.signals(np.ones((2, 3), int), level=np.array([0, 1]))[:, 0]
    assert price == pytest.approx([22, 10])
    assert len(game.prepared._tested) == 2


def test_games_on_a_mitigated_market():
    """Pivotal sellers earn ten per cent of cost at most; rounds equal single clearings."""
    costs = sellers(2, 80, 100)
    plain = Game(NodalMarket(GRID), costs, ["G0", "G1"], Markups((0, 1, 50)))
    capped = Game(MitigatedMarket(NodalMarket(GRID), costs), costs, ["G0", "G1"], Markups((0, 1, 50)))
    assert plain.payoffs([[0, 2]])[0, 0] == pytest.approx(80 * 51)
    assert capped.payoffs([[0, 2]])[0] == pytest.approx([80 * 2.1, 20 * 1.1])
    for profile in ([0, 1], [2, 2]):
        single = capped.market.clear(capped.book_of(profile))
        assert capped.signals([profile])[0, 0] == pytest.approx(float(single.lmp[0, 0]))


def test_refusals():
    costs = sellers(2, 80, 100)
    with pytest.raises(InputError, match="allowance"):
        MitigatedMarket(NodalMarket(GRID), costs, -1.0)
    with pytest.raises(InputError, match="use 'market', 'flows'"):
        MitigatedMarket(NodalMarket(GRID), costs, test="flow")
    with pytest.raises(InputError, match="'G2' has no true cost"):
        MitigatedMarket(NodalMarket(GRID), costs).capped(sellers(3, 80, 100))
    with pytest.raises(InputError, match="pay their own price"):
        Game(MitigatedMarket(NodalMarket(GRID), costs), costs, ["G0"], Markups((0,)), payoff="pay_as_bid")

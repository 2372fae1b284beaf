"""Payoff tensors, the market as a game, its cache and its demand states."""

from pathlib import Path

import numpy as np
import pytest

import networks
from clearing import NodalMarket, settle
from clearing.errors import InfeasibleError, InputError
from learners import (
    DemandStates,
    Disco,
    Game,
    Genco,
    Interruptions,
    Markups,
    OfferQuantities,
    PayoffTensor,
    Withholding,
    tabulate,
)
from learners.games.game import profiles_of
from learners.games.market_game import AtLevel
from learners.games.payoff_cache import PayoffCache
from learners.protocols import PayoffSource, SignallingSource
from tests.support.small import book_of, grid_of, sell, three_node


def duopoly(**options) -> Game:
    """Two sellers of 100 MW at 10 and 20 $/MWh, 150 MW of demand."""
    book = book_of(sell("G", "a", 100.0, 10.0), sell("H", "b", 100.0, 20.0), fixed={"b": 150.0})
    return Game(NodalMarket(grid_of(("a", "b", 0.1))), book, ["G", "H"], Markups((0, 5, 20)), **options)


def test_tensor_is_one_gather_and_protects_its_numbers():
    values = np.arange(12.0).reshape(2, 2, 3)
    tensor = PayoffTensor(values)
    assert isinstance(tensor, PayoffSource)
    assert tensor.payoffs(np.array([[1, 2], [0, 0]])).tolist() == [[5, 11], [0, 6]]
    values[0, 1, 2] = 99
    assert tensor.payoffs(np.array([[1, 2]]))[0, 0] == 5
    with pytest.raises(ValueError, match="read-only"):
        tensor.values[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("values", "more", "message"),
    [
        (np.zeros((2, 3)), {}, "one axis of actions per player"),
        (np.full((1, 2), np.nan), {}, "nan"),
        (np.zeros((2, 2, 2)), {"players": ("a", "a")}, "distinct"),
        (np.zeros((1, 2)), {"labels": ((1,),)}, "name each action"),
    ],
)
def test_tensor_refusals(values, more, message):
    with pytest.raises(InputError, match=message):
        PayoffTensor(values, **more)


def test_profit_under_both_pricings_by_hand():
    """(0, 0): price 20, G earns 10·100, H nothing; H at +20 earns 20·50 and G (40 − 10)·100."""
    game = duopoly()
    assert isinstance(game, SignallingSource)
    assert game.payoffs([[0, 0], [0, 2]]) == pytest.approx(np.array([[1000, 0], [3000, 1000]]))
    assert game.signals([[0, 2]]) == pytest.approx(np.array([[40, -2000]]))
    own_price = duopoly(payoff="pay_as_bid")
    assert own_price.payoffs([[0, 0], [1, 2]]) == pytest.approx(np.array([[0, 0], [500, 1000]]))


def test_payoffs_agree_with_settlement_of_the_full_clearing():
    game = duopoly()
    for profile in profiles_of(game.actions).tolist():
        outcome = game.market.clear(game.book_of(profile))
        profit = settle(outcome, game.book).totals["surplus"]
        assert game.payoffs([profile])[0] == pytest.approx([profit[f"owner of {who}"] for who in "GH"])


def test_tabulated_equals_single_calls_in_any_order_and_batch():
    game = duopoly(chunk_bytes=1)
    table = tabulate(game)
    profiles = profiles_of(game.actions)[::-1]
    one_by_one = np.concatenate([duopoly().payoffs(p[None]) for p in profiles])
    assert (table.payoffs(profiles) == one_by_one).all()
    assert table.labels == ((0, 5, 20), (0, 5, 20))
    assert table.signals(profiles).shape == (9, 2)
    assert game.cache.computed == 9


def test_competitive_outcome_is_the_truth():
    earned, (price, welfare) = duopoly().competitive()
    assert earned == pytest.approx([1000, 0])
    assert (price, welfare) == (20, -2000)


def test_disco_margin_and_cost_on_three_nodes():
    """Hour 2 of Energies 2017, 10, 2045: 199 MW offered and 20 MW interrupted pay 398 and 300 − 40."""
    grid, book = three_node(2)
    players = {
        "Gen-A": Genco("A"),
        "Disco-1": Disco("2", retail_price=11, interruption_cost=2),
    }
    moves = {"Gen-A": Withholding((0.0, 0.005)), "Disco-1": Interruptions((0.0, 20.0), "2")}
    game = Game(NodalMarket(grid), book, players, moves)
    assert game.payoffs([[1, 0], [1, 1]]) == pytest.approx(np.array([[0, 240], [398, 260]]))
    as_cost = players | {"Disco-1": Disco("2", 11, 2, objective="cost")}
    assert Game(NodalMarket(grid), book, as_cost, moves).payoffs([[1, 0], [1, 1]])[:, 1] == pytest.approx(
        [-1080, -840]
    )


def test_a_level_is_a_game_of_its_own():
    """Payoffs and tables of one level, and of the draws around it."""
    states = DemandStates.drawn((0.5, 1.0), noise=0.05, draws=3, rng=np.random.default_rng(1))
    game, profiles = duopoly(states=states), profiles_of((3, 3))
    assert game.levels == 2
    tables = [game.tensor(level) for level in (0, 1)]
    for level, table in enumerate(tables):
        assert table.payoffs(profiles) == pytest.approx(game.payoffs(profiles, level=level), rel=1e-12)
        assert table.signals(profiles) == pytest.approx(game.signals(profiles, level=level), rel=1e-12)
    assert (tables[0].values + tables[1].values) / 2 == pytest.approx(game.tensor().values, rel=1e-12)
    one = AtLevel(game, 1)
    assert one.random
    drawn = one.payoffs(np.tile([[0, 1]], (50, 1)), np.random.default_rng(0))
    assert len(np.unique(drawn[:, 1].round(9))) == 3
    assert drawn.mean(axis=0) == pytest.approx(one.payoffs([[0, 1]])[0], rel=0.05)
    with pytest.raises(InputError, match=r"demand level is 2; .* from 0 to 1"):
        game.tensor(2)
    for level, message in ((2, "levels 0 to 1"), (0.5, "whole number"), ([0, 1, 1], "each of 1 profiles")):
        with pytest.raises(InputError, match=message):
            game.payoffs([[0, 1]], level=level)


def test_demand_states_are_an_axis_of_their_own():
    states = DemandStates.drawn((0.5, 1.0), noise=0.05, draws=3, rng=np.random.default_rng(1))
    game = duopoly(states=states)
    per_level = [game.payoffs([[0, 0], [0, 2]], level=k) for k in (0, 1)]
    assert game.payoffs([[0, 0], [0, 2]]) == pytest.approx(np.mean(per_level, axis=0))
    assert per_level[0][0] == pytest.approx([0, 0])
    high = [(1.5 * f - 1) * 1000 for f in states.factor[1]]
    assert per_level[1][1, 1] == pytest.approx(np.mean(high) * 2)
    rounds = np.tile([0, 2], (400, 1))
    drawn = game.payoffs(rounds, np.random.default_rng(2), level=np.ones(400, int))
    assert sorted(set(drawn[:, 1].round(6))) == pytest.approx(sorted(2 * h for h in high))
    assert game.cache.computed == 2 * 6
    again = game.payoffs(rounds, np.random.default_rng(2), level=np.ones(400, int))
    assert (drawn == again).all()


def test_cache_stays_bounded_and_exact():
    asked = []

    def compute(keys):
        asked.append(keys)
        return np.column_stack([keys, keys**2]).astype(float)

    cache = PayoffCache(width=2, keys=1000, limit_bytes=50 * 24)
    rng = np.random.default_rng(0)
    for _ in range(20):
        keys = rng.integers(1000, size=64)
        assert (cache.fetch(keys, compute)[:, 1] == keys**2).all()
    assert cache.places == 50
    assert cache.held <= 50
    small = PayoffCache(width=2, keys=8)
    small.fetch(np.array([3, 3, 1]), compute)
    assert asked[-1].tolist() == [1, 3]
    small.fetch(np.array([1, 3]), compute)
    assert small.computed == 2


def ieee300(**options) -> Game:
    case = networks.load("pglib_ieee300")
    firms = {"A": ("G28", "G31", "G11"), "B": ("G63", "G59", "G62"), "C": ("G29", "G6", "G48")}
    return Game(NodalMarket(case.grid), case, firms, Markups(tuple(np.linspace(0, 30, 15))), **options)


def test_payoffs_on_three_hundred_buses_do_not_depend_on_the_batch():
    """The same bits in one batch, backwards, one by one, and with hardly any cache (law 3)."""
    profiles = np.random.default_rng(4).integers(15, size=(120, 3))
    whole = ieee300().payoffs(profiles)
    assert (ieee300(chunk_bytes=1).payoffs(profiles[::-1])[::-1] == whole).all()
    forgetful = ieee300(cache_bytes=300)
    assert (np.concatenate([forgetful.payoffs(p[None]) for p in profiles]) == whole).all()
    assert forgetful.cache.held <= 6


@pytest.mark.slow
def test_a_hundred_thousand_distinct_books_with_noisy_demand():
    """3 firms × 15 mark-ups, 24 load levels, 4 draws of ±5 %: bounded memory, exact, in seconds."""
    states = DemandStates.drawn(np.linspace(0.6, 1.0, 24), 0.05, 4, np.random.default_rng(1))
    game, rng = ieee300(states=states, cache_bytes=8 * 2**20), np.random.default_rng(0)
    for _ in range(2):
        rounds = rng.integers(15, size=(100_000, 3))
        assert np.isfinite(game.payoffs(rounds, rng, level=np.arange(100_000) % 24)).all()
    assert game.cache.computed >= 100_000
    assert game.cache.held <= game.cache.places < 24 * 4 * 15**3


def test_game_refusals():
    book = book_of(sell("G", "a", 1.0, 1.0), fixed={"a": 1.0})
    with pytest.raises(InputError, match="belongs to two players"):
        Game(NodalMarket(grid_of(("a", "b", 0.1))), book, {"x": "G", "y": Genco("owner of G")}, Markups((0,)))
    with pytest.raises(InputError, match="use 'lmp' or 'pay_as_bid'"):
        duopoly(payoff="uniform")
    grid, book = three_node()
    with pytest.raises(InputError, match="player 'B' has none"):
        Game(NodalMarket(grid), book, ["A", "B"], {"A": Markups((0,))})
    with pytest.raises(InputError, match="sells nothing"):
        Game(NodalMarket(grid), book, {"x": Genco()}, Markups((0,)))
    starved = Game(NodalMarket(grid), book, ["A", "B", "C"], Withholding((0.0, 0.9)))
    with pytest.raises(InfeasibleError):
        starved.payoffs([[1, 1, 1]])


def test_public_names_are_no_modules():
    """A name that is also a module's would change its meaning with the first import."""
    import learners

    folder = Path(learners.__file__).parent
    assert not {path.stem for path in folder.glob("*.py")} & set(learners.__all__)
    assert all(getattr(learners, name) is not None for name in learners.__all__)


def test_watched_flows_and_prices_are_signals_and_failures_may_be_marked():
    """100 MW of cheap power reach b over a line of 60 MW: flow 60, prices 10 and 20."""
    book = book_of(sell("G", "a", 200.0, 10.0), sell("H", "b", 200.0, 20.0), fixed={"b": 100.0})
    game = Game(
        NodalMarket(grid_of(("a", "b", 0.1, 60.0))), book, ["G", "H"], OfferQuantities((200.0, 30.0)),
        flows=["L0"], prices=["b", "a"], decimals=1,
    )  # fmt: skip
    assert game.signal_names == ("price", "welfare", "flow L0", "price b", "price a")
    assert game.signals([[0, 0]])[0, 2:] == pytest.approx([60, 20, 10])
    assert game.payoffs([[1, 0], [0, 0]]).tolist() == [[300.0, 0.0], [0.0, 0.0]]
    short = Game(game.market, book, ["G", "H"], OfferQuantities((30.0,)))
    cleared, _ = short.clear(*short.moves.numbers(np.zeros((1, 2), int)), on_error="mark")
    assert np.isnan(cleared.lmp).all()
    with pytest.raises(InputError, match="branch 'c' is not in the grid"):
        Game(game.market, book, ["G"], Markups((0,)), flows=["c"])

"""Microgrid markets as games: closed forms and batches against the exact auctions, accounting, invariants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clearing
from clearing.bilateral.processes import run_posted_offers
from clearing.errors import InputError
from clearing.homes.home import Battery, Comfort, Home
from clearing.homes.offers import net_export_curve, orders_of_homes
from clearing.homes.schedule import schedule_homes
from learners import Benchmarks, Markups, joint_optimum, pure_equilibria, tabulate
from learners.games.actions import Combined
from learners.games.microgrid_elecbay import ElecBayGame, Shading
from learners.games.microgrid_pairs import BilateralGame, PostedGame, Trader, book_of_orders
from learners.games.microgrid_stage import SealedStage
from networks.feeders import load_feeder

FEEDER = load_feeder("feeder8")


# the sealed stage game


def stage_book(game: SealedStage, profile: tuple[int, ...]) -> clearing.SealedBook:
    """The same auction as a book: one bus, a unit is a MWh."""
    rows = [
        {"order": f"s{i}", "participant": f"s{i}", "bus": 0, "side": "sell", "mw": game.capacity,
         "price": game.prices[profile[i]]}
        for i in range(len(game.costs))
    ]  # fmt: skip
    rows += [
        {"order": f"b{j}", "participant": f"b{j}", "bus": 0, "side": "buy", "mw": game.size, "price": value}
        for j, value in enumerate(game.values)
    ]
    return clearing.SealedBook.from_tables(rows)


@pytest.mark.parametrize("pricing", ["pay_as_bid", "vcg"])
def test_the_stage_game_is_the_exact_auction(pricing: str) -> None:
    """Sold energy and money of random profiles; free lines, so that only the auction decides."""
    wide = FEEDER.grid.with_settings(limit_mw=np.full(len(FEEDER.grid.branches), np.inf))
    game = SealedStage(pricing=pricing, costs=(0.08, 0.10, 0.12))
    auction = clearing.ElecBay(wide, pricing)
    rng = np.random.default_rng(0)
    for profile in [(0, 0, 0), (10, 10, 10), *rng.integers(0, 11, (12, 3)).tolist()]:
        outcome = auction.clear(stage_book(game, tuple(profile)))
        paid = outcome.settlement.participants
        money = np.array([paid.loc[f"s{i}", "receives"] for i in range(3)])
        sold = np.array([paid.loc[f"s{i}", "sold_mwh"] for i in range(3)])
        earned, heard = game.payoffs(np.array([profile]))[0], game.signals(np.array([profile]))[0]
        assert earned == pytest.approx(money - sold * np.array(game.costs), abs=2e-6)
        values = outcome.accepted
        worth = (values.accepted_mw * values.limit_price)[values.side == "buy"].sum()
        assert heard[1] == pytest.approx(worth - (sold * np.array(game.costs)).sum(), abs=2e-6)


def test_the_stage_games_benchmarks() -> None:
    """Competition at .08, static equilibria up to 20 and 36 cents, the joint optimum of 60 at .18 and .20."""
    for pricing, most in (("uniform", 0.20), ("pay_as_bid", 0.36)):
        game = SealedStage(pricing=pricing)
        found = Benchmarks.of(game, game.competitive())
        assert (found.competitive, found.nash_low) == pytest.approx((0.0, 0.0))
        assert (found.nash_high, found.joint) == pytest.approx((most, 0.60))
    table = tabulate(SealedStage())
    best = joint_optimum(table)
    assert best.labels == (0.18, 0.18, 0.18)
    assert table.payoffs(np.array([[6, 6, 6]])).sum() == pytest.approx(best.total)
    heard = table.signals(np.array([best.profile, (0, 0, 0)]))
    assert heard[0, 1] / heard[1, 1] == pytest.approx(0.811, abs=5e-4)
    assert heard[1, 0] == pytest.approx(0.08)
    assert len(pure_equilibria(SealedStage(pricing="vcg"))) == 31
    dear = SealedStage(costs=(0.08, 0.10, 0.12))
    ends = Benchmarks.of(dear, dear.competitive())
    assert (ends.nash_low, ends.nash_high) == pytest.approx((0.24, 0.30))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10), min_size=3, max_size=3), st.sampled_from(["uniform", "pay_as_bid", "vcg"])
)
def test_the_stage_game_is_symmetric_and_its_money_adds_up(profile: list[int], pricing: str) -> None:
    game = SealedStage(pricing=pricing)
    earned, heard = game.outcome(np.array([profile]))
    turned = game.payoffs(np.array([profile[1:] + profile[:1]]))[0]
    assert turned == pytest.approx(np.roll(earned[0], -1))
    sold = (heard[0, 2] - earned.sum()) / 0.08
    assert heard[0, 2] == pytest.approx(heard[0, 0] * sold, abs=1e-9)
    assert heard[0, 1] <= 1.2 + 1e-12


def test_selling_the_firm_makes_profits_the_welfare() -> None:
    game = SealedStage().with_fee(0.9)
    profiles = np.random.default_rng(1).integers(0, 11, (50, 3))
    earned, heard = game.outcome(profiles)
    assert earned.sum(axis=1) == pytest.approx(heard[:, 1] - 0.9 * 1.2)
    assert joint_optimum(game).total == pytest.approx(0.1 * 1.2)


def test_remedies_of_the_stage_game_bound_its_price() -> None:
    everything = np.indices((11, 11, 11)).reshape(3, -1).T
    plain, capped = SealedStage(), SealedStage(cap=0.12)
    assert capped.signals(everything)[:, 0].max() == pytest.approx(0.12)
    same = (everything <= 2).all(axis=1)
    assert capped.payoffs(everything[same]) == pytest.approx(plain.payoffs(everything[same]))
    reserved = SealedStage(reserve=0.14)
    heard = reserved.signals(everything)
    assert (heard[:, 1] <= 1.2 + 1e-12).all()
    dear = reserved.outcome(np.array([[10, 10, 10]]))
    assert dear[0] == pytest.approx(np.zeros((1, 3)))
    wanted = 0.5 * (np.array(reserved.values) >= 0.14).sum()
    assert dear[1][0, 2] == pytest.approx(0.14 * wanted)


def test_groups_of_buyers_share_what_bids_bring() -> None:
    game = SealedStage(groups=2, shades=(0.0, 0.08))
    assert game.actions == (11, 11, 11, 2, 2)
    honest, plain = game.payoffs(np.array([[3, 3, 3, 0, 0]]))[0], SealedStage()
    assert honest[:3] == pytest.approx(plain.payoffs(np.array([[3, 3, 3]]))[0])
    welfare = game.signals(np.array([[3, 3, 3, 0, 0], [3, 3, 3, 1, 1]]))[:, 1]
    assert honest.sum() == pytest.approx(welfare[0])
    assert welfare[1] < welfare[0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"pricing": "payasbid"}, "pay_as_bid"),
     ({"prices": (0.2, 0.1)}, "rise"), ({"capacity": 0.0}, "above 0"),
     ({"fee": 1.0}, "pay_as_bid"), ({"groups": 99}, "0 to 20"), ({"values": ()}, "at least one")],
)  # fmt: skip
def test_wrong_stage_games_say_what_to_change(wrong: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SealedStage(**wrong)


# homes: what they offer


def street() -> list[Home]:
    """Two homes with sun, one with a battery, two that only use."""
    load = np.array([0.5, 1.0, 0.8, 1.5]) * 1e-3
    sun = np.array([0.0, 6.0, 4.0, 0.0]) * 1e-3
    taste = (Comfort(1e-3, np.array([150.0, 120.0, 180.0, 260.0])),)
    return [
        Home("Ann", 2, load, sun, hours=6.0),
        Home("Bob", 4, 1.2 * load, 0.9 * sun, hours=6.0),
        Home("Cia", 5, load, np.zeros(4), hours=6.0, battery=Battery(0.01, 0.002, 0.95)),
        Home("Dan", 6, 2 * load, np.zeros(4), hours=6.0, comfort=taste),
        Home("Eve", 7, 3 * load, np.zeros(4), hours=6.0, comfort=taste),
    ]


def test_a_homes_curve_is_its_own_marginal_cost() -> None:
    """Slopes are balance duals; blocks add up to the connection; at the tariff's prices it says the plan."""
    for home in street():
        curve = net_export_curve(home, 1, 220.0, 60.0)
        assert (np.diff(curve.price) > 0).all()
        assert curve.breakpoint_mw[[0, -1]] == pytest.approx([-home.connection_mw, home.connection_mw])
        assert (curve.price >= 60 - 1e-6).all()
        assert curve.price[-1] == pytest.approx(1000.0)
        plan = schedule_homes([home], 220.0, 60.0)[0]
        sold = float(plan.sold[1] - plan.bought[1])
        k = int(np.searchsorted(curve.breakpoint_mw, sold - 1e-9)) - 1
        near = curve.price[max(k, 0) : k + 2]
        if plan.sold[1] > 1e-9:  # it sells at the feed-in price up to where its own use is worth more
            assert near.min() <= 60 + 1e-6
        if plan.bought[1] > 1e-9:
            assert near.max() >= 220 - 1e-6


def test_orders_of_homes_leave_out_what_the_tariff_beats() -> None:
    rows = orders_of_homes(street(), 1, 220.0, 60.0)
    assert {r["side"] for r in rows} == {"buy", "sell"}
    assert all(r["price"] > 60 for r in rows if r["side"] == "buy")
    assert all(r["price"] < 220 for r in rows if r["side"] == "sell")
    assert {r["participant"] for r in rows if r["side"] == "sell"} >= {"Ann", "Bob"}
    with pytest.raises(InputError, match="0 to 3"):
        net_export_curve(street()[0], 9, 220.0, 60.0)


# ElecBay


def home_book() -> clearing.SealedBook:
    supplier = [{"bus": 0, "import_price": 220.0, "export_price": None}]
    return clearing.SealedBook.from_tables(orders_of_homes(street(), 1, 220.0, 60.0), supplier=supplier)


@pytest.mark.parametrize("pricing", ["uniform", "pay_as_bid", "k", "vcg"])
@pytest.mark.parametrize("tight", [False, True])
def test_the_auction_game_is_elecbay(pricing: str, tight: bool) -> None:
    """Payoffs, bill and platform of random profiles, two-sided, with and without a binding line."""
    limit = FEEDER.grid.limit_mw * (0.05 if tight else 1.0)
    grid, book = FEEDER.grid.with_settings(limit_mw=limit), home_book()
    both = Combined((Markups((0.0, 40.0, 90.0)), Shading((0.0, 30.0))))
    moves = {"Ann": both, "Bob": both, "Dan": Shading((0.0, 30.0))}
    game = ElecBayGame(grid, book, list(moves), moves, pricing, k=0.3)
    assert game.actions == (6, 6, 2)
    rng = np.random.default_rng(2)
    binding = 0
    for profile in rng.integers(0, game.actions, (6, 3)):
        price = game.offers(profile[None])[0]
        outcome = clearing.ElecBay(grid, pricing, k=0.3).clear(
            replace(book, book=replace(book.book, price=price))
        )
        binding += len(outcome.nodal.binding)
        settled = outcome.settlement
        frame, summary = settled.participants, settled.summary
        true = book.book.side * (0.0 - book.book.price) * outcome.accepted_mw
        names = np.array(book.book.participants)
        for name, paid in zip(game.players, game.payoffs(profile[None])[0], strict=True):
            money = frame.loc[name, "receives"] - frame.loc[name, "pays"]
            assert paid == pytest.approx(money + true[names == name].sum(), abs=1e-6)
        heard = game.signals(profile[None])[0]
        assert heard[1] == pytest.approx(true.sum(), abs=1e-6)
        assert heard[3] == pytest.approx(summary["platform_surplus"], abs=1e-6)
    assert bool(binding) == tight


def test_truth_is_the_competitive_outcome_and_marks_raise_the_price() -> None:
    game = ElecBayGame(FEEDER.grid, home_book(), ["Ann", "Bob"], Markups((0.0, 60.0, 120.0)))
    earned, heard = game.competitive()
    assert game.payoffs(np.array([[0, 0]]))[0] == pytest.approx(earned)
    table = game.tensor()
    assert table.signal_values is not None
    assert table.signal_values[0, 2, 2] > heard[0]
    assert (table.signal_values[1] <= heard[1] + 1e-9).all()
    assert tabulate(game).values == pytest.approx(table.values)


def test_caps_and_sold_firms_of_the_auction() -> None:
    book, marks = home_book(), Markups((0.0, 60.0, 120.0))
    capped = ElecBayGame(FEEDER.grid, book, ["Ann", "Bob"], marks, cap=70.0)
    own = np.any(capped.own, axis=0) & (capped.columns.side > 0)
    asked = capped.offers(np.array([[2, 2]]))[0, own]
    assert (asked <= np.maximum(capped.columns.price[own], 70.0)).all()
    refusing = ElecBayGame(FEEDER.grid, book, ["Ann", "Bob"], marks, reserve=150.0)
    sold, _, _ = refusing.trades(np.array([[0, 0], [2, 2]]))
    assert sold[0, own].sum() > 0
    assert sold[1, own & (capped.columns.price + 120.0 > 150.0)] == pytest.approx(0.0)
    welfare = capped.competitive()[1][1]
    sold = ElecBayGame(FEEDER.grid, book, ["Ann", "Bob"], marks, "pay_as_offer", fee=0.5 * welfare)
    profiles = np.indices((3, 3)).reshape(2, -1).T
    assert sold.payoffs(profiles).sum(axis=1) == pytest.approx(sold.signals(profiles)[:, 1] - 0.5 * welfare)


def test_wrong_auction_games_say_what_to_change() -> None:
    book, marks = home_book(), Markups((0.0, 60.0))
    with pytest.raises(InputError, match="pay_as_offer"):
        ElecBayGame(FEEDER.grid, book, ["Ann"], marks, "pay_as_ofer")
    with pytest.raises(InputError, match="Ann"):
        ElecBayGame(FEEDER.grid, book, ["Anne"], marks)
    with pytest.raises(InputError, match="two players"):
        ElecBayGame(FEEDER.grid, book, {"a": "Ann", "b": ("Ann", "Bob")}, marks)
    whole = clearing.SealedBook.from_tables(
        [{"order": 1, "participant": "A", "bus": 2, "side": "sell", "mw": 1, "price": 1, "min_share": 1}]
    )
    with pytest.raises(InputError, match="blocks"):
        ElecBayGame(FEEDER.grid, whole, ["A"], marks)


# bilateral trade and posted offers


def pair_book() -> clearing.BilateralBook:
    return book_of_orders(orders_of_homes(street(), 1, 220.0, 60.0), 220.0, charge=8.0)


def pair_players(book: clearing.BilateralBook) -> dict[str, Trader]:
    out = {}
    for name in ("Ann", "Bob"):
        out[name] = Trader(
            sells=tuple(s for s in book.sellers if str(s).startswith(name)), markups=(0.0, 50.0, 100.0)
        )
    out["Dan"] = Trader(buys=tuple(b for b in book.buyers if str(b).startswith("Dan")), shades=(0.0, 40.0))
    return out


def test_posted_offers_are_the_process_of_one_round() -> None:
    book = pair_book()
    game = PostedGame(book, pair_players(book))
    for profile in np.indices(game.actions).reshape(3, -1).T[::4]:
        ask, bid = game.reports(profile[None])
        traded = game.trade(ask, bid)
        if (bid[0] == book.buyer_price).all():
            once = run_posted_offers(book, rounds=1, start=ask[0])
            assert traded.mw[0] == pytest.approx(once.traded_mw, abs=1e-12)
        assert (traded.mw.sum(axis=2) <= book.seller_mw + 1e-12).all()
        assert (traded.mw.sum(axis=1) <= book.buyer_mw + 1e-12).all()


def test_bilateral_games_are_stable_contracts() -> None:
    book = pair_book()
    players = pair_players(book)
    game = BilateralGame(book, players)
    earned, heard = game.competitive()
    outcome = clearing.BilateralMarket().clear(book)
    assert heard[1] == pytest.approx(outcome.welfare)
    assert game.payoffs(np.array([[0, 0, 0]]))[0] == pytest.approx(earned)
    low, high = (BilateralGame(book, players, rule).competitive()[0] for rule in ("low", "high"))
    assert (low[:2] <= earned[:2] + 1e-9).all()
    assert (earned[:2] <= high[:2] + 1e-9).all()
    assert low[2] >= high[2] - 1e-9
    table = PostedGame(book, players).tensor()
    assert table.signal_values is not None
    assert (table.signal_values[1] <= heard[1] + 1e-9).all(), "no posting beats the exact market's welfare"


def test_a_home_never_trades_with_itself_and_unknown_rows_are_named() -> None:
    book = pair_book()
    for i, seller in enumerate(book.sellers[:-1]):
        for j, buyer in enumerate(book.buyers):
            same = str(seller).split()[0] == str(buyer).split()[0]
            assert book.allowed[i, j] != same
    assert book.allowed[-1].all(), "the supplier serves everyone"
    with pytest.raises(InputError, match="no seller"):
        PostedGame(book, {"Ann": Trader(sells=("An sell 0",))})
    with pytest.raises(InputError, match="owns nothing"):
        Trader()

"""The smart-homes study: its street, markets and sessions, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from learners import Benchmarks
from networks.errors import InputError
from studies.printed import figure_of, read_claims
from studies.registry import claims_path, find_study
from studies.running.runner import run
from studies.running.tables import read_results
from studies.smart_homes import tables as homes_tables
from studies.smart_homes.cells import home_trades
from studies.smart_homes.claims import Figures, claims, mean_of_sessions
from studies.smart_homes.learning import Treatment, Yardsticks, learn, session_blocks, yardsticks
from studies.smart_homes.markets import (
    FEW_MARKUPS,
    PlantSpec,
    Remedies,
    clubs_market,
    pairs_market,
    plants_market,
    split_sellers,
    street_market,
)
from studies.smart_homes.show import answer
from studies.smart_homes.stage import CASES, stage_game, stage_yardsticks
from studies.smart_homes.study import Settings, cells
from studies.smart_homes.tables import NOTES, stage_sessions
from studies.smart_homes.world import StreetSpec, build_street, sealed_book, street_orders
from studies.study import Results

STREET = StreetSpec()
QUICK = Treatment(beta=1e-3, unchanged=1_000)


def test_the_street_is_drawn_once_and_says_what_homes_pay() -> None:
    street = build_street(STREET)
    assert street.sellers == ("home 1", "home 2", "home 3", "home 4")
    peak = sum(home.pv_mw.max() for home in street.homes)
    assert peak == pytest.approx(0.036)
    assert all(home.pv_mw.max() == 0 for home in street.homes[4:])
    low, high = street.feed_in, street.import_price.max()
    assert (street.marginal_cost >= low - 1e-6).all()
    assert street.marginal_cost[:4, 12] == pytest.approx(low), "ample sun at noon is worth the feed-in price"
    assert street.marginal_cost.max() <= high / 0.95**2 + 10, "at most energy stored at the dearest hour"


def test_the_auction_of_an_hour_beats_the_tariff_and_obeys_the_feeder() -> None:
    market = street_market(STREET, 12, Remedies(), FEW_MARKUPS)
    assert market.yard.joint > market.yard.nash_high >= market.yard.nash_low
    truth = np.zeros((1, 4), dtype=np.int64)
    prices, sold, bought = home_trades(market.game, STREET, truth)
    street = build_street(STREET)
    assert (prices >= street.feed_in - 1e-6).all()
    assert sold[:4].sum() > 0
    assert sold[4:].sum() + sold[:4].sum() <= bought.sum() + 1e-9
    x, _, lmp = market.game.trades(truth)
    assert np.ptp(lmp) > 1, "the short line of the feeder splits prices at noon"
    assert market.game.signals(truth)[0, 3] > 0, "and earns a rent"
    assert (x <= market.game.columns.mw + 1e-12).all()


def test_remedies_change_the_auction_one_at_a_time_and_together() -> None:
    plain = street_market(STREET, 12, Remedies(), FEW_MARKUPS)
    capped = street_market(STREET, 12, Remedies(cap=110.0), FEW_MARKUPS)
    assert capped.yard.joint < plain.yard.joint
    assert capped.yard.competitive == pytest.approx(plain.yard.competitive)
    refused = street_market(STREET, 12, Remedies(reserve=110.0), FEW_MARKUPS)
    assert refused.tensor.values[:, 3, 3, 3, 3] == pytest.approx(0.0)
    sold = street_market(STREET, 12, Remedies(sell_firm=True), FEW_MARKUPS)
    assert sold.yard.joint == pytest.approx(sold.yard.competitive, abs=1e-6), "truth is the joint optimum"
    halves = street_market(STREET, 12, Remedies(split=2), (0.0, 100.0))
    assert halves.sellers == 8
    assert halves.yard.competitive == pytest.approx(plain.yard.competitive, rel=1e-6)
    club = street_market(STREET, 12, Remedies(buyers=True, cap=110.0), FEW_MARKUPS)
    assert (club.sellers, club.tensor.players[-1]) == (4, "buyers")
    assert club.tensor.values[:4, ..., 0] == pytest.approx(capped.tensor.values)
    book, players = split_sellers(sealed_book(STREET, 12), build_street(STREET).sellers, 2)
    assert len(players) == 8
    assert book.book.mw.sum() == pytest.approx(sealed_book(STREET, 12).book.mw.sum())


def test_clubs_pairs_and_plants() -> None:
    clubs = clubs_market(STREET, 12)
    assert clubs.yard.joint_price < clubs.yard.competitive_price, "together buyers press the price"
    posted = pairs_market(STREET, 12, "posted", buyers=True)
    assert posted.tensor.players[-1] == "buyers"
    assert posted.yard.nash_high < posted.yard.joint
    plants = plants_market(STREET, PlantSpec(streets=1200.0))
    assert plants.yard.competitive < plants.yard.joint
    assert plants.yard.nash_high == pytest.approx(plants.yard.competitive)
    alone = plants_market(STREET, PlantSpec(plants=1, streets=2400.0))
    paid = alone.tensor.values[0]
    assert paid.max() > 1.2 * paid[0], "one large plant alone moves the price in the load pocket"


def test_sessions_come_again_and_wait_for_exploration() -> None:
    _, tensor = stage_game(CASES["coarse"].game)
    both = learn(tensor, QUICK, 5, range(4))
    assert all(row["updates"] >= 7_000 for row in both.rows), "β·t > 7 comes first"
    later = learn(tensor, QUICK, 5, [2, 3])
    assert later.rows == both.rows[2:]
    locked = learn(tensor, replace(QUICK, lock=96), 5, [0])
    assert locked.rows[0]["years"] == pytest.approx(locked.rows[0]["updates"] / 365)
    assert locked.cycles[0].shape[1] == 3
    blind = learn(tensor, replace(QUICK, memory="none"), 5, [0])
    assert len(blind.cycles[0]) == 1, "without memory one profile is played"
    priced = learn(tensor, replace(QUICK, memory="price"), 5, [0], tested=True)
    assert 0 <= priced.rows[0]["loss"] < 1
    assert session_blocks(7, 3) == [(0, 3), (3, 3), (6, 1)]


def test_tests_of_strategies_see_punishment_and_its_absence() -> None:
    """In a game with a dominant action nothing tempts; the joint optimum of the stage game tempts."""
    from learners.games.game import PayoffTensor

    values = np.array([[[2.0, 2.0], [1.0, 1.0]], [[2.0, 1.0], [2.0, 1.0]]])
    calm = PayoffTensor(values, signal_values=np.ones((3, 2, 2)), signal_names=("price", "welfare", "bill"))
    found = learn(calm, QUICK, 1, range(2), tested=True)
    assert [row["tempted"] for row in found.rows] == [0.0, 0.0]
    assert [row["loss"] for row in found.rows] == pytest.approx([0.0, 0.0])
    assert not found.responses


def test_yardsticks_name_both_ends_of_nash() -> None:
    game, tensor = stage_game(CASES["uniform"].game)
    yard = stage_yardsticks(game, tensor)
    ends = Benchmarks.of(tensor, game.competitive())
    assert (yard.nash_low, yard.nash_high, yard.joint) == (ends.nash_low, ends.nash_high, ends.joint)
    assert (yard.nash_price_low, yard.nash_price_high) == pytest.approx((0.08, 0.10))
    assert yard.indices(0.4)["index_nash_high"] == pytest.approx(0.5)
    flat = yardsticks(tensor, np.full(3, 0.2), np.array([0.1, 1.0, 1.0]))
    assert np.isnan(flat.indices(0.6)["index_competition"])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two quick sessions of every market, without the stage game's table; some end before they settle."""
    spec: dict[str, Any] = {"sessions": 0, "street_sessions": 2, "beta": 2e-3, "unchanged": 500}
    spec |= {"hours": [8, 12], "sellers": 3, "homes": 7, "bulk": "five_bus", "bulk_bus": "3"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.smart_homes.learning.MOST_ROUNDS", 40_000)
        ended = run("smart_homes", spec, out=tmp_path_factory.mktemp("homes"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return read_results(ended.folder)


def test_the_page_has_every_agent_and_hour(small: Results, tmp_path: Path) -> None:
    study = find_study("smart_homes").shown()
    assert study.summarise is not None
    assert study.figures is not None
    tables = study.summarise(small)
    agents = tables["agents"].frame
    assert len(agents) == 2 * 7
    assert np.isfinite(agents[["marginal_cost", "price competitive", "price learned"]]).all().all()
    assert len(small["competitive_agents"]) == 24 * 7
    assert len(tables["hours"].frame) == 24
    scenarios = tables["markets"].frame["scenario"]
    assert set(scenarios) == {1, 2, 3}
    charts = study.figures(small, tables)
    assert charts[0].opening
    assert "static Nash" in charts[0].caption
    from studies.pictures.charts_plotly import plotly_chart
    from studies.pictures.charts_png import draw_chart

    for chart in charts:
        assert draw_chart(chart, tmp_path / f"{chart.name}.png").stat().st_size > 10_000
        assert plotly_chart(chart)[0]


def test_hours_without_room_have_no_index(small: Results) -> None:
    frame = homes_tables.market_sessions(small)
    morning = frame[(frame["market"] == "auction") & (frame["hour"] == 8)]
    room = morning["yard_joint"] - morning["yard_competitive"]
    assert (morning["index_competition"].isna() == (room < 1e-3 * morning["yard_joint"])).all()


def test_few_sessions_claim_nothing_of_the_notes(small: Results) -> None:
    rows = claims(small, {})
    assert {row.source.kind for row in rows} == {"published"}
    assert all(row.reason or row.verdict in ("matches", "consistent") for row in rows)


def test_exact_yardsticks_of_the_notes_match(small: Results) -> None:
    figures = Figures(small, pd.DataFrame(), stage_sessions(small))
    exact = [e for e in read_claims(claims_path("smart_homes")) if e.place == "yardsticks"]
    rows = [entry.compared(figure_of(entry, figures)()) for entry in exact]
    assert len(rows) == 11
    assert {row.verdict for row in rows} == {"matches"}


def test_means_are_compared_by_the_error_of_their_difference() -> None:
    rng = np.random.default_rng(0)
    near = 0.15 + 0.01 * rng.standard_normal(20)
    notes = NOTES["uniform", "price"]
    assert notes.compared(mean_of_sessions(near, 8, 3)).verdict == "consistent"
    far = notes.compared(mean_of_sessions(near - 0.05, 8, 3))
    assert far.verdict == "differs"
    assert far.reason
    assert notes.compared(mean_of_sessions(np.full(20, 0.158), 8, 3)).verdict == "matches"


def test_too_few_homes_are_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match="at least 7"):
        cells(Settings(homes=5))


def test_orders_are_the_homes_own(small: Results) -> None:
    orders = street_orders(STREET, 12)
    assert {row["participant"] for row in orders} <= set(build_street(STREET).labels)
    yard = Yardsticks(*([1.0] * 10), equilibria=1)
    assert all(np.isnan(v) for v in yard.indices(1.0).values())


def test_the_answer_follows_the_numbers(small: Results) -> None:
    said = answer(small, {})
    assert 4 <= len(said) <= 6
    assert said[0].startswith("In the auction at 12 h")
    high = small["sessions"].assign(profit=small["sessions"]["yard_joint"])
    words = " ".join(answer(Results(small.spec, small.tables | {"sessions": high}, small.cells), {}))
    assert "end 100 % (95 % interval 100 to 100) of the way" in words
    assert "optimum: above the highest static Nash" in words
    assert "does not clearly change this" in words
    low = small["sessions"].assign(profit=small["sessions"]["yard_competitive"], stable=True, loss=0.0)
    words = " ".join(answer(Results(small.spec, small.tables | {"sessions": low}, small.cells), {}))
    assert ": below the highest static Nash" in words
    assert ", 0 end clearly above" in words
    assert "that play is close to an equilibrium" in words
    flat = small["sessions"].assign(yard_joint=small["sessions"]["yard_competitive"])
    hours = small["hours"].assign(joint=small["hours"]["competitive"])
    tables = small.tables | {"sessions": flat, "hours": hours}
    words = " ".join(answer(Results(small.spec, tables, small.cells), {}))
    assert "there is nothing to collude about" in words
    assert "In no hour of the day" in words


def test_the_answer_leaves_out_what_failed(small: Results) -> None:
    rows = small["sessions"]
    assert answer(Results(small.spec, {}, small.cells), {}) == []
    plants = answer(Results(small.spec, {"sessions": rows[rows["market"] == "plants"]}, small.cells), {})
    assert not any("auction" in sentence or "buyers" in sentence for sentence in plants)
    assert not any("of 24 hours" in sentence for sentence in plants)

"""Collusion on grids: who owns what, yardsticks solved by others, money that adds up, lines set free."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clearing
import studies
from learners import Game
from learners.equilibria.indices import collusion_index
from networks.errors import InputError
from studies.nodal_collusion.cells import COMPETITIVE, JOINT, NASH, gains_without, yardsticks
from studies.nodal_collusion.figures import figures
from studies.nodal_collusion.portfolios import clear_profiles, deal_portfolios
from studies.nodal_collusion.study import Settings, cells
from studies.nodal_collusion.tables import (
    bus_changes,
    headline,
    index_rows,
    line_effects,
    outcome,
    static_share,
    summarise,
    transfers,
)
from studies.registry import find_study
from studies.report import write_report
from studies.running.runner import run
from studies.study import Results

STUDY = find_study("nodal_collusion").shown()

MARKUPS = (0.0, 10.0, 20.0, 30.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three gencos of the five-bus system, the line 2-5 at 100 MW."""
    spec = {"cases": ["five_bus"], "owned": [1.0], "least_limits": [0.0], "markups": list(MARKUPS),
            "sessions": 3, "rounds": 30_000, "beta": 3e-4}  # fmt: skip
    ended = run("nodal_collusion", spec, out=tmp_path_factory.mktemp("nodal"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return ended.folder


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return studies.results(folder)


def test_units_are_dealt_largest_first_and_nearly_equal() -> None:
    market = deal_portfolios("pglib_ieee118", 3, 0.7, 0.0, MARKUPS)
    owned = [unit for units in market.firms.values() for unit in units]
    assert len(set(owned)) == len(owned)
    columns = market.game.columns
    mw = dict(zip(columns.book.participants, columns.mw, strict=True))
    least = min(mw[unit] for unit in owned)
    assert all(mw[unit] <= least for unit in mw if unit not in owned)
    total = sum(v for k, v in mw.items() if columns.side[columns.book.participants.index(k)] > 0)
    assert 0.7 <= sum(mw[unit] for unit in owned) / total <= 0.7 + least / total
    sizes = list(market.owned_mw.values())
    assert max(sizes) - min(sizes) <= max(mw.values())
    ranked = sorted(mw, key=lambda unit: -mw[unit])
    assert market.firms["firm A"][:2] == (ranked[0], ranked[5])


def test_tightened_limits_just_fit_competition() -> None:
    free = deal_portfolios("ieee118", 3, 0.75, 0.0, MARKUPS)
    tight = deal_portfolios("ieee118", 3, 0.75, 50.0, MARKUPS)
    flow = np.abs(clear_profiles(free.game, np.zeros((1, 3))).flow[0])
    assert np.allclose(tight.case.grid.limit_mw, np.maximum(flow, 50.0))
    then, now = (clear_profiles(m.game, np.zeros((1, 3))) for m in (free, tight))
    assert float(now.cost[0]) == pytest.approx(float(then.cost[0]), rel=1e-9)
    assert float(now.lmp.max()) >= float(then.lmp.max()) - 1e-6


def test_yardsticks_are_those_of_the_reconstructed_system(results: Results) -> None:
    """Equilibria (0, 30, 30) and (30, 0, 30), producers' and consumers' benefits known to the cent."""
    frame = results["outcomes"].set_index("outcome")
    assert frame.loc[COMPETITIVE, "firms"] == pytest.approx(1055.75, abs=5e-3)
    found = {frame.loc[name, "markups"]: frame.loc[name, "firms"] for name in NASH}
    assert found == pytest.approx({"(30, 0, 30)": 14856.00, "(0, 30, 30)": 15109.92}, abs=5e-3)
    assert 60 * 500 - float(frame.loc[NASH[1], "bill"]) == pytest.approx(2792.66, abs=5e-3)
    assert float(frame.loc[NASH[1], "rent"]) == pytest.approx(1431.41, abs=5e-3)
    assert frame.loc[JOINT, "markups"] == "(30, 30, 30)"
    certificates = results["certificates"].set_index("outcome")
    assert certificates.loc[NASH[1], "epsilon"] == pytest.approx(0.0, abs=1e-6)
    assert certificates.loc[JOINT, "epsilon"] > 1.0


def test_money_adds_up(results: Results) -> None:
    parts = transfers(results, "five_bus")
    assert sum(parts.values()) == pytest.approx(0.0, abs=1e-6)
    for name in ("outcomes", "sessions"):
        frame = results[name]
        spent = frame["firms"] + frame["fringe"] + frame["rent"] + frame["cost"]
        assert np.allclose(frame["bill"], spent)
    change = bus_changes(results, "five_bus")
    assert float(change["extra_bill"].sum()) == pytest.approx(-parts["consumers"], abs=1e-6)
    assert list(change.index) == ["1", "2", "3", "4", "5"]


def test_indices_follow_from_profits(results: Results) -> None:
    row = index_rows(results, "five_bus", "memory")
    low, nash, high = (outcome(results, "five_bus", name) for name in (COMPETITIVE, NASH[1], JOINT))
    assert low is not None
    assert nash is not None
    assert high is not None
    frame = results["sessions"]
    profit = frame[frame["part"] == "memory"]["firms"]
    for words, base in (("competition", low), ("rivalry", nash)):
        expected = np.mean([collusion_index(v, float(base["firms"]), float(high["firms"])) for v in profit])
        assert row[f"Δ over {words}"] == pytest.approx(float(expected))
    assert 0 < static_share(results, "five_bus") < 2


def test_the_congested_line_makes_it_pay(results: Results) -> None:
    """Without the limit of line 2-5 the firms gain less; the gain is the difference of exact clearings."""
    effects = line_effects(results, "five_bus")
    line = next(name for name in effects.index if "(2–5)" in name)
    assert effects.loc[line, "joint_adds"] != 0
    market = deal_portfolios("five_bus", 3, 1.0, 0.0, MARKUPS)
    profile = np.array([[0, 3, 3]])
    tied, free = gains_without(market, (), profile)[0, 0], gains_without(market, (4,), profile)[0, 0]
    assert tied == pytest.approx(15109.92 - 1055.75, abs=0.01)
    loose = market.without_limit([4])
    direct = loose.payoffs(profile).sum() - loose.payoffs([[0, 0, 0]]).sum()
    assert free == pytest.approx(float(direct))


def test_without_equilibria_the_nearest_profile_is_named() -> None:
    """On the step of 5 with a line of 200 MW no pure equilibrium exists; best replies cycle."""
    market = deal_portfolios("five_bus", 3, 1.0, 0.0, tuple(5.0 * k for k in range(7)))
    limit = market.case.grid.limit_mw.copy()
    limit[4] = 200.0
    grid = market.case.grid.with_settings(limit_mw=limit)
    game = Game(clearing.NodalMarket(grid), market.game.book, market.firms, market.game.action_sets[0])
    names = [name for name, _ in yardsticks(replace(market, game=game))]
    assert names == [COMPETITIVE, "nearest to Nash", "cycle of best replies", JOINT]


def test_the_page_opens_with_the_grid(folder: Path, results: Results) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    assert text.index("grid_five_bus-title") < text.index("prices_five_bus-title")
    assert (folder / "grid_five_bus.png").stat().st_size > 10_000
    assert set(summarise(results)) >= {"indices", "money", "paid", "lines", "buses", "certificates"}


@pytest.mark.parametrize("missing", ["outcomes", "sessions", "joint_lines", "learned_lines", "responses"])
def test_an_unfinished_run_has_a_page(results: Results, missing: str) -> None:
    """A case counts once all its parts are there; punishment is drawn where somebody was tempted."""
    tables = {name: frame for name, frame in results.tables.items() if name != missing}
    part = Results(results.spec, tables, results.cells, results.manifest)
    assert (
        bool(summarise(part))
        == bool(figures(part, {}))
        == bool(headline(part, {}))
        == (missing == "responses")
    )


def answer_with(results: Results, **changed) -> list[str]:
    """The answer of a run in which tables are others, or missing where None."""
    tables = {k: v for k, v in (results.tables | changed).items() if v is not None}
    return STUDY.answer(Results(results.spec, tables, results.cells, results.manifest), {})


def test_the_answer_follows_the_tables(results: Results) -> None:
    learned, controls, paid = answer_with(results)
    index = index_rows(results, "five_bus", "memory")
    assert "the static Nash equilibrium of highest profit explains" in learned
    assert f"is {index['Δ over rivalry']:+.2f} (95 %" in learned
    assert f"reach {100 * static_share(results, 'five_bus'):.0f} %" in controls
    assert f"{-transfers(results, 'five_bus')['consumers']:,.0f} $/h more" in paid
    assert "of 5, most at bus 5" in paid


def test_the_answer_turns_where_the_numbers_do(results: Results) -> None:
    """Profits at the joint optimum are more than rivalry, at cost less; missing parts say nothing."""
    frame = results["sessions"]
    high, low = (outcome(results, "five_bus", name) for name in (JOINT, COMPETITIVE))
    assert high is not None
    assert low is not None
    steps = np.arange(len(frame)) * 1e-3
    most, least = (frame.assign(firms=float(row["firms"]) + steps) for row in (high, low))
    assert "the firms earn more than" in answer_with(results, sessions=most)[0]
    assert "the firms earn less than" in answer_with(results, sessions=least)[0]
    cheaper = answer_with(results, sessions=frame.assign(bill=0.0))[2]
    assert "$/h less than under competition" in cheaper
    assert "of all rises" not in cheaper
    unknown = results["outcomes"].query("outcome not in @NASH")
    assert "is open, as no static" in answer_with(results, outcomes=unknown)[0]
    assert answer_with(results, sessions=None) == []


def test_settings_that_do_not_fit_are_refused() -> None:
    assert STUDY.spec is Settings
    with pytest.raises(InputError, match="give one of each for every case"):
        cells(Settings(owned=(0.5,)))
    with pytest.raises(InputError, match="2 periods; give a case of a single one"):
        cells(Settings(cases=("three_node",), owned=(1.0,), least_limits=(0.0,)))
    with pytest.raises(InputError, match="0 among them"):
        cells(Settings(markups=(1.0, 2.0)))

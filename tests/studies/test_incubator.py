"""The incubator study: gaps, screens, false alarms and misses on a small case, and its words and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import networks
import studies
from clearing import Book, NodalMarket
from clearing.book_series import BookSeries
from clearing.incubator import Incubator
from studies.incubator.assessment import assess, block_bootstrap
from studies.incubator.cells import HONEST, conducts
from studies.incubator.claims import claims
from studies.incubator.figures import figures
from studies.incubator.series import largest_sellers, simulate_series
from studies.incubator.show import answer
from studies.incubator.tables import (
    headline,
    power_table,
    reliable_error,
    summarise,
)
from studies.pictures.charts_plotly import plotly_chart
from studies.running.runner import run
from studies.study import Results

SMALL = {
    "case": "pglib_ieee118", "books": 60, "groups": [1, 10], "markups": [0.3], "withheld": [0.2],
    "sigmas": [0.0, 0.4], "pooled": 6, "trials": 60, "draws": 50, "screened": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Sixty hours of the 118-bus case."""
    ended = run("incubator", SMALL, out=tmp_path_factory.mktemp("incubator"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def test_exact_costs_find_what_moves_prices_and_nothing_else(small: Results) -> None:
    gaps = small["summary"].set_index("conduct")
    assert gaps.loc[HONEST, "gap"] == pytest.approx(0, abs=1e-9)
    assert gaps.loc["10 largest +30%", "gap"] > 1
    assert gaps.loc["10 largest +30%, reported as cost", "gap"] == pytest.approx(0, abs=1e-9)
    assert (gaps["low"] <= gaps["gap"] + 1e-9).all()
    assert (gaps["gap"] <= gaps["high"] + 1e-9).all()
    agents = small["agents"].dropna(subset=["gap"])
    assert agents.loc[agents["conduct"] == HONEST, "gap"].abs().max() <= 1e-9
    inside = (agents["gap_low"] <= agents["gap"] + 1e-6) & (agents["gap"] <= agents["gap_high"] + 1e-6)
    assert inside.mean() > 0.9
    table = power_table(small).set_index(["sigma", "conduct"])
    assert table.loc[(0.0, "10 largest +30%"), "missed_gap"] == 0
    assert table.loc[(0.0, "10 largest +30%"), "area_gap"] == 1
    assert table.loc[(0.4, "10 largest +30%"), "area_gap"] < 1
    assert 0.3 < table.loc[(0.4, "10 largest +30%, reported as cost"), "area_gap"] < 0.7
    assert table.loc[(0.0, "10 largest withhold 20%"), "missed_offers"] == 1  # offers do not show it


def test_words_follow_the_numbers(small: Results) -> None:
    tiles = dict(reversed(pair) for pair in headline(small, {}))
    key = next(words for words in tiles if "still lets a monitor find" in words)
    assert "10 largest +30%" in key
    limit = reliable_error(power_table(small), "10 largest +30%")
    assert tiles[key] == f"±{limit:.0%}"
    rows = {row.claim: row for row in claims(small, {})}
    assert rows["Falsified costs could derail simulated comparisons of prices"].verdict == "matches"
    tables = dict(small.tables)
    frame = tables["statistics"].copy()
    acting = frame["conduct"].str.contains("reported")
    frame.loc[acting, "gap"] = 100.0  # a false report that could be seen
    tables["statistics"] = frame
    changed = {row.claim: row for row in claims(Results(small.spec, tables, small.cells), {})}
    assert changed["Falsified costs could derail simulated comparisons of prices"].verdict == "differs"


def test_tables_and_pictures(small: Results) -> None:
    summaries = summarise(small)
    assert {"gaps", "agents", "lines", "power", "false_alarms"} == set(summaries)
    charts = figures(small, {})
    assert charts[0].opening
    for chart in charts:
        data, _ = plotly_chart(chart)
        assert data


def test_conducts_are_named_by_who_acts() -> None:
    from studies.incubator.study import Settings

    book = Book.from_case(networks.load("five_bus"))
    names = [c.name for c in conducts(Settings(case="five_bus", groups=(1, 99)), book)]
    assert names[0] == HONEST
    assert "largest +10%" in names
    assert "all +30%" in names
    assert len(set(names)) == len(names)


def test_blocks_keep_what_neighbours_share() -> None:
    generator = np.random.default_rng(0)
    steps = np.repeat(generator.standard_normal(25), 8)  # neighbours alike
    one = block_bootstrap(steps, 1, 4000, np.random.default_rng(1)).std()
    many = block_bootstrap(steps, 24, 4000, np.random.default_rng(1)).std()
    assert one == pytest.approx(steps.std() / np.sqrt(len(steps)), rel=0.05)
    assert many > 1.8 * one
    assert block_bootstrap(steps, 7, 3000, np.random.default_rng(2)).mean() == pytest.approx(
        steps.mean(), abs=0.02
    )
    assert block_bootstrap(np.ones(5), 99, 3, np.random.default_rng(2)).ravel().tolist() == [1, 1, 1]


def test_an_assessment_says_what_errors_explain() -> None:
    case = networks.load("five_bus")
    book = Book.from_case(case)
    incubator = Incubator(NodalMarket(case.grid), book)
    series = simulate_series(book, case.grid, 30, np.random.default_rng(0), 0.6, 0.1, 0.01, 0.0)
    sellers = largest_sellers(book)
    raised = series.with_markup(dict.fromkeys(sellers, 0.5))
    found = incubator.compare(raised)
    sure = assess(found, 0.02, np.random.default_rng(1), trials=60, draws=50)
    assert sure.p_value < 0.05
    assert "calls for a closer look" in sure.sentence
    assert sure.low <= sure.gap <= sure.high
    doubt = assess(found, 2.0, np.random.default_rng(1), trials=60, draws=50)
    assert doubt.p_value > sure.p_value
    calm = assess(incubator.compare(series), 0.1, np.random.default_rng(1), trials=20, draws=50)
    assert "what truthful costs would give" in calm.sentence
    dark = assess(
        incubator.compare(BookSeries.honest(book, case.grid, np.array([50.0]))), 0.1, np.random.default_rng(1)
    )
    assert "nothing can be said" in dark.sentence


def test_a_case_that_cannot_be_served_is_refused(tmp_path: Path) -> None:
    few = {"case": "five_bus", "books": 3, "demand_mean": 9.0, "sigmas": [0.1]}
    ended = run("incubator", SMALL | few, out=tmp_path, jobs=0)
    assert ended.failed
    assert "can be served" in studies.results(ended.folder).failures["error"].iloc[0]


def test_the_answer_follows_the_numbers(small: Results) -> None:
    said = answer(small, {})
    assert len(said) == 5
    words = " ".join(said)
    assert "is played" in said[0]
    assert "“10 largest +30%”" in said[0]
    assert "by prices with exact costs only" in words
    assert "Reporting the mark-up as cost hides it" in words
    tables = dict(small.tables)
    frame = tables["statistics"].copy()
    frame.loc[frame["conduct"] != HONEST, ["gap", "offers"]] = 100.0  # whatever is done can be seen
    tables["statistics"] = frame
    seen = " ".join(answer(Results(small.spec, tables, small.cells), {}))
    assert seen.count("up to errors of 40%, the largest that were tried") == 2
    assert "does not always hide it" in seen
    frame = frame.copy()
    frame.loc[frame["conduct"] != HONEST, ["gap", "offers"]] = -100.0
    tables["statistics"] = frame
    assert "at no error that was tried (0% are found at 0%)" in " ".join(
        answer(Results(small.spec, tables, small.cells), {})
    )
    calm = small["summary"].assign(gap=0.0)
    quiet = answer(Results(small.spec, small.tables | {"summary": calm}, small.cells), {})
    assert quiet[0] == "No conduct that was tried raises prices."
    assert not any("false alarms it finds" in sentence for sentence in quiet)


def test_the_answer_leaves_out_what_failed(small: Results) -> None:
    assert answer(Results(small.spec, {}, small.cells), {}) == []
    series = {name: small[name] for name in ("summary", "agents", "periods")}
    assert len(answer(Results(small.spec, series, small.cells), {})) == 2
    errors = answer(Results(small.spec, {"statistics": small["statistics"]}, small.cells), {})
    assert errors[0].startswith("With costs wrong by 40%")

"""The synchronization study: what a small run finds, what is said of made-up results, and its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import studies
from studies.pictures.charts import Panels
from studies.pictures.charts_plotly import plotly_chart
from studies.pictures.charts_png import draw_chart
from studies.running.runner import run
from studies.study import Results
from studies.synchronization.claims import claims
from studies.synchronization.figures import figures
from studies.synchronization.show import answer
from studies.synchronization.tables import (
    headline,
    remedy_rows,
    spans,
    summarise,
    world_table,
)

SMALL = {
    "worlds": 4, "training_days": 60, "sample_days": 12, "test_days": 8, "search_starts": 1,
    "ratchets": [0.0], "exponents": [1.0], "shares": [], "storage_losses": [], "elasticities": [0.3],
    "response_payments": [300.0], "fines": [1.0], "clock_draws": 50, "meter_trials": 60,
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Four worlds with few days."""
    ended = run("synchronization", SMALL, out=tmp_path_factory.mktemp("sync"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def test_literal_learners_follow_their_own_sun(small: Results) -> None:
    agree = world_table(small, "agreement").groupby("against")["share_awake"].mean()
    assert agree["literal, price-blind"] > 0.97
    assert agree["own need above own sun"] > agree["balanced"]
    learned = world_table(small, "learned").groupby("variant")[["profit", "honest_profit"]].mean()
    assert learned.loc["literal", "profit"] > learned.loc["literal", "honest_profit"]
    honest = learned.loc["balanced"]
    assert honest["profit"] == pytest.approx(honest["honest_profit"])


def test_honest_equilibria_raise_prices_and_leave_no_gain(small: Results) -> None:
    found = world_table(small, "equilibria")
    assert found["settled"].all()
    assert (found["midday_price"] > found["friendly_midday_price"]).all()
    assert (found["bill"] > found["friendly_bill"]).all()
    assert found["one_slot_gain"].max() <= 1e-9
    assert found["two_slot_gain"].max() >= found["one_slot_gain"].max()
    assert (found["leaving_all"] > 0).all()


def test_remedies_are_compared_with_friendly_days_under_the_same_rule(small: Results) -> None:
    change = remedy_rows(small).groupby(["knob", "level"])["price change"].mean()
    assert change["none", 0.0] > 0.05
    assert change["ratchet", 0.0] == pytest.approx(0.0, abs=1e-12)
    assert 0 < change["exponent", 1.0] < change["none", 0.0]
    assert change["fine", 1.0] == pytest.approx(0.0, abs=1e-12)


def test_clock_errors_flatten_the_peak(small: Results) -> None:
    rise = world_table(small, "clocks").groupby(["burst_minutes", "clock_error"])["price_rise"].mean()
    long, short = rise.xs(15, level="burst_minutes"), rise.xs(1, level="burst_minutes")
    assert long[0.0] == pytest.approx(short[0.0])
    assert short[10.0] < long[10.0] < long[0.0]


def test_fines_that_dissolve_are_no_smaller_than_those_that_prevent(small: Results) -> None:
    fines = world_table(small, "needed_fines")
    assert (fines["prevents"] > 0).all()
    assert (fines["dissolves"] >= fines["prevents"] - 0.04).all()
    readings = world_table(small, "readings").groupby("noise")["pump_factor"].mean()
    assert readings.is_monotonic_increasing
    assert readings[0.15] > 1000


def test_the_ledger_speaks_only_of_enough_worlds(small: Results) -> None:
    rows = claims(small, {})
    assert len({(row.claim, row.variant) for row in rows}) == len(rows) > 50
    by_claim = {row.claim: row for row in rows}
    cause = by_claim["Prosumers learn to synchronize in order to raise the operator's price"]
    assert cause.verdict == "differs"
    assert "own need" in cause.reason
    assert by_claim["Equation (4): x = s + s^p is constant"].verdict == "under-specified"
    assert all(row.reason for row in rows if row.verdict != "matches")
    window = by_claim["Figure 3: hours of the morning in which synchronizing is better"]
    assert window.evidence == "input", "the window begins where our demand begins"
    assert window.verdict in ("consistent", "differs")
    assert "day_start" in window.reason
    assert "knife edge" in window.reason
    shares = [row for row in rows if row.claim.startswith(("Daytime decisions", "Share that syncs"))]
    assert len(shares) == 13
    assert all(0 <= row.low <= row.high <= 1 for row in shares)
    tables = {
        name: frame[frame["world"] < 2] if frame["world"].max() > 0 else frame
        for name, frame in small.tables.items()
    }
    assert claims(Results(small.spec, tables, small.cells), {}) == []


def test_words_follow_the_numbers(small: Results) -> None:
    """A made-up world in which the price does matter is not called one in which it does not."""
    tiles = dict(reversed(pair) for pair in headline(small, {}))
    assert any("decisions stay the same" in words for words in tiles)
    tables = dict(small.tables)
    agreement = tables["agreement"].copy()
    agreement.loc[agreement["against"] == "literal, price-blind", "share_awake"] = 0.3
    tables["agreement"] = agreement
    changed = Results(small.spec, tables, small.cells)
    said = [
        (value, words) for value, words in headline(changed, {}) if "price" in words and "decisions" in words
    ]
    assert said == [("70.0%", "of daytime decisions change when prices ignore artificial demand")]
    assert figures(changed, {})[0].title.startswith("70.0% of learned decisions change")


def test_tables_and_pictures(small: Results, tmp_path: Path) -> None:
    summaries = summarise(small)
    named = {"learned", "agreement", "equilibrium", "plan_learners", "remedies", "clocks", "ban", "meters"}
    assert named == set(summaries)
    charts = figures(small, {})
    assert charts[0].opening
    assert not any(chart.opening for chart in charts[1:])
    assert len({chart.name for chart in charts}) == len(charts) >= 10
    for chart in charts:
        data, layout = plotly_chart(chart)
        assert data
        assert layout["height"] > 0
    panels = next(chart for chart in charts if isinstance(chart, Panels))
    assert draw_chart(panels, tmp_path / "panels.png").stat().st_size > 5000


def test_spans() -> None:
    assert spans([5.5, 6.0, 6.5, 20.0], 0.5) == "5:30–7:00, 20:00–20:30"
    assert spans([], 0.5) == "never"


def test_worlds_come_again(small: Results, tmp_path: Path) -> None:
    again = run("synchronization", SMALL | {"worlds": 1}, out=tmp_path, jobs=0)
    one = studies.results(again.folder)["equilibria"]
    first = small["equilibria"].iloc[: len(one)].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        one.drop(columns="cell", errors="ignore"), first.drop(columns="cell", errors="ignore")
    )
    assert np.isfinite(one["profit"]).all()


def test_the_answer_follows_the_numbers(small: Results) -> None:
    said = answer(small, {})
    assert len(said) == 6
    words = " ".join(said)
    assert "does not synchronize for the sake of the price: 99" in words
    assert "Synchronizing is what best replies lead to" in words
    assert "prices keep 0 of earlier peaks" in words
    tables = dict(small.tables)
    agreement = tables["agreement"].copy()
    agreement.loc[agreement["against"] == "literal, price-blind", "share_awake"] = 0.3
    equilibria = tables["equilibria"].copy()
    equilibria["midday_price"], equilibria["two_slot_gain"] = equilibria["friendly_midday_price"], 0.5
    remedies = tables["remedies"].assign(midday_price=2 * tables["remedies"]["friendly_midday_price"])
    meters = tables["meters"].assign(area=0.5)
    tables |= {"agreement": agreement, "equilibria": equilibria, "remedies": remedies, "meters": meters}
    other = " ".join(answer(Results(small.spec, tables, small.cells), {}))
    assert "The price is among the reasons" in other
    assert "is not clearly what best replies lead to" in other
    assert "would gain up to 50.0 ¢ a day" in other
    assert "No remedy that was tried keeps the midday price" in other
    assert "show them" in words
    assert "minutes show them" not in other


def test_the_answer_leaves_out_what_failed(small: Results) -> None:
    assert answer(Results(small.spec, {}, small.cells), {}) == []
    only = answer(Results(small.spec, {"meters": small["meters"]}, small.cells), {})
    assert [sentence[:13] for sentence in only] == ["Agreed bursts"]
    worlds = {name: frame for name, frame in small.tables.items() if name not in ("meters", "roc")}
    assert len(answer(Results(small.spec, worlds, small.cells), {})) == 5
    none = small.tables | {"remedies": small["remedies"].query("knob == 'none'")}
    assert len(answer(Results(small.spec, none, small.cells), {})) == 5

"""The named studies: what the three-node one finds of the article, the ledger, and the scan of a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import studies
from networks.errors import InputError
from studies.ledger import COLUMNS, current_ledger, refresh_ledger, run_ledger, shipped_path
from studies.registry import find_study, study_names
from studies.running.runner import run
from studies.study import Results, Summary
from studies.two_sided_three_node.hour import best_replies, pure_equilibria
from studies.two_sided_three_node.tables import clearing_at
from tests.studies.helpers import ROOT, walras

MOST_SECONDS = 10.0
"""Rows of the shipped ledger that cost less are made again here (on a machine with nothing else to do)."""


@pytest.fixture(scope="module")
def three_node(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """All 31 × 31 clearings of both hours; what is learned has tests of its own."""
    ended = run("two_sided_three_node", {"seeds": 0}, out=tmp_path_factory.mktemp("two"), jobs=2)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


@pytest.fixture(scope="module")
def rows(three_node: Results) -> pd.DataFrame:
    return ledger_rows("two_sided_three_node", three_node)


ARTICLE = "Two-Sided Tacit Collusion (Jabbari Zideh, Mohtavipour; Energies 2017, 10, 2045)"


def ledger_rows(name: str, results: Results) -> pd.DataFrame:
    """Rows of the ledger that a run's results give."""
    ref = find_study(name)
    study = ref.shown()
    assert study.summarise is not None
    return run_ledger(study, ref, results, study.summarise(results))


def test_every_published_figure_has_the_verdict_of_the_models(rows: pd.DataFrame) -> None:
    verdicts = rows.set_index("claim")["verdict"]
    assert len(rows) == 16
    assert verdicts.value_counts().to_dict() == {
        "matches": 11, "consistent": 2, "differs": 2, "under-specified": 1,
    }  # fmt: skip
    numbers = rows[rows["form"] == "number"].groupby("printed")["verdict"].unique().map(list)
    assert numbers.to_dict() == {6.64: ["consistent"], 128.0: ["consistent"]} | {
        number: ["matches"] for number in (6.0, 8.0, 9.0, 398.0, 540.0, 560.0, 796.0)
    }
    by_printed = rows.set_index("printed")
    assert by_printed.loc[6.64, "ours"] == "[6, 8] $/MWh"
    assert by_printed.loc[128.0, "ours"] == "[0, 400] $"
    by_words = rows.set_index(rows["claim"].str[:17])
    settled = by_words.loc["C: (199 MW, 20 MW"]
    assert settled["verdict"] == "differs"
    assert "19 MW" in settled["reason"]
    local = by_words.loc["B: each node's pr"]
    assert local["verdict"] == "differs", "node 2 is at 9, its generator at 10"
    ramp = by_words.loc["B: because of the"]
    assert ramp["verdict"] == "under-specified"
    assert "ramp limit" in ramp["reason"]
    assert set(rows["document"]) == {ARTICLE}
    assert set(rows["kind"]) == {"published"}


def test_intervals_at_the_degenerate_point(three_node: Results) -> None:
    """models/two_sided.md §1: LMP1 in [6, 8], LMP2 in [6, 9], LMP3 in [6, 8]."""
    found = clearing_at(three_node["clearings"], 1, 200.0, 0.0)
    assert found is not None
    ends = [(found[f"lmp{bus}_low"], found[f"lmp{bus}_high"]) for bus in (1, 2, 3)]
    assert np.allclose(ends, [(6, 8), (6, 9), (6, 8)], atol=1e-7)
    assert found["flow_12_mw"] == pytest.approx(100.0)


def test_pure_equilibria_name_their_price_rule(three_node: Results) -> None:
    """Both sets of models/two_sided.md §1; no pure equilibrium in hour 1 where Disco-1 may interrupt."""
    frame = three_node["clearings"]
    dear_at_node_2 = [(200.0 - k, 21.0 - 2 * k) for k in range(11)] + [(189.0, 0.0)]
    cheap_at_node_2 = [(200.0 - k, 20.0 - 2 * k) for k in range(11)]
    assert pure_equilibria(frame, 2, "high") == dear_at_node_2
    assert pure_equilibria(frame, 2, "low") == cheap_at_node_2
    assert pure_equilibria(frame, 1, "high") == pure_equilibria(frame, 1, "low") == []
    assert best_replies(frame, 2, "high", 199.0) == ([19.0], 265.0)  # (11 − 8)·101 − 2·19


def test_what_a_ramp_limit_allows(three_node: Results) -> None:
    """Alone Gen-A earns 756 + 2·RD without an offer before hour 1, and 398 with 200 MW and 1 ≤ RD < 5."""
    study = find_study("two_sided_three_node").shown()
    assert study.summarise is not None
    ramps = study.summarise(three_node)["ramps"].frame.set_index("ramp limit MW/h")
    free, started = ramps["profit $, free start"], ramps["profit $, 200 MW before"]
    assert [free[r] for r in range(9)] == [756.0 + 2 * r for r in range(9)]
    assert [started[r] for r in range(1, 5)] == [398.0] * 4
    assert started[6] > 700


def test_cheap_rows_of_the_shipped_ledger_are_made_again(rows: pd.DataFrame, tmp_path: Path) -> None:
    shipped = pd.read_parquet(shipped_path())
    assert list(shipped.columns) == list(COLUMNS)
    assert set(shipped["study"]) <= set(study_names())
    same = [
        name for name in COLUMNS if name not in ("seeds", "code", "date", "seconds", "found", "low", "high")
    ]
    cheap = shipped[shipped["seconds"] < MOST_SECONDS]
    for name, kept in cheap.groupby("study"):
        made = rows
        if name != "two_sided_three_node":
            made = ledger_rows(name, studies.results(run(name, out=tmp_path / name, jobs=2).folder))
        pd.testing.assert_frame_equal(
            kept[same].reset_index(drop=True), made[same].reset_index(drop=True), check_dtype=False
        )


def test_rows_say_when_their_code_has_changed(
    three_node: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pd.read_parquet(shipped_path()).assign(code="0123456789abcdef")
    old.to_parquet(tmp_path / "ledger.parquet")
    monkeypatch.setattr("studies.ledger.shipped_path", lambda: tmp_path / "ledger.parquet")
    assert current_ledger(tmp_path / "none")["stale"].all()


def test_a_stored_run_comes_before_the_shipped_rows(
    three_node: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studies.report import write_report

    other_grid = {"interrupted_step_mw": 10.0, "offer_from_mw": 199.0, "seeds": 0}
    ended = run("two_sided_three_node", other_grid, jobs=0, out=tmp_path)
    write_report(ended.folder)
    other = current_ledger(tmp_path)
    assert set(other["source"]) == {"shipped"}, "only a run with the default settings counts"


def test_one_study_is_refreshed_and_the_others_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pd.read_parquet(shipped_path())
    old = before.assign(ours="something else")
    path = tmp_path / "ledger.parquet"
    old.to_parquet(path)
    monkeypatch.setattr("studies.ledger.shipped_path", lambda: path)
    refresh_ledger(tmp_path / "results", ["eight_node"])
    after = pd.read_parquet(path).set_index("study")
    assert "something else" not in set(after.loc["eight_node", "ours"])
    assert set(after.drop("eight_node")["ours"]) == {"something else"}
    assert len(after) == len(before)
    with pytest.raises(InputError, match="compares nothing"):
        refresh_ledger(tmp_path, ["market_power_scan"])


def test_the_command_prints_the_ledger() -> None:
    done = walras("ledger", "--json", "--results", "no-such-folder")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["kind"] for row in rows} == {"published", "cross-check"}
    kinds = [row["kind"] for row in rows]
    assert kinds == sorted(kinds, reverse=True), "what documents print comes first"
    assert {"place", "published", "ours", "verdict", "reason", "evidence", "stale"} <= set(rows[0])


def test_the_scan_of_a_small_case(tmp_path: Path) -> None:
    """Three nodes: Gen-A alone is pivotal nowhere; withholding one MW in 200 pays it in hour 1."""
    spec = {"case": "three_node", "withheld": [0.0, 0.005, 0.5, 1.0], "markups": [0.0, 1.0, 3.0]}
    ended = run("market_power_scan", spec, jobs=0, out=tmp_path)
    assert (ended.failed, ended.total) == (0, 9)
    results = studies.results(tmp_path)
    firms = results["firms"].set_index("firm")
    assert firms["rsi"].tolist() == pytest.approx([400 / 240] * 3)  # in hour 2, with the greater demand
    assert firms["hhi_offered"].tolist() == pytest.approx([10_000 / 3] * 3)
    table = results["deviations"].set_index(["firm", "kind", "level"])
    base = table.loc[("Gen-A", "withhold", 0.0)]
    assert base["profit_change"] == 0
    slight = table.loc[("Gen-A", "withhold", 0.005)]  # 199 MW in both hours: 398 $, and 0 in hour 2
    assert slight["profit"] == pytest.approx(398.0)
    study = find_study("market_power_scan").shown()
    assert study.summarise is not None
    assert study.figures is not None
    summaries = study.summarise(results)
    assert isinstance(summaries["best"], Summary)
    assert {chart.name for chart in study.figures(results, summaries)} >= {"grid", "residual_supply"}
    check_answers_of_a_scan(results, study.answer)


def check_answers_of_a_scan(results: Results, answer: Callable[..., Sequence[str]]) -> None:
    """Sentences follow the tables, turn with them, and stay away where rows are missing."""
    gains, most, where, structure = answer(results, {})
    paying = results["deviations"].query("profit_change > 1e-3")["firm"].nunique()
    assert gains.startswith(f"{paying} of 3 firms would gain")
    assert f"{results['deviations']['profit_change'].max():,.0f} $" in most
    assert "the price at " in where
    assert "0 of 3 firms are pivotal if the grid is ignored" in structure

    def changed(**tables: pd.DataFrame) -> Sequence[str]:
        return answer(Results(results.spec, dict(results.tables) | tables, results.cells), {})

    flat = results["deviations"].assign(profit=1.0, profit_change=0.0)
    none, structure = changed(deviations=flat)
    assert none.startswith("None of the 3 firms gains")
    assert "of the " not in structure
    assert changed(deviations=flat.head(0)) == []
    one = results["deviations"].query("kind == 'mark up'")
    assert "withholding" not in changed(deviations=one)[0]


def test_the_list_of_studies() -> None:
    assert {"market_power_scan", "two_sided_three_node"} <= set(study_names())
    done = walras("studies")
    assert "two_sided_three_node" in done.stdout
    done = walras("studies", "market_power_scan")
    assert "pglib_ieee300" in done.stdout
    assert "from 0 to 1" in done.stdout


def test_the_example_of_the_documents_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    block = text.split("```python\n")[1].split("```")[0]
    (tmp_path / "coin.py").write_text(block, encoding="utf-8")
    words = ["--set", "flips=100", "--replicates", 20, "--jobs", 0, "--out", tmp_path / "out"]
    done = walras("run", tmp_path / "coin.py", *words)
    assert done.returncode == 0, done.stderr
    assert "60 of 60 cells" in done.stdout
    assert "Ledger   printed numbers: 1 matches" in done.stdout

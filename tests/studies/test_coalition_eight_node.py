"""The study of the eight-node example: trades to the printed digits, payments, cores, verdicts, pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import studies
from studies.eight_node.show import answer
from studies.eight_node.tables import line_flow
from studies.pictures.charts import FlowMaps
from studies.pictures.charts_flows import line_paths
from studies.pictures.charts_plotly import plotly_chart
from studies.pictures.charts_png import draw_chart
from studies.registry import find_study, study_names
from studies.running.runner import run
from studies.study import Results

PRINTED = {  # model → A1→A2, A2→A3, A5→A4, losses
    "ad_hoc": (1.010, 0.0, 1.000, 0.522),
    "self_interested": (2.158, 1.056, 0.946, 0.458),
    "cooperative": (1.533, 0.550, 0.000, 0.200),
    "integrated": (1.503, 0.535, -0.060, 0.182),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    ended = run("eight_node", out=tmp_path_factory.mktemp("eight"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


@pytest.mark.parametrize("model", PRINTED)
def test_trades_and_losses_to_the_printed_digits(results: Results, model: str) -> None:
    losses = results["models"].set_index("name").loc[model, "losses_mw"]
    flows = [line_flow(results, model, line) for line in ("A1-A2", "A2-A3", "A4-A5")]
    found = np.round([*flows[:2], -flows[2], losses], 3) + 0.0
    assert found.tolist() == list(PRINTED[model])


def test_certificates_and_independent_bounds(results: Results) -> None:
    solved = results["models"].set_index("name").loc[["self_interested", "cooperative", "integrated"]]
    assert np.allclose(solved["objective"], solved["bound"], atol=2e-6)
    assert np.allclose(solved["objective"], solved["cut_bound"], atol=2e-6)
    assert (results["models"]["worst_gap_mw"] < 1e-6).all()


def test_payments_are_in_the_core_of_the_tariff_game_and_cores_are_empty_when_losses_are_charged(
    results: Results,
) -> None:
    cores = results["cores"].set_index("name")
    assert cores.loc["tariff", "payment_excess"] < 1e-9
    assert cores.loc["tariff", "grid_gain"] == pytest.approx(0.258, abs=5e-4)
    assert not cores.loc[["tariff", "market"], "empty"].any()
    charged = cores.loc[["singletons", "merge", "worst", "best"]]
    assert charged["empty"].all()
    assert charged["least_excess"].round(4).tolist() == [0.0097, 0.0026, 0.0026, 0.0097]
    assert charged["worth_all"].round(3).tolist() == [-1.193] * 4


def test_verdicts_are_modest(results: Results) -> None:
    study = find_study("eight_node").shown()
    assert study.claims is not None
    rows = list(study.claims(results, {}))
    verdicts = [row.verdict for row in rows]
    assert verdicts.count("consistent") == 9
    assert verdicts.count("matches") == 1  # the market game, which needs no reconstructed number
    assert [row.claim.split(":")[0] for row in rows if row.verdict == "differs"] == ["Self-interested"]
    assert all(
        "in-sample" in row.reason and row.evidence == "fitted" for row in rows if row.verdict == "consistent"
    )
    assert all(row.reason for row in rows)


def test_the_network_is_drawn_twice(results: Results, tmp_path: Path) -> None:
    study = find_study("eight_node").shown()
    assert study.figures is not None
    network = study.figures(results, {})[0]
    assert isinstance(network, FlowMaps)
    assert len(network.panels) == 4
    assert draw_chart(network, tmp_path / "network.png").stat().st_size > 20_000
    data, layout = plotly_chart(network)
    assert layout["yaxis4"]["scaleanchor"] == "x4"
    assert any("private" in text for trace in data for text in trace.get("hovertext", []))
    paths = line_paths(network)
    ends = np.asarray(network.positions)[np.asarray(network.ends)]
    assert np.allclose(paths[:, [0, -1]], ends)


def test_the_study_is_listed() -> None:
    assert {"eight_node", "coalition_efficiency"} <= set(study_names())


def test_the_answer_follows_the_numbers(results: Results) -> None:
    said = answer(results, {})
    assert 3 <= len(said) <= 6
    words = " ".join(said)
    assert "0.522 MW ad hoc" in words
    assert "saves 62% of the losses of ad hoc trade" in words
    assert "the grid keeps 0.258 $" in words
    assert "missing under 4 of 4 assumptions" in words
    assert "leave A6 alone, one of 2 stable" in words
    tables = dict(results.tables)
    tables["models"] = tables["models"].assign(losses_mw=[0.2, 0.4, 0.5, 0.5])
    cores = tables["cores"].copy()
    cores["empty"] = cores["part"] != "charged"
    tables["cores"] = cores
    other = " ".join(answer(replace(results, tables=tables), {}))
    assert "adds 150% of the losses of ad hoc trade" in other
    assert "exist under every assumption about outsiders that was tried (4)" in other
    assert "at the tariffs no payments keep everyone in" in other.lower()


def test_the_answer_leaves_out_what_failed(results: Results) -> None:
    assert answer(replace(results, tables={}), {}) == []
    tables = {"models": results["models"].query("name == 'ad_hoc'"), "cores": results["cores"].iloc[:1]}
    said = answer(replace(results, tables=tables), {})
    assert not any("saves" in sentence or "charged" in sentence for sentence in said)
    assert any("Losses are 0.522 MW ad hoc." in sentence for sentence in said)

"""`walras trade DIR`: summary, tables, picture, page, JSON, a user's own folder, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli import app
from tests.studies.helpers import ROOT

EIGHT = ROOT / "data" / "eight_node"


def trade(*words: object):
    return CliRunner().invoke(app, ["trade", *map(str, words)])


def test_four_models_with_tables_picture_and_page(tmp_path: Path) -> None:
    done = trade(EIGHT, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "self-interested" in done.output
    assert "0.2001" in done.output  # cooperative losses
    assert (tmp_path / "trade.png").read_bytes()[:4] == b"\x89PNG"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "chart-trade" in page
    assert "http-equiv" in page
    names = {"models", "public_lines", "private_lines", "agents", "trades", "payments", "cores"}
    assert {path.stem for path in tmp_path.glob("*.csv")} == names
    for name in names:
        csv, parquet = pd.read_csv(tmp_path / f"{name}.csv"), pd.read_parquet(tmp_path / f"{name}.parquet")
        assert len(csv) == len(parquet) > 0


def test_json_is_one_document_and_verify_adds_bounds() -> None:
    done = trade(EIGHT, "--json", "--verify")
    document = json.loads(done.output)
    models = {row["model"]: row for row in document["tables"]["models"]}
    assert list(models) == ["ad_hoc", "self_interested", "cooperative", "integrated"]
    losses = [round(row["losses_mw"], 3) for row in models.values()]
    assert losses == [0.522, 0.458, 0.200, 0.182]
    assert models["cooperative"]["cut_bound"] == pytest.approx(models["cooperative"]["supply_cost"], abs=2e-6)
    assert document["grid_gain"] == pytest.approx(0.258, abs=5e-4)
    assert all(row["in_core"] for row in document["tables"]["cores"])
    assert document["files"] == []


def test_an_instance_of_ones_own_without_private_lines(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    copytree(EIGHT, folder)
    (folder / "private_lines.csv").unlink()
    done = trade(folder, "--tariff", "nodal", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    models = pd.read_csv(tmp_path / "out" / "models.csv").set_index("model")["losses_mw"]
    assert models["ad_hoc"] == pytest.approx(models["cooperative"], abs=1e-6)
    assert models["cooperative"] == pytest.approx(0.793, abs=5e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("trade.toml", 'main_bus = "G"', 'main_bus = "Q"'), "main_bus is 'Q'"),
        (("private_lines.csv", "A1-A2,A1,A2", "A1-A2,A1,A9"), "'A9'"),
        (("buses.csv", "A1,3,0", "A1,300,0"), "line"),
    ],
)
def test_bad_input_ends_with_code_2_and_a_remedy(
    change: tuple[str, str, str], message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    copytree(EIGHT, folder)
    name, old, new = change
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = trade(folder, "--no-files")
    assert done.exit_code == 2, done.output
    assert message in " ".join((done.output + done.stderr).split())


def test_a_missing_folder_ends_with_code_2(tmp_path: Path) -> None:
    done = trade(tmp_path / "nothing", "--no-files")
    assert done.exit_code == 2
    assert "trade.toml" in done.stderr

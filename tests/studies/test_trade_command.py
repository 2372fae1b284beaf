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


def test_the_example_folder_in_kilowatts_and_its_page_explains_the_colours(tmp_path: Path) -> None:
    done = trade(ROOT / "examples" / "trading" / "village", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "losses W" in done.output
    assert "Sent over private lines, kW" in done.output
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for words in (
        "public line",
        "private line",
        "has more than it needs",
        "needs more than it has",
        "main grid",
    ):
        assert f'"name":"{words}"' in page
    assert '"name":"neither"' not in page  # there is none


def test_tables_to_start_from_are_read_back(tmp_path: Path) -> None:
    done = trade("eight_node", "--export", tmp_path / "mine")
    assert done.exit_code == 0, done.output
    first, again = (json.loads(trade(word, "--json").output) for word in ("eight_node", tmp_path / "mine"))
    assert again["tables"] == first["tables"]
    assert again["name"] == "mine"


def test_payments_follow_the_tariff() -> None:
    """What agents are paid is at least what they have apart at the tariff that they pay."""
    flat, nodal = (json.loads(trade(EIGHT, "--json", "--tariff", t).output) for t in ("flat", "nodal"))
    alone = {row["agent"]: row["alone"] for row in nodal["tables"]["payments"]}
    dear = {row["bus"]: row["price"] for row in nodal["tables"]["agents"] if row["model"] == "ad_hoc"}
    assert nodal["tariff"] == "nodal"
    assert alone["A2"] < -1.0 == next(r["alone"] for r in flat["tables"]["payments"] if r["agent"] == "A2")
    assert dear["A3"] == pytest.approx(1.0)  # ad hoc trade stays at the flat tariff
    assert all(row["in_core"] for row in nodal["tables"]["cores"])
    assert "at the nodal tariff" in trade(EIGHT, "--tariff", "nodal", "--no-files").output


def test_many_agents_say_what_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "street"
    folder.mkdir()
    houses = range(1, 15)
    write = {
        "buses.csv": ["bus,endowment_mw,demand_mw", "G,,", *(f"h{k},{k % 2},0.5" for k in houses)],
        "public_lines.csv": ["line,from_bus,to_bus,r_pu,x_pu", *(f"p{k},G,h{k},0.01,0.1" for k in houses)],
        "private_lines.csv": [
            "line,from_bus,to_bus,r_pu",
            *(f"q{k},h{k},h{k + 1},0.02" for k in range(1, 14)),
        ],
        "trade.toml": ['main_bus = "G"', "base_mva = 1.0"],
    }
    for name, lines in write.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    document = json.loads(trade(folder, "--json").output)
    assert "more than 12 agents" in document["left_out"]
    assert "14 agents in larger coalitions have a Shapley value only with --samples" in document["left_out"]
    assert [row["rule"] for row in document["tables"]["cores"]] == ["dual_price"]
    sampled = json.loads(trade(folder, "--json", "--samples", 4).output)
    assert "Shapley" not in sampled["left_out"]
    assert all(row["shapley_error"] > 0 for row in sampled["tables"]["payments"])

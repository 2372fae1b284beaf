"""`walras clear --market ...` with the example files: summary, tables, picture, JSON, bad input."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli import app

ELECBAY = [
    "feeder8", "--market", "elecbay", "--orders", "examples/microgrid/elecbay_orders.csv",
    "--supplier", "examples/microgrid/elecbay_supplier.csv",
]  # fmt: skip
COMMANDS = {
    "elecbay": [*ELECBAY, "--pricing", "vcg"],
    "bilateral": ["examples/microgrid/bilateral", "--market", "bilateral"],
    "posted": ["examples/microgrid/posted", "--market", "posted", "--hours", "1"],
}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


@pytest.mark.parametrize("market", COMMANDS)
def test_examples_clear_with_tables_and_a_picture(market, tmp_path):
    done = CliRunner().invoke(app, ["clear", *COMMANDS[market], "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "holds" in done.output
    assert (tmp_path / "clearing.png").read_bytes()[:4] == b"\x89PNG"
    tables = sorted(path.stem for path in tmp_path.glob("*.csv"))
    assert {"elecbay": "payments", "bilateral": "trades", "posted": "prices"}[market] in tables
    for name in tables:
        csv, parquet = pd.read_csv(tmp_path / f"{name}.csv"), pd.read_parquet(tmp_path / f"{name}.parquet")
        assert len(csv) == len(parquet)


@pytest.mark.parametrize("market", COMMANDS)
def test_json_is_one_document(market):
    done = CliRunner().invoke(app, ["clear", *COMMANDS[market], "--json"])
    document = json.loads(done.output)
    assert document["market"] == market
    assert document["certificate"]["holds"]
    assert document["files"] == []


def test_the_sequential_mode_from_the_command_line():
    words = ["clear", *ELECBAY, "--pricing", "k", "--mode", "sequential", "--json"]
    document = json.loads(CliRunner().invoke(app, words).output)
    assert document["status"] == "sequential"
    assert document["summary"]["efficiency"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["feeder8", "--market", "elecbay"], "needs --orders"),
        (["examples", "--market", "posted"], "has no offers.csv"),
        ([*ELECBAY, "--pricing", "wgc"], "pricing is 'wgc'"),
    ],
)
def test_bad_input_ends_with_code_2_and_a_remedy(words, message):
    done = CliRunner().invoke(app, ["clear", *words, "--no-files"])
    assert done.exit_code == 2
    assert message in " ".join((done.output + (done.stderr if done.stderr_bytes else "")).split())

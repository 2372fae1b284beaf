"""`walras clear --market ...` with the example files: summary, tables, picture, JSON, bad input."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli import app
from studies.commands.clear import MarketName, clear

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


def test_the_examples_of_help_run(tmp_path):
    lines = str(clear.__doc__).replace("\\\n", " ").splitlines()
    examples = [line.split()[1:] for line in lines if line.split()[:2] == ["walras", "clear"]]
    assert len(examples) == len(MarketName)
    for words in examples:
        done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
        assert done.exit_code == 0, done.output


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


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (COMMANDS["elecbay"], ["Price at each bus", "What kept orders out", "Proven optimal", "B2"]),
        ([*ELECBAY, "--mode", "sequential", "--pricing", "k"], ["of the greatest welfare", "proven optimum"]),
        (COMMANDS["bilateral"], ["Who trades with whom", "blocking pairs", "The outcome is stable"]),
        (COMMANDS["posted"], ["Who serves demand", "consumers&#x27; bill"]),
    ],
)
def test_the_page_needs_no_network_and_says_the_finding(words, shown, tmp_path):
    done = CliRunner().invoke(app, ["clear", *words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    for text in [*shown, "Settlement", "Proof"]:
        assert text in page, text
    assert f"Page     {tmp_path}" in done.output
    assert (tmp_path / "clearing.png").read_bytes()[:4] == b"\x89PNG"


def test_a_sequence_that_misses_the_optimum_says_by_how_much(tmp_path):
    """What the cheapest offer takes from the narrow line, the second would have used better."""
    grid = tmp_path / "mesh"
    grid.mkdir()
    (grid / "buses.csv").write_text("bus\n1\n2\n3\n")
    (grid / "branches.csv").write_text(
        "branch,from_bus,to_bus,x_pu,limit_mw\n12,1,2,0.1,\n23,2,3,0.1,\n13,1,3,0.1,1\n"
    )
    (grid / "units.csv").write_text("unit,bus,min_mw,max_mw,price\n")
    (grid / "case.toml").write_text('name = "mesh"\n')
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "order,participant,bus,side,mw,price\n"
        "far,Far,1,sell,2,10\nnear,Near,2,sell,2,50\nwant,Wanda,3,buy,2,100\n"
    )
    words = ["clear", str(grid), "--market", "elecbay", "--orders", str(orders)]
    exact = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    done = CliRunner().invoke(
        app,
        [*words, "--mode", "sequential", "--pricing", "pay_as_bid", "--json", "--out", str(tmp_path / "out")],
    )
    found = json.loads(done.output)
    share = found["summary"]["welfare"] / exact["summary"]["welfare"]
    assert found["summary"]["efficiency"] == pytest.approx(share)
    assert share == pytest.approx(135 / 140)
    assert f"1 trade in sequence reaches {share:.2%} of the greatest welfare" in found["sentence"]
    assert "Orders that fare differently" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ([*ELECBAY, "--markup", "a=1"], "--markup has no effect with --market elecbay"),
        ([*ELECBAY, "--price-rule", "low"], "--price-rule has no effect with --market elecbay"),
        ([*COMMANDS["posted"], "--pricing", "vcg"], "--pricing has no effect with --market posted"),
        (["three_node", "--radial"], "--radial has no effect with --market nodal"),
    ],
)
def test_options_of_another_market_are_refused(words, option):
    done = CliRunner().invoke(app, ["clear", *words, "--no-files"])
    assert done.exit_code == 2
    assert option in " ".join(done.stderr.split())


def test_the_operator_s_price_by_rule(tmp_path):
    demand = pd.read_csv("examples/microgrid/posted/demand.csv")
    demand.drop(columns="operator_price").to_csv(tmp_path / "demand.csv", index=False)
    pd.read_csv("examples/microgrid/posted/offers.csv").to_csv(tmp_path / "offers.csv", index=False)
    words = ["clear", str(tmp_path), "--market", "posted", "--hours", "1", "--json"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2
    assert "--operator peak" in refused.stderr
    document = json.loads(
        CliRunner().invoke(app, [*words, "--operator", "peak", "--reference-price", "150"]).output
    )
    rows = pd.DataFrame(document["tables"]["prices"])
    record = demand["mw"].cummax() / demand["mw"].mean()
    assert rows["operator_price"].to_numpy() == pytest.approx(150 * record.to_numpy() ** 2)
    assert "150 $/MWh at a demand of" in document["notes"][0]


SUPPLIED = ["--supplier", "examples/microgrid/elecbay_supplier.csv"]
HEAD = "order,participant,bus,side,mw,price"


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (f"{HEAD},block\na,Ann,3,sell,0,90,B", (), "block 'B' has no quantity; give MW above 0"),
        (f"{HEAD},submitted\na,Ann,3,sell,1,90,13", ("--gate-closure", "12"), "after gate closure at 12"),
        (f"{HEAD}\na,Ann,30,sell,1,90", (), "column 'bus' is 30: it is not a bus of the grid"),
        (
            f"{HEAD},slope,block\na,Ann,3,sell,1,90,5,B",
            (),
            "takes no sloped orders; offer steps, or no blocks",
        ),
        (f"{HEAD},block\na,Ann,3,sell,1,90,B\nb,Bob,3,buy,1,90,B", (), "a block has one participant"),
        (f"{HEAD},min_share\na,Ann,3,sell,1,90,2", (), "column 'min_share' is 2"),
        (f"{HEAD}\nimport 0,Ann,3,sell,1,90", (), "the supplier's order has this name; rename it"),
        (f"{HEAD}\na,Ann,3,sell,1,90", ("--k", "2"), "k is 2.0; give a share from 0 to 1"),
        (f"{HEAD}\na,Ann,3,sell,1,90", ("--time-limit", "0"), "time_limit is 0.0"),
    ],
)
def test_bad_orders_are_refused_on_the_command_line(rows, options, message, tmp_path):
    (tmp_path / "orders.csv").write_text(rows + "\n")
    words = ["feeder8", "--market", "elecbay", "--orders", str(tmp_path / "orders.csv"), *SUPPLIED, *options]
    done = CliRunner().invoke(app, ["clear", *words, "--no-files"])
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        ("ab,a,b,0.1\nbc,b,c,0.1\nca,c,a,0.1", "branch 'ca': it closes a loop; a feeder is a tree"),
        ("ab,a,b,0.1", "bus 'c' is an island of its own"),
    ],
)
def test_feeders_with_a_loop_or_an_island_are_refused_where_a_tree_is_asked_for(branches, message, tmp_path):
    (tmp_path / "buses.csv").write_text("bus\na\nb\nc\n")
    (tmp_path / "branches.csv").write_text(f"branch,from_bus,to_bus,x_pu\n{branches}\n")
    (tmp_path / "units.csv").write_text("unit,bus,min_mw,max_mw,price\n")
    (tmp_path / "case.toml").write_text('name = "feeder"\n')
    (tmp_path / "orders.csv").write_text(f"{HEAD}\ns,Ann,a,sell,1,20\nb,Bob,b,buy,1,90\n")
    words = [
        "clear",
        str(tmp_path),
        "--market",
        "elecbay",
        "--orders",
        str(tmp_path / "orders.csv"),
        "--json",
    ]
    refused = CliRunner().invoke(app, [*words, "--radial"])
    assert refused.exit_code == 2
    assert message in " ".join(refused.stderr.split())
    assert json.loads(CliRunner().invoke(app, words).output)["summary"]["welfare"] == pytest.approx(70)


def test_blocks_groups_and_fixed_demand_of_the_example():
    words = ["clear", "feeder8", "--market", "elecbay", "--orders", "examples/microgrid/elecbay_blocks.csv"]
    words += [*SUPPLIED, "--fixed", "examples/microgrid/elecbay_fixed.csv", "--gate-closure", "12", "--json"]
    document = json.loads(CliRunner().invoke(app, words).output)
    blocks = {row["block"]: row for row in document["tables"]["blocks"]}
    assert {name: row["chosen"] for name, row in blocks.items()} == {
        "generator": True, "wash early": True, "wash late": False,
    }  # fmt: skip
    assert {name: row["group"] for name, row in blocks.items()} == {
        "generator": None, "wash early": "wash", "wash late": "wash",
    }  # fmt: skip
    served = {row["period"]: 0.0 for row in document["tables"]["orders"]}
    for row in document["tables"]["orders"]:
        served[row["period"]] += row["accepted_mw"] * (1 if row["order"][:3] in ("sun", "gen", "imp") else -1)
    assert served == pytest.approx({0: 0.001, 1: 0.0015})


@pytest.mark.parametrize("pricing", ["vcg", "sequential"])
@pytest.mark.parametrize(
    "rows", ["", "a,A,3,sell,0,5\nb,B,3,buy,0,50", "a,<b>A,3,sell,0.001,5\nü,Bö,5,buy,1,50"]
)
def test_thin_markets_leave_their_page_too(rows, pricing, tmp_path):
    """Nobody, one side only, no quantity: no price, no trade, and no internal error."""
    (tmp_path / "orders.csv").write_text(f"{HEAD}\n{rows}\n", encoding="utf-8")
    options = (
        ["--mode", "sequential", "--pricing", "k"] if pricing == "sequential" else ["--pricing", pricing]
    )
    words = ["feeder8", "--market", "elecbay", "--orders", str(tmp_path / "orders.csv"), *options]
    done = CliRunner().invoke(app, ["clear", *words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<b>A," not in page


def test_decentralised_processes_beside_the_optimum(tmp_path):
    words = [
        "clear",
        "examples/microgrid/bilateral",
        "--market",
        "bilateral",
        "--processes",
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    ends = pd.read_csv(tmp_path / "processes.csv").groupby("process")["efficiency"].last()
    assert ends["unit contracts"] >= 0.99
    assert ends["one adjusted price per pair"] < 1
    assert ends.max() <= 1 + 1e-9
    for end in ends:
        assert f"{end:.2%}" in " ".join(done.output.split())
    assert "Without a centre" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_truth_values_are_words_in_the_tables_of_a_page():
    from studies.pages.sections import table_data
    from studies.study import Summary

    frame = pd.DataFrame({"block": ["a", "b"], "chosen": [True, False], "surplus": [1.5, -2.0]})
    (table,) = table_data({"blocks": Summary("Blocks", frame, "")})
    assert table["rows"] == [["a", "yes", 1.5], ["b", "no", -2.0]]
    assert ["digits" in column for column in table["columns"]] == [False, False, True]


def test_the_columns_of_every_example_file_are_documented():
    from pathlib import Path

    text = Path("examples/microgrid/README.md").read_text(encoding="utf-8")
    for path in Path("examples/microgrid").rglob("*.csv"):
        assert f"({path.relative_to('examples/microgrid')})" in text, path
        for column in pd.read_csv(path).columns:
            assert any(column in cells for cells in _first_cells(text)), (path, column)


def _first_cells(text):
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip(" []") for cell in row.split(",")] for row in rows] + [["bus", "mw", "period"]]

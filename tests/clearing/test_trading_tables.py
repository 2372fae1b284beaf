"""Folders of trading tables: the one that comes along, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from clearing.errors import InputError
from clearing.trading.instance import TradingInstance
from clearing.trading.tables import eight_node, ieee300_agents

FILES = {
    "buses.csv": "bus,endowment_mw,demand_mw\nA,2,0\nB,0,1\nG,,\n",
    "public_lines.csv": "line,from_bus,to_bus,r_pu,x_pu\na,A,G,0.01,0.1\nb,B,G,0.01,0.1\n",
    "private_lines.csv": "line,from_bus,to_bus,r_pu\np,A,B,0.02\n",
    "trade.toml": 'main_bus = "G"\nbase_mva = 1.0\nsell_price = 0.3\n',
}


def write(folder, **changes):
    for name, text in (FILES | {key.replace("__", "."): value for key, value in changes.items()}).items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_read(tmp_path):
    instance = TradingInstance.from_folder(write(tmp_path))
    assert instance.agents == ("A", "B")
    assert instance.private.lines == ("p",)
    assert instance.sell_price == 0.3
    assert instance.net_mw.tolist() == [2.0, -1.0, 0.0]


def test_private_lines_from_lengths_and_none_at_all(tmp_path):
    lines = "line,from_bus,to_bus,length_km\np,A,B,3\n"
    toml = FILES["trade.toml"] + "r_pu_per_km = 0.01\n"
    instance = TradingInstance.from_folder(write(tmp_path, private_lines__csv=lines, trade__toml=toml))
    assert instance.private.r_pu == pytest.approx([0.03])
    (tmp_path / "private_lines.csv").unlink()
    assert TradingInstance.from_folder(tmp_path).private.lines == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trade__toml": None}, r"'trade\.toml' is missing"),
        ({"trade__toml": "base_mva = 1.0\n"}, "main_bus is missing"),
        ({"trade__toml": 'main_bus = "G"\nsel_price = 1\n'}, "'sel_price' is unknown.*did you mean"),
        ({"trade__toml": 'main_bus = "H"\n'}, "main_bus is 'H'"),
        ({"trade__toml": 'main_bus = "G"\nbuy_price = "x"\n'}, "buy_price is 'x'"),
        ({"buses__csv": "bus,endowment_mw,demand_mw\nA,2,\nB,0,1\nG,,\n"}, "bus 'A'.*'demand_mw'"),
        ({"buses__csv": "bus,endowment_mw,demand_mw\nA,2,x\nB,0,1\nG,,\n"}, "'demand_mw' is 'x'"),
        ({"public_lines__csv": None}, r"'public_lines\.csv' is missing"),
        ({"private_lines__csv": "line,from_bus,to_bus,r_pu\np,A,G,0.02\n"}, "column 'to_bus' is 'G'"),
    ],
)
def test_bad_folders_are_refused_by_name(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        TradingInstance.from_folder(write(tmp_path, **changes))


def test_what_comes_along():
    instance = eight_node()
    assert dict(zip(instance.grid.buses, instance.net_mw.tolist(), strict=True)) == {
        "A1": 3, "A2": -1, "A3": -1, "A4": -1, "A5": 1, "A6": 0, "A7": -2, "G": 0,
    }  # fmt: skip
    table = ieee300_agents()
    assert len(table) == 300
    assert np.array_equal(table["bus"], np.arange(300))
    totals = table[["generation_mw", "load_mw", "static_mw"]].sum()
    assert totals.tolist() == pytest.approx([23479.43, 23847.65, 321.8])


def test_the_mathematics_page_names_every_constraint_and_model():
    root = Path(__file__).parents[2]
    source = (root / "clearing" / "trading" / "models.py").read_text(encoding="utf-8")
    page = (root / "docs" / "mathematics-coalition.md").read_text(encoding="utf-8")
    for name in re.findall(r"^def ((?:build|balance|cover|obey)_\w+)\(", source, re.M):
        assert f"`{name}`" in page, name

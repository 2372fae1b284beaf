"""pandapower's `.json` files: read as data, and no code or file that they name is touched."""

import json
import sys

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from pandapower.control import ConstControl
from pandapower.timeseries import DFData

import networks
from networks import InputError
from tests.support.nets import line_of_two


def test_json_files(tmp_path):
    net = line_of_two()
    pp.to_json(net, str(tmp_path / "net.json"))
    case = networks.load(tmp_path / "net.json")
    assert case.name == "net"
    assert case.fleet.max_mw.tolist() == [100]
    assert len(case.provenance.sha256) == 64


@pytest.mark.parametrize("content", ["", "{}", '{"a": 1}', "[1, 2"])
def test_wrong_json_files_are_refused(tmp_path, content):
    (tmp_path / "net.json").write_text(content)
    with pytest.raises(InputError, match=r"net\.json"):
        networks.load(tmp_path / "net.json")


def test_truncated_json_files_are_refused(tmp_path):
    pp.to_json(line_of_two(), str(tmp_path / "net.json"))
    whole = (tmp_path / "net.json").read_text()
    (tmp_path / "net.json").write_text(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        networks.load(str(tmp_path / "net.json"))


def foreign(module="wealth", kind="Tax"):
    return {"_module": module, "_class": kind, "_object": json.dumps({"rate": 0.2})}


def as_a_cell(document, thing):
    table = json.loads(document["_object"]["load"]["_object"])
    table["columns"].append("remark")
    table["data"] = [[*row, thing] for row in table["data"]]
    document["_object"]["load"]["_object"] = json.dumps(table)


HIDDEN = {
    "an element": lambda document, thing: document["_object"].update(extra=thing),
    "a cell of a table": as_a_cell,
    "an encoded cell": lambda document, thing: as_a_cell(document, {"a": [json.dumps(json.dumps(thing))]}),
    "an attribute of a controller": lambda document, thing: document["_object"].update(
        extra={
            "_module": "pandapower.control.controller.const_control",
            "_class": "ConstControl",
            "_object": json.dumps({"data_source": thing}),
        }
    ),
    "an encoded net": lambda document, thing: document.update(_object=json.dumps({"extra": thing})),
    "an entry of an array": lambda document, thing: document["_object"].update(
        extra={"_module": "numpy", "_class": "array", "_object": [1, thing]}
    ),
}


@pytest.mark.parametrize("place", HIDDEN)
@pytest.mark.parametrize("kind", ["Tax", "function"])
def test_no_module_that_a_file_names_is_imported(tmp_path, monkeypatch, place, kind):
    (tmp_path / "wealth.py").write_text("open('trace', 'w')\nclass Tax: pass\ndef function(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    document = json.loads(pp.to_json(line_of_two()))
    HIDDEN[place](document, foreign(kind=kind))
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=rf"net\.json'.*names '{kind}' of the module 'wealth'"):
        networks.load(tmp_path / "net.json")
    assert not (tmp_path / "trace").exists()
    assert "wealth" not in sys.modules


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "load"),
        ("pandas", "read_pickle"),
        ("pandapower.toolbox", "Popen"),
        ("pandapower.auxiliary", "sys"),
        (["os"], "system"),
        ("pandapower.control\n", "Ctrl"),
    ],
)
def test_functions_and_odd_names_are_refused(tmp_path, module, kind):
    document = json.loads(pp.to_json(line_of_two()))
    document["_object"]["extra"] = foreign(module, kind)
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"at extra: it names"):
        networks.load(tmp_path / "net.json")


def test_a_table_is_no_other_file(tmp_path):
    (tmp_path / "other.json").write_text('{"columns": ["a"], "index": [0], "data": [[1]]}')
    document = json.loads(pp.to_json(line_of_two()))
    document["_object"]["load"]["_object"] = str(tmp_path / "other.json")
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"at load: a table names '.*other\.json' in place of its rows"):
        networks.load(tmp_path / "net.json")


def test_what_pandapower_writes_of_itself_is_read(tmp_path):
    """Controllers, profiles, arrays, tuples and indices beside the tables."""
    net = line_of_two()
    source = DFData(pd.DataFrame({"p": [1.0, 2.0]}))
    ConstControl(net, "load", "p_mw", 0, profile_name="p", data_source=source)
    net["curve"] = np.array([1.5, np.nan])
    net["pair"] = (1, {2, 3}, np.int64(4), np.bool_(True), pd.Index(["a"]))
    net["remark"] = "{a text that is no object and is never decoded"
    net.load["remark"] = "[kept as it is"
    pp.to_json(net, str(tmp_path / "net.json"))
    case = networks.load(tmp_path / "net.json")
    assert case.fleet.max_mw.tolist() == networks.load(line_of_two()).fleet.max_mw.tolist()

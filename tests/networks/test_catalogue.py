"""The catalogue against its cases, the data against their checksums, and the cost of an import."""

import hashlib
import re
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

import networks
from networks import InputError
from networks.headroom import any_limit_can_bind
from networks.named_cases import find_entry

CATALOGUE = networks.catalogue().set_index("name")
LOADABLE = [
    pytest.param(name, marks=pytest.mark.slow if CATALOGUE.buses[name] > 5000 else ())
    for name in CATALOGUE.index
    if not find_entry(name).columns["refused"]
]
SHIPPED_BY_PANDAPOWER = {
    "case4gs", "case5", "case6ww", "case9", "case11_iwamoto", "case14", "case24_ieee_rts", "case30",
    "case_ieee30", "case33bw", "case39", "case57", "case89pegase", "case118", "case145",
    "case_illinois200", "case300",
    "case1354pegase", "case1888rte", "case2848rte", "case2869pegase", "case3120sp", "case6470rte",
    "case6495rte", "case6515rte", "case9241pegase", "GBreducednetwork", "GBnetwork", "iceland",
}  # fmt: skip


def test_it_lists_every_case():
    assert len(networks.catalogue()) == len(CATALOGUE)
    assert list(networks.catalogue().columns) == [
        "name", "buses", "branches", "units", "load_mw", "limits", "source", "good_for",
    ]  # fmt: skip


@pytest.mark.parametrize("name", LOADABLE)
def test_sizes_are_those_of_the_loaded_case(name):
    case, row = networks.load(name), CATALOGUE.loc[name]
    grid, fleet = case.grid, case.fleet
    assert case.name == name
    assert case.title == find_entry(name).columns["title"]
    assert (len(grid.buses), int(grid.in_service.sum()), len(fleet.units)) == (
        row.buses,
        row.branches,
        row.units,
    )
    assert fleet.load_mw[:, 0].sum() == pytest.approx(row.load_mw, abs=0.01)
    assert any_limit_can_bind(grid, fleet) == (row.limits == "yes")
    assert case.provenance.status in ("published", "fitted", "reconstructed")
    assert case.provenance.licence


def test_names_of_pandapower_work_too():
    assert find_entry("case_ieee30").name == "ieee30"
    assert find_entry("GBnetwork").name == "gb2224"
    assert find_entry("case30").name == "case30"


def test_every_case_of_pandapower_is_listed():
    import pandapower.networks.power_system_test_cases as shipped

    names = {n for n in dir(shipped) if n.startswith(("case", "GB", "iceland"))}
    assert names == SHIPPED_BY_PANDAPOWER
    entries = [find_entry(name) for name in CATALOGUE.index]
    assert {entry.key for entry in entries if entry.reader == "pandapower"} == names


def test_data_files_have_the_recorded_checksums():
    data = files("networks.tables")
    text = data.joinpath("PROVENANCE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| .+ \| `([0-9a-f]{64})` \|$", text, re.MULTILINE)
    for name, status, checksum in rows:
        assert status in ("published", "fitted", "reconstructed")
        assert hashlib.sha256(data.joinpath(*name.split("/")).read_bytes()).hexdigest() == checksum, name
    present = {
        f"{folder.name}/{file.name}"
        for folder in data.iterdir()
        if folder.is_dir() and not folder.name.startswith("__")
        for file in folder.iterdir()
    }
    assert {name for name, _, _ in rows} == present


def test_fitted_and_reconstructed_cases_say_so():
    for name, status in (
        ("eighteen_bus", "fitted"),
        ("eighteen_bus_alt", "fitted"),
        ("five_bus", "reconstructed"),
    ):
        case = networks.load(name)
        assert case.provenance.status == status
        assert any(status in note for note in case.notes)


def test_eighteen_bus_has_the_documents_totals():
    fleet = networks.load("eighteen_bus").fleet
    assert fleet.max_mw.sum() == 13700
    assert fleet.load_mw.sum() == 10500
    alternative = networks.load("eighteen_bus_alt").fleet
    assert np.array_equal(fleet.max_mw, alternative.max_mw)
    assert not np.array_equal(fleet.unit_bus, alternative.unit_bus)


def test_tables_beside_the_cases():
    discos = networks.companion_table("three_node", "discos")
    assert discos["load"].tolist() == ["Disco-1", "Disco-2"]
    assert discos["interruptible_mw"].tolist() == [30, 20]
    assert set(networks.companion_table("eighteen_bus", "discos")["load"]) == set(
        networks.load("eighteen_bus").fleet.loads
    )
    for case, table in (("three_node", "gencos"), ("ieee14", "discos"), ("nowhere", "discos")):
        with pytest.raises(InputError, match="has no table"):
            networks.companion_table(case, table)


def test_importing_costs_nothing_and_pandapower_waits():
    """`import networks` loads no other library; a case of tables loads no pandapower."""
    code = (
        "import sys, networks\n"
        "assert not {'numpy', 'pandas', 'scipy'} & set(sys.modules), 'import'\n"
        "networks.load('three_node'), networks.load('pglib_ieee300'), networks.catalogue()\n"
        "assert 'pandapower' not in sys.modules, 'load'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'Greed'"):
        networks.Greed  # noqa: B018
    assert set(networks.__all__) <= set(dir(networks))

"""Folders of tables: written and read back with identical arrays; bad folders by name."""

import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import networks
from networks import Case, Fleet, Grid, InputError, Provenance
from networks.case import build_case


def assert_same(before, after):
    """Equal in every array, label (with its type) and text."""
    for part in ("grid", "fleet"):
        one, two = getattr(before, part), getattr(after, part)
        for name in one.__dataclass_fields__:
            a, b = getattr(one, name), getattr(two, name)
            if isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, b, err_msg=name)
            else:
                assert a == b, name
                if isinstance(a, tuple):
                    assert [type(label) for label in a] == [type(label) for label in b], name
    assert (before.name, before.title, before.notes) == (after.name, after.title, after.notes)
    assert before.provenance == after.provenance
    assert (before.positions is None) == (after.positions is None)
    if before.positions is not None:
        np.testing.assert_array_equal(before.positions, after.positions)


@pytest.mark.parametrize(
    "name", ["three_node", "eighteen_bus", "five_bus", "pglib_ieee300", "ieee24", "pegase89"]
)
def test_named_cases_round_trip(tmp_path, name):
    case = networks.load(name)
    assert_same(case, networks.load(case.export(tmp_path / "case")))


@pytest.mark.parametrize("settings", [{"convention": "powermodels"}, {"angle_limits": "ignore"}])
def test_settings_survive_the_folder(tmp_path, settings):
    case = networks.load("pglib_ieee118", **settings)
    assert_same(case, networks.load(case.export(tmp_path)))
    assert networks.load(tmp_path, convention="matpower").grid.convention == "matpower"


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
labels = st.one_of(
    text,
    st.integers(-(10**12), 10**12),
    st.sampled_from(["NA", "nan", "1", "01", " 1", "a,b", '"', "\n", "None"]),
)
amounts = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)


@st.composite
def small_cases(draw):
    kind = draw(st.sampled_from([labels, text, st.integers(0, 9**9), st.sampled_from(string.digits)]))

    def some(least, most):
        return draw(st.lists(kind, min_size=least, max_size=most, unique=True))

    buses = some(2, 4)
    at = st.sampled_from(buses)
    reactance = st.floats(1e-6, 10)
    branches = [
        {"branch": label, "from_bus": buses[0], "to_bus": buses[-1], "x_pu": draw(reactance)}
        | {
            "tap": draw(st.floats(0.5, 2)),
            "limit_mw": draw(st.none() | st.floats(0, 1e6)),
            "in_service": draw(st.booleans()),
        }
        for label in some(0, 3)
    ]
    links = [
        {
            "link": label,
            "from_bus": buses[0],
            "to_bus": buses[1],
            "min_mw": -1.5,
            "max_mw": draw(st.floats(0, 9)),
            "loss": draw(st.floats(0, 1, exclude_max=True)),
        }
        for label in some(0, 2)
    ]
    grid = Grid.from_tables(
        [{"bus": b, "shunt_mw": draw(amounts)} for b in buses],
        branches,
        links,
        base_mva=draw(st.floats(1, 1000)),
    )
    units = [
        {"unit": label, "bus": draw(at), "owner": draw(kind), "min_mw": 0, "max_mw": draw(st.floats(0, 1e9))}
        | {
            "price": draw(amounts),
            "slope": draw(st.floats(0, 5)),
            "previous_mw": draw(st.none() | st.floats(0, 1e6)),
        }
        for label in some(1, 3)
    ]
    loads = [
        {"load": label, "bus": draw(at), "mw": draw(st.floats(0, 1e6)), "price": draw(amounts), "period": t}
        for label in some(0, 2)
        for t in [0]
    ]
    positions = draw(
        st.none() | st.lists(st.tuples(amounts, amounts), min_size=len(buses), max_size=len(buses))
    )
    fleet = Fleet.from_tables(grid, units, loads=loads)
    provenance = Provenance(draw(text), draw(text), citation='say "x"\n', status="user")
    note = draw(text)
    return build_case(
        draw(text), note, grid, fleet, provenance, None if positions is None else np.array(positions), (note,)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(small_cases())
def test_any_case_round_trips(tmp_path, case):
    assert_same(case, networks.load(case.export(tmp_path / "case")))


def test_labels_that_cannot_be_written_are_refused(tmp_path):
    grid = Grid.from_tables([{"bus": ("a", 1)}])
    case = Case("odd", "", grid, Fleet.from_tables(grid), Provenance("test"))
    with pytest.raises(InputError, match=r"label \('a', 1\) of a bus cannot be written"):
        case.export(tmp_path)


TABLES = {
    "buses.csv": "bus,x,y\n1,0,0\n2,1,\n",
    "branches.csv": "branch,from_bus,to_bus,x_pu,limit_mw\nnorth,1,2,0.1,\n",
    "units.csv": "unit,bus,min_mw,max_mw,price\nG,1,0,100,20\n",
    "loads.csv": "load,bus,mw\nL,2,50\n",
}


@pytest.fixture
def load_folder(tmp_path):
    def load(changes=()):
        for name, content in {**TABLES, **dict(changes)}.items():
            if content is not None:
                (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return networks.load(tmp_path)

    return load


def test_a_folder_written_by_hand(load_folder, tmp_path):
    case = load_folder()
    assert case.name == tmp_path.name
    assert case.grid.buses == (1, 2)
    assert case.grid.branches == ("north",)
    assert np.isinf(case.grid.limit_mw[0])
    assert np.isnan(case.positions[1, 1])
    assert case.provenance.status == "user"


def test_spreadsheets_may_write_a_mark_and_line_ends(load_folder):
    case = load_folder({"buses.csv": "\ufeffbus\r\n1\r\n2\r\n"})
    assert case.grid.buses == (1, 2)


def test_numbers_with_leading_zeros_are_names(load_folder):
    case = load_folder(
        {
            "buses.csv": "bus\n01\n2\n",
            "branches.csv": "branch,from_bus,to_bus,x_pu\nn,01,2,0.1\n",
            "units.csv": TABLES["units.csv"].replace(",1,", ",01,"),
        }
    )
    assert case.grid.buses == ("01", "2")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"buses.csv": None}, ["'buses.csv' is missing", "buses.csv and units.csv"]),
        ({"units.csv": ""}, ["'units.csv' is missing or empty"]),
        ({"buses.csv": "bus,x,y\n1,0,0\n2,1\n"}, ["'buses', row 1", "2 of 3 columns", "truncated"]),
        ({"buses.csv": b"bus\n\xff\xfe\n"}, ["'buses', line 2", "not text in UTF-8"]),
        ({"buses.csv": 'bus\n"1\n2\n'}, ["'buses'", "not CSV"]),
        ({"buses.csv": "bus,x,y\n1,0,east\n2,1,1\n"}, ["'buses', bus 1", "'y' is 'east'"]),
        ({"loads.csv": "load,bus,mw\nL,3,50\n"}, ["'loads', load 'L'", "'bus' is 3"]),
        ({"loads.csv": "load,bus,mw\nL,2,5O\n"}, ["'loads', load 'L'", "'mw' is '5O'", "in MW"]),
        ({"loads.csv": "load,bus,mw,period\nL,2,5,0\nL,2,5,2\n"}, ["'loads', load 'L'", "'period' lacks 1"]),
        ({"units.csv": "unit,bus,min_mw,max_mw\nG,1,0,100\n"}, ["'units', unit 'G'", "'price'", "no cost"]),
        ({"units.csv": "unit,bus,min_mw,max_mw,price\n,1,0,100,5\n"}, ["'units'", "a label is missing"]),
        ({"buses.csv": "x,y\n1,0\n"}, ["'buses'", "'bus' is missing"]),
        ({"buses.csv": "bus\n" + "1" * 5000 + "\n"}, ["'from_bus' is '1'"]),
        ({"case.toml": "name = "}, ["'case.toml' is not TOML"]),
        ({"case.toml": "notes = " + "[" * 5000}, ["'case.toml' is not TOML", "nested too deep"]),
        ({"case.toml": "base_mva = " + "1" * 5000}, ["'case.toml' is not TOML"]),
        ({"case.toml": "base_mva = inf"}, ["base_mva is inf"]),
        ({"case.toml": "base_mva = true"}, ["'base_mva' is True"]),
        ({"case.toml": "fused = [[1]]"}, ["'fused' has [1]"]),
        ({"case.toml": "fused = [[2, 1]]"}, ["fused bus 2 with 1"]),
        ({"case.toml": "fused = [[5, 1], [5, 2]]"}, ["fused bus 5 with 2"]),
        ({"case.toml": "base_mva = " + "9" * 400}, ["base_mva is 999", "finite number"]),
        ({"case.toml": "nam = 'x'"}, ["'case.toml'", "'nam' is unknown"]),
        ({"case.toml": "base_mva = 0"}, ["base_mva is 0"]),
        ({"case.toml": "base_mva = '100'"}, ["'base_mva' is '100'"]),
        ({"case.toml": "notes = 'none'"}, ["'notes' is 'none'", "notes = []"]),
        ({"case.toml": "labels = 3"}, ["'labels' is 3", "labels = {}"]),
        ({"case.toml": "[labels]\nbuses = 'text'"}, ["'buses' is unknown", "bus"]),
        ({"case.toml": "convention = 'ac'"}, ["convention is 'ac'"]),
        ({"case.toml": "[labels]\nbus = 'words'"}, ["labels of 'bus' are 'words'"]),
        ({"case.toml": "[provenance]\nauthor = 'x'"}, ["'author' is unknown", "citation"]),
    ],
)
def test_bad_folders_are_refused_by_name(load_folder, tmp_path, changes, expected):
    with pytest.raises(InputError) as error:
        load_folder(changes)
    for part in [str(tmp_path), *expected]:
        assert part in str(error.value)

"""MATPOWER files: the format's corners, the published objectives of PGLib, and bad files by name."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from oracle import least_cost

import networks
from networks import InputError

PGLIB = Path(__file__).parents[1] / "data" / "pglib"
EXPECTED = [
    e for e in json.loads((PGLIB / "expected.json").read_text()) if (PGLIB / f"{e['case']}.m").exists()
]

BUS = """
    10  3  0   0  2.5 0 1 1 0 135 1 1.05 0.95;  % a comment with mpc.gen = [ in it
    20, 1, 80, 10, 0, 0, 1, 1, 0, 135, 1, 1.05, 0.95; 30 1 -5 0 0 0 1 1 0 ...continued
        135 1 1.05 0.95
"""
GEN = """
    10 0 0 50 -50 1 100 1 100 0
    20 0 0 50 -50 1 100 0 100 0
    30 0 0 50 -50 1 100 1 40 10
    20 0 0 0 0 1 100 1 0 -25
"""
BRANCH = """
    10 20 0.01 0.1 0 60 0 0 0    0   1 -360 360
    20 30 0.01 0.2 0  0 0 0 0.95 3.0 1 0    0
    10 30 0.01 0.1 0 70 0 0 0    0   0 -30  30
    10 30 0.01 0.4 0 70 0 0 0    0   1 -30  30
"""
GENCOST = """
    2 0 0 3 0.05 20 7
    2 0 0 2 99 0 0 0
    1 0 0 3 10 100 20 250 40 650
    2 0 0 2 50 0 0 0
"""


def source(bus=BUS, gen=GEN, branch=BRANCH, gencost=GENCOST, more="", version="mpc.version = '2';"):
    """The text of a small case file."""
    width = max((len(row.split()) for row in gencost.split("\n")), default=0) if gencost else 0
    padded = "\n".join(
        row + " 0" * (width - len(row.split())) if row.split() else "" for row in (gencost or "").split("\n")
    )
    costs = f"mpc.gencost = [{padded}];" if gencost else ""
    return (
        f"function mpc = corner\n%{{\nmpc.bus = [ block comment\n%}}\n{version}\nmpc.baseMVA = 100;\n"
        f"mpc.bus = [{bus}];\nmpc.gen = [{gen}];\nmpc.branch = [{branch}];\n{costs}\n"
        f"mpc.bus_name = {{ 'Nord; [1]'; '50% Süd'; '東京' }};\n{more}"
    )


@pytest.fixture
def load_text(tmp_path):
    def load(text, **settings):
        path = tmp_path / "corner.m"
        path.write_text(text, encoding="utf-8")
        return networks.load(path, **settings)

    return load


def test_every_corner_of_a_small_file(load_text):
    case = load_text(source())
    grid, fleet = case.grid, case.fleet
    assert case.name == "corner"
    assert grid.buses == (10, 20, 30)
    assert grid.shunt_mw.tolist() == [2.5, 0, 0]
    assert grid.branches == (1, 2, 3, 4)
    assert grid.limit_mw.tolist() == [60, math.inf, 70, 70]
    assert grid.tap.tolist() == [1, 0.95, 1, 1]
    assert grid.shift_degree.tolist() == [0, 3, 0, 0]
    assert grid.in_service.tolist() == [True, True, False, True]
    assert grid.angle_min_degree.tolist() == [-math.inf, -math.inf, -30, -30]
    assert fleet.units == ("G1", "G3", "G4")
    assert fleet.loads == ("L20", "L30")
    assert fleet.load_mw.tolist() == [[80], [-5]]
    assert "1 unit out of service left out" in case.notes


def test_costs_of_a_small_file(load_text):
    fleet = load_text(source()).fleet
    # 0.05p² + 20p + 7; points (10, 100), (20, 250), (40, 650) extended down to 0; 50 $/MWh below 0
    assert fleet.cost(np.array([10.0, 10.0, -25.0])) == pytest.approx([5 + 200 + 7, 100, -1250])
    assert fleet.cost(np.array([0.0, 30.0, 0.0])) == pytest.approx([7, 450, 0])
    assert fleet.cost(np.array([0.0, 0.0, 0.0]))[1] == pytest.approx(-50)
    assert fleet.segment_price.tolist() == [20, 15, 20, 50]


def test_angle_limits_can_be_ignored(load_text):
    assert np.isinf(load_text(source(), angle_limits="ignore").grid.angle_max_degree).all()


def test_a_file_without_costs_says_so(load_text):
    case = load_text(source(gencost=None))
    assert case.fleet.segment_price.tolist() == [0, 0, 0]
    assert "the file has no costs (gencost): every unit costs 0 $/MWh" in case.notes


def test_costs_of_reactive_power_and_starting_are_left_out(load_text):
    reactive = GENCOST + "2 0 0 2 1 0 0 0\n" * 4
    case = load_text(source(gencost=reactive.replace("2 0 0 3 0.05", "2 500 0 3 0.05")))
    assert case.fleet.segment_price.tolist() == [20, 15, 20, 50]
    assert "start-up and shut-down costs are left out" in case.notes


def test_dc_lines_are_links_with_a_constant_loss_at_their_end(load_text):
    row = "10 30 {on} 10 9 0 0 1 1 -20 50 0 0 0 0 {loss} 0"
    rows = row.format(on=1, loss=0.5) + "\n" + row.format(on=0, loss="NaN")
    case = load_text(source(more=f"mpc.dcline = [{rows}];"))
    assert case.grid.links == ("DC1",)
    # MATPOWER: P_to = P_from − 0.5; a limit below 0 holds at the end `to`, one above 0 at `from`
    assert (case.grid.link_min_mw, case.grid.link_max_mw) == (-19.5, 50)
    assert case.fleet.loads == ("L20", "L30", "DC1 loss")
    assert case.fleet.load_mw[2] == 0.5
    assert case.grid.buses[case.fleet.load_bus[2]] == 30
    assert "1 DC line out of service left out" in case.notes


def test_isolated_buses_are_left_out_with_what_touches_them(load_text):
    bus = BUS + "40 4 0 0 0 0 1 1 0 135 1 1.05 0.95\n"
    branch = BRANCH + "30 40 0.01 0.1 0 60 0 0 0 0 1 -360 360\n"
    gen, gencost = GEN + "40 0 0 50 -50 1 100 1 100 0\n", GENCOST + "2 0 0 2 1 0\n"
    case = load_text(source(bus, gen, branch, gencost))
    assert case.grid.buses == (10, 20, 30)
    assert len(case.grid.branches) == 4
    assert "1 isolated bus left out" in case.notes
    assert "1 unit on an isolated bus left out" in case.notes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["'corner.m'", "mpc.baseMVA is missing", "truncated"]),
        ("x = 1;\n", ["'corner.m'", "mpc.baseMVA is missing"]),
        (source(version="mpc.version = '3';"), ["mpc.version is '3'", "savecase"]),
        (
            source().replace("baseMVA = 100", "baseMVA = x"),
            ["line 6 (mpc.baseMVA = x;)", "'x' is not defined"],
        ),
        (source().replace("baseMVA = 100", "baseMVA = 0"), ["mpc.baseMVA is the number 0"]),
        (
            source()[: source().index("mpc.branch") + 80],
            ["line 18 (mpc.branch = [)", "closing ']' is missing"],
        ),
        (source().replace("0.95\n];\nmpc.gen", "0.95\nmpc.gen"), ["line 7 (mpc.bus = [)", "']' is missing"]),
        (source(branch="1 2 0.1 0.2"), ["line 18: mpc.branch, row 1", "4 of 13 columns"]),
        (source(gen="10 0 0 50"), ["line 12: mpc.gen, row 1", "4 of 21 columns"]),
        (source(branch=BRANCH.replace("0.1 0 60 0", "0.1")), ["line 19", "mpc.branch: row 1 has 10 of 13"]),
        (source(bus=BUS.replace("-5", "minus5")), ["line 9", "mpc.bus: 'minus5' is not defined"]),
        (
            source(bus=BUS.replace("-5", "NaN")),
            ["line 9: mpc.bus, row 3: PD (column 3) is nan", "not a number"],
        ),
        (
            source(bus=BUS.replace("-5", "Inf")),
            ["line 9: mpc.bus, row 3: PD (column 3) is inf", "not finite"],
        ),
        (source(bus=BUS.replace("-5", "2e10")), ["mpc.bus, row 3: PD (column 3) is 2e+10", "any market"]),
        (
            source(bus=BUS.replace("30 1 -5", "30.5 1 -5")),
            ["mpc.bus, row 3: BUS_I (column 1) is 30.5", "whole"],
        ),
        (
            source(bus=BUS.replace("30 1 -5", "20 1 -5")),
            ["mpc.bus, row 3: BUS_I (column 1) is 20", "already"],
        ),
        (
            source(branch=BRANCH.replace("20 30", "20 31")),
            ["line 20: mpc.branch, row 2: T_BUS (column 2) is 31"],
        ),
        (source(branch=BRANCH.replace("10 20", "20 20")), ["mpc.branch, row 1: T_BUS", "equals F_BUS"]),
        (source(branch=BRANCH.replace("0.01 0.2", "0.01 0")), ["mpc.branch, row 2: BR_X (column 4) is 0"]),
        (source(branch=BRANCH.replace("0 60", "0 -60")), ["mpc.branch, row 1: RATE_A (column 6) is -60"]),
        (
            source(branch=BRANCH.replace("0.95 3.0", "-0.95 3.0")),
            ["row 2: TAP (column 9) is -0.95", "positive"],
        ),
        (
            source(branch=BRANCH.replace("1 -30  30", "1 40  30")),
            ["row 4: ANGMIN (column 12) is 40", "ANGMAX"],
        ),
        (
            source(gen=GEN.replace("40 10", "40 50")),
            ["line 15: mpc.gen, row 3: PMIN (column 10) is 50", "PMAX"],
        ),
        (
            source(gen=GEN.replace("    10 0", "    11 0")),
            ["line 13: mpc.gen, row 1: GEN_BUS (column 1) is 11"],
        ),
        (source(gen=GEN.replace("1 40 10", "1 -Inf -Inf")), ["row 3: PMAX (column 9) is -inf", "cannot run"]),
        (
            source(gencost="2 0 0 2 1 0"),
            ["line 24: mpc.gencost, row 1", "1 cost rows for the 4 rows of mpc.gen"],
        ),
        (
            source(gencost=GENCOST.replace("2 0 0 3", "3 0 0 3")),
            ["line 25: mpc.gencost, row 1", "model is 3"],
        ),
        (source(gencost=GENCOST.replace("1 0 0 3", "1 0 0 4")), ["mpc.gencost, row 3", "6 of 8 cost values"]),
        (source(gencost=GENCOST.replace("1 0 0 3", "1 0 0 2.5")), ["mpc.gencost, row 3", "column 4", "2.5"]),
        (source(gencost=GENCOST.replace("20 250", "20 NaN")), ["mpc.gencost, row 3", "column 8 is nan"]),
        (
            source(gencost=GENCOST.replace("0.05 20 7", "-0.05 20 7")),
            ["line 25: mpc.gencost, row 1", "not convex"],
        ),
        (
            source(gencost=GENCOST.replace("40 650", "40 500")),
            ["line 27: mpc.gencost, row 3", "falls from 15 to 12.5 $/MWh at 20 MW", "not convex"],
        ),
        (source(gencost=GENCOST.replace("20 250", "10 250")), ["mpc.gencost, row 3", "rising output"]),
        (
            source(gencost=GENCOST.replace("2 0 0 3 0.05 20 7", "2 0 0 4 0.001 0.05 20 7")),
            ["mpc.gencost, row 1", "order 3", "only orders up to 2", "fit a quadratic"],
        ),
        (
            source(more="mpc.branch = scaled(mpc.branch, 0.1);\n"),
            ["line 31 (mpc.branch = scaled(mpc.branch, 0.1);)", "the function scaled is called", "savecase"],
        ),
        (
            source(branch="10 30 0.01 0.1 0 0 0 0 0 0 1 0 0"),
            ["line 9: mpc.bus, row 2: PD", "bus 20 is cut off"],
        ),
    ],
)
def test_bad_files_are_refused_by_name(load_text, text, expected):
    with pytest.raises(InputError) as error:
        load_text(text)
    for part in expected:
        assert part in str(error.value)


def test_leading_zero_orders_are_no_order(load_text):
    gencost = GENCOST.replace("2 0 0 3 0.05 20 7", "2 0 0 4 0 0.05 20 7")
    assert load_text(source(gencost=gencost)).fleet.segment_slope[0] == 0.1


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.m' cannot be read"):
        networks.load(tmp_path / "missing.m")


def test_a_file_cut_anywhere_never_loads_silently(tmp_path):
    """Cut after any line before the last table ends, the file is refused."""
    lines = (PGLIB / "pglib_opf_case5_pjm.m").read_text().splitlines()
    last = max(k for k, line in enumerate(lines) if line.startswith("];"))
    for end in range(5, last, 3):
        path = tmp_path / "cut.m"
        path.write_text("\n".join(lines[:end]))
        with pytest.raises(InputError, match=r"cut\.m"):
            networks.load(path)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda e: e["case"])
@pytest.mark.parametrize(
    ("key", "convention", "angle_limits"),
    [
        ("objective_powermodels", "powermodels", "file"),
        ("objective_matpower", "matpower", "file"),
        ("objective_matpower_no_angle", "matpower", "ignore"),
    ],
)
def test_published_costs_of_pglib(expected, key, convention, angle_limits):
    """PGLib-OPF v23.07, BASELINE.md (DC), under `powermodels`; independent solutions otherwise."""
    case = networks.load(PGLIB / f"{expected['case']}.m", convention, angle_limits)
    cost = least_cost(case)
    if isinstance(expected[key], float):
        assert cost == pytest.approx(expected[key], rel=1e-7)
    else:
        assert expected[key].startswith("infeasible")
        assert math.isnan(cost)


def as_matpower(ppc):
    """The text of a `.m` file with the arrays of a PYPOWER case."""

    def matrix(name, values):
        rows = "\n".join("\t" + "\t".join(repr(float(v)) for v in row) + ";" for row in values)
        return f"mpc.{name} = [\n{rows}\n];\n"

    head = f"function mpc = written\nmpc.version = '2';\nmpc.baseMVA = {ppc['baseMVA']};\n"
    arrays = {
        "bus": ppc["bus"][:, :13],
        "gen": np.nan_to_num(ppc["gen"][:, :21]),  # its unused columns hold NaN
        "branch": np.real(ppc["branch"])[:, :13],
        "gencost": ppc["gencost"],
    }
    return head + "".join(matrix(name, values) for name, values in arrays.items())


@pytest.mark.parametrize("name", ["case9", "case39", "case57", "case_illinois200"])
def test_cases_that_pandapower_writes_out_are_the_same(load_text, name):
    """pandapower's own conversion, written as `.m`, has the cost of the net read directly."""
    import pandapower.networks
    from pandapower.converter.pypower.to_ppc import to_ppc

    net = getattr(pandapower.networks, name)()
    case = load_text(as_matpower(to_ppc(net, init="flat", mode="opf")))
    assert len(case.grid.branches) == len(networks.load(net).grid.branches)
    assert least_cost(case) == pytest.approx(least_cost(networks.load(net)), rel=1e-7)


@pytest.mark.parametrize(("convention", "cost"), [("powermodels", 517851.08), ("matpower", 517585.53)])
def test_published_costs_of_pglib_ieee300(convention, cost):
    assert least_cost(networks.load("pglib_ieee300", convention)) == pytest.approx(cost, rel=1e-7)

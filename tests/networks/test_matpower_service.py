"""What of a `.m` file takes part: rows out of service and cells that are not read may hold anything."""

import numpy as np
import pytest
from oracle import least_cost

import networks
from networks import InputError

BUS = [
    "1 3 0 0 0 0 1 1 0 110 1 1.1 0.9",
    "2 2 0 0 0 0 1 1 0 110 1 1.1 0.9",
    "3 1 90 0 0 0 1 1 0 110 1 1.1 0.9",
]
GEN = ["1 0 0 50 -50 1 100 1 80 0", "3 0 0 50 -50 1 100 1 70 0"]
BRANCH = ["1 2 0 0.1 0 0 0 0 0 0 1 0 0", "2 3 0 0.2 0 45 0 0 0 0 1 0 0"]
COST = ["2 0 0 2 10 0", "2 0 0 2 20 0"]


@pytest.fixture
def load(tmp_path):
    def write(bus=BUS, gen=GEN, branch=BRANCH, cost=COST, more=""):
        width = max(len(row.split()) for row in cost)
        padded = [row + " 0" * (width - len(row.split())) for row in cost]
        tables = {"bus": bus, "gen": gen, "branch": branch, "gencost": padded}
        body = "".join(f"mpc.{name} = [\n" + ";\n".join(rows) + ";\n];\n" for name, rows in tables.items())
        path = tmp_path / "three.m"
        head = "function mpc = three\nmpc.version = '2';\nmpc.baseMVA = 100;\n"
        path.write_text(head + body + more, encoding="utf-8")
        return networks.load(path)

    return write


def test_the_plain_case(load):
    assert least_cost(load()) == pytest.approx(45 * 10 + 45 * 20)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"branch": [*BRANCH, "1 3 0 0 0 -9 0 0 -1 NaN 0 5 -5"]}, "1 odd branch out of service left out"),
        ({"branch": [*BRANCH, "1 99 0 1 0 0 0 0 0 0 0 0 0"]}, "1 odd branch out of service left out"),
        ({"branch": [*BRANCH, "3 3 0 1 0 0 0 0 0 0 0 0 0"]}, "1 odd branch out of service left out"),
        (
            {"gen": [*GEN, "77 0 0 0 0 1 100 0 -9 NaN"], "cost": [*COST, "9 0 0 1.5 NaN"]},
            "1 unit out of service left out",
        ),
        (
            {"bus": [*BUS, "8 4 250 0 0 0 1 1 0 110 1 1.1 0.9"]},
            "1 isolated bus left out, with 250 MW of load",
        ),
        (
            {
                "bus": [*BUS, "8 4 0 0 NaN 0 1 1 0 110 1 1.1 0.9"],
                "branch": [*BRANCH, "8 3 0 0 0 0 0 0 0 0 1 0 0"],
            },
            "1 isolated bus left out",
        ),
        (
            {
                "bus": [*BUS, "8 4 0 0 0 0 1 1 0 110 1 1.1 0.9"],
                "gen": [*GEN, "8 0 0 0 0 1 100 1 90 95"],
                "cost": [*COST, "2 0 0 3 -1 1 0"],
            },
            "1 unit on an isolated bus left out",
        ),
        (
            {"more": "mpc.dcline = [1 9 0 0 0 0 0 0 0 5 -5 0 0 0 0 NaN 1];\n"},
            "1 DC line out of service left out",
        ),
    ],
)
def test_what_is_out_is_dropped_before_it_is_checked(load, changes, note):
    case = load(**changes)
    assert note in case.notes
    assert least_cost(case) == pytest.approx(least_cost(load()))


def test_a_sound_branch_out_of_service_stays_in_the_grid(load):
    case = load(branch=[*BRANCH, "1 3 0 0.3 0 0 0 0 0 0 0 0 0"])
    assert case.grid.branches == (1, 2, 3)
    assert case.grid.in_service.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("table", "row", "column"), [("bus", 2, 3), ("bus", 0, 8), ("gen", 0, 1), ("gen", 1, 3), ("branch", 1, 4)]
)
@pytest.mark.parametrize("cell", ["NaN", "Inf", "-1e99"])
def test_cells_that_are_not_read_may_hold_anything(load, table, row, column, cell):
    rows = {"bus": list(BUS), "gen": list(GEN), "branch": list(BRANCH)}
    cells = rows[table][row].split()
    cells[column] = cell
    rows[table][row] = " ".join(cells)
    assert least_cost(load(**rows)) == pytest.approx(least_cost(load()))


def test_a_unit_without_limits_gives_and_takes_what_the_rest_can_use(load):
    case = load(gen=[GEN[0].replace("80 0", "Inf -Inf"), GEN[1]])
    assert case.fleet.max_mw.tolist() == [90, 70]
    assert case.fleet.min_mw.tolist() == [-70, 0]
    assert "1 unit without limits: taken to give and take all that the rest can use" in case.notes
    assert least_cost(case) == pytest.approx(45 * 10 + 45 * 20)


@pytest.mark.parametrize(
    ("limits", "note"),
    [
        ("Inf 0", "1 unit without an upper limit: taken to give all that the rest can use"),
        ("Inf -5", "1 unit without an upper limit: taken to give all that the rest can use"),
        ("0 -Inf", "1 unit without a lower limit: taken to take all that the rest can use"),
    ],
)
def test_a_unit_without_one_limit_is_said_to_do_what_it_can(load, limits, note):
    notes = load(gen=[GEN[0].replace("80 0", limits), GEN[1]]).notes
    assert [said for said in notes if "without" in said and "unit" in said] == [note]


def test_units_without_limits_that_would_trade_without_end_are_refused(load):
    free = [GEN[0].replace("80 0", "Inf -Inf"), GEN[1].replace("70 0", "Inf -Inf")]
    with pytest.raises(InputError, match=r"mpc\.gen, row 1: PMAX \(column 9\) is inf: .* to that of row 2"):
        load(gen=free)
    assert load(gen=free, cost=[COST[0], COST[0]]).fleet.max_mw.tolist() == [90, 90]
    assert (
        load(gen=[GEN[0].replace("80 0", "80 -Inf"), GEN[1].replace("70 0", "Inf 0")]).fleet.min_mw[0] == -80
    )
    with pytest.raises(InputError, match=r"row 1: PMAX .* to that of row 2"):
        load(gen=free, cost=[COST[0], "1 0 0 3 0 0 10 150 20 400"])


def test_a_rating_beyond_1e10_is_no_limit(load):
    case = load(branch=[BRANCH[0].replace("0.1 0 0", "0.1 0 1e10"), BRANCH[1].replace("45", "Inf")])
    assert np.isinf(case.grid.limit_mw).all()


def test_units_have_the_names_of_gen_name(load):
    named = load(
        more="mpc.gen_name = {'North } 1' 'CT' 'Oil'\n'it''s'  'ST' 'Coal'};\nmpc.bus_name = {'a';'b';'c'};"
    )
    assert named.fleet.units == ("North } 1", "it's")
    assert named.grid.buses == (1, 2, 3)
    note = "gen_name does not give each unit a name of its own: units are labelled G1, G2, …"
    for names in ("{'same'; 'same'}", "{'one'}", "{1; 2}", "['a'; 'b']", "{''; 'b'}", "names(mpc)"):
        case = load(more=f"mpc.gen_name = {names};\n")
        assert case.fleet.units == ("G1", "G2"), names
        assert note in case.notes, names


def test_names_follow_their_rows_past_units_out_of_service(load):
    case = load(
        gen=[GEN[0], GEN[1].replace("100 1", "100 0"), GEN[1]], cost=[*COST, COST[1]],
        more="mpc.gen_name = {'a'; 'b'; 'c'};\n",
    )  # fmt: skip
    assert case.fleet.units == ("a", "c")


@pytest.mark.parametrize(
    ("cost", "prices", "constant"),
    [
        ("2 0 0 2 20 0 77 NaN", [20], 0),
        ("2 0 0 1 5", [0], 5),
        ("1 0 0 3 0 0 0 0 70 1400", [20], 0),
        ("1 0 0 4 0 7 35 707 35 707 70 1407", [20, 20], 7),
        # 20 $/MWh, printed with five decimals: the slopes fall by 3e-7 of themselves
        ("1 0 0 4 30 600 43.33333 866.66666 56.66667 1133.33334 70 1400", [20], 0),
        # 0.1 $/MWh from 50 MW on, to three decimals
        ("1 0 0 3 0 0 66.667 1333.34 70 1400", [20, 20.0], 0),
    ],
)
def test_costs_of_the_second_unit(load, cost, prices, constant):
    fleet = load(cost=[COST[0], cost]).fleet
    mine = fleet.segment_unit == 1
    assert fleet.segment_price[mine][: len(prices)] == pytest.approx(prices, rel=1e-4)
    assert fleet.constant_cost[1] == pytest.approx(constant, abs=1e-3)
    assert fleet.cost(np.array([0.0, 70.0]))[1] == pytest.approx(constant + 70 * prices[0], rel=1e-6)


def test_slopes_that_fall_by_rounding_are_read_as_convex_with_a_note(load):
    rounded = "1 0 0 4 30 600 43.33333 866.66666 56.66667 1133.33334 70 1400"
    case = load(cost=[COST[0], rounded])
    (note,) = [note for note in case.notes if "convex" in note]
    assert note.startswith("mpc.gencost: slopes of 1 piecewise cost fall by up to")
    assert "tolerance 0.0001" in note
    slopes = case.fleet.segment_price[case.fleet.segment_unit == 1]
    assert (np.diff(slopes) >= 0).all()


@pytest.mark.parametrize(
    "cost",
    [
        "1 0 0 3 0 0 35 700.5 70 1400",  # a tenth, half a unit of it, explains 0.003 $/MWh, not 0.029
        "1 0 0 3 0 0 35 701 70 1400",  # whole numbers would explain it, but 1e-4 of the slope is the most
        "1 0 0 4 30 600 43.33333 866.76666 56.66667 1133.33334 70 1400",
    ],
)
def test_slopes_that_fall_by_more_than_rounding_are_refused(load, cost):
    with pytest.raises(
        InputError, match=r"line 19: mpc\.gencost, row 2: the cost's slope falls from .*not convex"
    ):
        load(cost=[COST[0], cost])


def test_a_unit_that_cannot_run_needs_no_cost(load):
    still = "2 0 0 0 0 1 100 1 0 0"
    for row in ("2 0 0 0", "1 0 0 0", "1 0 0 2 0 3 0 3"):
        case = load(gen=[*GEN, still], cost=[*COST, row])
        assert len(case.fleet.units) == 3
    with pytest.raises(InputError, match=r"mpc\.gencost, row 1: it has 2 of 1 cost values"):
        load(cost=["2 0 0 0 10 0", COST[1]])


def test_dc_lines_lose_a_share_and_carry_no_cost(load):
    line = "1 3 1 0 0 0 0 1 1 {low} 20 0 0 0 0 2 {share}"
    free = load(more=f"mpc.dcline = [{line.format(low=0, share=0)}];\nmpc.dclinecost = [2 0 0 2 0 0 9];\n")
    assert free.grid.links == ("DC1",)
    assert free.grid.link_loss.tolist() == [0]
    lossy = load(more=f"mpc.dcline = [{line.format(low=-10, share=0.2)}];\n")
    assert lossy.grid.link_loss.tolist() == [0.2]
    # MATPOWER: P_to = 0.8·P_from − 2; the limit below 0 holds at the end `to`, the other at `from`
    assert (lossy.grid.link_min_mw[0], lossy.grid.link_max_mw[0]) == pytest.approx((-8 / 0.8, 20))
    assert not any("loss" in note for note in lossy.notes)
    for share in ("1", "-0.01", "1.5"):
        with pytest.raises(
            InputError, match=rf"line \d+: mpc\.dcline, row 1: LOSS1 .* is {share}: a line loses"
        ):
            load(more=f"mpc.dcline = [{line.format(low=0, share=share)}];\n")
    constant = load(more="mpc.dcline = [1 3 1 0 0 0 0 1 1 0 20 0 0 0 0 2];\n")  # no column LOSS1
    assert constant.grid.link_loss.tolist() == [0]
    assert constant.fleet.load_mw[constant.fleet.loads.index("DC1 loss")] == 2
    for cost in ("2 0 0 2 7 0", "2 0 0 3 1 0 0", "1 0 0 2 0 0 20 5", "2 0 0 1 3"):
        with pytest.raises(InputError, match=r"line 22: mpc\.dclinecost, row 1: a DC line with a cost"):
            load(more=f"mpc.dcline = [{line.format(low=0, share=0)}];\nmpc.dclinecost = [{cost}];\n")


def test_text_of_older_encodings_is_read(tmp_path, load):
    load()
    path = tmp_path / "three.m"
    path.write_bytes(path.read_bytes() + "mpc.gen_name = {'Süd'; 'Öst'}; % Größe\n".encode("latin-1"))
    assert networks.load(path).fleet.units == ("Süd", "Öst")

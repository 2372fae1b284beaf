"""The statements of `.m` files: what is executed gives MATLAB's numbers, what is not is refused."""

import time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from networks import InputError
from networks.matpower_text import parse_matpower

HEAD = "function mpc = little\nmpc.version = '2';\nmpc.baseMVA = 10;\n"
TABLES = """mpc.bus = [
7 3 400 9 0 0 1 1 0 12.66 1 1.1 0.9;
8 1 1e3 9 0 0 1 1 0 12.66 1 1.1 0.9;
];
mpc.gen = [7 0 0 9 -9 1 100 1 60 0];
mpc.branch = [7 8 0.5 3 0 40 0 0 0 0 1 -360 360];
mpc.gencost = [2 0 0 2 12 0];
"""


def tables(code, head=HEAD, body=TABLES):
    return parse_matpower(head + body + code + "\n", "little.m").tables


def branch_x(code):
    return tables(code)["branch"].values[:, 3].tolist()


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("50/3", 50 / 3),
        ("1.5d2", 150.0),
        ("1.5D-1", 0.15),
        ("2^-1", 0.5),
        ("-2^2+9", 5.0),
        ("2^3^2", 64.0),
        ("1e3 * (2 - .5)", 1500.0),
        ("sqrt(3)*4.", 4 * np.sqrt(3)),
        ("10*sin(acos(.8))", 10 * np.sin(np.arccos(0.8))),
        ("[1 2 3](2)", 2.0),
        ("numel(mpc.bus)", 26.0),
        ("size(mpc.bus, 1) + length([4 5 6])", 5.0),
        ("1 - 2 + 3 ... a comment\n + 4", 6.0),
        ("(mpc.bus(end, 3) > 500) * 3 + 1", 4.0),
        ("round(-2.5) + 9", 6.0),
        ("!0 + 1", 2.0),
        ("7 % 8", 7.0),
        ("7 # 8", 7.0),
    ],
)
def test_numbers_are_those_of_matlab(number, value):
    code = f"mpc.branch(1, 4) = {number};"
    assert branch_x(code) == [value]


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("1 -2", [1, -2]),
        ("1 - 2 3", [-1, 3]),
        ("1 -2 + 3", [1, 1]),
        ("1, - 2", [1, -2]),
        ("1+2 3", [3, 3]),
        ("(1 -2) 3", [-1, 3]),
        ("1 2 ...\n 3", [1, 2, 3]),
        ("-1 +2, 3,", [-1, 2, 3]),
        ("1 -...\n2", [1, -2]),
        ("(1)...\n-2", [1, -2]),
        ("1 ...\n - 2 5", [-1, 5]),
        ("[1 2] 3", [1, 2, 3]),
        ("[1; 2]' 3", [1, 2, 3]),
        ("Inf -Inf NaN", [np.inf, -np.inf, np.nan]),
        ("50/3 2*pi", [50 / 3, 2 * np.pi]),
    ],
)
def test_white_space_separates_the_cells_of_a_row(row, cells):
    found = tables(f"mpc.gencost = [{row}];")["gencost"]
    assert np.array_equal(found.values, [cells], equal_nan=True)


def test_distribution_files_convert_in_their_last_lines():
    code = """[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, GS, BS, BUS_AREA, VM, ...
        VA, BASE_KV] = idx_bus;   [F_BUS, T_BUS, BR_R, BR_X] = idx_brch;
    Vbase = mpc.bus(1, BASE_KV) * 1e3;   % volts
    Sbase = mpc.baseMVA * 1e6;
    mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
    pf = 0.85;
    mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3; mpc.bus(:, PD) = mpc.bus(:, PD) * pf;"""
    found = tables(code)
    ohm = 12660.0**2 / 1e7
    assert found["branch"].values[0, 2:4] == pytest.approx(np.array([0.5, 3]) / ohm, rel=1e-15)
    assert found["bus"].values[:, 2] == pytest.approx([0.34, 0.85], rel=1e-15)
    assert found["bus"].values[:, 3] == pytest.approx([0.009, 0.009])


@pytest.mark.parametrize(
    "code",
    [
        "mpc.gen = [mpc.gen; 8 0 0 9 -9 1 100 1 30 0];",
        "mpc.gen(end+1, :) = [8 0 0 9 -9 1 100 1 30 0];",
        "mpc.gen(2, [1 9 8]) = [8 30 1]; mpc.gen(2, 4:7) = [9 -9 1 100];",
        "m = mpc; m.gen = [m.gen\n 8, 0, 0, 9, -9, 1, 100, 1, 30, 0]; mpc = m;",
        "g = zeros(1, 10); g(1) = 8; g(4:9) = [9 -9 1 100 1 30]; mpc.gen = [mpc.gen; g];",
        "mpc.gen = [mpc.gen; mpc.gen; 8 0 0 9 -9 1 100 1 30 0]; mpc.gen(2, :) = [];",
        "mpc.gen = [mpc.gen; mpc.gen]; define_constants; k = find(mpc.gen(:, PMAX) > 1);\n"
        "mpc.gen(k(2), [GEN_BUS PMAX]) = [8 30];",
    ],
)
def test_units_are_appended_by_code(code):
    assert tables(code)["gen"].values[:, [0, 3, 7, 8]].tolist() == [[7, 9, 1, 60], [8, 9, 1, 30]]


def test_rows_keep_their_lines_through_code():
    found = tables("mpc.bus(:, 3) = 2 * mpc.bus(:, 3);\nmpc.gen = [mpc.gen; mpc.gen];\nmpc.bus(1, :) = [];")
    assert found["bus"].lines.tolist() == [6]
    assert found["bus"].values[0, 2] == 2000
    assert found["gen"].lines.tolist() == [8, 8]


def test_cells_are_put_by_mask_and_by_number():
    code = "k = 2; m = [5 6 7; 8 9 10]; m(m > 8) = 0; m([1 4]) = [k -k]; m(1, [true false true]) = 3;"
    found = tables(f"{code}\nmpc.gencost = m;")["gencost"].values
    assert found.tolist() == [[3, 6, 3], [8, -2, 0]]


def test_a_copy_does_not_change_with_the_original():
    assert branch_x("m = mpc; mpc.branch(1, 4) = 9; x = m.branch; x(1, 4) = 8; mpc.branch = m.branch;") == [3]
    assert branch_x("keep = mpc.branch; mpc.branch(:, 4) = 9; mpc.branch(:, 4) = keep(:, 4) + 1;") == [4]


@pytest.mark.parametrize(
    "code",
    [
        "t = 'branch'; mpc.(t)(1, 4) = 17;",
        "mpc.(['bra' 'nch'])(1, 4) = 17;",
        "t = 'branch'; b = mpc.branch; b(4) = 17; mpc.(t) = b;",
        "m = mpc; m.('branch')(1, 4) = 17; mpc = m;",
    ],
)
def test_a_field_may_be_named_by_a_text(code):
    assert branch_x(code) == [17]


@pytest.mark.parametrize(
    "code",
    [
        "mpc.(t)(1, 4) = 17;",
        "mpc.(7) = 3;",
        "mpc.('no name') = 3;",
        "t = lower('BRANCH'); mpc.(t)(1, 4) = 17;",
        "m = mpc; m.(t) = 3; mpc = m;",
        "mpc.('branch')('x').y = 3;",
        "mpc.branch(1, 4).('x') = 3;",
        "mpc.branch = mpc.('branch') + 1;",
        "disp(eval('mpc.branch(1, 4) = 17'))",
        "q(eval('mpc.branch(1, 4) = 17')) = 3;",
        "mpc. = 3;",
        "[mpc.branch(1, 4)] = 17;",
        "mpc.branch(1, 4)++;",
        "mpc.branch = x = 17;",
    ],
)
def test_no_statement_is_passed_over_in_silence(code):
    with pytest.raises(InputError, match=r"little\.m', line 11 \("):
        tables(code)


@pytest.mark.parametrize(
    "code",
    [
        "mpc.reserves.zones = [1 1; 1]; mpc.reserves.req = [3; 4];",
        "mpc.if.map = [1 -2]; mpc.if.lims = 3;",
        "mpc.areas = [1 2 3; 1 2]; mpc.names = {'a } b', 'it''s'; \"50% [x\", 3};",
        "mpc.file = fullfile('x', datestr(now)); mpc.f = @(x) x + 1;",
        "mpc.strbus = cellfun(@num2str, num2cell(mpc.bus), 'UniformOutput', 0);",
        "mpc.line_km = [50/3 5280/5280; 2 n_a];",
        "x = solve_it(mpc); y = x + 1; mpc.z(3).w = 4; mpc.om{2} = 1;",
        "%{\nmpc.bus = 3;\n%{\nnested\n%}\n%}\n# mpc.gen = 1\n",
        "disp('done'); fprintf('%d buses\\n', size(mpc.bus, 1)), warning('off', 'all')",
        "return\nmpc.branch(1, 4) = 99;",
        "end\nfunction mpc = other\nmpc.branch(1, 4) = 99;",
    ],
)
def test_what_nobody_reads_may_be_odd(code):
    assert branch_x(code) == [3]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "if true, mpc.gen(1, 9) = 20; end",
            "line 11 (if true, mpc.gen(1, 9) = 20; end): 'if' is not executed",
        ),
        ("for k = 1:2\nmpc.bus(k, 3) = 0;\nend", "line 11 (for k = 1:2): 'for' is not executed"),
        ("x = 2; while x, x = 0; end", "'while' is not executed"),
        (
            "mpc = scale_load(0.8, mpc);",
            "line 11 (mpc = scale_load(0.8, mpc);): mpc: the function scale_load",
        ),
        ("scale_load(0.8, mpc)", "the function scale_load is called"),
        ("m = loadcase('case9');\nmpc.bus = m.bus;", "line 11 (m = loadcase('case9');)"),
        ("mpc.zones = eval('mpc.bus = 1');", "line 11"),
        ("mpc.bus = mpc.bus * mpc.bus;", "two matrices are multiplied"),
        ("mpc.bus(:, 3) = [1 2 3];", "1 by 3 numbers are put into 2 by 1 cells"),
        ("mpc.bus(5, 3) = mpc.bus(4, 3);", "row 4 is taken of 2"),
        ("mpc.bus(0, 3) = 1;", "0 is no row or column"),
        ("mpc.bus(:, 3) = sqrt(-mpc.bus(:, 3));", "no real number"),
        ("mpc.bus(:, 3) = (-8)^(1/3);", "a root of a negative number"),
        ("mpc.bus{1} = 3;", "a cell array is assigned"),
        ("mpc.bus = {1 2};", "mpc.bus is a cell array"),
        ("mpc.bus.x = 3;", "a field is given to a matrix of 2 by 13"),
        ("mpc.gen(1, 9) += 3;", "line 11"),
        ("mpc.gen(1, 9) = 'many';", "the text 'many' stands among numbers"),
        ("mpc.gen(1, 9) = [1 2", "closing ']' is missing"),
        ("mpc.note = 'never closed;", "closing quote ' is missing"),
        ("mpc.gen = [mpc.gen; 8 0 0];", "a row has 3 columns"),
        ("%{\nnever closed", "the block comment never ends"),
        ("mpc.bus(:, 3) = zeros(1e6, 1e6);", "20000000 are read"),
        ("\n".join(f"note.part{k} = zeros(4000, 2000);" for k in range(9)), "line 16 (note.part5"),
        ("mpc.gen(1, 9) = " + "(" * 5000 + "1" + ")" * 5000 + ";", "nested too deeply"),
        ("mpc.gen(1, 9) = 3\u00a0+ 4;", "'\\xa0' has no meaning"),
        ("clear mpc", "line 11 (clear mpc)"),
        ("mpc = 3;", "mpc.baseMVA is missing"),
        ("global mpc", "'global' is not executed"),
    ],
)
def test_what_is_not_executed_is_refused_with_its_line(code, expected):
    with pytest.raises(InputError) as error:
        tables(code)
    assert "little.m" in str(error.value)
    assert expected in str(error.value)


def test_what_is_assigned_again_and_again_is_held_once():
    code = "\n".join(["big = ones(3000, 2000);", *["other = big + 1;"] * 9, *["big(5, 7) = 2;"] * 999])
    assert tables(code + "\nmpc.bus(1, 3) = big(5, 7);")["bus"].values[0, 2] == 2


def test_the_rest_of_the_file_is_not_run_and_said():
    text = HEAD + TABLES + "\nfunction mpc = low_water\nmpc.gen = [];\nif x, end\n"
    assert parse_matpower(text, "f.m").notes == ("the file's function 'low_water' is not part of the case",)


def test_version_1_has_separate_results_and_no_angle_limits():
    head = "function [S, b, g, l, areas, c] = old\nS = 10;\n"
    body = TABLES.replace("mpc.bus ", "b ").replace("mpc.gen ", "g ").replace("mpc.gencost", "c")
    body = body.replace("mpc.branch ", "l ").replace("-360 360", "11.5 -3")  # results of a power flow
    content = parse_matpower(head + body, "old.m")
    assert content.base_mva == 10
    assert content.tables["branch"].values.shape == (1, 11)
    assert content.tables["gencost"].values.tolist() == [[2, 0, 0, 2, 12, 0]]
    with pytest.raises(InputError, match=r"old\.m', line 10 .*: b: the function f is called"):
        parse_matpower(head + body + "b(:, 3) = f(b);\n", "old.m")


def test_a_file_without_a_version_is_told_by_its_units():
    text = (HEAD + TABLES).replace("mpc.version = '2';\n", "")
    content = parse_matpower(text, "f.m")
    assert content.tables["branch"].values.shape == (1, 11)
    assert content.notes == (
        "the file does not say its format's version: read as version 1, which has no angle limits",
    )
    wide = text.replace("1 60 0]", "1 60 0 " + "0 " * 11 + "]")
    assert parse_matpower(wide, "f.m").tables["branch"].values.shape == (1, 13)


numbers = st.floats(allow_nan=False, width=64) | st.integers(-(10**6), 10**6).map(float)


@given(
    rows=st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    separator=st.sampled_from([" ", "\t", ", ", " ,", " ... half\n"]),
    row_end=st.sampled_from(["\n", ";", ";\n", " ; % ; 3 ]\n", "\n\n# [\n"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_written_table_is_read_back(rows, separator, row_end, line_end):
    cells = [[repr(v).replace("inf", "Inf") for v in row] for row in rows]
    table = row_end.join(separator.join(row) for row in cells)
    text = f"{HEAD}{TABLES}mpc.dclinecost = [{table}\n];\n".replace("\n", line_end)
    assume(len(rows) > 1 or len(rows[0]) > 1)  # one cell is a number, and no table
    assert np.array_equal(parse_matpower(text, "f.m").tables["dclinecost"].values, np.array(rows))


@given(st.lists(st.sampled_from(["+", "-", "*", "/", ".*", "./"]), min_size=1, max_size=6), st.data())
def test_arithmetic_is_that_of_python(signs, data):
    """Chains of + − * / on positive numbers have the same order of evaluation in both languages."""
    values = [data.draw(st.integers(1, 99)) for _ in range(len(signs) + 1)]
    code = str(values[0]) + "".join(f" {s} {v}" for s, v in zip(signs, values[1:], strict=True))
    assert branch_x(f"mpc.branch(1, 4) = {code};") == [eval(code.replace(".", ""))]


LONG = "u = ones(3000, 1000);\n"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (LONG + "v = [u u u\n u u u];\n mpc.gencost = [v; v];", "it makes a matrix of 36000000 cells"),
        (LONG + "mpc.gencost = [u; u; u; u; u; u; u];", "it makes a matrix of 21000000 cells"),
        ("i = ones(1, 9000);\n mpc.gencost = mpc.bus(i, i);", "it makes a matrix of 81000000 cells"),
        ("i = ones(1, 9000);\n mpc.bus(i, i) = 4;", "it makes a matrix of 81000000 cells"),
        ("mpc.gencost = zeros(30000000, 0);", "it makes a matrix of 30000000 cells"),
        (
            "t = 'walras';\n" + "t = [t t t t t t t t t t];\n" * 6 + "mpc.version = [t t t t];",
            "it makes a text of 24000000 characters",
        ),
        ("mpc.gencost = -1e308:1e-9:1e308;", "a range has more numbers than are counted"),
        ("mpc.bus(30000000, 3) = 1;", "30000000 is too large for a row or column; at most 20000000 cells"),
        ("mpc.bus(2.5, 3) = 1;", "2.5 is no row or column; give whole numbers"),
        ("mpc.bus(-1, 3) = 1;", "-1 is no row or column; count from 1"),
    ],
)
def test_what_would_not_fit_into_memory_is_refused_by_its_line(code, problem):
    line = (HEAD + TABLES + code).count("\n") + 1
    with pytest.raises(InputError, match=f"line {line} .*{problem}"):
        tables(code)


def test_structs_that_share_structs_are_read_in_the_time_of_their_text():
    """Each line doubles the paths to the tables, not the structs; a shared table keeps its cells."""
    code = "p = mpc;\n" + "q.left = p; q.right = p; p = q;\n" * 90
    begin = time.process_time()
    assert branch_x(code + "mpc.branch(1, 4) = 8;\ns = mpc.branch;\nmpc.branch(1, 4) = s(1, 4) + 1;") == [9]
    assert branch_x("p = mpc;\nq.left = p;\nq.left.branch = 5;\nmpc.branch(1, 4) = 8; mpc = p;") == [3]
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "header", ["q = pumped(mpc, level)", "[q, r] = pumped(mpc)", "pumped(mpc)", "pumped", "q = pumped"]
)
def test_a_further_function_is_called_by_its_name(header):
    text = f"{HEAD}{TABLES}end\nfunction {header}\nq = 3;\nend\n"
    assert parse_matpower(text, "f.m").notes == ("the file's function 'pumped' is not part of the case",)


def test_reading_is_linear_in_the_files_size():
    """60 000 blank lines, comments or statements take the time that their text takes."""
    for filler in ("\n", "% remark\n", ";", "x = 3;\n", "%{\nblock\n%}\n", "mpc.bus(2, 3) = 5;\n"):
        count = 60_000 if len(filler) < 9 else 5_000
        begin = time.process_time()
        tables(filler * count)
        assert time.process_time() - begin < 5, filler

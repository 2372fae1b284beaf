"""CSV files: labels as written, separators, decimal commas, what is refused, and formulas that stay text."""

from __future__ import annotations

import string

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks import InputError
from networks.checks import Table, plain_number
from networks.csv_tables import known_labels, read_table, read_tables, with_labels_of, write_csv
from networks.csv_text import MOST_BYTES, guarded, unguarded


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, "orders", **options)

    return read


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["59", "3", "-7", "0"], [59, 3, -7, 0]),
        (["007", "7"], ["007", "7"]),
        (["100", "1e2"], ["100", "1e2"]),
        (["NA", "nan", "None", "null"], ["NA", "nan", "None", "null"]),
        (["1.0", "1"], ["1.0", "1"]),
        (["True", "+5", "1_000"], ["True", "+5", "1_000"]),
        (["9" * 18, "1"], [10**18 - 1, 1]),
        (["9" * 5000, "1"], ["9" * 5000, "1"]),
        (["-0", "1"], ["-0", "1"]),
    ],
)
def test_labels_stay_as_they_are_written(read, cells, labels):
    found = read("bus,mw\n" + "".join(f"{cell},1\n" for cell in cells))["bus"].tolist()
    assert found == labels
    assert [type(label) for label in found] == [type(label) for label in labels]


def test_labels_of_one_kind_have_one_type_in_files_read_together(tmp_path):
    (tmp_path / "orders.csv").write_text("order,participant,bus\n1,A,01\n2,B,2\n")
    (tmp_path / "fixed.csv").write_text("bus,mw\n2,5\n")
    (tmp_path / "ramps.csv").write_text("unit,up_mw\n2,5\n")
    tables = read_tables({name: tmp_path / f"{name}.csv" for name in ("orders", "fixed", "ramps")})
    assert tables["fixed"]["bus"].tolist() == ["2"]  # the bus 01 makes all buses text
    assert tables["orders"]["order"].tolist() == [1, 2]
    assert tables["ramps"]["unit"].tolist() == [2]
    (tmp_path / "orders.csv").write_text("order,participant,bus\na,A,1\n2,B,2\n")
    tables = read_tables({name: tmp_path / f"{name}.csv" for name in ("orders", "ramps", "fixed")})
    assert tables["ramps"]["unit"].tolist() == ["2"]  # an order without a unit is one
    assert tables["fixed"]["bus"].tolist() == [2]
    assert read_tables({"orders": None}) == {"orders": None}


def test_a_grid_of_another_type_is_met_by_the_text_of_its_labels():
    frame = pd.DataFrame({"bus": [7, "7", " 8", "08", "x"]}, dtype=object)
    assert with_labels_of(frame, ["7", "8"])["bus"].tolist() == ["7", "7", "8", "08", "x"]
    assert with_labels_of(frame, [7, "7", 8])["bus"].tolist() == [7, "7", 8, "08", "x"]
    assert known_labels(("007", 8)) == {"007": 0, 8: 1, "8": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(read, separator):
    text = "order,bus,mw\na,1,2.5\nb,2,\n".replace(",", separator)
    frame = read(text)
    assert frame["order"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(frame["mw"], [2.5, np.nan])


def test_decimal_commas_where_one_number_can_only_be_a_fraction(read):
    frame = read("order;mw;price\na;1,250;0,5\nb;-3;1e1\n")
    assert frame["mw"].tolist() == [1.25, -3]
    assert frame["price"].tolist() == [0.5, 10]
    assert read('order,mw\n"a,5","12,5"\n').to_dict("list") == {"order": ["a,5"], "mw": [12.5]}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("order;mw\na;7\nb;1,250\n", ["row 1", "'mw' is '1,250'", "thousands", "decimal point"]),
        ("order;mw\na;1.250\n", ["row 0", "'mw' is '1.250'", "thousands"]),
        ("order;mw;price\na;1.5;2,5\n", ["row 0", "'price' is '2,5'", "points throughout"]),
        ("order;mw,price\n", ["header", "commas and semicolons", "quotes"]),
        ("order,mw,\na,1,\n", ["column 2 has no name", "end of a row"]),
        ("order,mw,mw\na,1,2\n", ["column 'mw' appears twice"]),
        ("order,mw\na,1,5\n", ["row 0", "3 cells for 2 columns", "not commas"]),
        ("order,mw\na,1\nb\n", ["row 1", "1 of 2 columns", "truncated"]),
        ("order,mw\na,1\nb,2\0" + "5\n", ["line 3", "NUL"]),
        (b"order,mw\nB\xe4cker,1\n", ["line 2", "UTF-8"]),
        ('order,mw\n"a,1\n', ["not CSV"]),
        ("\ufeff\n\n", ["is empty", "header row"]),
    ],
)
def test_what_is_in_doubt_is_refused(read, text, parts):
    with pytest.raises(InputError) as error:
        read(text)
    for part in ["table 'orders'", *parts]:
        assert part in str(error.value)


def test_points_in_a_file_with_commas_are_decimal(read):
    assert read("order,mw\na,1.250\n")["mw"].tolist() == [1.25]


def test_other_cells_of_numbers_are_left_to_be_refused_by_name(read):
    frame = read("order,mw\na,1_000\nb,0x1F\nc,NA\nd,nan\ne,1.234,5\n".replace("1.234,5", "５"))
    assert frame["mw"].tolist() == ["1_000", "0x1F", "NA", "nan", "５"]
    for row in range(len(frame)):
        table = Table(frame.iloc[row : row + 1], "orders", ["order", "mw"])
        with pytest.raises(InputError, match=r"column 'mw' is .*not a finite number"):
            table.numbers("mw", "MW")


def test_no_file_a_folder_and_too_large_a_file(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_table(tmp_path / "none.csv", "orders")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path, "orders")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match="larger than 100 MB"):
        read_table(tmp_path / "large.csv", "orders")


def test_thousands_of_columns_are_refused_by_one_message(read):
    with pytest.raises(InputError, match="column 0 has no name"):
        read("," * 4999 + "\n" + ("," * 4999 + "\n") * 50)
    names = ",".join(f"colum{k}" for k in range(2000))
    frame = read(f"{names}\n{',' * 1999}\n")
    with pytest.raises(InputError, match="column 'order' is missing"):
        Table(frame, "orders", ["order", "mw"])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
formulas = st.builds(str.__add__, st.sampled_from(["=", "+", "-", "@", "'=", "''-", "'"]), texts)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(texts | formulas, min_size=1, max_size=4), st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_is_written_and_read_back_and_none_is_a_formula(tmp_path, labels, number):
    path = tmp_path / "written.csv"
    labels = ["text", *labels]  # one label that is no number keeps all of them text
    write_csv(pd.DataFrame({"order": labels, "mw": number}), path)
    frame = read_table(path, "orders")
    assert frame["order"].tolist() == labels
    assert frame["mw"].tolist() == [number] * len(labels)
    for label in labels:
        assert guarded(label)[0] not in "=+-@\t\r"
        assert unguarded(guarded(label)) == label


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20))
def test_plain_numbers(value):
    assert plain_number(repr(value)) == plain_number(value) == float(value)
    assert np.isnan(plain_number(complex(0, 1)))
    assert np.isnan(plain_number(True))


@given(st.text(string.ascii_letters + string.digits + "_.,+-", max_size=6))
def test_a_text_is_a_number_only_where_python_agrees(text):
    value = plain_number(text)
    if not np.isnan(value):
        assert float(text) == value
        assert "_" not in text


def test_complex_numbers_and_labels_beyond_any_file_are_refused():
    table = Table(pd.DataFrame({"order": ["a"], "mw": [1 + 2j]}), "orders", ["order", "mw"])
    with pytest.raises(InputError, match=r"'mw' is \(1\+2j\)"):
        table.numbers("mw", "MW")
    table = Table(pd.DataFrame({"order": [10**5000]}, dtype=object), "orders", ["order"])
    with pytest.raises(InputError, match="more than 18 digits"):
        table.labels("order")
    table = Table([{"order": ["a"]}], "orders", ["order"])
    with pytest.raises(InputError, match="no label"):
        table.labels("order")

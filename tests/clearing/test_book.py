"""Law 11 for books: what is wrong, where, the value and the remedy; and the builders."""

import numpy as np
import pandas as pd
import pytest

import networks
from clearing import Book, InputError
from tests.support.small import book_of, buy, clear, grid_of, sell

INF, NAN = float("inf"), float("nan")
GOOD = sell("G7-1", "A", 10, 20)


def bad(**change):
    return [GOOD, {**sell("G7-2", "A", 10, 20), **change}]


ORDER_CELLS = [
    ("price", NAN, r"\$/MWh"),
    ("price", INF, r"\$/MWh"),
    ("price", -INF, r"\$/MWh"),
    ("price", "dear", r"\$/MWh"),
    ("price", None, r"\$/MWh"),
    ("price", True, r"\$/MWh"),
    ("mw", NAN, "MW"),
    ("mw", INF, "MW"),
    ("mw", -1.0, "≥ 0"),
    ("mw", "many", "MW"),
    ("slope", -0.1, "≥ 0"),
    ("slope", INF, r"\$/MW²h"),
    ("min_mw", 11.0, "lower it, or raise mw"),
    ("side", "hold", "give one of the two"),
    ("side", None, "give one of the two"),
    ("order", None, "give a name"),
    ("order", "", "give a name"),
    ("participant", NAN, "give a name"),
    ("bus", None, "give a name"),
    ("period", 2, "give 0 to 1"),
    ("period", -1, "give 0 to 1"),
    ("period", 0.5, "give 0 to 1"),
]


@pytest.mark.parametrize(("column", "value", "remedy"), ORDER_CELLS)
def test_bad_cells_of_orders(column, value, remedy):
    with pytest.raises(InputError) as caught:
        Book.from_tables(bad(**{column: value}), periods=2)
    message = str(caught.value)
    assert "table 'orders'" in message
    assert "row 1" in message
    assert f"column '{column}'" in message
    assert "is " in message
    import re

    assert re.search(remedy, message), message
    if column != "order":
        assert "'G7-2'" in message


def test_the_message_names_the_value():
    with pytest.raises(
        InputError, match=r"order 'G7-2' \(row 1\): column 'mw' is -3.0: it is below 0; give a number"
    ):
        Book.from_tables(bad(mw=-3.0))


@pytest.mark.parametrize(
    "rows",
    [
        [GOOD, GOOD],
        [{**GOOD, "period": 0}, {**GOOD, "period": 0}],
        [{**GOOD, "period": 0}, {**GOOD, "period": None}],
        [{**GOOD, "period": None}, {**GOOD, "period": 1}],
    ],
)
def test_duplicate_orders(rows):
    with pytest.raises(InputError, match=r"order 'G7-1' .*it appears twice; labels must be unique"):
        Book.from_tables(rows, periods=2)


def test_an_order_may_stand_once_in_each_period():
    book = Book.from_tables([{**GOOD, "period": 0}, {**GOOD, "period": 1, "price": 30}], periods=2, fixed=[])
    assert book.column_period.tolist() == [0, 1]


@pytest.mark.parametrize("missing", ["order", "participant", "bus", "side", "mw", "price"])
def test_missing_columns(missing):
    with pytest.raises(InputError, match=f"table 'orders': column '{missing}' is missing"):
        Book.from_tables([{k: v for k, v in GOOD.items() if k != missing}])


def test_misspelt_columns_are_not_ignored():
    with pytest.raises(InputError, match=r"column 'slop' is unknown \(did you mean 'slope'\?\)"):
        Book.from_tables([{**GOOD, "slop": 1}])


def test_repeated_columns():
    frame = pd.DataFrame([[1, 2]], columns=["mw", "mw"])
    with pytest.raises(InputError, match="column 'mw' appears twice; keep one"):
        Book.from_tables(frame)


@pytest.mark.parametrize("periods", [0, -1, 1.5, "two", None, True])
def test_bad_periods(periods):
    with pytest.raises(InputError, match=r"periods is .*give a whole number of at least 1"):
        Book.from_tables([GOOD], periods=periods)


@pytest.mark.parametrize("hours", [0, -1, NAN, INF, "one", None])
def test_bad_hours(hours):
    with pytest.raises(InputError, match="hours"):
        Book.from_tables([GOOD], hours=hours)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"mw": NAN}, "column 'mw' is nan: .*give a number in MW"),
        ({"mw": INF}, "column 'mw' is inf: .*give a number in MW"),
        ({"mw": "x"}, "column 'mw' is 'x': .*give a number in MW"),
        ({"bus": None}, "column 'bus' is None: .*give a name"),
        ({"period": 7}, "column 'period' is 7: there are 1 periods; give 0 to 0"),
    ],
)
def test_bad_fixed_demand(row, message):
    with pytest.raises(InputError, match=f"table 'fixed'.*{message}"):
        Book.from_tables([GOOD], fixed=[{"bus": "A", "mw": 3, **row}])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"up_mw": -1}, "column 'up_mw' is -1: it is below 0; give a number ≥ 0"),
        ({"down_mw": -1}, "column 'down_mw' is -1: it is below 0"),
        ({"up_mw": "fast"}, "column 'up_mw' is 'fast'"),
        ({"previous_mw": INF}, "column 'previous_mw' is inf"),
        ({"unit": "G8"}, "column 'unit' is 'G8': it is not in the column 'unit' of table 'orders'"),
        ({"unit": None}, "column 'unit'"),
    ],
)
def test_bad_ramps(row, message):
    with pytest.raises(InputError, match=f"table 'ramps'.*{message}"):
        Book.from_tables([GOOD], ramps=[{"unit": "G7-1", "up_mw": 3, **row}])


@pytest.mark.parametrize("mw", [1e12, 1e18])
def test_absurd_quantities_are_refused(mw):
    """Beyond 1e10 MW double precision loses kilowatts and no certificate could hold."""
    with pytest.raises(InputError, match=r"order 'G7-2' .*column 'mw' is 1.*: it is larger than any market"):
        Book.from_tables(bad(mw=mw))
    with pytest.raises(InputError, match=r"table 'fixed'.*column 'mw' .*give at most 1e\+10 MW"):
        Book.from_tables([GOOD], fixed=[{"bus": "A", "mw": -mw}])


def test_the_largest_quantity_still_clears():
    orders = [sell("s", "A", 1e10, 10), buy("b", "A", 50, 30)]
    out = clear(grid_of(("A", "B", 0.1)), Book.from_tables(orders))
    assert out.accepted["accepted_mw"].tolist() == pytest.approx([50, 50])
    assert out.lmp[0, 0] == pytest.approx(10)


def test_a_unit_stands_at_one_bus():
    rows = [sell("U1", "A", 10, 20, unit="U"), sell("U2", "B", 10, 20, unit="U")]
    with pytest.raises(
        InputError, match=r"order 'U2' .*column 'unit' is 'U': its order in row 0 is at bus 'A'"
    ):
        Book.from_tables(rows)
    assert Book.from_tables([rows[0], {**rows[1], "bus": "A"}]).units == ("U", "U")


def test_a_seller_had_no_negative_output():
    ramps = [{"unit": "G7-1", "up_mw": 3, "previous_mw": -1}]
    with pytest.raises(InputError, match=r"unit 'G7-1' .*column 'previous_mw' is -1: .*the unit only sells"):
        Book.from_tables([GOOD], ramps=ramps)
    storage = [sell("out", "A", 10, 20, unit="S"), buy("in", "A", 5, 3, unit="S")]
    ramps[0]["unit"] = "S"
    assert Book.from_tables(storage, ramps=ramps).previous_mw.tolist() == [-1]


def test_fixed_demand_of_one_bus_and_period_adds_up():
    """As the loads of a bus do."""
    book = book_of(
        GOOD, fixed=[{"bus": "B", "mw": 2}, {"bus": "B", "mw": 3}, {"bus": "B", "mw": 1, "period": 0}]
    )
    assert clear(grid_of(("A", "B", 0.1)), book).accepted["accepted_mw"].tolist() == pytest.approx([6])


def test_duplicate_ramps():
    with pytest.raises(InputError, match="it appears twice"):
        Book.from_tables([GOOD], ramps=[{"unit": "G7-1"}, {"unit": "G7-1"}])


def test_missing_and_infinite_ramps_are_none():
    book = book_of(GOOD, ramps=[{"unit": "G7-1", "up_mw": None, "down_mw": INF, "previous_mw": 3}])
    assert np.isinf(book.ramp_up_mw).all()
    assert np.isinf(book.ramp_down_mw).all()


def test_empty_tables_are_fine():
    for orders in ([], pd.DataFrame(), pd.DataFrame(columns=list(GOOD))):
        assert Book.from_tables(orders).orders == ()


def test_labels_keep_their_type_and_script():
    rows = [sell(7, 1, 10, 20), buy("Verbraucher Süd", 1, 5, 30), sell(("a", 1), 1, 2, 3)]
    assert Book.from_tables(rows).orders == (7, "Verbraucher Süd", ("a", 1))


def same_books(a: Book, b: Book) -> None:
    for name in Book.__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        assert (
            np.array_equal(left, right, equal_nan=True) if isinstance(left, np.ndarray) else left == right
        ), name


def test_tables_read_back():
    book = Book.from_tables(
        [{**GOOD, "period": 1, "slope": 0.5, "min_mw": 2, "unit": "U"}, buy("b", "B", 5, 30)],
        periods=3,
        hours=0.5,
        ramps=[{"unit": "U", "up_mw": 4, "previous_mw": None}],
        fixed=[{"bus": "A", "mw": -2, "period": 2}, {"bus": "B", "mw": 1}],
    )
    again = Book.from_tables(
        book.orders_frame, periods=3, hours=0.5, ramps=book.ramps_frame, fixed=book.fixed_frame
    )
    same_books(book, again)


def test_csv_reads_back(tmp_path):
    book = book_of(GOOD, buy("b", "B", 5, 30), fixed={"A": 3}, ramps=[{"unit": "b", "up_mw": 4}])
    for name in ("orders", "fixed", "ramps"):
        getattr(book, f"{name}_frame").to_csv(tmp_path / f"{name}.csv", index=False)
    again = Book.from_csv(tmp_path / "orders.csv", ramps=tmp_path / "ramps.csv", fixed=tmp_path / "fixed.csv")
    same_books(book, again)


def test_unreadable_csv(tmp_path):
    with pytest.raises(InputError, match=r"table 'orders': there is no file .*check the path"):
        Book.from_csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder; name a file"):
        Book.from_csv(tmp_path)
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="is empty; give a header row"):
        Book.from_csv(tmp_path / "empty.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00order,\x80")
    with pytest.raises(InputError, match="table 'orders'"):
        Book.from_csv(tmp_path / "bytes.csv")
    (tmp_path / "ragged.csv").write_text("order,mw\n1,2,3,4\n5\n1,2,3,4,5,6\n", encoding="utf-8")
    with pytest.raises(InputError, match="table 'orders'"):
        Book.from_csv(tmp_path / "ragged.csv")


def test_csv_with_more_cells_than_columns_is_refused(tmp_path):
    """A decimal comma must not move the cells of a row to the left (bus 3, 2.5 MW read as bus 2, 5 MW)."""
    (tmp_path / "orders.csv").write_text(
        "order,participant,bus,side,mw,price\na,A,1,sell,10,5\n", encoding="utf-8"
    )
    (tmp_path / "fixed.csv").write_text("bus,mw\n3,2,5\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"table 'fixed', row 0: it has 3 cells for 2 columns; .*not commas"):
        Book.from_csv(tmp_path / "orders.csv", fixed=tmp_path / "fixed.csv")


def test_csv_of_truth_values_is_not_numeric(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "order,participant,bus,side,mw,price\na,A,1,sell,10,True\n", encoding="utf-8"
    )
    with pytest.raises(
        InputError, match=r"order 'a' \(row 0\): column 'price' is 'True': .*not a finite number"
    ):
        Book.from_csv(tmp_path / "orders.csv")


class TestBuilders:
    book = book_of(
        sell("s1", "A", 10, 20, unit="U", min_mw=4), sell("s2", "A", 10, 40, unit="U"), buy("b", "A", 5, 90)
    )

    def test_markup_of_orders_units_and_participants(self):
        assert self.book.with_markup({"s1": 5}).price.tolist() == [25, 40, 90]
        assert self.book.with_markup({"U": 0.1}, relative=True).price == pytest.approx([22, 44, 90])
        assert self.book.with_markup({"owner of s2": -1}).price.tolist() == [20, 39, 90]

    def test_withheld_keeps_minimum_output(self):
        assert self.book.with_withheld({"U": 0.5}).mw.tolist() == [5, 5, 5]
        assert self.book.with_withheld({"U": 1}).mw.tolist() == [4, 0, 5]

    @pytest.mark.parametrize("share", [-0.1, 1.1, NAN, "half"])
    def test_bad_shares(self, share):
        with pytest.raises(InputError, match="share"):
            self.book.with_withheld({"U": share})

    @pytest.mark.parametrize("markup", [NAN, INF, "much", None])
    def test_bad_markups(self, markup):
        with pytest.raises(InputError, match="markup of 'U'"):
            self.book.with_markup({"U": markup})

    def test_unknown_names_are_refused_with_the_nearest(self):
        with pytest.raises(InputError, match=r"markup: 's11' sells nothing.*did you mean 's1'"):
            self.book.with_markup({"s11": 5})
        with pytest.raises(InputError, match="sells nothing"):
            self.book.with_markup({"b": 5})

    def test_lost_load_prices_net_fixed_demand(self):
        book = book_of(GOOD, fixed=[{"bus": "A", "mw": 25}, {"bus": "A", "mw": -5}, {"bus": "B", "mw": -2}])
        priced = book.with_lost_load(3000)
        assert priced.orders == ("G7-1", "lost load A")
        assert priced.fixed_frame["mw"].tolist() == [-2]
        out = clear(grid_of(("A", "B", 0.1)), priced)
        assert out.accepted.loc["lost load A", "accepted_mw"] == pytest.approx(12)
        assert out.lmp[0, 0] == pytest.approx(3000)

    @pytest.mark.parametrize("value", [0, -1, NAN, INF, "high"])
    def test_bad_value_of_lost_load(self, value):
        with pytest.raises(InputError, match="value_of_lost_load"):
            self.book.with_lost_load(value)

    def test_from_case_profiles(self):
        case = networks.load("three_node")
        book = Book.from_case(case, periods=None, profile=None)
        assert book.periods >= 1
        with pytest.raises(InputError, match="profile"):
            Book.from_case(case, profile=[1.0, NAN])
        with pytest.raises(InputError, match=r"entry 1 is -0\.6: loads would inject"):
            Book.from_case(case, profile=[1.0, -0.6])
        with pytest.raises(InputError, match="profile has 3 multipliers for 2 periods"):
            Book.from_case(case, periods=2, profile=[1, 1, 1])
        with pytest.raises(InputError, match="hours"):
            Book.from_case(case, hours=0)
        with pytest.raises(InputError, match="ramp_share"):
            Book.from_case(case, ramp_share=-1)

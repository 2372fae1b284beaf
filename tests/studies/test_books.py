"""Books from what the command line gives: profiles, labels of CSV files, files in place of tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import networks
from networks.errors import InputError
from studies.commands.books import BookRequest, build_book, find_bus, read_profile


@pytest.mark.parametrize(
    ("text", "values"),
    [("1", [1]), ("0.8,1, 1.1", [0.8, 1, 1.1]), ("2 , 3", [2, 3]), ("1e-3,+.5", [1e-3, 0.5])],
)
def test_profiles_as_text(text: str, values: list[float]) -> None:
    assert read_profile(text).tolist() == values


@pytest.mark.parametrize(
    "content",
    [
        "0.5\n1\n",
        "share\n0.5\n1\n",
        "hour,share\n0,0.5\n1,1\n\n",
        "multiplier;period\n1;1\n0,5;0\n",
        "\ufeffmultiplier\r\n.5\r\n1e0\r\n",
    ],
)
def test_profiles_as_files(tmp_path: Path, content: str) -> None:
    file = tmp_path / "profile.csv"
    file.write_text(content, encoding="utf-8")
    assert read_profile(str(file)).tolist() == [0.5, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0.5O\n1\n", "begins with '0.5O', neither a number nor a known name"),
        ("period,price\n0,30\n", "begins with 'price'"),
        ("period,multiplier\n0,1\n2,1\n", "there are 2 periods"),
        ("period,multiplier\n0,1\n0,1\n", "once each"),
        ("period,multiplier\n0,1\n1,\n", "not a finite number"),
        ("0,5\n0,9\n", "numbers and no names"),
        ("factor,share\n1,1\n", "one column 'multiplier'"),
        ("1\n1_0\n", "not a finite number"),
        ("multiplier\n", "empty"),
    ],
)
def test_files_that_leave_a_doubt_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "profile.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_profile(str(file))


def test_a_profile_that_is_missing_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*missing\.csv"):
        read_profile(str(tmp_path / "missing.csv"))


def test_a_long_list_is_no_file_name() -> None:
    assert len(read_profile(",".join(["1"] * 5000))) == 5000


@pytest.mark.parametrize("text", ["", ",", "1,,x", "half"])
def test_wrong_profiles_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="profile"):
        read_profile(text)


def test_multipliers_that_would_turn_loads_into_injections_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "profile.csv"
    file.write_text("period,share\n1,0.4\n2,-0.25\n0,0\n", encoding="utf-8")
    case = networks.load("pglib_ieee118")
    for profile in ("0, 0.4, -0.25", str(file)):
        with pytest.raises(InputError, match=r"profile: entry 2 is -0\.25: loads would inject; .* ≥ 0"):
            build_book(case, BookRequest(profile=profile))


def test_labels_of_files_follow_the_grid(tmp_path: Path) -> None:
    """A grid with buses named by text meets a CSV file that holds the same names as numbers."""
    grid = networks.Grid.from_tables([{"bus": "7"}, {"bus": "8"}], [])
    fleet = networks.Fleet.from_tables(
        grid, [{"unit": "G", "bus": "7", "min_mw": 0, "max_mw": 10, "price": 1}]
    )
    from networks.case import Provenance, build_case

    case = build_case("text", "", grid, fleet, Provenance("test"))
    orders = tmp_path / "orders.csv"
    orders.write_text("order,participant,bus,side,mw,price\nA,a,7,sell,5,1\n", encoding="utf-8")
    assert build_book(case, BookRequest(orders=orders)).order_bus == ("7",)
    assert find_bus(grid, "8") == "8"


def test_new_demand_keeps_the_offers_and_their_constant_cost(tmp_path: Path) -> None:
    case = networks.load("pglib_ieee118")
    fixed = tmp_path / "fixed.csv"
    fixed.write_text("bus,mw,period\n1,10,0\n1,20,1\n", encoding="utf-8")
    own, book = build_book(case, BookRequest()), build_book(case, BookRequest(fixed=str(fixed)))
    assert book.orders == own.orders
    assert np.array_equal(book.price, own.price)
    assert book.constant_cost == own.constant_cost
    assert (book.periods, book.fixed_mw.tolist()) == (2, [10, 20])


def test_units_have_no_ramp_share_where_orders_replace_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--ramps"):
        build_book(networks.load("three_node"), BookRequest(orders=tmp_path / "o.csv", ramp_share=0.1))


@pytest.mark.parametrize(
    ("period", "problem"), [("5", "there are 2 periods"), ("0.5", "there are 2 periods")]
)
def test_a_wrong_period_names_the_order(tmp_path: Path, period: str, problem: str) -> None:
    """A case with loads of two periods says how many there are, whatever period an order names."""
    file = tmp_path / "orders.csv"
    file.write_text(
        f"order,participant,bus,side,mw,price,period\nA,Alba,1,sell,50,10,{period}\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=f"table 'orders', order 'A'.*column 'period'.*{problem}"):
        build_book(networks.load("three_node"), BookRequest(orders=file))

"""Fleets from tables: cost segments, profiles, round trips, and bad input by name."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks import Fleet, InputError

AT = {"A": 0, "B": 1}
UNIT = {"unit": "G", "bus": "A", "min_mw": 10.0, "max_mw": 100.0, "price": 20.0}
LOAD = {"load": "L", "bus": "B", "mw": 30.0}
BARE = {k: v for k, v in UNIT.items() if k != "price"}


def test_a_price_is_one_segment_from_zero_output():
    fleet = Fleet.from_tables(AT, [{**UNIT, "slope": 0.2, "constant_cost": 5.0}], loads=[LOAD])
    assert (fleet.segment_from_mw, fleet.segment_to_mw) == (0.0, 100.0)
    assert (fleet.segment_price, fleet.segment_slope) == (20.0, 0.2)
    assert fleet.cost(np.array([50.0])) == pytest.approx(5 + 20 * 50 + 0.1 * 50**2)
    assert fleet.unit_owner == ("G",)
    assert np.isinf(fleet.ramp_up_mw).all()
    assert np.isnan(fleet.previous_mw).all()


def test_a_range_across_zero_prices_both_sides():
    fleet = Fleet.from_tables(AT, [{**UNIT, "min_mw": -40.0, "slope": 0.5}])
    assert (fleet.segment_from_mw, fleet.segment_price) == (-40.0, 0.0)
    assert fleet.cost(np.array([-40.0])) == pytest.approx(20 * -40 + 0.25 * 40**2)


def test_segments_are_cut_to_the_range_and_cost_zero_at_zero():
    segments = [
        {"unit": "G", "from_mw": 50, "to_mw": 200, "price": 30, "slope": 0.1},
        {"unit": "G", "from_mw": -20, "to_mw": 50, "price": 10},
    ]
    fleet = Fleet.from_tables(AT, [{**BARE, "min_mw": -5.0}], segments)
    assert fleet.segment_from_mw.tolist() == [-5, 50]
    assert fleet.segment_to_mw.tolist() == [50, 100]
    assert fleet.cost(np.zeros(1)) == 0
    assert fleet.cost(np.array([-5.0])) == pytest.approx(-50)
    assert fleet.cost(np.array([60.0])) == pytest.approx(500 + 300 + 5)


def test_a_unit_that_cannot_move_keeps_its_price():
    fleet = Fleet.from_tables(AT, [{**UNIT, "min_mw": 0.0, "max_mw": 0.0}])
    assert fleet.segment_price.tolist() == [20.0]
    assert fleet.cost(np.zeros(1)) == 0


def test_profiles_mix_rows_with_and_without_period():
    rows = [{**LOAD, "period": 1, "mw": 31.0}, {**LOAD, "period": 0}, {"load": "M", "bus": "A", "mw": -4.0}]
    fleet = Fleet.from_tables(AT, [UNIT], loads=rows)
    assert fleet.load_mw.tolist() == [[30, 31], [-4, -4]]
    assert fleet.periods == 2


def test_no_loads_and_no_units_are_fine():
    fleet = Fleet.from_tables(AT)
    assert fleet.load_mw.shape == (0, 1)
    assert fleet.cost(np.zeros(0)).shape == (0,)
    assert fleet.units_frame.empty
    assert fleet.segments_frame.empty


def pieces(*prices, slope=0.0):
    width = 100.0 / len(prices)
    return [
        {"unit": "G", "from_mw": k * width, "to_mw": (k + 1) * width, "price": p, "slope": slope}
        for k, p in enumerate(prices)
    ]


@pytest.mark.parametrize(
    ("units", "segments", "loads", "expected"),
    [
        ([UNIT, UNIT], None, [], ["'units'", "unit 'G' (row 1)", "appears twice"]),
        ([{**UNIT, "bus": "C"}], None, [], ["unit 'G'", "'bus' is 'C'", "table 'buses'"]),
        ([{**UNIT, "min_mw": 101.0}], None, [], ["unit 'G'", "'min_mw' is 101.0", "above max_mw"]),
        ([{**UNIT, "max_mw": math.inf}], None, [], ["unit 'G'", "'max_mw' is inf", "give a number in MW"]),
        ([{**UNIT, "max_mw": 1e18}], None, [], ["unit 'G'", "'max_mw' is 1e+18", "larger than any market"]),
        ([{**UNIT, "previous_mw": -1.0}], None, [], ["unit 'G'", "'previous_mw' is -1.0", "cannot be below"]),
        ([{**UNIT, "price": "cheap"}], None, [], ["unit 'G'", "'price' is 'cheap'", "$/MWh"]),
        ([{**UNIT, "price": math.inf}], None, [], ["unit 'G'", "'price' is inf"]),
        ([{**UNIT, "price": None}], None, [], ["unit 'G'", "'price'", "no cost"]),
        ([{**UNIT, "slope": -0.1}], None, [], ["unit 'G'", "'slope' is -0.1", "not convex"]),
        ([{**UNIT, "ramp_up_mw": -1}], None, [], ["unit 'G'", "'ramp_up_mw' is -1", "≥ 0"]),
        ([{**UNIT, "cost": 5}], None, [], ["column 'cost' is unknown"]),
        ([UNIT], pieces(10), [], ["unit 'G'", "'price' is 20.0", "rows in table 'segments' too"]),
        ([{**BARE, "slope": 1.0}], pieces(10), [], ["unit 'G'", "'slope' is 1.0", "table 'segments'"]),
        ([BARE], pieces(20, 10), [], ["'segments'", "unit 'G' (row 1)", "'price' is 10", "not convex"]),
        ([BARE], pieces(20, 21, slope=0.1), [], ["'segments'", "(row 1)", "not convex"]),
        ([BARE], pieces(10, 20)[1:], [], ["'segments'", "'from_mw' is 50.0", "begin at 0"]),
        ([BARE], pieces(10, 20)[:1], [], ["'segments'", "'to_mw' is 50.0", "end at max_mw"]),
        ([BARE], [pieces(1, 2, 3)[k] for k in (0, 2)], [], ["'segments'", "(row 1)", "no gap or overlap"]),
        ([BARE], pieces(10, slope=-1.0), [], ["'segments'", "'slope' is -1.0"]),
        (
            [BARE],
            [{**pieces(1)[0], "unit": "H"}],
            [],
            ["'segments'", "'unit' is 'H'", "not in table 'units'"],
        ),
        ([BARE], [{**pieces(1)[0], "to_mw": -1.0}], [], ["'segments'", "'from_mw'", "above to_mw"]),
        ([], None, [{**LOAD, "mw": math.nan}], ["'loads'", "load 'L'", "'mw' is nan"]),
        ([], None, [{**LOAD, "mw": -1e12}], ["'loads'", "load 'L'", "give at most 1e+10 MW"]),
        ([], None, [{**LOAD, "bus": "Z"}], ["load 'L'", "'bus' is 'Z'"]),
        (
            [],
            None,
            [{**LOAD, "mw": -1.0, "price": 50.0}],
            ["load 'L'", "'mw' is -1.0", "bid cannot be negative"],
        ),
        ([], None, [{**LOAD, "slope": 1.0}], ["load 'L'", "'slope' is 1.0", "give a price too"]),
        ([], None, [{**LOAD, "price": 5.0, "slope": -1.0}], ["load 'L'", "'slope' is -1.0", "≥ 0"]),
        ([], None, [LOAD, LOAD], ["load 'L' (row 1)", "has this period already"]),
        ([], None, [{**LOAD, "period": 0.5}], ["load 'L'", "'period' is 0.5"]),
        ([], None, [{**LOAD, "period": -1}], ["load 'L'", "'period' is -1"]),
        (
            [],
            None,
            [{**LOAD, "period": 0}, {**LOAD, "period": 2}],
            ["load 'L'", "'period' lacks 1", "2 of 3 periods"],
        ),
        (
            [],
            None,
            [{**LOAD, "period": 0}, {**LOAD, "period": 1, "bus": "A"}],
            ["load 'L' (row 1)", "'bus' is 'A'", "differs from the load's first row"],
        ),
    ],
)
def test_bad_tables_are_refused_by_name(units, segments, loads, expected):
    with pytest.raises(InputError) as error:
        Fleet.from_tables(AT, units, segments, loads)
    for part in expected:
        assert part in str(error.value)


finite = st.floats(-1e6, 1e6, allow_nan=False)
names = st.text(min_size=1, max_size=6) | st.integers(-(10**9), 10**9)


@st.composite
def fleets(draw):
    """Units with one price or rising steps, loads with and without bids, over 1 to 3 periods."""
    labels = draw(st.lists(names, unique=True, max_size=4))
    units, segments = [], []
    for label in labels:
        low, high = sorted(draw(st.tuples(finite, finite)))
        row = {"unit": label, "bus": draw(st.sampled_from("AB")), "min_mw": low, "max_mw": high}
        row |= {"owner": draw(st.none() | names)}
        row |= {"previous_mw": draw(st.none() | st.floats(min(low, 0), 1e6))}
        row |= {"ramp_up_mw": draw(st.none() | st.floats(0, 1e6)), "constant_cost": draw(finite)}
        if draw(st.booleans()):
            units.append(row | {"price": draw(finite), "slope": draw(st.floats(0, 10))})
            continue
        units.append(row)
        cuts = sorted(
            {min(low, 0.0), max(high, 0.0), *draw(st.lists(st.floats(min(low, 0), max(high, 0)), max_size=3))}
        )
        cuts = cuts if len(cuts) > 1 else [0.0, 0.0]
        prices = sorted(draw(finite) for _ in cuts[1:])
        segments += [
            {"unit": label, "from_mw": a, "to_mw": b, "price": p}
            for a, b, p in zip(cuts, cuts[1:], prices, strict=False)
        ]
    periods = draw(st.integers(1, 3))
    loads = [
        {"load": label, "bus": bus, "price": price, "period": t}
        | {"mw": draw(st.floats(0, 1e6) if price is not None else finite)}
        for label in draw(st.lists(names, unique=True, max_size=3))
        for bus, price in [(draw(st.sampled_from("AB")), draw(st.none() | finite))]
        for t in range(periods)
    ]
    return Fleet.from_tables(AT, units, segments, loads)


@settings(max_examples=60, deadline=None)
@given(fleets())
def test_frames_round_trip(fleet):
    again = Fleet.from_tables(AT, fleet.units_frame, fleet.segments_frame, fleet.loads_frame)
    for name in Fleet.__dataclass_fields__:
        before, after = getattr(fleet, name), getattr(again, name)
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after, err_msg=name)
        else:
            assert before == after, name


@settings(max_examples=40, deadline=None)
@given(fleets())
def test_segments_cover_each_range_and_rise(fleet):
    for k in range(len(fleet.units)):
        own = fleet.segment_unit == k
        start, end = fleet.segment_from_mw[own], fleet.segment_to_mw[own]
        assert start[0] == min(fleet.min_mw[k], 0)
        assert end[-1] == max(fleet.max_mw[k], 0)
        assert (start[1:] == end[:-1]).all()
        assert (np.diff(fleet.segment_price[own]) >= 0).all()

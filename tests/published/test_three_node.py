"""Three-node system of "Two-Sided Tacit Collusion" (Energies 2017, 10, 2045), row by row of its table.

Only rows that are one clearing each; the learned ones belong to the studies.
"""

import numpy as np
import pytest

from tests.support.small import accepted, clear, interval, prices, three_node

ROWS = [
    # hour, A's offer, interruption → LMP at buses 1, 2, 3 and the dispatch of A
    pytest.param(1, 199, 0, (8, 8, 8), 199, id="hour 1, A offers 199: one price of 8, profit 398"),
    pytest.param(2, 200, 0, (6, 9, 8), 190, id="hour 2, no interruption: 6/9/8, A at 190 without profit"),
    pytest.param(2, 195, 0, (6, 9, 8), 190, id="hour 2, A offers 195"),
    pytest.param(2, 199, 20, (8, 8, 8), 199, id="hour 2, 20 MW interrupted: 8 everywhere"),
]


@pytest.mark.parametrize(("hour", "offer", "interrupted", "lmp", "dispatch"), ROWS)
def test_rows_with_one_price(hour, offer, interrupted, lmp, dispatch):
    out = clear(*three_node(hour, offer, interrupted))
    assert tuple(prices(out).values()) == pytest.approx(lmp)
    assert accepted(out)["A"] == pytest.approx(dispatch)
    for bus, price in zip("123", lmp, strict=True):
        assert interval(out, bus) == pytest.approx((price, price))


def test_profits_and_margins_of_the_scenarios():
    """A: 398; B: A 398 and Disco-1 300 + 240; C: A 398 + 398 and Disco-1 300 + (300 − 40)."""
    first = clear(*three_node(1, 199))
    congested = clear(*three_node(2, 200))
    relieved = clear(*three_node(2, 199, 20))

    def genco(out):
        return (prices(out)["1"] - 6) * accepted(out)["A"]

    def disco(out, load, interrupted=0):
        return (11 - prices(out)["2"]) * (load - interrupted) - 2 * interrupted

    assert genco(first) == pytest.approx(398)
    assert genco(congested) == pytest.approx(0)
    assert genco(relieved) == pytest.approx(398)
    assert disco(first, 100) == pytest.approx(300)
    assert disco(congested, 120) == pytest.approx(240)
    assert disco(relieved, 120, 20) == pytest.approx(260)


@pytest.mark.parametrize(("bus", "ends"), [("1", (6, 8)), ("2", (6, 9)), ("3", (6, 8))])
def test_two_hundred_mw_is_an_interval(bus, ends):
    """The article's 6.64 $/MWh and profit of 128 = 0.64·200 are one point of an interval."""
    out = clear(*three_node(1, 200))
    assert interval(out, bus) == pytest.approx(ends)
    if bus == "1":
        assert ends[0] <= 6.64 <= ends[1]


@pytest.mark.parametrize(
    ("offer", "interrupted"), [(190, 0), (199, 18), (200, 20)], ids=["190/0", "199/18", "200/20"]
)
def test_other_degenerate_points_are_the_segment_from_6_9_8_to_8_8_8(offer, interrupted):
    grid, book = three_node(2, offer, interrupted)
    out = clear(grid, book)
    assert interval(out, "1") == pytest.approx((6, 8))
    assert interval(out, "2") == pytest.approx((8, 9))
    assert interval(out, "3") == pytest.approx((8, 8))
    low, high = (clear(grid, book, price_rule=rule).lmp[:, 0] for rule in ("low", "high"))
    assert low == pytest.approx([8, 8, 8])
    assert high == pytest.approx([6, 9, 8])


def test_distribution_factors_of_line_1_2():
    """f12 = 0.4·P_A + 0.2·d_2 (reference bus 3)."""
    grid, _ = three_node()
    row = grid.flow.ptdf_rows(np.array([0]))[0]
    assert row - row[2] == pytest.approx([0.4, -0.2, 0.0])


@pytest.mark.parametrize(("ramp", "lmp"), [(8, (4, 10, 8)), (10, (6, 9, 8))])
def test_ramp_on_dispatch_changes_hour_two(ramp, lmp):
    """From 199 MW: a limit below 9 MW on the dispatch brings Gen-B in; from 10 it does not bind."""
    from clearing import Book

    grid, book = three_node(2, 200)
    held = Book.from_tables(
        book.orders_frame, fixed=book.fixed_frame,
        ramps=[{"unit": "A", "up_mw": ramp, "down_mw": ramp, "previous_mw": 199}],
    )  # fmt: skip
    assert tuple(prices(clear(grid, held)).values()) == pytest.approx(lmp)

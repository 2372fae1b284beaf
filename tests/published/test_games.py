"""Published and reconstructed games on networks: pay-off tables by exact enumeration, their equilibria."""

import csv
from pathlib import Path

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from learners import (
    DayPlans,
    Game,
    Markups,
    Withholding,
    best_response_path,
    exact_response_path,
    pure_equilibria,
)
from learners.games.game import profiles_of

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
CASE6 = {"first": (4.0, 3.0, 6.0), "second": (5.1, 4.5, 6.0)}


def six_bus_game(intercepts: tuple[float, ...]) -> Game:
    case = networks.load("case6ww")
    orders = [
        {
            "order": f"unit {k + 1}",
            "participant": f"unit {k + 1}",
            "bus": k,
            "side": "sell",
            "mw": mw,
            "price": b,
        }
        for k, (mw, b) in enumerate(zip((110, 110, 220), intercepts, strict=True))
    ]
    book = Book.from_tables(orders, fixed=case.fleet.loads_frame[["bus", "mw"]])
    percent = Markups((0, 0.1, 0.2, 0.3), relative=True)
    return Game(NodalMarket(case.grid), book, ["unit 1", "unit 2"], percent, payoff="pay_as_bid")


@pytest.mark.parametrize(
    ("table", "markups", "pair"), [("first", (0.3, 0.3), (120, 99)), ("second", (0.1, 0.3), (54.8, 138.4))]
)
def test_pay_off_tables_of_lincolns_thesis(table, markups, pair):
    """All cells, and the published rewards of the one equilibrium (PhD thesis, Strathclyde 2011)."""
    tensor = six_bus_game(CASE6[table]).tensor()
    with (REFERENCE / "case6ww_payoffs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == table]
    assert len(rows) == 16
    for row in rows:
        cell = (int(row["markup_1_percent"]) // 10, int(row["markup_2_percent"]) // 10)
        expected = (float(row["reward_1"]), float(row["reward_2"]))
        assert tensor.values[(slice(None), *cell)] == pytest.approx(expected, abs=1e-4)
    (only,) = pure_equilibria(tensor)
    assert only.labels == pytest.approx(markups)
    assert only.payoffs.round(1).tolist() == pytest.approx(pair)
    assert only.strict


def five_bus_game(limit: float, markups: tuple[float, ...]) -> Game:
    case = networks.load("five_bus")
    limits = np.where(np.isfinite(case.grid.limit_mw), limit, np.inf)
    grid = case.grid.with_settings(limit_mw=limits)
    return Game(NodalMarket(grid), case, ["G1", "G2", "G3"], Markups(markups))


COARSE = (0, 10, 20, 30)


def test_five_bus_table():
    """Profits (G1, G2, G3) with G3 at 30: rows G1, columns G2 at 0, 10, 20, 30."""
    tensor = five_bus_game(100, COARSE).tensor()
    table = tensor.values[:, :, :, 3].transpose(1, 2, 0).round().astype(int)
    assert table.tolist() == [
        [[431, 160, 4923], [2848, 582, 4806], [5730, 1137, 4806], [8612, 1691, 4806]],
        [[473, 2055, 5174], [2463, 1630, 4939], [5730, 1137, 4806], [8612, 1691, 4806]],
        [[928, 5177, 5174], [928, 5177, 5174], [4271, 3320, 4956], [8612, 1691, 4806]],
        [[1382, 8300, 5174], [1382, 8300, 5174], [1382, 8300, 5174], [5854, 5230, 4972]],
    ]
    assert [e.labels for e in pure_equilibria(tensor)] == [(0, 30, 30), (30, 0, 30)]


@pytest.mark.parametrize(
    ("limit", "markups", "dispatch", "money"),
    [
        (100, (0, 0, 0), (184.88, 166.06, 149.07), (1055.75, 17322.49, 1185.57, 19563.82)),
        (100, (0, 30, 30), (300, 55.46, 144.54), (15109.92, 2792.66, 1431.41, 19333.99)),
        (100, (30, 0, 30), (45.45, 300, 154.55), (14856.00, 2790.53, 1580.21, 19226.74)),
        (100, (30, 30, 30), (184.88, 166.06, 149.07), (16055.75, 2322.49, 1185.57, 19563.82)),
        (200, (0, 0, 0), (246.45, 244.46, 9.09), (1086.34, 18882.76, 250.02, 20219.11)),
        (200, (0, 10, 0), (300, 61.90, 138.10), (3606.90, 15792.86, 0.0, 19399.76)),
    ],
)
def test_five_bus_money(limit, markups, dispatch, money):
    """Producers' and consumers' benefit (worth 60 $/MWh), congestion rent, and their sum."""
    game = five_bus_game(limit, COARSE)
    profile = [game.labels[i].index(m) for i, m in enumerate(markups)]
    cleared, _ = game.clear(*game.moves.numbers(np.array([profile])))
    assert cleared.accepted[0] == pytest.approx(dispatch, abs=0.005)
    paid = float(cleared.fixed_paid.sum())
    producers = float(game.earn(cleared).sum())
    consumers, rent = 60 * 500 - paid, paid - float(cleared.paid.sum())
    assert (producers, consumers, rent, producers + consumers + rent) == pytest.approx(money, abs=0.01)


def test_common_mark_ups_shift_prices():
    """All three 10 $/MWh dearer: the same dispatch, every price 10 higher, consumers 10·500 poorer."""
    game = five_bus_game(100, COARSE)
    low, high = (game.clear(*game.moves.numbers(np.array([p])))[0] for p in ([0, 1, 2], [1, 2, 3]))
    assert high.accepted == pytest.approx(low.accepted, abs=1e-6)
    assert high.lmp == pytest.approx(low.lmp + 10)


def test_five_bus_on_the_fine_grid_has_fourteen_equilibria():
    """Step 1: (0..8, 30, 30) and (30, 0..4, 30); best responses in turn find one from every start tried."""
    tensor = five_bus_game(100, tuple(range(31))).tensor()
    expected = [(m, 30, 30) for m in range(9)] + [(30, m, 30) for m in range(5)]
    assert [e.labels for e in pure_equilibria(tensor)] == expected
    starts = np.random.default_rng(0).integers(31, size=(60, 3))
    ends = [best_response_path(tensor, start) for start in starts.tolist()]
    assert all(path.converged for path in ends)
    assert {tuple(path.profiles[-1].tolist()) for path in ends} <= set(expected)


@pytest.mark.parametrize("step", [5, 1])
def test_five_bus_with_a_wider_line_has_none_on_fine_grids(step):
    """200 MW: the two equilibria of the coarse grid are the grid's own; best responses cycle."""
    assert len(pure_equilibria(five_bus_game(200, COARSE))) == 2
    tensor = five_bus_game(200, tuple(range(0, 31, step))).tensor()
    assert pure_equilibria(tensor) == ()
    for start in profiles_of((2, 2, 2)).tolist():
        path = best_response_path(tensor, [a * (len(tensor.labels[0]) - 1) for a in start])
        assert path.cycle is not None


@pytest.mark.parametrize(("limit", "settled"), [(100, True), (200, False)])
@pytest.mark.parametrize("start", [(0, 0, 0), (30, 30, 30), (12, 3, 20)])
def test_exact_responses_on_five_buses_settle_at_100_mw_and_cycle_at_200(start, limit, settled):
    """With continuous mark-ups, at 100 MW one of G1, G2 ends low, the others at 30; at 200 none rests."""
    path = exact_response_path(five_bus_game(limit, (0, 30)), start)
    assert path.settled == settled
    assert (path.certificate.relative < 1e-6) == settled
    assert len(path.markups) < 60
    if settled:
        last = path.markups[-1]
        assert last[2] == pytest.approx(30)
        assert min(last[:2]) < 8.5428
        assert max(last[:2]) == pytest.approx(30)


@pytest.mark.parametrize(("ramp", "profit"), [(4, 764), (8, 772)])
def test_two_hours_under_a_ramp_on_offers(ramp, profit):
    """Three nodes, passive discos: Gen-A's best plan is (189 + ramp, 189) MW, worth 756 + 2·ramp $.

    Against 398 $ of scenario A of Energies 2017, 10, 2045: a ramp limit alone does not force collusion.
    """
    case = networks.load("three_node")
    offers = range(200, 184, -1)
    plans = DayPlans(Withholding(tuple(1 - mw / 200 for mw in offers)), ramp_mw=ramp)
    game = Game(NodalMarket(case.grid), Book.from_case(case, ramps=False), ["Gen-A"], plans)
    pays = game.payoffs(np.arange(game.actions[0])[:, None])[:, 0]
    best = [200 * (1 - share) for share in game.labels[0][int(pays.argmax())]]
    assert best == pytest.approx([189 + ramp, 189])
    assert pays.max() == pytest.approx(profit)

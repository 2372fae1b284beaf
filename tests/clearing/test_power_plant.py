"""The virtual power plant: its curve by hand, and the curve version = co-optimisation on IEEE cases."""

import numpy as np
import pytest

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket, SealedBook
from clearing.homes.home import elastic_comfort, homes_of
from clearing.plants.homes import HomesPlant
from clearing.plants.plant import VirtualPowerPlant
from clearing.plants.supply_curve import trace_curve
from networks.feeders import load_feeder, place_homes

PAIR = networks.Grid.from_tables(
    [{"bus": "gate"}, {"bus": "home"}],
    [{"branch": "line", "from_bus": "gate", "to_bus": "home", "x_pu": 0.1, "limit_mw": 3}],
)


def order(name, side, mw, price, bus):
    return {"order": name, "participant": name, "bus": bus, "side": side, "mw": mw, "price": price}


def microgrid(seed=0, blocks=91, scale=1.0, dear=1.0):
    """Homes as blocks on the 8-bus feeder, in MW as large as `scale`."""
    generator = np.random.default_rng(seed)
    feeder = networks.load("feeder8").grid
    grid = feeder.with_settings(limit_mw=feeder.limit_mw * 100 * scale)
    rows = [
        order(
            f"o{k}", ("sell", "buy")[k % 2], scale * float(generator.uniform(0.02, 0.3)),
            dear * float(generator.uniform(10, 60)), int(generator.integers(1, 8)),
        )
        for k in range(blocks)
    ]  # fmt: skip
    return grid, Book.from_tables(rows, fixed=[{"bus": 3, "mw": 0.4 * scale}])


def test_curve_by_hand():
    """The line carries 3 MW of a 5 MW seller at 20; 1 MW of demand at 90; 2 MW at the gate cost 50."""
    book = Book.from_tables(
        [
            order("sun", "sell", 5, 20, "home"),
            order("want", "buy", 1, 90, "gate"),
            order("set", "sell", 2, 50, "gate"),
        ]
    )
    curve = VirtualPowerPlant(PAIR, book, "gate", export_limit=10, import_limit=10).supply_curve()
    assert curve.breakpoint_mw == pytest.approx([-1, 2, 4, 5], abs=1e-7)
    assert curve.price == pytest.approx([20, 50, 90])
    rows = curve.orders("n", "plant")
    assert [tuple(np.round([r["min_mw"], r["mw"], r["price"]], 6)) for r in rows] == [
        (-1, 2, 20), (0, 2, 50), (0, 1, 90)
    ]  # fmt: skip
    assert {(r["side"], r["unit"]) for r in rows} == {("sell", "plant")}
    assert curve.cost_at_zero == pytest.approx(20 - 90)


def test_any_convex_piecewise_linear_function_is_traced():
    generator = np.random.default_rng(0)
    slopes = np.sort(generator.uniform(-5, 5, 40))
    knots = np.sort(generator.uniform(-1, 1, 39))

    def evaluate(y):
        ends = np.concatenate([[-1.0], knots, [1.0]])
        parts = np.clip(y - ends[:-1], 0, np.diff(ends))
        return float(slopes @ parts), float(slopes[min(np.searchsorted(knots, y), 39)])

    curve = trace_curve(evaluate, -1.0, 1.0, 5.0)
    assert curve.breakpoint_mw[1:-1] == pytest.approx(knots, abs=1e-7)
    assert curve.price == pytest.approx(slopes, abs=1e-6)
    assert curve.solves <= 2.5 * len(slopes)


@pytest.mark.parametrize("case", ["ieee14", "ieee118"])
@pytest.mark.parametrize(("sign", "dear"), [("export", 1.0), ("import", 4.0)])
def test_the_curve_version_is_co_optimisation(case, sign, dear):
    bulk = networks.load(case)
    grid, book = microgrid(dear=dear)
    bus = bulk.grid.buses[5]
    plant = VirtualPowerPlant(grid, book, 0, export_limit=50, import_limit=50)
    main = Book.from_case(bulk)
    curve = plant.clear_in(bulk.grid, main, bus)
    joint = plant.co_optimise(bulk.grid, main, bus)
    assert (curve.export_mw[0] > 0) == (sign == "export")
    assert curve.objective == pytest.approx(joint.objective, rel=1e-6)
    assert curve.lmp == pytest.approx(joint.lmp, rel=1e-6)
    assert curve.export_mw == pytest.approx(joint.export_mw, abs=1e-4)
    assert curve.bulk.certificate.holds
    assert curve.inside.certificate.holds


def test_congestion_inside_and_several_periods():
    bulk = networks.load("ieee14")
    generator = np.random.default_rng(2)
    rows = [
        order(
            f"o{k}", ("sell", "buy")[k % 2], float(generator.uniform(0.5, 3)),
            float(generator.uniform(10, 80)), ("gate", "home")[k % 4 // 2],
        ) | {"period": k % 3}
        for k in range(30)
    ]  # fmt: skip
    book = Book.from_tables(rows, periods=3)
    plant = VirtualPowerPlant(PAIR, book, "gate", export_limit=6, import_limit=4)
    main = Book.from_case(bulk, profile=[0.8, 1.0, 1.2])
    curve, joint = plant.clear_in(bulk.grid, main, 4), plant.co_optimise(bulk.grid, main, 4)
    assert curve.objective == pytest.approx(joint.objective, rel=1e-6)
    assert curve.lmp == pytest.approx(joint.lmp, rel=1e-6)
    assert (curve.export_mw <= 6 + 1e-6).all()


def test_a_net_importer_loses_by_marking_up():
    bulk = networks.load("ieee14")
    grid, book = microgrid(dear=4.0)
    plant = VirtualPowerPlant(grid, book, 0, export_limit=50, import_limit=50)
    main = Book.from_case(bulk)
    surplus = []
    for markup in (0.0, 12.0):
        found = plant.clear_in(bulk.grid, main, 4, markup=markup)
        surplus.append(found.inside.welfare + float(found.lmp @ found.export_mw))
    assert surplus[1] <= surplus[0] + 1e-6


def test_islanded_operation_is_priced_by_lost_load():
    grid, _ = microgrid()
    book = Book.from_tables([order("sun", "sell", 0.1, 20, 1)], fixed=[{"bus": 3, "mw": 0.4}])
    plant = VirtualPowerPlant(grid, book, 0, export_limit=1, import_limit=0.1)
    alone = plant.islanded(9000.0)
    assert alone.lmp == pytest.approx(9000.0)
    assert alone.accepted.accepted_mw["lost load 3"] == pytest.approx(0.1)
    with pytest.raises(InfeasibleError, match=r"islanded\(value_of_lost_load\)"):
        plant.supply_curve()
    rich = Book.from_tables([order("sun", "sell", 1, 20, 1)], fixed=[{"bus": 3, "mw": 0.4}])
    assert VirtualPowerPlant(grid, rich, 0, 1, 1).islanded(9000.0).lmp == pytest.approx(20.0)


def homes_and_bulk(copies):
    placed = place_homes(
        load_feeder("feeder8").grid, 6, np.random.default_rng(3), slots=24, battery_share=0.7
    )
    comfort = [elastic_comfort(0.3 * load, 40.0, -0.5, 3) for load in placed.load_mw]
    homes = homes_of(placed, wear=0.5, annoyance=0.5, comfort=comfort)
    return HomesPlant(homes, np.full(6, float(copies)))


def test_homes_with_storage_follow_the_price_they_help_to_make():
    """At the joint optimum's prices each home's own best plan is worth what the joint optimum gives it."""
    bulk = networks.load("ieee14")
    profile = 0.8 + 0.3 * np.sin(2 * np.pi * (np.arange(24) - 9) / 24)
    main = Book.from_case(bulk, profile=profile)
    plant = homes_and_bulk(copies=3000)
    joint = plant.co_optimise(bulk.grid, main, 4)
    assert joint.certificate.holds
    schedules, _ = plant.schedule_against(joint.lmp)
    alone = float(plant.copies @ [s.objective for s in schedules])
    together = joint.homes_cost - float(joint.lmp @ joint.export_mw) * plant.hours
    assert together == pytest.approx(alone, rel=1e-6)
    # expecting the prices without it, the plant moves too much at once
    before = NodalMarket(bulk.grid).clear(main).lmp[bulk.grid.bus_position[4]]
    offered, _ = plant.schedule_against(before)
    blind = plant.clear_schedule_in(bulk.grid, main, 4, before)
    inner = float(plant.copies @ [s.hardship - s.utility for s in offered])
    assert -blind.welfare + inner >= joint.objective - 1e-6 * abs(joint.objective)


def test_bad_plants_of_homes():
    plant = homes_and_bulk(copies=1)
    bulk = networks.load("ieee14")
    with pytest.raises(InputError, match="24 slots"):
        plant.co_optimise(bulk.grid, Book.from_case(bulk), 4)
    with pytest.raises(InputError, match="not a bus of the grid"):
        plant.co_optimise(bulk.grid, Book.from_case(bulk), 400)
    with pytest.raises(InputError, match="copies"):
        HomesPlant(plant.homes, np.zeros(6))


def test_bad_input():
    grid, book = microgrid()
    with pytest.raises(InputError, match="not a bus of the microgrid"):
        VirtualPowerPlant(grid, book, 77, 1, 1)
    with pytest.raises(InputError, match="offer steps"):
        VirtualPowerPlant(
            PAIR, Book.from_tables([order("a", "sell", 1, 1, "gate") | {"slope": 1}]), "gate", 1, 1
        )
    plant = VirtualPowerPlant(grid, book, 0, 1, 1)
    with pytest.raises(InputError, match="not a bus of the bulk grid"):
        plant.co_optimise(networks.load("ieee14").grid, book, 999)
    with pytest.raises(InputError, match="differ in periods"):
        plant.co_optimise(PAIR, Book.from_tables([], periods=2), "gate")
    assert isinstance(NodalMarket(grid).clear(plant.book).welfare, float)


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (Book.from_tables([order("s", "sell", 1, 5, 1) | {"slope": 2.0}]), "order 's' has a slope"),
        (
            Book.from_tables([order("s", "sell", 1, 5, 1)], ramps=[{"unit": "s", "up_mw": 1}]),
            "unit 's' has a ramp limit",
        ),
        (SealedBook.from_tables([order("s", "sell", 1, 5, 1)]), "book is a SealedBook.*plain Book"),
    ],
)
def test_books_without_a_curve_are_refused_by_name(book, message):
    with pytest.raises(InputError, match=message):
        VirtualPowerPlant(PAIR, book, "gate", export_limit=1, import_limit=1)

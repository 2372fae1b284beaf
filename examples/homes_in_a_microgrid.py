"""A street of homes: plans under a tariff, an auction on its feeder, and the street as a bulk supplier."""

import numpy as np

import clearing
import networks
from clearing.homes.home import elastic_comfort, homes_of
from clearing.homes.tariffs import compare_tariffs, flat_tariff, time_of_use_tariff
from networks.feeders import load_feeder, place_homes

# twelve homes with sun, batteries and vehicles on an 8-bus feeder, by one seed
feeder = load_feeder("feeder8")
street = place_homes(feeder.grid, 12, np.random.default_rng(1))
homes = homes_of(street, comfort=[elastic_comfort(0.3 * load, 200.0, -0.5) for load in street.load_mw])
tariffs = [flat_tariff(210, 60), time_of_use_tariff([(16, 21, 320)], 180, 60)]
print(compare_tariffs(homes, tariffs).round(3))
plan = clearing.schedule_homes(homes[:1], buy_price=210.0, sell_price=60.0)[0]
print(plan.home.label, "one more MWh costs it", plan.marginal_cost[[0, 48, 76]].round(1), "$/MWh")

# noon of the same street as an auction: surplus is offered, comfort is bid, the supplier does the rest
noon = 48
rows = [
    {
        "order": f"{kind} {k}",
        "participant": home.label,
        "bus": home.bus,
        "side": side,
        "mw": mw,
        "price": price,
    }
    for k, home in enumerate(homes)
    for kind, side, mw, price in (
        ("sun", "sell", max(home.pv_mw[noon] - home.load_mw[noon], 0.0), 40.0),
        ("need", "buy", max(home.load_mw[noon] - home.pv_mw[noon], 0.0), 400.0),
        ("comfort", "buy", home.comfort[0].mw, float(home.comfort[0].worth[noon])),
    )
    if mw > 0
]
book = clearing.SealedBook.from_tables(
    rows, hours=0.25, supplier=[{"bus": 0, "import_price": 210, "export_price": 60}]
)
outcome = clearing.ElecBay(feeder.grid, "uniform").clear(book)
print(outcome.settlement.summary.round(4))
print(outcome.life_cycle.status.value_counts())
print(outcome.certificate)

# a thousand such streets as one plant in a bulk market
bulk = networks.load("ieee14")
streets = clearing.Book.from_tables(
    [row | {"mw": 1000 * row["mw"], "price": 0.15 * row["price"]} for row in rows], hours=0.25
)
wide = feeder.grid.with_settings(limit_mw=1000 * feeder.grid.limit_mw)
plant = clearing.VirtualPowerPlant(wide, streets, connection=0, export_limit=60, import_limit=60)
print(plant.supply_curve().frame.round(3))
found = plant.clear_in(bulk.grid, clearing.Book.from_case(bulk, hours=0.25), bus=4)
print(f"exports {found.export_mw[0]:.2f} MW at {found.lmp[0]:.2f} $/MWh")

"""A village whose neighbours own private lines: four ways to run it, payments, and more lines."""

from pathlib import Path

import numpy as np

import clearing
import networks
from clearing.trading.instance import TradingInstance
from clearing.trading.tables import write_instance

# seven houses along a rural street; the main grid at its end sells at 200 $/MWh and pays 60
houses = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus"]
street = networks.Grid.from_tables(
    [{"bus": name} for name in ["grid", *houses]],
    [
        {"branch": f"to {b}", "from_bus": a, "to_bus": b, "r_pu": 0.4, "x_pu": 0.2}
        for a, b in zip(["grid", *houses], houses, strict=False)
    ],
    base_mva=1.0,
)
sun = [0, 0.009, 0, 0.009, 0, 0, 0.009]  # MW
need = [0.004, 0.003, 0.005, 0.002, 0.006, 0.004, 0.003]
rows = [
    {"bus": name, "endowment_mw": has, "demand_mw": wants}
    for name, has, wants in zip(houses, sun, need, strict=True)
]
for degree in (0.0, 1.0, 3.0):
    lines = networks.draw_random_lines(
        houses, np.random.default_rng(1), mean_degree=degree, side_km=0.5, r_pu_per_km=0.5
    )
    village = TradingInstance.from_tables(
        street, rows, lines, main_bus="grid", supply_price=150.0, buy_price=200.0, sell_price=60.0
    )
    models = (
        clearing.AdHocTrading(),
        clearing.SelfInterestedTrading(),
        clearing.CooperativeTrading(),
        clearing.IntegratedTrading(),
    )
    found = [market.clear(village) for market in models]
    losses = {outcome.model: round(1e6 * outcome.losses_mw, 1) for outcome in found}
    print(f"{len(lines.lines)} private lines, losses in W: {losses}")

# what each house is worth alone, and payments that nobody has a reason to leave
payments = clearing.pay_agents(village)
print(payments.table.round(4))
print({rule: check.holds(1e-6) for rule, check in payments.core.items()})
print(found[1].trades.round(5))

# tables to edit by hand: `walras trade my_village` clears and draws them
print(write_instance(village, Path("my_village")))

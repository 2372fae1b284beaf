"""Four solar homes learn to price their noon surplus in an auction on a feeder, beside exact yardsticks."""

from dataclasses import replace

import numpy as np

import clearing
import learners
from clearing.homes.home import elastic_comfort, homes_of
from clearing.homes.offers import orders_of_homes
from networks.feeders import load_feeder, place_homes

# eight homes by one seed; the first four get roofs of 6 kW each, the others none
feeder = load_feeder("feeder8")
street = place_homes(feeder.grid, 8, np.random.default_rng(1), slots=24, pv_share=1.0, battery_share=0.0)
roofs = 0.006 / street.pv_mw.max(axis=1) * (np.arange(8) < 4)
street = replace(street, pv_mw=street.pv_mw * roofs[:, None])
homes = homes_of(street, comfort=[elastic_comfort(0.5 * load, 200.0, -0.8) for load in street.load_mw])

# what each home truly offers and bids at noon: the blocks of its net export curve, at its own marginal cost
orders = orders_of_homes(homes, 12, buy_price=220.0, sell_price=60.0)
supplier = [{"bus": 0, "import_price": 220.0, "export_price": None}]
book = clearing.SealedBook.from_tables(orders, hours=1.0, supplier=supplier)
sellers = [home.label for home in homes[:4]]

for pricing in ("uniform", "pay_as_offer", "vcg"):
    marks = learners.Markups((0.0, 50.0, 100.0, 150.0))
    game = learners.ElecBayGame(feeder.grid, book, sellers, marks, pricing)
    table = game.tensor()  # every profile, cleared exactly
    honest, heard = game.competitive()
    ends = learners.Benchmarks.of(table, honest)
    learner = learners.QLearning(
        0.15, 0.95, learners.EpsilonGreedy(learners.Exponential(1e-4)), initial="uniform_rivals"
    )
    session = learners.Session(table, (learner,) * 4, learners.Stopping(1_000_000, unchanged=10_000))
    profit = session.play(seed=1, replicates=8).limit_profits().sum(axis=1)
    print(
        f"{pricing:13} competition {ends.competitive:.2f} $, static Nash {ends.nash_low:.2f} to "
        f"{ends.nash_high:.2f}, joint optimum {ends.joint:.2f}; learned {profit.mean():.2f} "
        f"(buyers pay {heard[2]:.2f} in competition)"
    )

"""A day on the IEEE 118-bus grid: 24 hours, units that ramp by a tenth of their capacity per hour."""

import numpy as np

import clearing
import networks

case = networks.load("pglib_ieee118")
hours = np.arange(24)
profile = 0.8 + 0.15 * np.sin(2 * np.pi * (hours - 9) / 24)
book = clearing.Book.from_case(case, profile=profile, ramp_share=0.1)
outcome = clearing.NodalMarket(case.grid).clear(book)
print(outcome.certificate)
print(*outcome.notes, sep="\n")
print(outcome.prices["lmp"].groupby("period").describe()[["min", "mean", "max"]].round(2))

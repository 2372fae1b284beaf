"""A congested three-bus market by hand: prices, who sets them, and who earns what."""

import clearing
import networks

grid = networks.Grid.from_tables(
    buses=[{"bus": "north"}, {"bus": "east"}, {"bus": "south"}],
    branches=[
        {"branch": "north-east", "from_bus": "north", "to_bus": "east", "x_pu": 0.2, "limit_mw": 126},
        {"branch": "north-south", "from_bus": "north", "to_bus": "south", "x_pu": 0.2, "limit_mw": 250},
        {"branch": "east-south", "from_bus": "east", "to_bus": "south", "x_pu": 0.1, "limit_mw": 130},
    ],
)
book = clearing.Book.from_tables(
    orders=[
        {"order": "A", "participant": "Alba", "bus": "north", "side": "sell", "mw": 140, "price": 7.5},
        {"order": "B", "participant": "Boreas", "bus": "north", "side": "sell", "mw": 285, "price": 6.0},
        {"order": "C", "participant": "Cirrus", "bus": "east", "side": "sell", "mw": 90, "price": 14.0},
        {"order": "D", "participant": "Delta", "bus": "south", "side": "sell", "mw": 85, "price": 10.0},
    ],
    fixed=[{"bus": "north", "mw": 50}, {"bus": "east", "mw": 60}, {"bus": "south", "mw": 300}],
)
outcome = clearing.NodalMarket(grid).clear(book)
print(outcome.prices.round(2))
print(outcome.explain("east").sentence)
print(outcome.certificate)

# the same market when Boreas asks 1 $/MWh more than it costs
marked_up = clearing.NodalMarket(grid).clear(book.with_markup({"Boreas": 1.0}))
print(clearing.settle(marked_up).payments)

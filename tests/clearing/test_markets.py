"""What every market in the registry keeps to: a `Clearing` that holds, the same whenever it is cleared."""

from typing import get_args

import pandas as pd
import pytest

from clearing import BilateralBook, PostedBook, SealedBook
from clearing.market import MARKETS, market_named
from clearing.result import Clearing
from clearing.trading.outcome import TradingModel
from clearing.trading.tables import eight_node
from studies.commands.clear import MarketName
from tests.support.small import book_of, buy, grid_of, sell

GRID = grid_of(("A", "B", 0.1, 20))


def market_and_book(name):
    if name in get_args(TradingModel):
        return market_named(name)(), eight_node()
    if name == "nodal":
        return market_named(name)(GRID), book_of(sell("s", "A", 20, 10), buy("b", "B", 30, 30))
    if name == "elecbay":
        orders = [
            {"order": "s", "participant": "S", "bus": "A", "side": "sell", "mw": 20, "price": 10},
            {"order": "b", "participant": "B", "bus": "B", "side": "buy", "mw": 30, "price": 30},
        ]
        return market_named(name)(GRID), SealedBook.from_tables(orders)
    if name == "bilateral":
        sellers = [{"seller": "Ann", "mw": 2, "price": 10}]
        return market_named(name)(), BilateralBook.from_tables(
            sellers, [{"buyer": "Bob", "mw": 1, "price": 30}]
        )
    offers = [{"seller": "Ann", "period": 0, "mw": 2, "price": 100}]
    demand = [{"period": 0, "mw": 3, "operator_price": 200}]
    return market_named(name)(), PostedBook.from_tables(offers, demand, hours=1.0)


WELFARE = {"nodal": 400, "elecbay": 400, "bilateral": 20, "posted": -400}  # 20 MW, 20 MW, 1 MW, 2 and 1 MW


@pytest.mark.parametrize("name", MARKETS)
def test_every_market_clears_to_a_clearing(name):
    market, book = market_and_book(name)
    outcome: Clearing = market.clear(book)
    assert outcome.certificate.holds
    assert outcome.status == ("ad hoc" if name == "ad_hoc" else "optimal")
    assert outcome.welfare == pytest.approx(WELFARE.get(name, -outcome.summary.get("supply_cost", 0.0)))
    assert all(isinstance(note, str) for note in outcome.notes)
    assert isinstance(outcome.summary, pd.Series)
    assert outcome.summary.map(lambda total: isinstance(total, float)).all()
    assert outcome.tables
    for table in outcome.tables.values():
        assert isinstance(table.index, pd.RangeIndex)
        assert all(isinstance(column, str) for column in table.columns)
    again = market.clear(book)
    assert again.summary.equals(outcome.summary)
    assert list(again.tables) == list(outcome.tables)


def test_the_command_line_takes_its_names_from_the_registry():
    assert {name.value for name in MarketName} | set(get_args(TradingModel)) == set(MARKETS)

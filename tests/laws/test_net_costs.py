"""Every built-in case, cleared: net cost as MATPOWER counts it, against an independent optimum.

The table, and how it was made: tests/support/net_costs.py.
"""

import pandas as pd
import pytest

import networks
from clearing import Book, NodalMarket
from tests.support.net_costs import TABLE
from tests.support.theta_market import injections_of_case, least_cost

COSTS = pd.read_csv(TABLE).set_index("case")
QUICK = 100  # buses
KNOWN = COSTS.index[COSTS["net_cost"].notna()].tolist()


def check(name: str) -> None:
    case = networks.load(name)
    book = Book.from_case(case)
    outcome = NodalMarket(case.grid).clear(book)
    net = -outcome.welfare + book.constant_cost * book.periods * book.hours
    assert net == pytest.approx(COSTS.loc[name, "net_cost"], rel=1e-6, abs=1e-6)
    assert outcome.certificate.residuals["P4"] <= 1e-9


def test_the_table_has_every_case():
    """One case cannot be cleared, whoever tries: its supply is less than its load, and loading it says so."""
    assert list(COSTS.index) == networks.catalogue()["name"].tolist()
    assert COSTS.index[COSTS["net_cost"].isna()].tolist() == ["case4gs"]
    with pytest.raises(networks.InputError, match="318 MW of capacity face 500 MW"):
        networks.load("case4gs")


@pytest.mark.parametrize("name", [n for n in KNOWN if COSTS.loc[n, "buses"] <= QUICK])
def test_net_cost(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in KNOWN if COSTS.loc[n, "buses"] > QUICK])
def test_net_cost_of_a_large_case(name):
    check(name)


@pytest.mark.parametrize("name", ["five_bus", "pegase89", "feeder33"])
def test_the_table_is_the_independent_formulations(name):
    case = networks.load(name)
    given = injections_of_case(case)
    assert least_cost(case.grid, given) == pytest.approx(COSTS.loc[name, "net_cost"], rel=1e-7)

"""18 buses of "Two-Sided Tacit Collusion" (Energies 2017, 10, 2045): the reproduction study, row by row."""

import pandas as pd
import pytest

from studies.two_sided_eighteen_bus.market import run_experiments
from studies.two_sided_eighteen_bus.tables import PRICES

ROWS = [
    ("base", "G1", 20.53, 6087), ("base", "D1", 26.35, 647), ("base", "D2", 27.80, 960),
    ("base", "D3", 29.00, 1000), ("alone 40", "G1", 20.53, 5866), ("alone 90", "G1", 27.20, 12322),
    ("G1 D1", "G1", 21.77, 7179), ("G1 D1", "D1", 24.45, 2044), ("G1 D1 D3", "G1", 26.76, 11757),
    ("G1 D1 D3", "D3", 27.18, 2051), ("A defect D3", "G1", 27.44, 10199),
    ("A defect D3", "D3", 27.59, None), ("G1 D2", "G1", 21.77, 7179), ("G1 D2", "D2", 26.00, 1880),
    ("G1 D2 D3", "G1", 27.37, 12369), ("direct 1060", "G1", None, 6435), ("direct 1000", "G1", None, 12437),
    ("line 4, D1", "D3", None, 2063), ("line 4, D1 D3", "D3", None, 2051),
    ("line 4, D1 D3 only", "D3", None, 2180), ("line 5, D1", "D3", None, 1000),
]  # fmt: skip


@pytest.fixture(scope="module")
def cleared() -> dict[str, pd.DataFrame]:
    tables = {}
    for place in ("fitted", "second"):
        rows = pd.DataFrame(run_experiments(place, "canonical")["experiments"])
        tables[place] = rows.set_index(["experiment", "agent"])
    return tables


@pytest.mark.parametrize(("experiment", "agent", "price", "profit"), ROWS)
def test_rows_of_the_fitted_placement(cleared, experiment, agent, price, profit):
    """Prices to a cent, profits to a dollar."""
    row = cleared["fitted"].loc[(experiment, agent)]
    if price is not None:
        assert row["price"] == pytest.approx(price, abs=0.006)
    if profit is not None:
        assert row["profit"] == pytest.approx(profit, abs=1.0)


@pytest.mark.parametrize(("place", "error"), [("fitted", 0.191), ("second", 0.190)])
def test_mean_error_over_the_fourteen_published_prices(cleared, place, error):
    """0.191 and 0.190 $/MWh, 12 of 14 within 0.5 on the first: what the placements were fitted for."""
    gaps = [abs(cleared[place].loc[(key, agent), "price"] - value) for key, agent, value in PRICES]
    assert sum(gaps) / len(gaps) == pytest.approx(error, abs=6e-3)
    assert sum(gap <= 0.5 for gap in gaps) == 12


def test_at_1100_mw_the_price_is_an_interval():
    """The export cut of bus 1 is exactly full: [15, 20.53], which is why a full offer is 1099.9 MW."""
    import numpy as np

    from studies.two_sided_eighteen_bus.market import market_of

    market = market_of("fitted", "canonical", {"G1": (1100.0,)}, {})
    numbers = market.moves.numbers(np.zeros((1, 1), dtype=int))
    _, batch = market.clear(*numbers, want=("lmp_low", "lmp_high"))
    assert batch.lmp_low[0, 0] == pytest.approx(15.0)
    assert batch.lmp_high[0, 0] == pytest.approx(20.53, abs=0.01)

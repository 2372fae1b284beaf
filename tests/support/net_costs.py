"""Least net cost of every built-in case by an independent formulation and solver: tests/data/net_costs.csv.

Net cost as MATPOWER counts it: the cost functions of all units at their outputs, constant terms included and
negative where a unit withdraws at a price, less what price-sensitive loads bid for, summed over the case's
periods [$/h]. :mod:`tests.support.theta_market` has the program; cases with slopes are solved by Clarabel,
all others by HiGHS through SciPy's linprog. To make the table again:

    python -m tests.support.net_costs
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import networks
from tests.support.theta_market import injections_of_case, least_cost

TABLE = Path(__file__).parents[1] / "data" / "net_costs.csv"


def net_costs() -> pd.DataFrame:
    """Columns case, buses, net_cost [$/h; empty where the case is refused], solver."""
    rows = []
    for name, buses in networks.catalogue()[["name", "buses"]].itertuples(index=False):
        cost, solver = None, "refused"
        try:
            case = networks.load(name)
        except networks.InputError as refusal:
            print(refusal)
        else:
            given = injections_of_case(case)
            cost, solver = least_cost(case.grid, given), "Clarabel" if given.slope.any() else "HiGHS"
        rows.append({"case": name, "buses": buses, "net_cost": cost, "solver": solver})
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    TABLE.parent.mkdir(exist_ok=True)
    net_costs().to_csv(TABLE, index=False, float_format="%.10g")

"""The three-pivotal-supplier test of many books at once, and of the relief of every binding line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import SELL
from clearing.monitor import supply_index, three_pivotal_suppliers

if TYPE_CHECKING:
    from clearing.incubator import Counterfactual

LEAST_SHADOW_PRICE = 1e-3
"""A line with a smaller shadow price does not bind for a monitor [$/MWh]."""


def three_pivotal_rows(
    supply: np.ndarray, demand: np.ndarray, injected: np.ndarray | None = None
) -> np.ndarray:
    """(books, suppliers) RSI₃ of :func:`clearing.monitor.residual_supply` for many books at once.

    Parameters
    ----------
    supply : (books, suppliers) [MW]; demand : (books,) [MW]; infinite without demand.
    injected : (books,) supply that nobody can withhold [MW], none by default.
    """
    supply, demand = np.asarray(supply, dtype=float), np.asarray(demand, dtype=float)
    order = np.argsort(-supply, axis=1, kind="stable")
    ranked = np.zeros((len(supply), max(3, supply.shape[1])))
    ranked[:, : supply.shape[1]] = np.take_along_axis(supply, order, axis=1)
    others = np.repeat((ranked[:, 0] + ranked[:, 1])[:, None], supply.shape[1], axis=1)
    rows = np.arange(len(supply))
    for rank in range(min(2, supply.shape[1])):
        others[rows, order[:, rank]] = ranked[:, :3].sum(axis=1) - ranked[:, rank]
    left = supply.sum(axis=1, keepdims=True) - supply - others
    if injected is not None:
        left = left + np.asarray(injected, dtype=float)[:, None]
    return supply_index(left, demand[:, None])


def screen_lines(counterfactual: Counterfactual, row: int) -> pd.DataFrame:
    """Three-pivotal-supplier test of each line that binds at cost, in one book; one row per line.

    The relief that a line needs is the flow that it would carry without limits, less its limit; the test
    is :func:`clearing.monitor.three_pivotal_suppliers`. Columns: branch, relief_mw, sellers (with relief),
    failing (how many of them fail), names (of those who fail). Lines whose neighbours' limits relieve them
    already need none and are left out.

    Raises
    ------
    ClearingError
        the book cannot be cleared at cost.
    """
    incubator, series = counterfactual.incubator, counterfactual.series
    grid, book = incubator.market.grid, incubator.book
    truth = replace(
        book,
        price=np.where(book.side == SELL, counterfactual.cost, series.price[row]),
        mw=series.available_mw[row].copy(),
        fixed_bus=grid.buses,
        fixed_mw=series.fixed_mw[row].copy(),
        fixed_period=np.zeros(len(grid.buses), dtype=np.int64),
    )
    outcome = incubator.market.clear(truth)
    free = incubator.rounds.clear_many(
        truth.price, truth.mw, truth.slope if truth.slope.any() else None, fixed_mw=truth.fixed_mw,
        limit_mw=np.full(len(grid.branches), np.inf), want=("flow",),
    )  # fmt: skip
    assert free.flow is not None
    limit = np.abs(outcome.flow_mw[:, 0])
    rows = []
    for k in np.flatnonzero(np.abs(outcome.flow_dual[:, 0]) > LEAST_SHADOW_PRICE).tolist():
        relief = abs(float(free.flow[0, k])) - float(limit[k])
        if not relief > 0:
            continue
        table = three_pivotal_suppliers(outcome, grid.branches[k], relief)
        fails = table.index[table["fails_three"].to_numpy(dtype=bool)]
        rows.append(
            {
                "branch": grid.branches[k],
                "relief_mw": relief,
                "sellers": len(table),
                "failing": len(fails),
                "names": ", ".join(map(str, fails)),
            }
        )
    return pd.DataFrame(rows, columns=["branch", "relief_mw", "sellers", "failing", "names"])

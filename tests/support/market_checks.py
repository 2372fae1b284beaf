"""One random market against the independent optimum: status, cost, and prices as one-sided derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearing import InfeasibleError, InputError, NodalMarket
from tests.support.random_markets import random_market
from tests.support.theta_market import injections_of_book, least_cost

STEP = 1e-3  # MW of demand more or less, for derivatives of least cost


def check_market(seed: int, places: int = 2) -> str:
    """Compare one market; its status, "optimal" or "infeasible"."""
    grid, book = random_market(seed)
    given = injections_of_book(book, grid)
    cost = least_cost(grid, given)
    if cost is None:
        with pytest.raises(
            (InfeasibleError, InputError), match=r"no dispatch exists|cut off from every supply"
        ):
            NodalMarket(grid).clear(book)
        return "infeasible"
    outcome = NodalMarket(grid).clear(book)
    assert outcome.certificate.holds
    scale = 1.0 + float(np.abs(given.price) @ np.maximum(given.high, -given.low))
    assert -outcome.welfare == pytest.approx(book.hours * cost, abs=1e-7 * scale), seed
    low, high = outcome.intervals
    rng = np.random.default_rng(seed)
    for bus, period in zip(
        rng.integers(0, len(grid.buses), places), rng.integers(0, book.periods, places), strict=True
    ):
        price = outcome.lmp[bus, period]
        assert low[bus, period] - 1e-9 <= price <= high[bus, period] + 1e-9 or np.isnan(price)
        slack = 1e-9 * scale / STEP + 1e-6
        for sign, end in ((-1, low[bus, period]), (1, high[bus, period])):
            one, two = (_slope(grid, given, cost, bus, period, sign * part * STEP) for part in (1.0, 0.5))
            if one is None or two is None:
                # no dispatch a little further: nothing bounds the price there
                assert two is not None or not np.isfinite(end), (seed, bus, period, sign)
                continue
            # least cost is convex in demand: differences lie beyond the derivative, or meet it
            assert sign * (two - end) >= -slack, (seed, bus, period, sign, two, end)
            if abs(one - two) <= slack and not given.slope.any():
                assert end == pytest.approx(two, abs=2 * slack), (seed, bus, period, sign)
    return "optimal"


def _slope(grid, given, cost, bus, period, change) -> float | None:
    """Difference quotient of least cost in demand at a bus, None where nothing serves it."""
    fixed = given.fixed_mw.copy()
    fixed[bus, period] += change
    other = least_cost(grid, replace(given, fixed_mw=fixed))
    return None if other is None else (other - cost) / change

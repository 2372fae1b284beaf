"""The nodal market: a DC optimal power flow with unique dispatch, prices by rule, and a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clearing.arrays.compiled import CompiledModel, compile_model
from clearing.arrays.kept import KeptModels
from clearing.book import Book
from clearing.errors import InfeasibleError, InputError
from clearing.explaining.diagnosis import (
    explain_infeasibility,
    refuse_infeasible_peak,
    refuse_unsupplied,
)
from clearing.machines import refuse_self_trade
from clearing.nodal_model import Form, build_nodal_model
from clearing.optimum import find_optimum
from clearing.outcome import Outcome
from clearing.pricing.prices import PriceRule, check_price_rule
from clearing.solvers import TIME_LIMIT
from clearing.structure import Numbers, Structure
from networks.checks import number
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.prepared import PreparedMarket

MOST_ENTRIES = 1_000_000
"""Orders, buses, branches and links, each times its periods, of one clearing: each takes about 7 KB."""

MODELS_KEPT = 8  # compiled models a market remembers, one per structure of book


class NodalMarket:
    """Clears books on a grid at locational marginal prices.

    Parameters
    ----------
    grid : the network.
    price_rule : "canonical" (default), "low" or "high": which supporting prices are used where they
        are not unique (law 5).
    form : "angle" or "ptdf", the Pyomo formulation; both have the same solutions.
    time_limit : seconds for one solve.
    require_previous : refuse ramp limits without the output before the first period.

    Notes
    -----
    `clear` is a function of the book alone (law 3): every clearing is solved from scratch, and the
    result is recomputed from its active set. Any number of threads may share a market.
    """

    changes_offers = False

    def __init__(
        self,
        grid: Grid,
        price_rule: PriceRule = "canonical",
        form: Form = "angle",
        time_limit: float = TIME_LIMIT,
        require_previous: bool = False,
    ):
        check_price_rule(price_rule)
        if form not in ("angle", "ptdf"):
            raise InputError(f"form is {form!r}; use 'angle' or 'ptdf'")
        self.grid, self.price_rule, self.form = grid, price_rule, form
        self.time_limit = number("time_limit", time_limit, "seconds", above=0)
        self.require_previous = require_previous
        self._models: KeptModels[CompiledModel] = KeptModels(MODELS_KEPT)

    def clear(self, book: Book) -> Outcome:
        """Clear one book.

        Raises
        ------
        InputError
            an order at an unknown bus, a unit that would buy from itself, fixed demand cut off from every
            supply, or ramps without a previous output where it is required.
        InfeasibleError
            no dispatch serves the fixed demand; the message names the cut and the missing MW.
        TimeLimitError, NumericalError
            no solver proved an optimum whose certificate holds.
        """
        notes = self._check_ramps(book)
        refuse_self_trade(book)
        structure = Structure.of(book, self.grid)
        _refuse_too_large(structure)
        numbers = Numbers.of(book, structure)
        refuse_unsupplied(structure, numbers)
        refuse_infeasible_peak(structure, numbers)
        try:
            found = find_optimum(
                structure, numbers, self.compiled(structure), self.price_rule, self.time_limit
            )
        except InfeasibleError as error:
            raise explain_infeasibility(book, structure, numbers) from error
        return Outcome.of(found, book, self.price_rule, notes)

    def prepare(self, book: Book) -> PreparedMarket:
        """The market for rounds of books like `book` with other numbers: arrays in, arrays out."""
        from clearing.prepared import PreparedMarket

        self._check_ramps(book)
        return PreparedMarket(self, book)

    def compiled(self, structure: Structure) -> CompiledModel:
        """The compiled model of a structure: built once, then re-used for books that differ in numbers."""
        return self._models.get(structure.key, lambda: compile_model(build_nodal_model(structure, self.form)))

    def _check_ramps(self, book: Book) -> tuple[str, ...]:
        limited = np.isfinite(book.ramp_up_mw) | np.isfinite(book.ramp_down_mw)
        free = [book.ramp_units[k] for k in np.flatnonzero(limited & np.isnan(book.previous_mw))]
        if free and self.require_previous:
            raise InputError(
                f"table 'ramps', unit {free[0]!r}: column 'previous_mw' is missing; "
                "give the output before period 0"
            )
        if not free:
            return ()
        who = f"unit {free[0]!r}" if len(free) == 1 else f"{len(free)} units"
        return (f"{who} with ramp limits have no previous output: period 0 is free for them",)


def _refuse_too_large(structure: Structure) -> None:
    """Before the work, because the work would end for want of memory."""
    grid, periods = structure.grid, structure.periods
    entries = len(structure.bus) + (len(grid.buses) + len(grid.branches) + len(grid.links)) * periods
    if entries > MOST_ENTRIES:
        raise InputError(
            f"the book has {len(structure.bus):,} orders, each counted in each of its periods, on a grid of "
            f"{len(grid.buses):,} buses and {len(grid.branches):,} branches in {periods:,} periods: "
            f"{entries:,} entries, more than the {MOST_ENTRIES:,} that are cleared at once; clear periods "
            "apart where no ramp joins them, or put orders of one bus and price together"
        )

"""ElecBay: a central auction of energy with sealed bids, blocks and a security check of the feeder.

Orders for products (energy in a period at a bus) are collected until gate closure; the auctioneer
accepts those of greatest welfare whose flows keep every line within its limit. Source of the idea: the
central auctions reviewed in "Collusive Smart Homes" (A. Mowry, 2019), in which the highest bidder wins
after a system security check. Voltage is not checked: the flow model is linear and lossless, which on
a low-voltage feeder leaves out what binds there most often; every outcome says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from clearing.book import Book
from clearing.elecbay.blocks import Choice, choose_blocks, greatest_welfare
from clearing.elecbay.book import SealedBook
from clearing.elecbay.certificate import certify_choice
from clearing.elecbay.model import WinnerProgram
from clearing.elecbay.outcome import ElecBayOutcome
from clearing.elecbay.sequential import SequentialOutcome, clear_in_sequence
from clearing.errors import InfeasibleError, InputError
from clearing.nodal import NodalMarket
from clearing.outcome import Outcome
from clearing.pricing.prices import PriceRule
from clearing.pricing.reduced import Reduced
from clearing.solvers import TIME_LIMIT
from clearing.structure import Numbers, Structure
from networks.checks import number, shown, suggest
from networks.feeders import refuse_unless_radial
from networks.grid import Grid

Pricing = Literal["uniform", "lmp", "pay_as_bid", "k", "vcg", "second_price"]
Mode = Literal["exact", "sequential"]

NO_VOLTAGE = "voltage is outside this market: only line limits are checked"


class ElecBay:
    """Clears sealed books on a feeder.

    Parameters
    ----------
    grid : the network; lines have MW limits.
    pricing : "uniform" or "lmp" (one price per bus and period: equal where no line binds);
        "pay_as_bid" (each at its own price, the platform keeps the rest); "k" (k-double auction: prices
        at the share `k` of the way from the lowest to the highest supporting ones); "vcg" or
        "second_price" (each participant pays what its presence costs the others; the platform may run a
        deficit, which is reported).
    mode : "exact", or "sequential": the highest bid first, served by the cheapest offer up to the line
        headroom left, at its own price or at `k` between the two (pricing "pay_as_bid" or "k").
    k : 0 to 1, see `pricing`.
    radial : refuse a grid with a loop or an island.
    time_limit : seconds for one solve; reaching it raises, no unproven answer is returned.

    Examples
    --------
    >>> import clearing, networks
    >>> feeder = networks.load("feeder8")
    >>> book = clearing.SealedBook.from_tables(
    ...     [{"order": "a", "participant": "Ann", "bus": 3, "side": "sell", "mw": 0.004, "price": 90},
    ...      {"order": "b", "participant": "Bob", "bus": 7, "side": "buy", "mw": 0.003, "price": 210}],
    ...     supplier=[{"bus": 0, "import_price": 200, "export_price": 60}])
    >>> clearing.ElecBay(feeder.grid).clear(book).status
    'optimal'
    """

    def __init__(
        self,
        grid: Grid,
        pricing: Pricing = "uniform",
        mode: Mode = "exact",
        k: float = 0.5,
        radial: bool = False,
        time_limit: float = TIME_LIMIT,
    ):
        for name, value, known in (("pricing", pricing, Pricing), ("mode", mode, Mode)):
            if value not in get_args(known):
                names = ", ".join(map(repr, get_args(known)))
                raise InputError(f"{name} is {value!r}{suggest(value, get_args(known))}; use one of {names}")
        if mode == "sequential" and pricing not in ("pay_as_bid", "k"):
            raise InputError(f"pricing is {pricing!r}; the sequential mode pays 'pay_as_bid' or 'k'")
        if number("k", k, "shares from 0 to 1", minimum=0.0) > 1:
            raise InputError(f"k is {shown(k)}; give a share from 0 to 1")
        if radial:
            refuse_unless_radial(grid)
        self.grid, self.mode, self.k = grid, mode, float(k)
        self.pricing: Pricing = {"lmp": "uniform", "second_price": "vcg"}.get(pricing, pricing)  # type: ignore[assignment]
        self.time_limit = number("time_limit", time_limit, "seconds", above=0)
        rules: tuple[PriceRule, ...] = ("low", "high") if self.pricing == "k" else ("canonical",)
        self._nodal = [NodalMarket(grid, rule, time_limit=self.time_limit) for rule in rules]

    def clear(self, book: SealedBook | Book) -> ElecBayOutcome | SequentialOutcome:
        """Clear one sealed book (or a plain one, which has no blocks).

        Raises
        ------
        InputError
            an order at an unknown bus, or (sequential mode) blocks and sloped orders.
        InfeasibleError
            fixed demand cannot be served; under VCG also where one participant is indispensable.
        TimeLimitError, NumericalError
            no solver proved an optimum whose certificate holds.
        """
        sealed = SealedBook.of(book)
        if self.mode == "sequential":
            exact = self._clear_exactly(sealed)
            return clear_in_sequence(exact, self.pricing, self.k)
        return self._clear_exactly(sealed)

    def _clear_exactly(self, sealed: SealedBook) -> ElecBayOutcome:
        structure = Structure.of(sealed.book, self.grid)
        winner = self._winner_program(sealed, structure)
        choice = self._choose(sealed, winner)
        nodal = self._price(sealed.at(choice.chosen))
        welfare = nodal.welfare / sealed.book.hours
        bound = choice.welfare if len(sealed.blocks) else welfare
        certificate = certify_choice(sealed, self.grid, nodal.claim, choice.chosen, bound)
        notes: tuple[str, ...] = (NO_VOLTAGE,)
        if not choice.unique:
            notes += ("other blocks are as good: the larger volume, then the earliest submitted were taken",)
        return ElecBayOutcome(
            sealed=sealed,
            grid=self.grid,
            nodal=nodal,
            chosen=choice.chosen,
            pricing=self.pricing,
            unique_choice=choice.unique,
            contributions=self._contributions(sealed, winner, nodal.accepted_mw, welfare),
            certificate=certificate.required("ElecBay"),
            notes=notes + nodal.notes,
        )

    def _choose(self, sealed: SealedBook, winner: WinnerProgram | None) -> Choice:
        if winner is None:
            return Choice(np.zeros(0, dtype=bool), np.nan, True)
        try:
            return choose_blocks(winner, self.time_limit)
        except InfeasibleError as error:
            # were blocks divisible, the nodal market would name the cut that is short, or serve everything
            parts = np.where(sealed.block_of >= 0, 0.0, sealed.book.min_mw)
            self._nodal[0].clear(replace(sealed.book, min_mw=parts))
            raise InfeasibleError(
                "fixed demand cannot be served: supply is there, but in blocks that fit in no combination; "
                "give the supplier an import and an export, lower min_share, or give fixed demand a price"
            ) from error

    def _winner_program(self, sealed: SealedBook, structure: Structure) -> WinnerProgram | None:
        """The MILP, which a book without blocks needs only for payments by VCG."""
        if not len(sealed.blocks) and (self.pricing != "vcg" or self.mode == "sequential"):
            return None
        reduced = Reduced(structure, Numbers.of(sealed.book, structure))
        return WinnerProgram(sealed, structure, reduced.quantity, reduced.money)

    def _price(self, book: Book) -> Outcome:
        """The nodal clearing at the chosen blocks; under k-pricing a mixture of two supporting prices."""
        found = [market.clear(book) for market in self._nodal]
        if len(found) == 1:
            return found[0]
        low, high = found
        return low.mixed_with(high, self.k)

    def _contributions(
        self, sealed: SealedBook, winner: WinnerProgram | None, accepted: np.ndarray, welfare: float
    ) -> dict[object, float] | None:
        """W(N) − W(N without i) of each participant i but the supplier [$]; one solve each."""
        if self.pricing != "vcg" or winner is None:
            return None
        rows_of: dict[object, list[int]] = {name: [] for name in sealed.players}
        won = np.zeros(len(sealed.book.orders))
        np.add.at(won, sealed.book.column_row, accepted)
        for row in np.flatnonzero(~sealed.supplied & (won > 0)).tolist():
            rows_of[sealed.book.participants[row]].append(row)
        out: dict[object, float] = {}
        for name, members in rows_of.items():
            if not members:  # who wins nothing changes nothing by leaving
                out[name] = 0.0
                continue
            rows = np.array([owner == name for owner in sealed.book.participants], dtype=bool)
            try:
                others = greatest_welfare(winner, rows, self.time_limit)
            except InfeasibleError as error:
                raise InfeasibleError(
                    f"pricing 'vcg': without participant {name!r} fixed demand cannot be served, so its "
                    "payment has no bound; give the supplier an import, or fixed demand a price"
                ) from error
            out[name] = max(welfare - others, 0.0) * sealed.book.hours
        return out

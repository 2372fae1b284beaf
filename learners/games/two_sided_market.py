"""Gencos that withhold and discos that interrupt, on any network, in one hour of inelastic demand."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clearing.book import Book
from clearing.errors import InputError
from learners.games.game import action_indices
from networks.checks import suggest

if TYPE_CHECKING:
    from clearing.batches import Batch
    from clearing.nodal import NodalMarket
    from networks.case import Case


@dataclass(frozen=True)
class Contract:
    """What a disco earns on served demand and pays for interrupted [$/MWh]."""

    retail_price: float
    interruption_cost: float


class TwoSidedMarket:
    """A payoff source: gencos choose offers [MW] at cost, discos interruptions [MW] of fixed demand.

    Parameters
    ----------
    market : whose grid and price rule hold.
    case : units at constant marginal cost and loads without a price.
    contracts : of every load, also of those that do not play.
    offers_mw : unit → what it may offer; the others offer everything.
    cuts_mw : load → what it may interrupt; the others nothing.
    limits_mw : branch → limit in place of the grid's.
    watched : branches whose flows, and participants at whose buses the prices, are signals.

    Notes
    -----
    Profits [$ per hour]: (LMP − MC)·P of a genco; (retail − LMP)·(load − cut) − cost·cut of a disco
    (Energies 2017, 10, 2045, the utilities of section 4). Loads may share a bus.

    Raises
    ------
    InputError
        unknown labels, an offer beyond the capacity, a cut beyond the load, sloped or priced orders.
    """

    def __init__(
        self,
        market: NodalMarket,
        case: Case,
        contracts: Mapping[str, Contract],
        offers_mw: Mapping[str, Sequence[float]],
        cuts_mw: Mapping[str, Sequence[float]],
        limits_mw: Mapping[Any, float] | None = None,
        watched: Sequence[Hashable] = (),
    ):
        fleet, grid = case.fleet, case.grid
        self.case, self.market = case, market
        self.units, self.loads = tuple(map(str, fleet.units)), tuple(map(str, fleet.loads))
        self.book = Book.from_case(case)
        if self.book.orders != fleet.units or self.book.periods != 1 or self.book.slope.any():
            raise InputError(
                f"case '{case.name}': a two-sided market needs one period, one offer of constant cost per "
                "unit, "
                "and loads without a price"
            )
        self.cost, self.capacity = self.book.price, self.book.mw
        self.load_mw = fleet.load_mw[:, 0]
        self.unit_bus, self.load_bus = fleet.unit_bus, fleet.load_bus
        _check(contracts, self.loads, "contracts", complete=True)
        self.retail = np.array([contracts[name].retail_price for name in self.loads])
        self.cil = np.array([contracts[name].interruption_cost for name in self.loads])
        self._own = _check(offers_mw, self.units, "offers") + _check(cuts_mw, self.loads, "cuts")
        self.players = (*offers_mw, *cuts_mw)
        self.labels = tuple(tuple(map(float, v)) for v in (*offers_mw.values(), *cuts_mw.values()))
        self.actions = tuple(map(len, self.labels))
        self.gencos = len(offers_mw)
        for i, (name, levels) in enumerate(zip(self.players, self.labels, strict=True)):
            most = (self.capacity if i < self.gencos else self.load_mw)[self._own[i]]
            if not levels or min(levels) < 0 or max(levels) > most:
                raise InputError(f"{name}: levels {levels} MW; give at least one, from 0 to {most:g} MW")
        limits = np.array(grid.limit_mw, dtype=float)
        for label, limit in (limits_mw or {}).items():
            if label not in grid.branches:
                raise InputError(f"limits: {label!r} is no branch of the grid{suggest(label, grid.branches)}")
            limits[grid.branches.index(label)] = limit
        self.limit_mw = limits if limits_mw else None
        self.watched = tuple(watched)
        self.signal_names = tuple(f"flow {label}" for label in watched) + tuple(
            f"price {p}" for p in self.players
        )
        self.prepared = market.prepare(self.book)

    def numbers(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offers (batch, units) and cuts (batch, loads) [MW] of action indices (batch, players)."""
        offers = np.tile(self.capacity, (len(profiles), 1))
        cuts = np.zeros((len(profiles), len(self.loads)))
        for i, levels in enumerate(self.labels):
            target = offers if i < self.gencos else cuts
            target[:, self._own[i]] = np.array(levels)[profiles[:, i]]
        return offers, cuts

    def clear(
        self,
        offers: np.ndarray,
        cuts: np.ndarray,
        want: Sequence[str] = ("accepted", "lmp"),
        on_error: Literal["mark", "raise"] = "raise",
    ) -> Batch:
        """Exact clearings of offers (batch, units) and cuts (batch, loads) [MW]; "mark" leaves NaN."""
        fixed = np.zeros((len(offers), len(self.case.grid.buses)))
        for k, bus in enumerate(self.load_bus):  # loads may share a bus
            fixed[:, bus] += self.load_mw[k] - cuts[:, k]
        return self.prepared.clear_many(
            self.cost, offers, fixed_mw=fixed, limit_mw=self.limit_mw, want=want, on_error=on_error
        )

    def profits(self, batch: Batch, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Profits of all units (batch, units) and of all loads (batch, loads) [$ per hour]."""
        assert batch.accepted is not None
        assert batch.lmp is not None
        gencos = (batch.lmp[:, self.unit_bus] - self.cost) * batch.accepted
        served = self.load_mw - cuts
        return gencos, (self.retail - batch.lmp[:, self.load_bus]) * served - self.cil * cuts

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs (batch, players) [$ per hour] of action indices (batch, players)."""
        profiles = action_indices(self, profiles)
        offers, cuts = self.numbers(profiles)
        gencos, discos = self.profits(self.clear(offers, cuts), cuts)
        own = [(gencos if i < self.gencos else discos)[:, k] for i, k in enumerate(self._own)]
        return np.round(np.stack(own, axis=1), 9) + 0.0  # what rounding leaves is no incentive

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """(batch, signals) flows of the watched branches [MW], then each player's price [$/MWh]."""
        profiles = action_indices(self, profiles)
        batch = self.clear(*self.numbers(profiles), want=("lmp", "flow"))
        assert batch.lmp is not None
        assert batch.flow is not None
        lines = [self.case.grid.branches.index(label) for label in self.watched]
        bus = [(self.unit_bus if i < self.gencos else self.load_bus)[k] for i, k in enumerate(self._own)]
        return np.column_stack([batch.flow[:, lines], batch.lmp[:, bus]])


def _check(given: Mapping[str, object], known: Sequence[str], what: str, complete: bool = False) -> list[int]:
    for name in given:
        if name not in known:
            raise InputError(f"{what}: {name!r} is not in the case{suggest(name, known)}")
    if complete and (missing := [name for name in known if name not in given]):
        raise InputError(f"{what}: {missing[0]!r} has none; give one for every load")
    return [known.index(name) for name in given]

"""The sealed stage game of a microgrid: a few sellers with limits, many buyers with values, one auction.

The smallest market in which homes could collude: two others can serve competitive demand, static equilibria
already exceed cost, and the joint optimum exceeds them. Everything is computed in closed form for all
profiles at once; tests hold it to the exact auction. Energy is in any unit, prices in $ per unit: the
numbers of the default are those of a street (kWh and $/kWh).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from clearing.errors import InputError
from learners.games.game import action_indices
from networks.checks import suggest

StagePricing = Literal["uniform", "pay_as_bid", "vcg"]

TIE = 1e-12  # $; a buyer buys where its bid is at least the offer, up to rounding of the grid


def _street_values() -> tuple[float, ...]:
    return tuple(np.round(np.linspace(0.30, 0.10, 20), 12).tolist())


@dataclass(frozen=True)
class SealedStage:
    """Sellers offer one price each; buyers bid their values (or, in groups, less); the auction clears.

    A payoff source (:class:`learners.protocols.SignallingSource`). Offers are taken in merit order while the
    next bid covers them; equal offers share in proportion to their capacities.

    Attributes
    ----------
    prices : the grid of offers, the same for all sellers [$ per unit].
    costs : (sellers,) true marginal cost.
    capacity : of each seller [units].
    values : (buyers,) what one unit is worth to each; size : units that each wants.
    pricing : "uniform" (the last accepted offer pays all), "pay_as_bid" (each its own offer) or "vcg" (own
        offer and what its presence adds to reported welfare). Buyers together pay what sellers get.
    cap : offers above it are lowered to it; None for none.
    reserve : the operator serves buyers from outside at this price, without limit, after equal offers; None
        for no such supply.
    fee : sell the firm: each seller also gets (V − fee − Σ offers paid)/sellers, so that profits add up to
        welfare less the fee; None for no such transfer. Inspired by Y.-K. Che, J. Kim, Econometrica 74
        (2006), not a proof of their mechanism.
    shades : what a group of buyers may take off its bids; with `groups` > 0 these groups are players after
        the sellers (buyer j is in group j modulo groups).

    Examples
    --------
    >>> from learners import joint_optimum
    >>> best = joint_optimum(SealedStage())
    >>> (best.labels, round(best.total, 9))
    ((0.18, 0.18, 0.18), 0.6)
    """

    prices: tuple[float, ...] = tuple(np.round(np.linspace(0.08, 0.28, 11), 12).tolist())
    costs: tuple[float, ...] = (0.08, 0.08, 0.08)
    capacity: float = 6.0
    values: tuple[float, ...] = _street_values()
    size: float = 0.5
    pricing: StagePricing = "uniform"
    cap: float | None = None
    reserve: float | None = None
    fee: float | None = None
    shades: tuple[float, ...] = (0.0, 0.04, 0.08, 0.12)
    groups: int = 0

    def __post_init__(self) -> None:
        if self.pricing not in get_args(StagePricing):
            known = get_args(StagePricing)
            raise InputError(
                f"pricing is {self.pricing!r}{suggest(self.pricing, known)}; use {', '.join(known)}"
            )
        for name in ("prices", "costs", "values", "shades"):
            numbers = tuple(float(v) for v in getattr(self, name))
            if not numbers or not np.isfinite(numbers).all():
                raise InputError(f"{name}: give at least one finite number in $ per unit, not {numbers}")
            object.__setattr__(self, name, numbers)
        if any(a >= b for a, b in zip(self.prices, self.prices[1:], strict=False)):
            raise InputError(f"prices {self.prices} must rise, each once")
        if not (self.capacity > 0 and self.size > 0):
            raise InputError(
                f"capacity is {self.capacity!r} and size {self.size!r}; give units of energy above 0"
            )
        if not 0 <= self.groups <= len(self.values):
            raise InputError(f"groups is {self.groups!r}; give 0 to {len(self.values)}, the number of buyers")
        if self.fee is not None and (self.pricing != "pay_as_bid" or self.groups):
            raise InputError(
                "fee: the transfer is defined on offers paid to truthful buyers' value; use "
                "pricing='pay_as_bid' and groups=0"
            )
        if self.groups and self.reserve is not None:
            raise InputError("reserve: bids of groups and outside supply are not defined together; drop one")

    @property
    def players(self) -> tuple[str, ...]:
        """Sellers, then groups of buyers."""
        sellers = tuple(f"seller {i + 1}" for i in range(len(self.costs)))
        return sellers + tuple(f"buyers {g + 1}" for g in range(self.groups))

    @property
    def labels(self) -> tuple[tuple[float, ...], ...]:
        """Offers of sellers, shades of groups."""
        return (self.prices,) * len(self.costs) + (self.shades,) * self.groups

    @property
    def actions(self) -> tuple[int, ...]:
        """Number of actions of each player."""
        return tuple(map(len, self.labels))

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Mean price that sellers are offered per unit, true welfare, and what buyers pay in all [$]."""
        return ("price", "welfare", "bill")

    @cached_property
    def truthful(self) -> tuple[int, ...]:
        """The profile in which sellers offer the least price that covers cost, and groups shade nothing."""
        grid = np.array(self.prices)
        sellers = [int(np.argmax(grid >= c - TIE)) for c in self.costs]
        return tuple(sellers) + (int(np.argmin(np.abs(self.shades))),) * self.groups

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players)."""
        return self.outcome(profiles)[0]

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Price, welfare and bill (batch, 3)."""
        return self.outcome(profiles)[1]

    def competitive(self) -> np.ndarray:
        """(players,) payoffs where everybody tells the truth [$]."""
        return self.payoffs(np.array([self.truthful]))[0]

    def with_fee(self, share: float = 1.0) -> SealedStage:
        """The same game with the firm sold for a share of the greatest welfare, paid as bid."""
        plain = replace(self, pricing="pay_as_bid", fee=None)
        return replace(plain, fee=share * float(plain.signals(np.array([plain.truthful]))[0, 1]))

    def outcome(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Payoffs (batch, players) and signals (batch, 3) of profiles."""
        profiles = action_indices(self, profiles)
        count = len(self.costs)
        offers = np.array(self.prices)[profiles[:, :count]]
        if self.cap is not None:
            offers = np.minimum(offers, self.cap)
        shade = np.zeros((len(profiles), len(self.values)))
        for g in range(self.groups):
            shade[:, g :: self.groups] = np.array(self.shades)[profiles[:, count + g]][:, None]
        bids = np.array(self.values) - shade
        order = np.argsort(-bids, axis=1, kind="stable")
        ranked = np.take_along_axis(bids, order, axis=1)
        sold, imported = self._clear(offers, ranked, np.ones(count))
        paid = self._pay(offers, ranked, sold, imported)
        served = np.zeros(bids.shape)  # units of each buyer
        want = sold.sum(axis=1) + imported
        np.put_along_axis(
            served, order, np.clip(want[:, None] - self.size * np.arange(bids.shape[1]), 0, self.size), axis=1
        )
        worth = served * np.array(self.values)
        outside = imported * (self.reserve or 0.0)
        welfare = worth.sum(axis=1) - (sold * np.array(self.costs)).sum(axis=1) - outside
        quantity = sold.sum(axis=1)
        price = np.divide(
            paid.sum(axis=1), quantity, out=np.full(len(quantity), self.prices[-1]), where=quantity > TIE
        )
        bill = paid.sum(axis=1) + outside
        if self.fee is not None:
            paid = paid + ((worth.sum(axis=1) - outside - self.fee - paid.sum(axis=1)) / count)[:, None]
            bill = worth.sum(axis=1) - self.fee
        earned = paid - sold * np.array(self.costs)
        mean = np.divide(bill, want, out=np.zeros(len(bill)), where=want > TIE)
        groups = [
            (worth - served * mean[:, None])[:, g :: self.groups].sum(axis=1) for g in range(self.groups)
        ]
        return np.column_stack([earned, *groups]), np.column_stack([price, welfare, bill])

    def _clear(
        self, offers: np.ndarray, ranked: np.ndarray, present: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Units sold (batch, sellers) and imported (batch,); `present` (sellers,) is 0 or 1.

        What is sold at a price p by all who ask it: demand at p less the capacity of cheaper offers, between
        0 and their capacity (demand falls in p, so cheaper offers that are not sold out leave none).
        """
        room = self.capacity * present
        demand = self.size * (ranked[:, None, :] >= offers[:, :, None] - TIE).sum(axis=2)
        below = ((offers[:, None, :] < offers[:, :, None] - TIE) * room).sum(axis=2)
        level = ((np.abs(offers[:, None, :] - offers[:, :, None]) <= TIE) * room).sum(axis=2)
        shared = np.clip(demand - below, 0.0, level)
        sold = np.divide(shared * room, level, out=np.zeros(offers.shape), where=level > 0)
        if self.reserve is None:
            return sold, np.zeros(len(offers))
        sold = np.where(offers <= self.reserve + TIE, sold, 0.0)
        wanted = self.size * (ranked >= self.reserve - TIE).sum(axis=1)
        return sold, np.maximum(wanted - sold.sum(axis=1), 0.0)

    def _pay(
        self, offers: np.ndarray, ranked: np.ndarray, sold: np.ndarray, imported: np.ndarray
    ) -> np.ndarray:
        """(batch, sellers) money paid to sellers [$]."""
        if self.pricing == "pay_as_bid":
            return offers * sold
        if self.pricing == "uniform":
            last = np.where(sold > TIE, offers, -np.inf).max(axis=1)
            if self.reserve is not None:
                last = np.where(imported > TIE, self.reserve, last)
            return np.where(sold > TIE, last[:, None], 0.0) * sold
        whole = self._reported(offers, ranked, sold, imported)
        without = []
        for i in range(offers.shape[1]):
            present = np.ones(offers.shape[1])
            present[i] = 0.0
            others = self._clear(offers, ranked, present)
            without.append(self._reported(offers, ranked, *others))
        return offers * sold + np.maximum(whole[:, None] - np.stack(without, axis=1), 0.0)

    def _reported(
        self, offers: np.ndarray, ranked: np.ndarray, sold: np.ndarray, imported: np.ndarray
    ) -> np.ndarray:
        """(batch,) welfare by bids and offers [$]."""
        want = (sold.sum(axis=1) + imported)[:, None]
        served = np.clip(want - self.size * np.arange(ranked.shape[1]), 0.0, self.size)
        outside = imported * (self.reserve or 0.0)
        return (served * ranked).sum(axis=1) - (sold * offers).sum(axis=1) - outside

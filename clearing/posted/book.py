"""The book of posted offers: what prosumers ask, slot by slot, and what consumers need."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from networks.checks import Rows, Table, frozen, number, real_array, shown


@dataclass(frozen=True, eq=False)
class PostedBook:
    """Posted offers and demand of some days.

    Attributes
    ----------
    sellers : (sellers,) labels.
    demand_mw : (days, slots) what consumers buy, whatever the price [MW].
    mw : (days, slots, sellers) offered [MW].
    price : likewise, or None to post the operator's price ("match") [$/MWh].
    operator_price : (days, slots), or None where the market's rule makes it [$/MWh].
    hours : length of a slot [h].
    """

    sellers: tuple[Hashable, ...]
    demand_mw: np.ndarray
    mw: np.ndarray
    price: np.ndarray | None = None
    operator_price: np.ndarray | None = None
    hours: float = 0.25

    def __post_init__(self) -> None:
        number("hours", self.hours, "hours", above=0)
        for name in ("demand_mw", "mw", "price", "operator_price"):
            value = getattr(self, name)
            if value is None:
                continue
            array = real_array(name, value)
            _check_array(name, array, minimum=0.0 if name.endswith("mw") else None)
            object.__setattr__(self, name, frozen(array))
        days, slots = self.demand_mw.shape if self.demand_mw.ndim == 2 else (0, 0)
        sellers = len(self.sellers)
        wanted: dict[str, tuple[int, ...]] = {"mw": (days, slots, sellers), "price": (days, slots, sellers)}
        wanted |= {"demand_mw": (days, slots), "operator_price": (days, slots)}
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise InputError(f"{name} has shape {value.shape}; give (days, slots[, sellers]) = {shape}")
        if len(set(self.sellers)) < len(self.sellers):
            raise InputError("sellers: a label appears twice; give each seller once")

    @classmethod
    def from_tables(cls, offers: Rows, demand: Rows, hours: float = 0.25) -> PostedBook:
        """One day from plain tables.

        Parameters
        ----------
        offers : `seller, period, mw[, price]`; without `price` sellers post the operator's.
        demand : `period, mw[, operator_price]`, one row for each period from 0.
        hours : length of a period [h].
        """
        table = Table(demand, "demand", ["period", "mw"], ["operator_price"])
        slots = len(table)
        if slots == 0:
            raise InputError("table 'demand': there is no row; give one for each period")
        slot = table.whole_numbers("period", slots, "periods")
        seen = np.bincount(slot[slot >= 0], minlength=slots)
        table.refuse(
            (slot < 0) | (seen[np.maximum(slot, 0)] > 1), "period", "periods must be 0, 1, 2, … once each",
            "number the rows from 0",
        )  # fmt: skip
        total, operator = np.zeros((1, slots)), np.zeros((1, slots))
        total[0, slot] = table.numbers("mw", "MW", minimum=0.0)
        given = table.has("operator_price")
        if given:
            operator[0, slot] = table.numbers("operator_price", "$/MWh")
        book = Table(offers, "offers", ["seller", "period", "mw"], ["price"])
        labels = book.labels("seller")
        sellers = tuple(dict.fromkeys(labels))
        position = {label: k for k, label in enumerate(sellers)}
        at = np.array([position[label] for label in labels], dtype=np.int64)
        when = book.whole_numbers("period", slots, "periods")
        book.refuse(when < 0, "period", "it is missing", f"give 0 to {slots - 1}")
        key = at * slots + when
        book.refuse(
            np.bincount(key, minlength=1)[key] > 1,
            "period",
            "the seller has two offers in it",
            "give one offer",
        )
        mw = np.zeros((1, slots, len(sellers)))
        mw[0, when, at] = book.numbers("mw", "MW", minimum=0.0)
        price = None
        if book.has("price"):
            price = np.zeros(mw.shape)
            price[0, when, at] = book.numbers("price", "$/MWh")
        return cls(sellers, total, mw, price, operator if given else None, hours)


def _check_array(name: str, array: np.ndarray, minimum: float | None) -> None:
    bad = ~np.isfinite(array)
    if minimum is not None:
        bad |= array < minimum
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        remedy = "a finite number" if minimum is None else f"a finite number of at least {minimum:g}"
        raise InputError(f"{name}{list(where)} is {shown(array[where])}; give {remedy}")

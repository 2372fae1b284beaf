"""The book of a bilateral market: sellers, buyers, and what each pair adds or costs."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from networks.checks import Rows, Table, freeze_arrays, frozen, number
from networks.csv_tables import read_tables
from networks.errors import InputError

MOST_CELLS = 10_000_000
"""Pairs of a book, listed or not: its matrices of preferences and charges take 80 MB each."""


@dataclass(frozen=True, eq=False)
class BilateralBook:
    """Sellers, buyers and pairs; built by :meth:`from_tables`.

    Attributes
    ----------
    sellers, buyers : labels.
    seller_mw, seller_price, seller_slope : (sellers,) MW, and price of the x-th MW: price + slope·x.
    buyer_mw, buyer_price, buyer_slope : (buyers,) likewise, price − slope·x.
    preference : (sellers, buyers) what the buyer adds to the value of this seller's energy [$/MWh].
    charge : (sellers, buyers) network charge of the pair, paid by the buyer [$/MWh].
    allowed : (sellers, buyers) whether the pair may trade.
    hours : length of the period [h].
    """

    sellers: tuple[Hashable, ...]
    buyers: tuple[Hashable, ...]
    seller_mw: np.ndarray
    seller_price: np.ndarray
    seller_slope: np.ndarray
    buyer_mw: np.ndarray
    buyer_price: np.ndarray
    buyer_slope: np.ndarray
    preference: np.ndarray
    charge: np.ndarray
    allowed: np.ndarray
    hours: float = 1.0

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @classmethod
    def from_tables(
        cls,
        sellers: Rows,
        buyers: Rows,
        pairs: Rows | None = None,
        hours: float = 1.0,
        only_listed: bool = False,
    ) -> BilateralBook:
        """A book from plain tables.

        Parameters
        ----------
        sellers : `seller, mw, price[, slope]`; buyers : `buyer, mw, price[, slope]`.
        pairs : `seller, buyer[, preference, charge]` [$/MWh]; a pair that is not listed has neither.
        only_listed : whether other pairs may not trade.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        hours = number("hours", hours, "hours", above=0)
        sides = []
        for rows, name in ((sellers, "seller"), (buyers, "buyer")):
            table = Table(rows, f"{name}s", [name, "mw", "price"], ["slope"])
            sides.append(
                (
                    tuple(table.labels(name, unique=True)),
                    table.numbers("mw", "MW", minimum=0.0),
                    table.numbers("price", "$/MWh"),
                    table.numbers("slope", "$/MW²h", default=0.0, minimum=0.0, missing=0.0),
                )
            )
        (sell, *sell_numbers), (buy, *buy_numbers) = sides
        if len(sell) * len(buy) > MOST_CELLS:
            raise InputError(
                f"{len(sell):,} sellers and {len(buy):,} buyers are {len(sell) * len(buy):,} pairs, more "
                f"than the {MOST_CELLS:,} that a book holds; make books of neighbourhoods"
            )
        table = Table(() if pairs is None else pairs, "pairs", ["seller", "buyer"], ["preference", "charge"])
        i = table.positions("seller", {label: k for k, label in enumerate(sell)}, "table 'sellers'")
        j = table.positions("buyer", {label: k for k, label in enumerate(buy)}, "table 'buyers'")
        shape = (len(sell), len(buy))
        times = np.zeros(shape, dtype=np.int64)
        np.add.at(times, (i, j), 1)
        table.refuse(times[i, j] > 1, "buyer", "the pair appears twice", "keep one row of it")
        preference, charge = np.zeros(shape), np.zeros(shape)
        preference[i, j] = table.numbers("preference", "$/MWh", default=0.0, missing=0.0)
        charge[i, j] = table.numbers("charge", "$/MWh", default=0.0, missing=0.0)
        allowed = times > 0 if only_listed else np.ones(shape, dtype=bool)
        return cls(
            sellers=sell,
            buyers=buy,
            seller_mw=sell_numbers[0],
            seller_price=sell_numbers[1],
            seller_slope=sell_numbers[2],
            buyer_mw=buy_numbers[0],
            buyer_price=buy_numbers[1],
            buyer_slope=buy_numbers[2],
            preference=preference,
            charge=charge,
            allowed=allowed,
            hours=hours,
        )

    @classmethod
    def from_csv(
        cls, sellers: str | Path, buyers: str | Path, pairs: str | Path | None = None, hours: float = 1.0
    ) -> BilateralBook:
        """A book from CSV files with the columns of :meth:`from_tables`."""
        tables = read_tables({"sellers": sellers, "buyers": buyers, "pairs": pairs})
        return cls.from_tables(tables["sellers"], tables["buyers"], tables["pairs"], hours=hours)

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of seller and buyer of each pair that may trade."""
        i, j = np.nonzero(self.allowed)
        return frozen(i), frozen(j)

    @cached_property
    def gain(self) -> np.ndarray:
        """(sellers, buyers) gain of the pair's first MW, v_j + π_ij − γ_ij − c_i [$/MWh]."""
        first = self.buyer_price[None, :] + self.preference - self.charge - self.seller_price[:, None]
        return frozen(np.where(self.allowed, first, -np.inf))

    def welfare(self, traded_mw: np.ndarray) -> float:
        """Worth of a matrix of trades [$]: values, preferences and charges, less costs."""
        sold, bought = traded_mw.sum(axis=1), traded_mw.sum(axis=0)
        worth = float((self.buyer_price * bought - 0.5 * self.buyer_slope * bought**2).sum())
        cost = float((self.seller_price * sold + 0.5 * self.seller_slope * sold**2).sum())
        return (worth - cost + float(((self.preference - self.charge) * traded_mw).sum())) * self.hours


def refuse_slopes(book: BilateralBook, process: str) -> None:
    """The decentralised processes trade at constant cost and value."""
    if book.seller_slope.any() or book.buyer_slope.any():
        raise InputError(f"{process} takes constant prices; offer steps in place of slopes")

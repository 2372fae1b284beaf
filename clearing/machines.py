"""Orders of one unit are one machine, which never sells and buys at the same time (law 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from networks.errors import InputError

if TYPE_CHECKING:
    from clearing.book import Book

SELL, BUY = 1, -1
EVERY_PERIOD = -1


def only_buys(machine: np.ndarray, side: np.ndarray) -> np.ndarray:
    """(columns,) bool, purchases of machines (a unit in a period, by number) that sell nothing: demand."""
    sells = np.zeros(int(machine.max(initial=-1)) + 1, dtype=bool)
    sells[machine[side == SELL]] = True
    return (side == BUY) & ~sells[machine]


def refuse_self_trade(book: Book) -> None:
    """Refuse orders that would have a unit sell to itself, or that force it to.

    A machine that bids no more than it asks never gains by doing both. What may withdraw are purchases and
    sales with a negative minimum; each of them must bid no more, at 0 MW, than any other sale of its unit
    in the same period asks.

    Raises
    ------
    InputError
        naming the two orders, what they bid and ask, and the remedy.
    """
    takes = (book.mw > 0) & (book.side == BUY) | (book.min_mw < 0)
    sells = (book.mw > 0) & (book.side == SELL)
    if not takes.any():
        return
    suspects = np.intersect1d(book.unit_numbers[takes], book.unit_numbers[sells])
    if len(suspects) == 0:
        return
    of_unit = np.isin(book.unit_numbers, suspects)
    rows: dict[int, tuple[list[int], list[int]]] = {}
    for k in np.flatnonzero(of_unit & (takes | sells)).tolist():
        taking, selling = rows.setdefault(int(book.unit_numbers[k]), ([], []))
        if takes[k]:
            taking.append(k)
        if sells[k]:
            selling.append(k)
    for taking, selling in rows.values():
        for k in taking:
            for j in selling:
                if j != k and _meet(book, j, k):
                    _check_pair(book, sale=j, purchase=k)


def own_pairs(machine: np.ndarray, side: np.ndarray, min_mw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pairs,) columns that may withdraw, and beside each a sale of the same machine (a unit in a period)."""
    takes, sells = (side == BUY) | (min_mw < 0), side == SELL
    pairs = [
        (k, j)
        for number in np.intersect1d(machine[takes], machine[sells]).tolist()
        for k in np.flatnonzero(takes & (machine == number)).tolist()
        for j in np.flatnonzero(sells & (machine == number)).tolist()
        if j != k
    ]
    taking, selling = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return taking, selling


def _meet(book: Book, j: int, k: int) -> bool:
    """Whether two orders stand in the same period."""
    a, b = int(book.order_period[j]), int(book.order_period[k])
    return a == b or EVERY_PERIOD in (a, b)


def _check_pair(book: Book, sale: int, purchase: int) -> None:
    where = f"table 'orders', row {purchase} ({book.orders[purchase]!r})"
    unit = f"unit {book.units[sale]!r} also sells by order {book.orders[sale]!r}"
    if book.price[purchase] > book.price[sale]:
        raise InputError(
            f"{where}: column 'price' is {book.price[purchase]:g}: {unit} at {book.price[sale]:g} $/MWh, "
            "so it would buy from itself; bid no more than it asks, or name two units"
        )
    for k, word in ((sale, "sell"), (purchase, "buy")):
        if book.min_mw[k] > 0:
            raise InputError(
                f"table 'orders', row {k} ({book.orders[k]!r}): column 'min_mw' is {book.min_mw[k]:g}: "
                f"{unit} and buys by order {book.orders[purchase]!r}, and what must {word} cannot do "
                "the other; set min_mw to 0, or name two units"
            )

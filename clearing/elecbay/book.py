"""The sealed book of a central auction: orders, blocks, exclusive groups, gate closure and the supplier."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from clearing.book import Book
from networks.checks import Rows, Table, freeze_arrays, frozen, number, whole
from networks.csv_tables import read_tables
from networks.errors import InputError

SUPPLIER = "supplier"
"""The participant that imports and exports; its prices are given, so it is no player."""

EXTRA = ("block", "min_share", "exclusive", "submitted")
BOOK_COLUMNS = ("order", "participant", "bus", "side", "mw", "price", "slope", "period")


@dataclass(frozen=True, eq=False)
class SealedBook:
    """Sealed bids and offers, some of them blocks; built by :meth:`from_tables`.

    A divisible order is accepted between 0 and its MW. A block is chosen or not: a chosen one has each
    of its rows accepted between `min_mw` and `mw`, in all its periods at once; one that is not chosen
    has none accepted. Of the blocks of an exclusive group at most one is chosen.

    Attributes
    ----------
    book : every order, the supplier's included; `min_mw` of a block's row holds where it is chosen.
    block_of : (rows,) position in `blocks`, −1 for divisible orders.
    blocks, groups : labels of blocks and of exclusive groups.
    group_of : (blocks,) position in `groups`, −1 for none.
    submitted : (rows,) time of submission, in any unit; ties among blocks prefer the earlier one.
    supplied : (rows,) whether the order is the supplier's import or export.
    gate_closure : time after which no order is taken, NaN where none is set.
    """

    book: Book
    block_of: np.ndarray
    blocks: tuple[Hashable, ...]
    group_of: np.ndarray
    groups: tuple[Hashable, ...]
    submitted: np.ndarray
    supplied: np.ndarray
    gate_closure: float = float("nan")

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @classmethod
    def from_tables(
        cls,
        orders: Rows,
        periods: int = 1,
        hours: float = 1.0,
        supplier: Rows | None = None,
        fixed: Rows | None = None,
        gate_closure: float | None = None,
    ) -> SealedBook:
        """A sealed book from plain tables.

        Parameters
        ----------
        orders : `order, participant, bus, side, mw, price[, slope, period, block, min_share, exclusive,
            submitted]`. Rows of one `block` are accepted together, at least `min_share` (0 to 1, default
            1) of each; an order with `min_share` or `exclusive` and no block is a block of its own.
        periods, hours : number of periods and the length of one [h].
        supplier : `bus, import_price, export_price[, import_mw, export_mw, period]`: energy from and to
            the grid beyond, without limit unless MW are given; an empty price means no such service.
        fixed : `bus, mw[, period]`, demand without a price.
        gate_closure : orders submitted later are refused.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        periods, hours = whole("periods", periods), number("hours", hours, "hours", above=0)
        table = Table(
            orders, "orders", ["order", "participant", "bus", "side", "mw", "price"],
            ["slope", "period", *EXTRA],
        )  # fmt: skip
        submitted = table.numbers(
            "submitted", "time units", default=0.0, missing=0.0 if gate_closure is None else None
        )
        _refuse_late(table, submitted, gate_closure)
        _refuse_reserved(table)
        frame = table.frame
        plain = frame[[c for c in BOOK_COLUMNS if c in frame.columns]]
        own = Book.from_tables(plain, periods=periods, hours=hours, fixed=fixed)
        blocks, block_of = _read_blocks(table, own)
        share = table.numbers("min_share", "shares from 0 to 1", np.nan, minimum=0.0, missing=np.nan)
        table.refuse(share > 1, "min_share", "it is above 1", "give a share of the MW from 0 to 1")
        share = np.where(block_of >= 0, np.where(np.isnan(share), 1.0, share), 0.0)
        groups, group_of = _read_groups(table, blocks, block_of)
        if len(blocks) and own.slope.any():
            row = int(np.flatnonzero(own.slope)[0])
            raise table.fail(
                row, "slope", "a book with blocks takes no sloped orders", "offer steps, or no blocks"
            )
        own = replace(own, min_mw=share * own.mw)
        book, supplied = _with_supplier(own, supplier)
        extra = len(book.orders) - len(own.orders)
        return cls(
            book=book,
            block_of=np.append(block_of, np.full(extra, -1)),
            blocks=blocks,
            group_of=group_of,
            groups=groups,
            submitted=np.append(submitted, np.zeros(extra)),
            supplied=supplied,
            gate_closure=float("nan") if gate_closure is None else float(gate_closure),
        )

    @classmethod
    def from_csv(
        cls,
        orders: str | Path,
        periods: int = 1,
        hours: float = 1.0,
        supplier: str | Path | None = None,
        fixed: str | Path | None = None,
        gate_closure: float | None = None,
    ) -> SealedBook:
        """A sealed book from CSV files with the columns of :meth:`from_tables`."""
        tables = read_tables({"orders": orders, "supplier": supplier, "fixed": fixed})
        return cls.from_tables(
            tables["orders"],
            periods=periods,
            hours=hours,
            supplier=tables["supplier"],
            fixed=tables["fixed"],
            gate_closure=gate_closure,
        )

    @classmethod
    def of(cls, book: Book | SealedBook) -> SealedBook:
        """A plain book as a sealed one: every order divisible, minimum outputs as they are."""
        if isinstance(book, SealedBook):
            return book
        rows = len(book.orders)
        none = np.full(rows, -1)
        return cls(book, none, (), np.full(0, -1), (), np.zeros(rows), np.zeros(rows, dtype=bool))

    @cached_property
    def rank(self) -> np.ndarray:
        """(blocks,) place of each block by time of submission, then by label (law 4)."""
        time = np.full(len(self.blocks), np.inf)
        rows = np.flatnonzero(self.block_of >= 0)
        np.minimum.at(time, self.block_of[rows], self.submitted[rows])
        order = sorted(range(len(self.blocks)), key=lambda b: (time[b], str(self.blocks[b])))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return frozen(rank)

    @cached_property
    def players(self) -> tuple[Hashable, ...]:
        """Participants other than the supplier, in order of appearance."""
        pairs = zip(self.book.participants, self.supplied.tolist(), strict=True)
        return tuple(dict.fromkeys(name for name, supplied in pairs if not supplied))

    def at(self, chosen: np.ndarray) -> Book:
        """The divisible book that remains once the chosen blocks (bool) are settled."""
        keep = np.append(chosen, True)[self.block_of]
        return replace(
            self.book, mw=np.where(keep, self.book.mw, 0.0), min_mw=np.where(keep, self.book.min_mw, 0.0)
        )


def _refuse_late(table: Table, submitted: np.ndarray, gate_closure: float | None) -> None:
    if gate_closure is None:
        return
    gate = number("gate_closure", gate_closure, "the unit of the column 'submitted'")
    if not table.has("submitted") and len(table):
        raise InputError("table 'orders': column 'submitted' is missing; gate_closure needs it")
    table.refuse(
        submitted > gate, "submitted", f"it is after gate closure at {gate:g}",
        "leave the order out, or close the gate later",
    )  # fmt: skip


def _refuse_reserved(table: Table) -> None:
    taken = np.array([name == SUPPLIER for name in table.labels("participant")], dtype=bool)
    remedy = "rename it, or give the supplier's prices in table 'supplier'"
    table.refuse(taken, "participant", "it is a reserved name", remedy)


def _cells(table: Table, column: str) -> list[Hashable]:
    """Labels of an optional column, None where it is empty."""
    if not table.has(column):
        return [None] * len(table)
    raw = table.frame[column]
    empty = raw.isna().to_numpy() | (raw.to_numpy() == "")
    values = [v.item() if isinstance(v, np.generic) else v for v in raw.tolist()]
    return [None if gap else value for value, gap in zip(values, empty.tolist(), strict=True)]


def _read_blocks(table: Table, book: Book) -> tuple[tuple[Hashable, ...], np.ndarray]:
    named = _cells(table, "block")
    for column in ("min_share", "exclusive"):
        given = _cells(table, column)
        named = [
            order if label is None and cell is not None and cell != 0 else label
            for order, label, cell in zip(book.orders, named, given, strict=True)
        ]
    blocks = tuple(dict.fromkeys(label for label in named if label is not None))
    position = {label: k for k, label in enumerate(blocks)}
    block_of = np.array([-1 if label is None else position[label] for label in named], dtype=np.int64)
    owner: dict[int, Hashable] = {}
    for row, b in enumerate(block_of.tolist()):
        if b >= 0 and owner.setdefault(b, book.participants[row]) != book.participants[row]:
            raise table.fail(
                row, "block", f"it belongs to {owner[b]!r}", "a block has one participant: rename one of them"
            )
    size = np.bincount(block_of[block_of >= 0], book.mw[block_of >= 0], minlength=len(blocks))
    if (size == 0).any():
        b = int(np.flatnonzero(size == 0)[0])
        row = int(np.flatnonzero(block_of == b)[0])
        raise table.fail(
            row, "mw", f"block {blocks[b]!r} has no quantity", "give MW above 0, or leave the block out"
        )
    return blocks, block_of


def _read_groups(
    table: Table, blocks: Sequence[Hashable], block_of: np.ndarray
) -> tuple[tuple[Hashable, ...], np.ndarray]:
    label_of: dict[int, Hashable] = {}
    for row, label in enumerate(_cells(table, "exclusive")):
        b = int(block_of[row])
        if label is not None and label_of.setdefault(b, label) != label:
            raise table.fail(
                row, "exclusive", f"its block is in group {label_of[b]!r} already", "give a block one group"
            )
    groups = tuple(dict.fromkeys(label_of.values()))
    position: Mapping[Hashable, int] = {label: k for k, label in enumerate(groups)}
    found = [position[label_of[b]] if b in label_of else -1 for b in range(len(blocks))]
    return groups, np.array(found, dtype=np.int64)


def _with_supplier(own: Book, supplier: Rows | None) -> tuple[Book, np.ndarray]:
    """The book with the supplier's orders `import BUS` and `export BUS` behind the others."""
    rows = len(own.orders)
    if supplier is None:
        return own, np.zeros(rows, dtype=bool)
    table = Table(
        supplier, "supplier", ["bus", "import_price", "export_price"], ["import_mw", "export_mw", "period"]
    )
    buses = table.labels("bus")
    period = table.whole_numbers("period", own.periods, "periods")
    # an order that never binds: twice all that could flow, and one typical order more
    ample = 2.0 * float(own.mw.sum() + np.abs(own.fixed_mw).sum()) or 1.0
    prices = {kind: table.numbers(f"{kind}_price", "$/MWh", missing=np.nan) for kind in ("import", "export")}
    _refuse_arbitrage(table, prices["import"], prices["export"], period)
    lines: list[dict[str, object]] = []
    for kind, side in (("import", "sell"), ("export", "buy")):
        mw = table.numbers(f"{kind}_mw", "MW", default=ample, minimum=0.0, missing=ample)
        lines += [
            {
                "order": f"{kind} {buses[k]}",
                "participant": SUPPLIER,
                "bus": buses[k],
                "side": side,
                "mw": mw[k],
                "price": prices[kind][k],
                "period": None if period[k] < 0 else period[k],
            }
            for k in np.flatnonzero(~np.isnan(prices[kind])).tolist()
        ]
    taken = set(own.orders) & {line["order"] for line in lines}
    if taken:
        raise InputError(
            f"table 'orders', order {taken.pop()!r}: the supplier's order has this name; rename it"
        )
    beyond = Book.from_tables(lines, periods=own.periods, hours=own.hours)
    tuples = {
        n: getattr(own, n) + getattr(beyond, n) for n in ("orders", "participants", "units", "order_bus")
    }
    arrays: dict[str, Any] = {
        n: np.concatenate([getattr(own, n), getattr(beyond, n)])
        for n in ("side", "mw", "min_mw", "price", "slope", "order_period")
    }
    book = replace(own, **tuples, **arrays)
    return book, np.arange(len(book.orders)) >= rows


def _refuse_arbitrage(table: Table, buying: np.ndarray, selling: np.ndarray, period: np.ndarray) -> None:
    """Energy exported dearer than it is imported would be money without end."""
    for k in np.flatnonzero(~np.isnan(selling)).tolist():
        together = (period == period[k]) | (period < 0) | (period[k] < 0)
        cheapest = np.nanmin(np.where(together, buying, np.nan), initial=np.inf)
        if selling[k] > cheapest:
            raise table.fail(
                k, "export_price", f"energy can be imported at {cheapest:g} $/MWh and exported dearer",
                "lower it to at most the import price",
            )  # fmt: skip

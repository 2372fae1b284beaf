"""Columns of a book's tables: units, sides and ramps, and what of orders is refused (law 11)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from clearing.machines import BUY, EVERY_PERIOD, SELL
from networks.checks import MOST_MW, Rows, Table


def refuse_repeated_orders(table: Table, labels: list[Hashable], period: np.ndarray) -> None:
    """An order may stand once for every period, or once in each of several periods."""
    seen: dict[Hashable, set[int]] = {}
    for k, (label, t) in enumerate(zip(labels, period.tolist(), strict=True)):
        before = seen.setdefault(label, set())
        if before and (t == EVERY_PERIOD or EVERY_PERIOD in before or t in before):
            raise table.fail(k, "order", "it appears twice", "labels must be unique in each period")
        before.add(t)


def unit_labels(table: Table, labels: list[Hashable]) -> list[Hashable]:
    given = table.frame["unit"]
    empty = given.isna().to_numpy() | (given.to_numpy() == "")
    values = [v.item() if isinstance(v, np.generic) else v for v in given.tolist()]
    return [label if gap else value for label, value, gap in zip(labels, values, empty, strict=True)]


def refuse_scattered_units(table: Table, units: Sequence[Hashable], buses: Sequence[Hashable]) -> None:
    """A unit is one machine, so it stands at one bus."""
    if not table.has("unit"):
        return
    first: dict[Hashable, int] = {}
    for k, unit in enumerate(units):
        before = first.setdefault(unit, k)
        if buses[before] != buses[k]:
            raise table.fail(
                k,
                "unit",
                f"its order in row {before} is at bus {buses[before]!r} and this one at {buses[k]!r}",
                "a unit stands at one bus: name two units, or correct the bus",
            )


def read_sides(table: Table) -> np.ndarray:
    words = {"sell": SELL, "buy": BUY}
    side = np.empty(len(table), dtype=np.int64)
    for k, value in enumerate(table.frame["side"].tolist()):
        found = words.get(str(value).strip().lower())
        if found is None:
            raise table.fail(k, "side", "it is neither 'sell' nor 'buy'", "give one of the two")
        side[k] = found
    return side


def read_ramps(
    ramps: Rows | None, units: Sequence[Hashable], takers: set[Hashable]
) -> tuple[list[Hashable], np.ndarray, np.ndarray, np.ndarray]:
    table = Table(() if ramps is None else ramps, "ramps", ["unit"], ["up_mw", "down_mw", "previous_mw"])
    labels = table.labels("unit", unique=True)
    known = {unit: k for k, unit in enumerate(units)}
    table.positions("unit", known, "the column 'unit' of table 'orders'")
    up = table.numbers("up_mw", "MW per period", np.inf, minimum=0.0, infinite=True, missing=np.inf)
    down = table.numbers("down_mw", "MW per period", np.inf, minimum=0.0, infinite=True, missing=np.inf)
    previous = np.full(len(table), np.nan)
    if table.has("previous_mw"):
        given = ~table.frame["previous_mw"].isna().to_numpy()
        previous[given] = table.numbers("previous_mw", "MW", missing=0.0, most=MOST_MW)[given]
        only_sells = np.array([unit not in takers for unit in labels], dtype=bool)
        table.refuse(
            only_sells & (previous < 0), "previous_mw", "it is below 0, and the unit only sells",
            "give its output before period 0, 0 or more, or leave it empty",
        )  # fmt: skip
    return labels, up, down, previous

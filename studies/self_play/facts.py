"""The exact facts by type: a frozen dataclass of named figures for whatever facts are about.

Keys say what the facts are about (which line, which mark-ups), figures what is found; the stored table has a
row for each figure, under the name that stands beside it here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

Row = dict[str, str | float]
NO_WORDS = "none"
F = TypeVar("F", bound="Facts")


def number(name: str) -> Any:
    """A figure that is a number, NaN where it is not known."""
    return field(default=math.nan, metadata={"name": name, "column": "value"})


def text(name: str) -> Any:
    """A figure that is a list in words."""
    return field(default=NO_WORDS, metadata={"name": name, "column": "words"})


@dataclass(frozen=True)
class Facts:
    """Figures of one thing."""

    KINDS: ClassVar[dict[str, type[Facts]]] = {}

    def __init_subclass__(cls) -> None:
        Facts.KINDS[cls.__name__] = cls

    def rows(self) -> list[Row]:
        """Of the stored table, one for each name."""
        rows: dict[str, Row] = {}
        for item in fields(self):
            found = getattr(self, item.name)
            if item.metadata and found not in (None, NO_WORDS) and found == found:  # NaN is not itself
                name = item.metadata["name"].format_map(vars(self))
                row = rows.setdefault(name, {"fact": name, "value": math.nan, "words": ""})
                row[item.metadata["column"]] = found if item.metadata["column"] == "words" else float(found)
        return list(rows.values())


@dataclass(frozen=True)
class Known:
    """The facts of a run."""

    stored: Mapping[str, tuple[float, str]]

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[str, float, str]]) -> Known:
        """From names, values and words."""
        return cls({name: (value, words) for name, value, words in rows})

    def of(self, kind: type[F], **keys: float | str) -> F:
        """The facts of a kind about what the keys name."""
        found: dict[str, float | str] = {}
        for item in fields(kind):
            stored = self.stored.get(item.metadata["name"].format_map(keys)) if item.metadata else None
            if stored is not None:
                found[item.name] = stored[item.metadata["column"] == "words"]
        return kind(**keys, **found)


@dataclass(frozen=True)
class Many(Facts):
    residual_supply: float = number("many: least residual supply")
    gain: float = number("many: gain of one who leaves zero")


@dataclass(frozen=True)
class HalfLoad(Facts):
    top_is_equilibrium: float = number("half load: top is an equilibrium")


@dataclass(frozen=True)
class Bertrand(Facts):
    grid: str  # in words
    equilibria: str = text("Bertrand: equilibria on {grid}")


@dataclass(frozen=True)
class Capacity(Facts):
    indifference: float = number("capacity: indifference price")


@dataclass(frozen=True)
class CapacityAt(Facts):
    cap: str  # $/MWh
    ratio: str  # demand over one's capacity
    indifference: float = number("capacity: indifference price at cap {cap}, D/K {ratio}")


@dataclass(frozen=True)
class CapacityOnOnes(Facts):
    equilibria: float = number("capacity: pure equilibria on steps of 1")
    at_cap: float = number("capacity: with one at the cap")
    greatest_low_bid: float = number("capacity: greatest low bid")
    high_profit: float = number("capacity: profit of the high bidder")
    low_profit: float = number("capacity: profit of the low bidder")


@dataclass(frozen=True)
class CapacityPair(Facts):
    pair: str  # MW of the two
    undercutting: float = number("capacity: undercutting less the cap at p*, K = {pair}")


@dataclass(frozen=True)
class Mixture(Facts):
    pricing: str  # "capacity" or "pay-as-bid"
    least_payoff: float = number("{pricing}: least payoff against the mixture")
    greatest_payoff: float = number("{pricing}: greatest payoff against the mixture")


@dataclass(frozen=True)
class PayAsBid(Facts):
    equilibria: float = number("pay-as-bid: pure equilibria on steps of 1")


@dataclass(frozen=True)
class PayAsBidMixed(Facts):
    least_bid: float = number("pay-as-bid: least bid")
    found_profit: float = number("pay-as-bid: profit by Lemke and Howson")
    found_least: float = number("pay-as-bid: least mark-up by Lemke and Howson")


@dataclass(frozen=True)
class TwoBus(Facts):
    line: int  # MW
    equilibria: float = number("two buses, {line} MW: pure equilibria")
    least_markup: float = number("two buses, {line} MW: least mark-up")
    mean_markup: float = number("two buses, {line} MW: mean mark-up")
    profit: float = number("two buses, {line} MW: profit")
    deviation: float = number("two buses, {line} MW: greatest payoff of a deviation")
    cycle_least: float = number("two buses, {line} MW: least bid in the cycle of best replies")
    cycle_period: float = number("two buses, {line} MW: period of the cycle")
    found_mean: float = number("two buses, {line} MW: mean by Lemke and Howson")
    found_first: float = number("two buses, {line} MW: profit by Lemke and Howson, first")
    found_second: float = number("two buses, {line} MW: profit by Lemke and Howson, second")


@dataclass(frozen=True)
class Unequal(Facts):
    least_markup: float = number("two buses, loads 100 and 80 MW, 40 MW: least mark-up")
    first: float = number("two buses, loads 100 and 80 MW, 40 MW: profit, first")
    second: float = number("two buses, loads 100 and 80 MW, 40 MW: profit, second")
    atom: float = number("two buses, loads 100 and 80 MW, 40 MW: atom at the cap")
    found_first: float = number("two buses, loads 100 and 80 MW, 40 MW: profit by Lemke and Howson, first")
    found_second: float = number("two buses, loads 100 and 80 MW, 40 MW: profit by Lemke and Howson, second")
    found_least: float = number("two buses, loads 100 and 80 MW, 40 MW: least mark-up by Lemke and Howson")
    found_atom: float = number("two buses, loads 100 and 80 MW, 40 MW: atom by Lemke and Howson")


@dataclass(frozen=True)
class FiveBus(Facts):
    """Benefits [$/h], dispatch and prices at given mark-ups."""

    limit: int  # MW of the line
    markups: str
    producers: float = number("{limit} MW, ({markups}): PB")
    consumers: float = number("{limit} MW, ({markups}): CB")
    rent: float = number("{limit} MW, ({markups}): CR")
    total: float = number("{limit} MW, ({markups}): total")
    dispatch: str = text("{limit} MW, ({markups}): dispatch")
    prices: str = text("{limit} MW, ({markups}): LMP")


@dataclass(frozen=True)
class FiveBusAlone(Facts):
    shift: float = number("shift of all mark-ups by 7: change of CB")
    payoffs: str = text("pay-offs with G3 at 30")
    factors: str = text("factors of line 2-5, bus 1 as slack")


@dataclass(frozen=True)
class FiveBusGrid(Facts):
    limit: int
    step: int  # $/MWh
    equilibria: float = number("{limit} MW: pure equilibria on steps of {step}")
    listed: str = text("{limit} MW: pure equilibria on steps of {step}")


@dataclass(frozen=True)
class Starts(Facts):
    """Where best replies lead from random starts."""

    limit: int
    cycling: float = number("{limit} MW: starts that cycle")
    first_low: float = number("{limit} MW: starts that reach (low, 30, 30)")
    second_low: float = number("{limit} MW: starts that reach (30, low, 30)")
    changes: float = number("{limit} MW: median changes")
    turns: float = number("{limit} MW: median turns until all stay")


@dataclass(frozen=True)
class Continuum(Facts):
    """ε of profiles whose low bid m is 0, just inside its range, and just outside."""

    profile: str
    at_zero: float = number("ε of {profile} at 0")
    inside: float = number("ε of {profile} inside")
    outside: float = number("ε of {profile} outside")


@dataclass(frozen=True)
class Relative(Facts):
    consumers: float = number("mark-ups of 30 % by all: CB")

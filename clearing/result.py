"""What every cleared market says: a status, welfare, a proof, totals and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

if TYPE_CHECKING:
    from clearing.certificate import Certificate


class Clearing(Protocol):
    """The outcome of any market; each has more of its own."""

    @property
    def status(self) -> str:
        """ "optimal", or the name of the procedure where nothing is optimised."""
        ...

    @property
    def welfare(self) -> float:
        """Value of what is bought less cost of what is sold, at the orders' own prices; fixed demand has no
        value [$ over all periods]."""
        ...

    @property
    def certificate(self) -> Certificate:
        """The proof; it holds (law 6)."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences the user should know."""
        ...

    @property
    def summary(self) -> pd.Series:
        """Label → total; $ and MWh, unless the label says otherwise."""
        ...

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name → table, its labels as columns."""
        ...


@dataclass(frozen=True, eq=False)
class MarketResult:
    """A :class:`Clearing` from its parts, where several outcomes are told as one."""

    status: str
    welfare: float
    certificate: Certificate
    summary: pd.Series
    tables: dict[str, pd.DataFrame]
    notes: tuple[str, ...] = ()


def labels_as_columns(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with what indexes them as their first columns."""
    return {name: table.reset_index() for name, table in tables.items()}

"""Private networks: lines that agents own and whose flow they control, drawn at random or given.

A private line has a resistance but no reactance: its flow is its owners' decision, in either direction.
Source: the poster on coalitions, "Generate private network as Erdös-Renyi random graph", agents in a
square of 1 km or 100 km; docs/mathematics-coalition.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from networks.checks import Rows, Table, freeze_arrays, number, shown, whole
from networks.errors import InputError
from networks.geography import lengths_km, scatter_positions


@dataclass(frozen=True, eq=False)
class PrivateNetwork:
    """Private lines between agents, each named by its bus; write-protected arrays.

    Attributes
    ----------
    buses : labels of the agents' buses.
    lines : labels of the lines.
    from_bus, to_bus : (lines,) positions in `buses`; a flow is positive from → to.
    r_pu : (lines,) resistance, above 0 [per unit, on the base of the public grid].
    length_km : (lines,) length, NaN where unknown [km].
    positions_km : (buses, 2) positions of the agents, or None.
    """

    buses: tuple[Hashable, ...]
    lines: tuple[Hashable, ...]
    from_bus: np.ndarray
    to_bus: np.ndarray
    r_pu: np.ndarray
    length_km: np.ndarray
    positions_km: np.ndarray | None = None
    bus_position: Mapping[Hashable, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        freeze_arrays(self)
        object.__setattr__(self, "bus_position", {label: k for k, label in enumerate(self.buses)})

    @classmethod
    def none(cls, buses: Sequence[Hashable] = ()) -> PrivateNetwork:
        """No private line at all."""
        nothing = np.zeros(0)
        whole = np.zeros(0, dtype=np.int64)
        return cls(tuple(buses), (), whole, whole.copy(), nothing, nothing.copy())

    @classmethod
    def from_tables(
        cls,
        buses: Sequence[Hashable],
        lines: Rows,
        r_pu_per_km: float | None = None,
        positions_km: np.ndarray | None = None,
    ) -> PrivateNetwork:
        """Given lines: `line, from_bus, to_bus[, r_pu, length_km]`.

        Without a column `r_pu` the resistance is `r_pu_per_km`·length_km; without a column `length_km`
        the length is the distance of the ends in `positions_km`, where given. Parallel lines are fine.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        table = Table(lines, "private_lines", ["line", "from_bus", "to_bus"], ["r_pu", "length_km"])
        position = {label: k for k, label in enumerate(buses)}
        if len(position) < len(buses):
            raise InputError("buses: a label appears twice; give each agent's bus once")
        first = table.positions("from_bus", position, "the agents' buses")
        second = table.positions("to_bus", position, "the agents' buses")
        if (first == second).any():
            raise table.fail(
                int(np.flatnonzero(first == second)[0]), "to_bus", "it equals from_bus",
                "name the agent at the other end",
            )  # fmt: skip
        if table.has("length_km"):
            length = table.numbers("length_km", "km", minimum=0.0, missing=np.nan)
        elif positions_km is not None:
            length = lengths_km(positions_km, first, second)
        else:
            length = np.full(len(table), np.nan)
        if table.has("r_pu"):
            r = table.numbers("r_pu", "per unit")
        else:
            r = length * (_resistance_per_km(r_pu_per_km) if len(table) else 1.0)
        if not (r > 0).all():
            k = int(np.flatnonzero(~(r > 0))[0])
            raise table.fail(
                k, "r_pu" if table.has("r_pu") else "length_km", f"the resistance would be {r[k]:g} p.u.",
                "a private line needs a resistance above 0 (without one its flow is not determined)",
            )  # fmt: skip
        labels = tuple(table.labels("line", unique=True))
        return cls(tuple(buses), labels, first, second, r, length, positions_km)

    @property
    def mean_degree(self) -> float:
        """Average number of private lines at an agent."""
        return 2.0 * len(self.lines) / len(self.buses) if self.buses else 0.0

    @property
    def lines_frame(self) -> pd.DataFrame:
        """The table that :meth:`from_tables` reads back."""
        names = np.empty(len(self.buses), dtype=object)
        names[:] = list(self.buses)
        return pd.DataFrame(
            {
                "line": list(self.lines),
                "from_bus": names[self.from_bus],
                "to_bus": names[self.to_bus],
                "r_pu": self.r_pu,
                "length_km": self.length_km,
            }
        )


def draw_random_lines(
    buses: Sequence[Hashable],
    generator: np.random.Generator,
    *,
    probability: float | None = None,
    mean_degree: float | None = None,
    lines: int | None = None,
    side_km: float = 1.0,
    r_pu_per_km: float = 4e-5,
) -> PrivateNetwork:
    """An Erdős–Rényi private network over agents placed uniformly in a square.

    Positions are drawn first, then one uniform number per pair of agents: a pair is joined where it is
    below the probability, or where it is among the `lines` smallest. One seed thus gives the same
    positions and a growing set of lines as density rises.

    Parameters
    ----------
    probability, mean_degree, lines : exactly one of the probability of each pair, the expected number of
        lines at an agent (probability = mean_degree/(n − 1)), and the number of lines.
    side_km : side of the square [km].
    r_pu_per_km : resistance [per unit per km]; 4e-5 is the value of the default coalition study.

    Source: G(n, p) and G(n, m) of E. N. Gilbert (1959) and P. Erdős, A. Rényi (1959).
    """
    count = len(buses)
    first, second = np.triu_indices(count, k=1)
    given = [
        name
        for name, value in (("probability", probability), ("mean_degree", mean_degree), ("lines", lines))
        if value is not None
    ]
    if len(given) != 1:
        raise InputError(
            f"{', '.join(given) or 'nothing'} given; give exactly one of probability, mean_degree and lines"
        )
    positions = scatter_positions(count, side_km, generator)
    draws = generator.random(len(first))
    if lines is not None:
        if whole("lines", lines, minimum=0) > len(first):
            raise InputError(f"lines is {shown(lines)}; {count} agents have only {len(first)} pairs")
        chosen = np.sort(np.argsort(draws, kind="stable")[:lines])
    else:
        if mean_degree is not None:
            degree = number("mean_degree", mean_degree, "lines per agent", minimum=0.0)
            probability = degree / max(count - 1, 1)
        chance = number("probability", probability, "lines per pair", minimum=0.0)
        if chance > 1:
            raise InputError(
                f"the {given[0]} given makes the probability of a line {chance:g}; it must be at most 1 "
                f"(a mean degree at most {count - 1})"
            )
        chosen = np.flatnonzero(draws < chance)
    return _join(buses, first[chosen], second[chosen], positions, r_pu_per_km)


def draw_near_lines(
    buses: Sequence[Hashable],
    generator: np.random.Generator,
    *,
    radius_km: float | None = None,
    mean_degree: float | None = None,
    side_km: float = 1.0,
    r_pu_per_km: float = 4e-5,
) -> PrivateNetwork:
    """A geometric private network: agents uniform in a square, pairs nearer than a radius joined.

    With `mean_degree` the nearest pairs are joined, as many as make that average (rounded).
    """
    count = len(buses)
    positions = scatter_positions(count, side_km, generator)
    first, second = np.triu_indices(count, k=1)
    length = lengths_km(positions, first, second)
    if (radius_km is None) == (mean_degree is None):
        raise InputError("give exactly one of radius_km and mean_degree")
    if radius_km is not None:
        chosen = np.flatnonzero(length <= number("radius_km", radius_km, "km", minimum=0.0))
    else:
        degree = number("mean_degree", mean_degree, "lines per agent", minimum=0.0)
        if degree > max(count - 1, 0):
            raise InputError(f"mean_degree is {shown(mean_degree)}; give a number from 0 to {count - 1}")
        wanted = round(0.5 * count * degree)
        chosen = np.sort(np.argsort(length, kind="stable")[:wanted])
    return _join(buses, first[chosen], second[chosen], positions, r_pu_per_km)


def _join(
    buses: Sequence[Hashable],
    first: np.ndarray,
    second: np.ndarray,
    positions: np.ndarray,
    r_pu_per_km: float | None,
) -> PrivateNetwork:
    length = lengths_km(positions, first, second)
    labels = tuple(f"P{k}" for k in range(1, len(first) + 1))
    r = length * _resistance_per_km(r_pu_per_km)
    return PrivateNetwork(tuple(buses), labels, first, second, r, length, positions)


def _resistance_per_km(value: float | None) -> float:
    return number("r_pu_per_km", value, "per unit per km", above=0.0)

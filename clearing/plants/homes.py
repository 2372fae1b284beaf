"""A plant of homes over several periods: storage couples them, so it is co-optimised or offers a schedule."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from clearing.book import Book
from clearing.certificate import Certificate
from clearing.errors import InputError
from clearing.homes.home import Home
from clearing.homes.model import plain_home_program
from clearing.homes.outcome import HomeSchedule
from clearing.homes.schedule import schedule_homes, stack
from clearing.nodal import NodalMarket
from clearing.outcome import Outcome
from clearing.pricing.exact import solve_exactly
from clearing.pricing.proof import certify_program
from clearing.structure import Numbers, Structure
from networks.checks import freeze_arrays, suggest
from networks.grid import Grid

QUANTITY, MONEY = 2.0**-3, 2.0**5
"""MW and $/MWh that count as 1: between a home's kilowatts and a bulk unit's hundreds of megawatts."""


@dataclass(frozen=True, eq=False)
class HomesPlantOutcome:
    """Bulk market and homes at once.

    Attributes
    ----------
    objective : bulk cost less value, and the homes' hardship less utility [$].
    lmp, export_mw : (periods,) price at the plant's bus [$/MWh], and what the homes export [MW].
    homes_cost : hardship less utility of all homes (with copies) [$].
    certificate : optimality of the joint program.
    """

    objective: float
    lmp: np.ndarray
    export_mw: np.ndarray
    homes_cost: float
    certificate: Certificate

    def __post_init__(self) -> None:
        freeze_arrays(self)


class HomesPlant:
    """Homes of one horizon behind one bus, trading among themselves without limit inside.

    Parameters
    ----------
    homes : with equal slots and hours, without uninterruptible cycles.
    copies : (homes,) how many alike each stands for; 1 by default.
    """

    def __init__(self, homes: Sequence[Home], copies: np.ndarray | None = None):
        if not homes:
            raise InputError("a plant needs at least one home")
        first = homes[0]
        for home in homes:
            if (home.slots, home.hours) != (first.slots, first.hours):
                raise InputError(f"home {home.label!r} has other slots or hours than {first.label!r}")
            if any(not a.interruptible for a in home.appliances):
                raise InputError(f"home {home.label!r}: a plant takes no uninterruptible cycles")
        self.homes = tuple(homes)
        self.copies = np.ones(len(homes)) if copies is None else np.asarray(copies, dtype=float)
        if self.copies.shape != (len(homes),) or not (self.copies > 0).all():
            raise InputError(f"copies needs {len(homes)} numbers above 0")
        self.slots, self.hours = first.slots, first.hours

    def schedule_against(self, price: np.ndarray) -> tuple[list[HomeSchedule], np.ndarray]:
        """The homes' best response to prices (slots,) at which they buy and sell, and its net export [MW]."""
        schedules = schedule_homes(self.homes, price, price)
        net = np.array([s.net_import for s in schedules])
        return schedules, -(self.copies @ net)

    def clear_schedule_in(self, grid: Grid, book: Book, bus: Hashable, price: np.ndarray) -> Outcome:
        """A bulk clearing in which the plant offers its best response to expected prices as it stands."""
        self._check(grid, book, bus)
        _, export = self.schedule_against(price)
        periods = np.arange(self.slots)
        return NodalMarket(grid).clear(
            replace(
                book,
                fixed_bus=(*book.fixed_bus, *(bus for _ in periods)),
                fixed_mw=np.append(book.fixed_mw, -export),
                fixed_period=np.append(book.fixed_period, periods),
            )
        )

    def co_optimise(self, grid: Grid, book: Book, bus: Hashable) -> HomesPlantOutcome:
        """Bulk grid and homes in one program; the price at the bus is the homes' marginal cost.

        Raises
        ------
        InputError
            an unknown bus, or a book with other periods.
        InfeasibleError, TimeLimitError, NumericalError
        """
        self._check(grid, book, bus)
        structure = Structure.of(book, grid)
        numbers = Numbers.of(book, structure)
        model = NodalMarket(grid).compiled(structure)
        data = {name: getattr(numbers, name) for name in Numbers.__dataclass_fields__}
        free = np.zeros(self.slots)
        built = [plain_home_program(home, free, free) for home in self.homes]
        blocks = [
            replace(program, cost=program.cost * n)
            for (_, program), n in zip(built, self.copies.tolist(), strict=True)
        ]
        whole = stack([model.at(**data), *blocks])
        rows = model.rows["balance"].reshape(len(grid.buses), book.periods)[grid.bus_position[bus]]
        links = sparse.lil_array(whole.matrix.shape)
        start = len(model.at(**data).cost)
        for (own, program), n in zip(built, self.copies.tolist(), strict=True):
            links[rows, start + own.variables["sold"]] = n
            links[rows, start + own.variables["bought"]] = -n
            start += len(program.cost)
        joint = replace(whole, matrix=sparse.csc_array(whole.matrix + sparse.csc_array(links)))
        scaled = joint.scaled(QUANTITY, MONEY)
        point = solve_exactly(scaled)
        certificate = certify_program(scaled, point.x, point.dual).required("plant of homes")
        x = point.x * QUANTITY
        inside = np.arange(len(x)) >= len(x) - sum(len(b.cost) for b in blocks)
        return HomesPlantOutcome(
            objective=joint.objective(x) * book.hours,
            lmp=point.dual[rows] * MONEY,
            export_mw=sparse.csr_array(links)[rows] @ x,
            homes_cost=float(joint.cost[inside] @ x[inside]) * book.hours,
            certificate=certificate,
        )

    def _check(self, grid: Grid, book: Book, bus: Hashable) -> None:
        if bus not in grid.bus_position:
            raise InputError(f"bus {bus!r} is not a bus of the grid{suggest(bus, grid.bus_position)}")
        if (book.periods, book.hours) != (self.slots, self.hours):
            raise InputError(
                f"the book has {book.periods} periods of {book.hours:g} h and the homes {self.slots} "
                f"slots of {self.hours:g} h; give both the same"
            )

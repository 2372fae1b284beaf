"""Why no dispatch exists: the least shortage, the cut that causes it, and what to do about it."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.book import Book
from clearing.errors import ClearingError, InfeasibleError, InputError
from clearing.explaining.relief import Relief, find_least_relief
from clearing.explaining.wording import listed, names, number
from clearing.structure import Numbers, Structure
from networks.grid import Grid

FELT = 1e-6  # MW of relief per MW below which a limit plays no part
BEHIND = 0.5  # a bus with at least this share of the greatest worth counts as behind the cut
LONG = 24  # periods from which the worst one is looked at first: its share of the work is below 1 %
SHOWN = 3  # islands and periods described before the rest is counted


def refuse_unsupplied(structure: Structure, numbers: Numbers) -> None:
    """Refuse fixed demand that no offer, injection or link can reach (law 11).

    Raises
    ------
    InputError
        naming the bus, the period and the MW. An offer of 0 MW counts as a supply: what it lacks is
        a shortage, not bad input.
    """
    grid = structure.grid
    group = linked_islands(grid)
    supplied = np.zeros((group.max() + 1, structure.periods), dtype=bool)
    sells = structure.side > 0
    supplied[group[structure.bus[sells]], structure.period[sells]] = True
    bus, t = np.nonzero(numbers.fixed_mw < 0)
    supplied[group[bus], t] = True
    cut_off = np.argwhere((numbers.fixed_mw > 0) & ~supplied[group])
    if len(cut_off):
        n, t = cut_off[0].tolist()
        when = f" in period {t}" if structure.periods > 1 else ""
        others = len(np.unique(cut_off[:, 0])) - 1
        more = f" (and {others} more {'bus' if others == 1 else 'buses'})" if others else ""
        shunts = f" (shunts: {number(grid.shunt_mw[n])} MW)" if grid.shunt_mw[n] else ""
        raise InputError(
            f"bus {grid.buses[n]!r}{more}: fixed demand of {number(numbers.fixed_mw[n, t])} MW{shunts}{when} "
            "is cut off from every supply: its island has no offer, no injection and no link; "
            "connect it, add an offer, take it out, or price it (Book.with_lost_load)"
        )


def refuse_infeasible_peak(structure: Structure, numbers: Numbers) -> None:
    """Refuse a long book whose period of greatest fixed demand alone has no dispatch, before all periods are
    solved together: one small program in place of the slow end of a large one.

    Raises
    ------
    InfeasibleError
        as of :func:`explain_infeasibility`. Ramps can only make it worse, so they are left out.
    """
    if structure.periods < LONG:
        return
    peak = int(np.argmax(np.maximum(numbers.fixed_mw, 0.0).sum(axis=0)))
    part, own = structure.in_period(peak), numbers.in_period(peak, structure)
    try:
        lacking = _Diagnosis(part, own, find_least_relief(part, own), peak).parts
    except ClearingError:
        return  # whoever solves all periods will know
    if lacking:
        parts, remedy = _first_periods(structure, numbers)
        raise InfeasibleError(f"no dispatch exists: {'; '.join(parts)}. Remedy: {remedy}")


def explain_infeasibility(book: Book, structure: Structure, numbers: Numbers) -> InfeasibleError:
    """The error for a book that no dispatch satisfies: it names what is missing, where, and a remedy.

    Shortage (demand not served) and surplus (injections and minimum outputs that nobody takes) are
    minimised with every limit kept; limits give way only where that is impossible. The duals tell
    the buses behind the cut and the limits that form it.
    """
    several = structure.periods > 1
    if not several or structure.ramp_units:
        found = _Diagnosis(structure, numbers, find_least_relief(structure, numbers))
        parts, remedy = found.parts, found.remedy()
        if len(parts) > SHOWN:
            parts = [*parts[:SHOWN], f"and {len(parts) - SHOWN} more like these"]
    else:
        parts, remedy = _first_periods(structure, numbers)
    if not parts:
        return InfeasibleError(
            "no dispatch exists, by less than rounding: demand meets a limit exactly; "
            "raise the limit, or lower the demand, a little"
        )
    return InfeasibleError(f"no dispatch exists: {'; '.join(parts)}. Remedy: {remedy}")


def _first_periods(structure: Structure, numbers: Numbers) -> tuple[list[str], str]:
    """What infeasible periods lack, and what would help the worst: without ramps each stands for itself.

    The periods of the greatest fixed demand go first, since they most likely lack something; the search ends
    once a few have explained themselves, because what the others lack is of the same kind.
    """
    heaviest = np.argsort(-np.maximum(numbers.fixed_mw, 0.0).sum(axis=0), kind="stable")
    found: list[_Diagnosis] = []
    looked = 0
    for t in heaviest.tolist():
        part, own = structure.in_period(t), numbers.in_period(t, structure)
        one = _Diagnosis(part, own, find_least_relief(part, own), t)
        found += [one] * bool(one.parts)
        looked += 1
        if len(found) == SHOWN:
            break
    if not found:
        return [], ""
    parts = []
    for one in sorted(found, key=lambda one: one.period or 0):
        more = len(one.parts) - SHOWN
        parts += one.parts[:SHOWN] + [f"and {more} more like these"] * (more > 0)
    rest = structure.periods - looked
    if rest > 0:
        parts.append(f"{rest} of {structure.periods} periods, of no greater demand, were not looked at")
    return parts, found[0].remedy()


def linked_islands(grid: Grid) -> np.ndarray:
    """(buses,) number of the group of islands that usable links join."""
    usable = (grid.link_min_mw != 0) | (grid.link_max_mw != 0)
    ends = grid.flow.island[grid.link_from[usable]], grid.flow.island[grid.link_to[usable]]
    size = grid.flow.islands
    joined = sparse.csr_array((np.ones(int(usable.sum())), ends), shape=(size, size))
    return connected_components(joined, directed=False)[1][grid.flow.island]


class _Diagnosis:
    """A least relief in words."""

    def __init__(self, structure: Structure, numbers: Numbers, relief: Relief, period: int | None = None):
        self.period = period  # of the book, where the structure is one of several periods
        self.structure, self.grid, self.numbers, self.relief = structure, structure.grid, numbers, relief
        self.group = linked_islands(structure.grid)

    @cached_property
    def parts(self) -> list[str]:
        """What is wrong; what limits exclude has nothing to do with demand, and goes before it."""
        return self.conflicts or self.imbalances()

    @cached_property
    def conflicts(self) -> list[str]:
        """Limits that exclude each other whatever is served."""
        out, relief, grid = [], self.relief, self.grid
        for line, t in np.argwhere(np.abs(relief.flow_breach) > relief.noticed).tolist():
            mw = relief.flow_breach[line, t]
            branch = self.structure.limited[line]
            out.append(
                f"{self._when(t)}branch {grid.branches[branch]!r} must carry {number(abs(mw))} MW beyond its "
                f"{self._limit(branch, mw > 0)}, whatever is served"
            )
        for unit, t in np.argwhere(np.abs(relief.ramp_breach) > relief.noticed).tolist():
            mw = relief.ramp_breach[unit, t]
            out.append(
                f"{self._when(t)}unit {self.structure.ramp_units[unit]!r} must ramp {number(abs(mw))} MW "
                f"{'up' if mw > 0 else 'down'} beyond its limit"
            )
        for link, t in np.argwhere(np.abs(relief.link_breach) > relief.noticed).tolist():
            mw = relief.link_breach[link, t]
            out.append(
                f"{self._when(t)}link {grid.links[link]!r} must carry {number(abs(mw))} MW "
                f"{'above its max_mw' if mw > 0 else 'below its min_mw'}"
            )
        return out

    def imbalances(self) -> list[str]:
        """What each period and group of linked islands lacks, or cannot take."""
        relief = self.relief
        out = []
        for t in range(self.structure.periods):
            for group in range(int(self.group.max()) + 1):
                mine = self.group == group
                short, spilt = float(relief.short[mine, t].sum()), float(relief.spilt[mine, t].sum())
                if short > relief.noticed:
                    out.append(self._imbalance(mine, t, short, 1.0))
                if spilt > relief.noticed:
                    out.append(self._imbalance(mine, t, spilt, -1.0))
        return out

    def remedy(self) -> str:
        """What would help, most direct first."""
        relief = self.relief
        advice = []
        if not self.conflicts and (relief.short > relief.noticed).any():
            advice.append("offer the value of lost load (Book.with_lost_load(3000.0); --voll 3000)")
        if not self.conflicts and (relief.spilt > relief.noticed).any():
            advice.append("lower the minimum outputs (min_mw) or turn fixed injections into offers")
        branches = [self.structure.limited[line] for line in self._telling(relief.flow, relief.flow_breach)]
        by_angle = [self.grid.branches[k] for k in branches if self._by_angle(k)]
        thermal = [self.grid.branches[k] for k in branches if not self._by_angle(k)]
        if by_angle:
            which = names(by_angle, "branch", "branches")
            advice.append(f'relax the angle limits of {which} (angle_limits="ignore" drops all of them)')
        if thermal:
            which = names(thermal, "branch", "branches")
            advice.append(f"raise the limit{'s' if len(thermal) > 1 else ''} of {which}")
        units = [self.structure.ramp_units[u] for u in self._telling(relief.ramp, relief.ramp_breach)]
        if units:
            advice.append(f"widen the ramp limits of {names(units, 'unit', 'units')}")
        links = [self.grid.links[k] for k in self._telling(relief.link, relief.link_breach)]
        if links:
            advice.append(f"widen the range of {names(links, 'link', 'links')}")
        if not advice:
            advice.append("add supply")
        return ", or ".join(advice)

    def _imbalance(self, mine: np.ndarray, t: int, mw: float, sign: float) -> str:
        causes = self._causes(mine, t)
        at_fault = self.relief.short if sign > 0 else self.relief.spilt
        what = "must be served but cannot" if sign > 0 else "must be produced but cannot be taken"
        balance, lacking = self._balance(mine, t, mw, sign)
        if lacking > self.relief.noticed or not causes:
            beyond = mw - max(lacking, 0.0)
            besides = ""
            if beyond > self.relief.noticed:
                why = f"because {listed(causes)}" if causes else f"because of {self._unseen(mine)}"
                besides = f": {number(max(lacking, 0.0))} MW on the whole, and {number(beyond)} MW more {why}"
            return f"{self._when(t)}{self._island(mine)} is {balance}{besides}"
        worth = np.where(mine, sign * self.relief.worth[:, t], 0.0)
        behind = np.flatnonzero((worth >= BEHIND * worth.max()) & (worth > FELT))
        first = np.argsort(-at_fault[behind, t], kind="stable")
        place = f"at {names([self.grid.buses[n] for n in behind[first]], 'bus', 'buses')}"
        if len(behind) == mine.sum() > 1:
            place = f"in {self._island(mine)}"
        return f"{self._when(t)}{number(mw)} MW {place} {what}, because {listed(causes)}"

    def _causes(self, mine: np.ndarray, t: int) -> list[str]:
        """The limits that a relief in these islands and this period hangs on."""
        relief, structure, grid = self.relief, self.structure, self.grid
        out = []
        lines = np.flatnonzero(np.abs(relief.flow[:, t]) > FELT)
        lines = lines[mine[grid.from_bus[structure.limited[lines]]]]
        for line in lines[np.argsort(-np.abs(relief.flow[lines, t]), kind="stable")].tolist():
            branch = structure.limited[line]
            limit = self._limit(branch, relief.flow[line, t] < 0)
            out.append(f"branch {grid.branches[branch]!r} is at its {limit}")
        links = np.flatnonzero(np.abs(relief.link[:, t]) > FELT)
        out += [
            f"link {grid.links[k]!r} is at its limit" for k in links[mine[grid.link_from[links]]].tolist()
        ]
        units: dict[Hashable, None] = {}
        for unit, _ in np.argwhere(np.abs(relief.ramp) > FELT).tolist():
            if mine[structure.bus[structure.ramp_of == unit]].any():
                units[structure.ramp_units[unit]] = None
        if units:
            many = "the ramp limits of units"
            verb = "holds" if len(units) == 1 else "hold"
            out.append(f"{names(list(units), 'the ramp limit of unit', many)} {verb}")
        if len(out) > SHOWN + 1:
            out = [*out[:SHOWN], f"{len(out) - SHOWN} more limits are met"]
        return out

    def _unseen(self, mine: np.ndarray) -> str:
        """What may lie between the offers and the demand of some islands where no limit is felt."""
        lossy = (self.grid.link_loss > 0) & mine[self.grid.link_from]
        if lossy.any():
            links = [self.grid.links[k] for k in np.flatnonzero(lossy)]
            return f"the losses of {names(links, 'link', 'links')}"
        return "limits between its buses"

    def _balance(self, mine: np.ndarray, t: int, mw: float, sign: float) -> tuple[str, float]:
        """'short of 40.00 MW (fixed demand 100.00 MW, offers 60.00 MW)', or the surplus; and how much of it
        the islands would lack without any limit [MW]."""
        s, n = self.structure, self.numbers
        at = mine[s.bus] & (s.period == t)
        fixed = n.fixed_mw[mine, t]
        bought = n.min_mw[at & (s.side < 0)].sum()
        injected = np.maximum(-fixed, 0.0).sum()
        if sign > 0:
            demand, supply = np.maximum(fixed, 0.0).sum() + bought, n.mw[at & (s.side > 0)].sum()
            words = "short of", "fixed demand", "offers"
        else:
            least = n.min_mw[at & (s.side > 0)]
            taken = n.mw[at & (s.side < 0)].sum() + np.maximum(-least, 0.0).sum()
            demand = np.maximum(fixed, 0.0).sum() + taken
            supply = np.maximum(least, 0.0).sum()
            words = "left with a surplus of", "demand at most", "minimum outputs"
        has = f"{words[1]} {number(demand)} MW, {words[2]} {number(supply)} MW"
        has += f", fixed injections {number(injected)} MW" if injected > 0 else ""
        return f"{words[0]} {number(mw)} MW ({has})", float(sign * (demand - supply - injected))

    def _island(self, mine: np.ndarray) -> str:
        if mine.all():
            return "the market as a whole"
        return f"the island of {names([self.grid.buses[n] for n in np.flatnonzero(mine)], 'bus', 'buses')}"

    def _when(self, t: int) -> str:
        if self.period is not None:
            return f"period {self.period}: "
        return f"period {t}: " if self.structure.periods > 1 else ""

    def _by_angle(self, branch: int) -> bool:
        """Whether an angle limit is tighter than the thermal one, at one end at least."""
        low, high = self.grid.flow_bounds_mw
        return bool(min(-low[branch], high[branch]) < self.grid.limit_mw[branch])

    def _limit(self, branch: int, at_high: bool) -> str:
        """'limit of 400.00 MW', or the angle limit with the MW that it stands for."""
        low, high = self.grid.flow_bounds_mw
        bound = high[branch] if at_high else low[branch]
        if abs(bound) == self.grid.limit_mw[branch]:
            return f"limit of {number(abs(bound))} MW"
        ends = self.grid.angle_min_degree[branch], self.grid.angle_max_degree[branch]
        degree = ends[int(at_high == (self.grid.susceptance_mw[branch] >= 0))]
        return f"angle limit of {degree:g}° ({number(bound)} MW)"

    def _telling(self, dual: np.ndarray, breach: np.ndarray) -> list[int]:
        """Rows of limits that matter in any period, most telling first; breached ones if there are any."""
        weight = np.abs(breach if self.conflicts else dual).max(axis=1, initial=0.0)
        chosen = np.flatnonzero(weight > (self.relief.noticed if self.conflicts else FELT))
        return chosen[np.argsort(-weight[chosen], kind="stable")].tolist()

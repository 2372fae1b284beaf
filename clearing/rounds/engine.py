"""The round engine behind a prepared market: arrays of many rounds in, proven outcomes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numba import types
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.batches import Batch, Round, Rows, Status
from clearing.rounds import fields as F
from clearing.rounds import store
from clearing.rounds.arrays import NONE, independent_columns, rows_for, unit_of
from clearing.rounds.desk import clear_desk
from clearing.rounds.fields import N_INFO, RESIDUAL, STATUS, UNPRICED
from clearing.rounds.kernel import clear_rounds
from clearing.rounds.lanes import LANES
from clearing.rounds.layout import lay_out
from clearing.rounds.sparse import factorise
from clearing.rounds.workspace import Workspace
from clearing.structure import Numbers, Structure

RULES = {"low": 0, "high": 1, "canonical": 2}
_ENDINGS = np.array([Status.OPTIMAL, Status.INFEASIBLE, Status.NUMERICAL, Status.NUMERICAL])
_ROW = types.Array(types.float64, 1, "A", readonly=True, aligned=False)  # as users have them
_FLOATS, _INTS = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
_DESK = (_ROW, _ROW, _FLOATS, _FLOATS, _FLOATS, _INTS, _FLOATS, types.int64)


@cache
def _one_round() -> Callable[..., float]:
    """The compiled code of `clear_desk` itself: to look up the types of its arguments costs as much again."""
    return clear_desk.compile(_DESK)


class Engine:
    """Exact clearings of one structure, for any number of threads.

    A call takes an idle workspace, or a new one, and lays it back when it ends: calls that run side by side share
    nothing that changes, and none waits. There are as many workspaces as calls have ever run at a time.

    Parameters
    ----------
    buses : number of buses.
    from_bus, to_bus : (lines,) positions of the lines' buses.
    susceptance_mw : (lines,) [MW/rad], 0 out of service.
    flow_low_mw, flow_high_mw : (lines,) ±inf where there is no limit.
    shift_flow_mw : (lines,) flow at zero injection.
    bus, side : (orders,) position, and +1 for a sale, −1 for a purchase.
    min_mw : (orders,) least MW; of a sale below 0 where its unit withdraws as well.
    fixed_mw : (buses,) net fixed demand.
    link_from, link_to, link_min_mw, link_max_mw : (links,) controllable lossless links.
    demand : (orders,) whether law 4 counts the order as demand; every purchase where nothing is said.
    rule : price rule of law 5.
    """

    def __init__(
        self, buses, from_bus, to_bus, susceptance_mw, flow_low_mw, flow_high_mw, bus, side, *, shift_flow_mw=None,
        min_mw=None, fixed_mw=None, angle_low_mw=None, angle_high_mw=None, link_from=(), link_to=(), link_min_mw=(),
        link_max_mw=(), demand=None, rule="canonical",
    ):  # fmt: skip
        nl, no, nk = len(from_bus), len(bus), len(link_from)
        self.rule, self.orders, self.buses, self.lines = RULES[rule], no, buses, nl
        b = np.asarray(susceptance_mw, dtype=float)
        from_bus, to_bus = np.asarray(from_bus, dtype=np.int64), np.asarray(to_bus, dtype=np.int64)
        on = b != 0.0
        adjacency = sparse.coo_matrix((np.ones(on.sum()), (from_bus[on], to_bus[on])), shape=(buses, buses))
        islands, island = connected_components(adjacency, directed=False)
        first = np.full(islands, buses)
        np.minimum.at(first, island, np.arange(buses))
        rank = np.empty(islands, dtype=np.int64)
        rank[np.argsort(first)] = np.arange(islands)
        island = rank[island]
        reference = np.sort(first)
        link_from, link_to = np.asarray(link_from, dtype=np.int64), np.asarray(link_to, dtype=np.int64)
        joined = sparse.coo_matrix(
            (np.ones(nk), (island[link_from], island[link_to])), shape=(islands, islands)
        )
        components, comp_of_island = connected_components(joined, directed=False)

        incidence = sparse.csr_matrix(
            (
                np.concatenate([on * 1.0, on * -1.0]),
                (np.r_[np.arange(nl), np.arange(nl)], np.r_[from_bus, to_bus]),
            ),
            shape=(nl, buses),
        )
        laplacian = (incidence.T @ sparse.diags_array(b) @ incidence).tocsc()
        kept = np.setdiff1d(np.arange(buses), reference)
        factor = factorise(laplacian[kept][:, kept].tocsc(), kept)

        head_bus = np.concatenate([np.where(np.asarray(side) > 0, bus, buses), link_to]).astype(np.int64)
        tail_bus = np.concatenate([np.where(np.asarray(side) > 0, buses, bus), link_from]).astype(np.int64)
        island_plus = np.append(island, islands)
        layout = lay_out(np.asarray(bus, dtype=np.int64), nk)
        at = np.concatenate([layout.order, layout.link])
        balance = np.zeros((islands, no + nk))
        for i in range(islands):
            balance[i] = (island_plus[head_bus] == i) * 1.0 - (island_plus[tail_bus] == i) * 1.0
        cold = independent_columns(balance)
        ruled = np.flatnonzero(cold >= 0)  # an island without any order has no balance row and no price
        self._deserted = np.flatnonzero(~np.isin(comp_of_island[island], comp_of_island[ruled]))

        head = np.zeros(store.HEADER, dtype=np.int64)
        head[store.ORDERS], head[store.COLUMNS], head[store.BUSES], head[store.LINES] = (
            no,
            layout.columns,
            buses,
            nl,
        )
        head[store.SITES], head[store.ORDER_SITES] = layout.sites, len(layout.site_bus)
        head[store.LINKS], head[store.LAYERS] = nk, len(layout.first)
        head[store.APIECE] = nk == 0 and len(np.unique(layout.site_bus)) == len(layout.site_bus)
        head[store.ISLANDS], head[store.ANGLES], head[store.BALANCES] = islands, len(kept), len(ruled)
        head[store.LOWER], head[store.UPPER] = len(factor.lower_value), len(factor.upper_value)
        head[store.COMPONENTS] = components
        head[store.ROWCAP], head[store.SLOTCAP] = (
            store.padded(islands + min(nl + 1, 24)),
            store.padded(islands + min(nl + 1, 64)),
        )
        self._template = Workspace(head)
        v = self._template.views()
        fill = {
            "lower": factor.lower_value, "upper": factor.upper_value, "pivot": factor.pivot_inverse,
            "source": factor.source, "target": factor.target, "lower_start": factor.lower_start,
            "lower_index": factor.lower_index, "upper_start": factor.upper_start, "upper_index": factor.upper_index,
        }  # fmt: skip
        for name, value in fill.items():
            v[name][:] = value
        icol = v["icol"]
        icol[[F.HEAD, F.TAIL, F.BUS]] = buses  # also of the columns of 0 MW between the others
        icol[F.HEAD, at], icol[F.TAIL, at] = head_bus, tail_bus
        buyer = np.asarray(side) < 0 if demand is None else np.asarray(demand, dtype=bool)
        icol[F.KIND, at] = np.concatenate([np.where(buyer, -1, 1), np.zeros(nk, dtype=np.int64)])
        icol[F.BUS, at] = np.minimum(head_bus, tail_bus)
        icol[F.COMP, at] = comp_of_island[island[np.minimum(head_bus, tail_bus)]]
        order_sites = len(layout.site_bus)
        v["column"][:], v["ladder"][:] = layout.order, np.arange(LANES)
        v["site_of"][:] = np.concatenate([np.arange(width) for width in layout.width])
        v["first"][: len(layout.first)], v["width"][: len(layout.first)] = layout.first, layout.width
        for name, ends in (("site_bus", None), ("into", link_to), ("out", link_from)):
            v[name][:] = buses
            if ends is not None:
                v[name][layout.link] = ends
        v["site_bus"][:order_sites] = layout.site_bus
        v["bus_site"][:] = layout.sites
        v["bus_site"][layout.site_bus] = np.arange(order_sites)
        v["book"][F.WAY, :no] = side
        v["book"][F.FLOOR, :no] = 0.0 if min_mw is None else min_mw
        col = v["col"]
        col[F.LOW, layout.order] = v["book"][F.FLOOR, :no]
        col[F.BUYER, layout.order] = buyer
        v["habit"][F.WITHDRAWN] = np.maximum(-v["book"][F.FLOOR, :no], 0.0).sum()
        col[F.LOW, layout.link], col[F.HIGH, layout.link] = link_min_mw, link_max_mw
        col[F.SIGN, layout.order], col[F.SIGN, layout.link] = side, 1.0
        col[F.JITTER, at] = 0.5 + 0.5 * np.modf(np.arange(1, no + nk + 1) * 0.6180339887498949)[0]
        v["ibus"][F.OF, :buses] = comp_of_island[island]
        v["ibus"][F.OF, buses] = -1
        v["ibus"][F.ISLE, :buses] = island
        m = len(ruled)
        v["a"][:m, at] = balance[ruled]
        v["rows"][:m, layout.link] = balance[ruled][:, no:]
        v["rows"][:m, :order_sites] = island[layout.site_bus] == ruled[:, None]
        v["ptdf"][:m, :buses] = island[None, :] == ruled[:, None]
        v["islot"][F.LINE, :m] = -1
        v["islot"][F.SCOMP, :m] = comp_of_island[ruled]
        v["cold"][:m] = at[cold[ruled]]
        lin, ilin = v["lin"], v["ilin"]
        lin[F.SUSC] = b
        lin[F.LFLO] = np.maximum(flow_low_mw, -F.BIG)
        lin[F.LFHI] = np.minimum(flow_high_mw, F.BIG)
        lin[F.AFLO] = -F.BIG if angle_low_mw is None else np.maximum(angle_low_mw, -F.BIG)
        lin[F.AFHI] = F.BIG if angle_high_mw is None else np.minimum(angle_high_mw, F.BIG)
        lin[F.SHIFT] = 0.0 if shift_flow_mw is None else shift_flow_mw
        ilin[F.FROM], ilin[F.TO], ilin[F.SLOT] = from_bus, to_bus, -1
        ilin[F.LISL] = comp_of_island[island[from_bus]]
        bus_field = v["bus"]
        bus_field[F.DEMAND, :buses] = 0.0 if fixed_mw is None else fixed_mw
        bus_field[F.BUYS, np.asarray(bus, dtype=np.int64)[buyer]] = 1.0
        around = np.zeros(buses)
        np.add.at(around, from_bus, np.abs(b))
        np.add.at(around, to_bus, np.abs(b))
        np.add.at(bus_field[F.JOINED], from_bus, b)
        np.add.at(bus_field[F.JOINED], to_bus, b)
        bus_field[F.BSUM, :buses] = np.divide(1.0, around, out=np.zeros(buses), where=around > 0.0)
        ends, others = np.r_[from_bus[on], to_bus[on]], np.r_[to_bus[on], from_bus[on]]
        order = np.argsort(ends, kind="stable")
        v["beside_start"][1 : buses + 1] = np.cumsum(np.bincount(ends, minlength=buses))
        v["beside"][: len(ends)], v["tie"][: len(ends)] = others[order], np.r_[b[on], b[on]][order]
        v["state"][F.SLOTS], v["state"][F.STALE] = m, 1
        self._quantity = self._money = 1.0
        self._shunt = np.zeros(buses)
        self._fixed_default = bus_field[F.DEMAND, :buses].copy()
        self._limit_default = (lin[F.LFLO].copy(), lin[F.LFHI].copy())
        self._plain = len(self._deserted) == 0  # arrays are used as they are given
        self._idle: list[Workspace] = []
        self._clear_one: Callable[..., float] | None = None

    def workspace(self) -> Workspace:
        """An idle one, or a new one; nobody else has it until it is among the idle ones again."""
        try:
            work = self._idle.pop()  # at once: no two threads get the same
        except IndexError:
            work = self._template.copy()
        if work.dirty:
            work.restore(self._fixed_default, self._limit_default)
        return work

    @staticmethod
    def suits(structure: Structure) -> bool:
        """Whether the engine clears this structure: one period, no ramps, no link with losses, no branch or link
        without room.

        A range of a single value (a closed limit) is an equation, which the working basis is not made for.
        """
        grid = structure.grid
        low, high = (ends[structure.limited] for ends in grid.flow_bounds_mw)
        closed = bool((high <= low).any() or (grid.link_max_mw <= grid.link_min_mw).any())
        lossy = bool(grid.link_loss.any())
        return structure.periods == 1 and not structure.ramp_units and not closed and not lossy

    @classmethod
    def of(cls, structure: Structure, numbers: Numbers, rule: str) -> Engine:
        """The engine of a structure, with the fixed demand and limits of `numbers`."""
        grid = structure.grid
        offered = np.maximum(numbers.mw, -numbers.min_mw)
        quantity = unit_of(np.concatenate([offered, np.abs(numbers.fixed_mw).ravel()]))
        money = unit_of(np.abs(numbers.price))
        low, high = grid.flow_bounds_mw
        angle_low, angle_high = grid.angle_bounds_mw
        engine = cls(
            len(grid.buses),
            grid.from_bus,
            grid.to_bus,
            grid.susceptance_mw,
            low / quantity,
            high / quantity,
            structure.bus,
            structure.side,
            shift_flow_mw=grid.flow.shift_flow_mw / quantity,
            min_mw=numbers.min_mw / quantity,
            fixed_mw=numbers.fixed_mw[:, 0] / quantity,
            angle_low_mw=angle_low / quantity,
            angle_high_mw=angle_high / quantity,
            link_from=grid.link_from,
            link_to=grid.link_to,
            link_min_mw=grid.link_min_mw / quantity,
            link_max_mw=grid.link_max_mw / quantity,
            demand=structure.demand,
            rule=rule,
        )
        engine._quantity, engine._money = quantity, money
        engine._plain &= quantity == 1.0 and money == 1.0
        engine._shunt = grid.shunt_mw
        return engine

    def clear_many(self, rows: Rows, want: Sequence[str], lines: np.ndarray, hours: float) -> Batch:
        """Clear each row; a row that is not proven has another status than OPTIMAL and NaN."""
        work = self.workspace()
        rounds, quantity, money = len(rows), self._quantity, self._money
        price, mw = rows_for(rows.price, money), rows_for(rows.mw, quantity)
        slope = rows_for(rows.slope, money / quantity)
        fixed = rows_for(rows.fixed_mw, quantity, self._shunt)
        limit = rows_for(rows.limit_mw, quantity)
        work.dirty = slope.size + fixed.size + limit.size > 0
        accepted = np.empty((rounds, self.orders)) if "accepted" in want else NONE
        lmp = np.empty((rounds, self.buses)) if "lmp" in want else NONE
        ends = "lmp_low" in want or "lmp_high" in want
        low = np.empty((rounds, self.buses)) if ends else NONE
        high = np.empty((rounds, self.buses)) if ends else NONE
        flow = np.empty((rounds, self.lines)) if "flow" in want else NONE
        welfare, info = np.empty(rounds), np.zeros((rounds, N_INFO))
        first, status = 0, 1
        while status:
            status, first = clear_rounds(
                work.floats, work.ints, price, mw, slope, fixed, limit, self.rule, first,
                accepted, lmp, low, high, flow, welfare, info,
            )  # fmt: skip
            if status:
                work.provide(status)
        self._idle.append(work)
        certified = (info[:, STATUS] == F.OK) & (info[:, RESIDUAL] <= 1.0) & (info[:, UNPRICED] == 0.0)
        failed = np.count_nonzero(certified) < rounds
        if len(self._deserted):
            for array, nothing in ((lmp, np.nan), (low, -np.inf), (high, np.inf)):
                if array.size:
                    array[:, self._deserted] = nothing
        arrays = {
            "accepted": (accepted, quantity),
            "lmp": (lmp, money),
            "lmp_low": (low, money),
            "lmp_high": (high, money),
            "welfare": (welfare, quantity * money * hours),
            "flow": (flow[:, lines] if flow.size else flow, quantity),
        }
        for name in want:
            array, unit = arrays[name]
            if unit != 1.0:
                array *= unit
            if failed:
                array[~certified] = np.nan
        ending = np.zeros(rounds, dtype=np.int64)  # OPTIMAL
        if failed:
            ending = _ENDINGS[info[:, STATUS].astype(np.int64)]
            ending[~certified & (ending == Status.OPTIMAL)] = Status.NUMERICAL
        return Batch(ending, certified, 0, **{name: arrays[name][0] for name in want})

    def clear_one(self, price: np.ndarray, mw: np.ndarray, hours: float) -> Round | None:
        """One round on arrays of doubles (orders,); None where it is not proven or a number is not valid.

        The compiled code looks at every number itself, so that nothing is checked twice.
        """
        try:
            work = self._idle.pop()
        except IndexError:
            work = self.workspace()
        if work.dirty:
            work.restore(self._fixed_default, self._limit_default)
        run = self._clear_one
        if run is None:
            run = self._clear_one = _one_round()
        if not self._plain:
            price, mw = price / self._money, mw / self._quantity
        accepted, lmp = np.empty(self.orders), np.empty(self.buses)
        while True:
            welfare = run(price, mw, accepted, lmp, work.floats, work.ints, work.desk, self.rule)
            if welfare == welfare:  # else NaN
                break
            status = work.desk[0]
            if status == 0.0:
                self._idle.append(work)
                return None
            work.provide(status)
        self._idle.append(work)
        if not self._plain:
            accepted *= self._quantity
            lmp *= self._money
            lmp[self._deserted] = np.nan
            hours *= self._quantity * self._money
        return tuple.__new__(Round, (accepted, lmp, welfare * hours))  # Round(…) takes twice as long

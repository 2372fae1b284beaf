"""The round engine behind a prepared market: arrays of many rounds in, proven outcomes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numba import types
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.batches import Batch, Round, Rows, Status
from clearing.engine.batch import clear_rounds
from clearing.engine.grid.column_layout import lay_out
from clearing.engine.linalg.simd import LANES
from clearing.engine.linalg.sparse import factorise
from clearing.engine.memory.declare import Sizes, padded
from clearing.engine.memory.inputs import NONE, independent_columns, rows_for, unit_of
from clearing.engine.memory.layout import INFO
from clearing.engine.memory.statuses import BIG, OK
from clearing.engine.memory.workspace import Workspace
from clearing.engine.single_round import clear_single
from clearing.structure import Numbers, Structure

RULES = {"low": 0, "high": 1, "canonical": 2}
_ENDINGS = np.array([Status.OPTIMAL, Status.INFEASIBLE, Status.NUMERICAL, Status.NUMERICAL])
_ROW = types.Array(types.float64, 1, "A", readonly=True, aligned=False)  # as users have them
_FLOATS, _INTS = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
_SINGLE = (_ROW, _ROW, _FLOATS, _FLOATS, _FLOATS, _INTS, _FLOATS, types.int64)


@cache
def _one_round() -> Callable[..., float]:
    """The compiled code of `clear_single` itself: to look up the types of its arguments costs as much again."""
    return clear_single.compile(_SINGLE)


class Engine:
    """Exact clearings of one structure, for any number of threads.

    A call takes an idle workspace, or a new one, and lays it back when it ends: calls that run side by side
    share nothing that changes, and none waits. There are as many workspaces as calls have ever run at a time.

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

        m = len(ruled)
        order_sites = len(layout.site_bus)
        single = nk == 0 and len(np.unique(layout.site_bus)) == order_sites
        v = self._template = Workspace(
            Sizes(
                orders=no, columns=layout.columns, buses=buses, lines=nl, islands=islands,
                row_capacity=padded(islands + min(nl + 1, 24)), slot_capacity=padded(islands + min(nl + 1, 64)),
                angles=len(kept), factor_lower_entries=len(factor.lower_value),
                factor_upper_entries=len(factor.upper_value), components=components, balances=m, sites=layout.sites,
                order_sites=order_sites, links=nk, layers=len(layout.first), one_site_per_bus=int(single),
                bus_width=padded(buses + 1),
            )
        )  # fmt: skip
        v["factor_lower"], v["factor_upper"] = factor.lower_value, factor.upper_value
        v["factor_pivot"], v["factor_source"], v["factor_target"] = (
            factor.pivot_inverse,
            factor.source,
            factor.target,
        )
        v["factor_lower_start"], v["factor_lower_index"] = factor.lower_start, factor.lower_index
        v["factor_upper_start"], v["factor_upper_index"] = factor.upper_start, factor.upper_index
        v["into_bus"] = v["out_of_bus"] = buses  # also of the columns of 0 MW between the others
        v["into_bus"][at], v["out_of_bus"][at] = head_bus, tail_bus
        buyer = np.asarray(side) < 0 if demand is None else np.asarray(demand, dtype=bool)
        v["kind"][at] = np.concatenate([np.where(buyer, -1, 1), np.zeros(nk, dtype=np.int64)])
        v["column_component"][at] = comp_of_island[island[np.minimum(head_bus, tail_bus)]]
        v["order_column"], v["lane_numbers"] = layout.order, np.arange(LANES)
        v["column_site"] = np.concatenate([np.arange(width) for width in layout.width])
        v["layer_first"][: len(layout.first)], v["layer_width"][: len(layout.first)] = (
            layout.first,
            layout.width,
        )
        v["site_bus"] = v["link_into"] = v["link_out_of"] = buses
        v["link_into"][layout.link], v["link_out_of"][layout.link] = link_to, link_from
        v["site_bus"][:order_sites] = layout.site_bus
        v["bus_site"] = layout.sites
        v["bus_site"][layout.site_bus] = np.arange(order_sites)
        v["bid_side"][:no] = side
        v["bid_min_mw"][:no] = 0.0 if min_mw is None else min_mw
        v["lower"][layout.order] = v["bid_min_mw"][:no]
        v["is_demand"][layout.order] = buyer
        v["withdrawable"] = np.maximum(-v["bid_min_mw"][:no], 0.0).sum()
        v["lower"][layout.link], v["upper"][layout.link] = link_min_mw, link_max_mw
        v["sign"][layout.order], v["sign"][layout.link] = side, 1.0
        v["perturbation"][at] = 0.5 + 0.5 * np.modf(np.arange(1, no + nk + 1) * 0.6180339887498949)[0]
        v["bus_component"][:buses], v["bus_component"][buses] = comp_of_island[island], -1
        v["bus_island"][:buses] = island
        v["matrix"][:m, at] = balance[ruled]
        v["site_matrix"][:m, layout.link] = balance[ruled][:, no:]
        v["site_matrix"][:m, :order_sites] = island[layout.site_bus] == ruled[:, None]
        v["ptdf"][:m, :buses] = island[None, :] == ruled[:, None]
        v["slot_line"][:m], v["slot_component"][:m] = -1, comp_of_island[ruled]
        v["cold_columns"][:m] = at[cold[ruled]]
        v["susceptance"] = b
        v["line_lower"], v["line_upper"] = np.maximum(flow_low_mw, -BIG), np.minimum(flow_high_mw, BIG)
        v["angle_lower"] = -BIG if angle_low_mw is None else np.maximum(angle_low_mw, -BIG)
        v["angle_upper"] = BIG if angle_high_mw is None else np.minimum(angle_high_mw, BIG)
        v["shift_flow"] = 0.0 if shift_flow_mw is None else shift_flow_mw
        v["from_bus"], v["to_bus"], v["line_slot"] = from_bus, to_bus, -1
        v["line_component"] = comp_of_island[island[from_bus]]
        v["net_demand"][:buses] = 0.0 if fixed_mw is None else fixed_mw
        v["has_demand"][np.asarray(bus, dtype=np.int64)[buyer]] = 1.0
        around = np.zeros(buses)
        np.add.at(around, from_bus, np.abs(b))
        np.add.at(around, to_bus, np.abs(b))
        np.add.at(v["susceptance_sum"], from_bus, b)
        np.add.at(v["susceptance_sum"], to_bus, b)
        v["inverse_susceptance_sum"][:buses] = np.divide(1.0, around, out=np.zeros(buses), where=around > 0.0)
        ends, others = np.r_[from_bus[on], to_bus[on]], np.r_[to_bus[on], from_bus[on]]
        order = np.argsort(ends, kind="stable")
        v["neighbour_start"][1 : buses + 1] = np.cumsum(np.bincount(ends, minlength=buses))
        v["neighbour"][: len(ends)] = others[order]
        v["neighbour_susceptance"][: len(ends)] = np.r_[b[on], b[on]][order]
        v["slots"], v["limits_stale"] = m, 1
        self._quantity = self._money = 1.0
        self._shunt = np.zeros(buses)
        self._fixed_default = v["net_demand"][:buses].copy()
        self._limit_default = v["line_lower"].copy(), v["line_upper"].copy()
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
        """Whether the engine clears this structure: one period, no ramps, no link with losses, no branch or
        link without room.

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
        welfare, info = np.empty(rounds), np.zeros((len(INFO), rounds))
        first, status = 0, 1
        while status:
            status, first = clear_rounds(
                work.floats, work.ints, price, mw, slope, fixed, limit, self.rule, first,
                accepted, lmp, low, high, flow, welfare, info,
            )  # fmt: skip
            if status:
                work.provide(status)
        self._idle.append(work)
        said = {field.name: row for field, row in zip(INFO, info, strict=True)}
        certified = (said["status"] == OK) & (said["residual"] <= 1.0) & (said["unpriced"] == 0.0)
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
            ending = _ENDINGS[said["status"].astype(np.int64)]
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
            welfare = run(price, mw, accepted, lmp, work.floats, work.ints, work.single, self.rule)
            if welfare == welfare:  # else NaN
                break
            status = work.single[0]
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

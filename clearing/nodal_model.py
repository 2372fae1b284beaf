"""The DC optimal power flow of one clearing as Pyomo models: with bus angles, and with PTDFs.

Sets: buses n, branches l with a flow bound, order columns c (an order in a period), links k,
periods t, ramped units u. The book's numbers (prices, MW, limits, ...) are declared as variables in
`model.data`, so that one compilation yields every coefficient as a function of them
(:mod:`clearing.arrays.compiled`). Equations and symbols: docs/mathematics.md.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr import LinearExpression

from clearing.structure import Structure

Form = Literal["angle", "ptdf"]


def build_nodal_model(structure: Structure, form: Form = "angle") -> pyo.ConcreteModel:
    """Least cost of serving fixed demand and accepted bids within the grid's limits.

    minimise Σ_c side_c·price_c·x_c + ½ slope_c·x_c²   over x, θ (or flows by PTDF), link flows z

    Parameters
    ----------
    form : "angle" keeps bus angles as variables (sparse); "ptdf" eliminates them (dense rows).
        Both have the same solutions.
    """
    with PauseGC():  # a model is many small objects and no garbage
        model = pyo.ConcreteModel(name=f"nodal clearing ({form})")
        declare_data(model, structure)
        declare_decisions(model, structure)
        model.cost = pyo.Objective(expr=offered_cost(model, structure))
        constrain_orders(model, structure)
        if form == "angle":
            balance_buses(model, structure)
            limit_flows_by_angles(model, structure)
        else:
            balance_islands(model, structure)
            limit_flows_by_ptdf(model, structure)
        constrain_ramps(model, structure)
    return model


def declare_data(model: pyo.ConcreteModel, structure: Structure) -> None:
    """The book's numbers, by the names of :class:`clearing.structure.Numbers`."""
    columns, units = range(len(structure.bus)), range(len(structure.ramp_units))
    branches = range(len(structure.limited))
    model.data = pyo.Block()
    for name in ("price", "slope", "mw", "min_mw"):
        setattr(model.data, name, pyo.Var(columns))
    model.data.fixed_mw = pyo.Var(range(len(structure.grid.buses)), range(structure.periods))
    for name in ("low_mw", "high_mw"):
        setattr(model.data, name, pyo.Var(branches))
    for name in ("ramp_up_mw", "ramp_down_mw", "previous_mw"):
        setattr(model.data, name, pyo.Var(units))


def declare_decisions(model: pyo.ConcreteModel, structure: Structure) -> None:
    """Accepted MW x_c of each order column, and flows z_kt of links within their range."""
    model.accepted = pyo.Var(range(len(structure.bus)))
    low, high = structure.grid.link_min_mw.tolist(), structure.grid.link_max_mw.tolist()
    periods = range(structure.periods)
    model.link = pyo.Var(range(structure.links), periods, bounds=lambda _, k, t: (low[k], high[k]))


def offered_cost(model: pyo.ConcreteModel, structure: Structure) -> object:
    """Σ_c side_c·price_c·x_c + ½ slope_c·x_c²: offered cost less the value of accepted bids [$/h]."""
    x, data = model.accepted, model.data
    side = structure.side.tolist()
    return pyo.quicksum(
        s * data.price[c] * x[c] + 0.5 * data.slope[c] * x[c] ** 2 for c, s in enumerate(side)
    )


def constrain_orders(model: pyo.ConcreteModel, structure: Structure) -> None:
    """min_mw_c ≤ x_c ≤ mw_c."""
    x, data = list(model.accepted.values()), model.data
    bound = {"low": list(data.min_mw.values()), "high": list(data.mw.values())}

    def order_limit(_: object, c: int, end: str) -> object:
        expression = LinearExpression(linear_coefs=[1.0, -1.0], linear_vars=[x[c], bound[end][c]])
        return expression <= 0 if end == "high" else expression >= 0

    model.order_limit = pyo.Constraint(range(len(x)), ["low", "high"], rule=order_limit)


def balance_buses(model: pyo.ConcreteModel, structure: Structure) -> None:
    """Injections leave by branches: Σ_{c at n} side_c·x_c + Σ_k K_kn·z_k − fixed_n = Σ_l A_ln·f_l.

    With f_l = b_l·(θ_from − θ_to − shift_l), A the incidence of branches and K_kn what link k brings to bus n
    per MW sent: −1 at its start, 1 − loss at its end.
    The dual of the row is the locational marginal price (law 2).
    """
    grid = structure.grid
    model.angle = pyo.Var(range(len(grid.buses)), range(structure.periods))
    for n in grid.flow.reference.tolist():
        for t in range(structure.periods):
            model.angle[n, t].setlb(0.0)
            model.angle[n, t].setub(0.0)
    susceptance = grid.flow.susceptance()
    shifted = grid.flow.incidence.T @ (grid.susceptance_mw * grid.shift_radian)
    angles, fixed = list(model.angle.values()), list(model.data.fixed_mw.values())
    terms = injection_terms(model, structure)
    starts, neighbours, b = (
        susceptance.indptr.tolist(),
        susceptance.indices.tolist(),
        susceptance.data.tolist(),
    )

    def balance(_: object, n: int, t: int) -> object:
        coefs, variables = terms.get((n, t), ([], []))
        near = range(starts[n], starts[n + 1])
        return (
            LinearExpression(
                constant=float(shifted[n]),
                linear_coefs=[*coefs, -1.0, *(-b[i] for i in near)],
                linear_vars=[
                    *variables,
                    fixed[n * structure.periods + t],
                    *(angles[neighbours[i] * structure.periods + t] for i in near),
                ],
            )
            == 0
        )

    model.balance = pyo.Constraint(range(len(grid.buses)), range(structure.periods), rule=balance)


def limit_flows_by_angles(model: pyo.ConcreteModel, structure: Structure) -> None:
    """low_l ≤ b_l·(θ_from − θ_to − shift_l) ≤ high_l; angle limits are folded into the two bounds."""
    grid, angles = structure.grid, list(model.angle.values())
    bound = {"low": list(model.data.low_mw.values()), "high": list(model.data.high_mw.values())}
    b = grid.susceptance_mw[structure.limited].tolist()
    shift = grid.shift_radian[structure.limited].tolist()
    start = (grid.from_bus[structure.limited] * structure.periods).tolist()
    end = (grid.to_bus[structure.limited] * structure.periods).tolist()

    def flow_limit(_: object, i: int, t: int, side: str) -> object:
        expression = LinearExpression(
            constant=-b[i] * shift[i],
            linear_coefs=[b[i], -b[i], -1.0],
            linear_vars=[angles[start[i] + t], angles[end[i] + t], bound[side][i]],
        )
        return expression <= 0 if side == "high" else expression >= 0

    model.flow_limit = pyo.Constraint(
        range(len(structure.limited)), range(structure.periods), ["low", "high"], rule=flow_limit
    )


def balance_islands(model: pyo.ConcreteModel, structure: Structure) -> None:
    """Σ of all injections of an island = 0; its dual is the price at the island's reference bus."""
    flow, terms = structure.grid.flow, injection_terms(model, structure)
    fixed = list(model.data.fixed_mw.values())
    members = [np.flatnonzero(flow.island == i).tolist() for i in range(flow.islands)]

    def balance(_: object, i: int, t: int) -> object:
        coefs: list[float] = []
        variables: list[object] = []
        for n in members[i]:
            own = terms.get((n, t), ([], []))
            coefs += [*own[0], -1.0]
            variables += [*own[1], fixed[n * structure.periods + t]]
        return LinearExpression(linear_coefs=coefs, linear_vars=variables) == 0

    model.balance = pyo.Constraint(range(flow.islands), range(structure.periods), rule=balance)


def limit_flows_by_ptdf(model: pyo.ConcreteModel, structure: Structure) -> None:
    """low_l ≤ Σ_n H_ln·injection_n + shift flow_l ≤ high_l."""
    flow, terms = structure.grid.flow, injection_terms(model, structure)
    ptdf = flow.ptdf_rows(structure.limited)
    fixed = list(model.data.fixed_mw.values())
    bound = {"low": list(model.data.low_mw.values()), "high": list(model.data.high_mw.values())}

    def flow_limit(_: object, i: int, t: int, side: str) -> object:
        coefs: list[float] = [-1.0]
        variables: list[object] = [bound[side][i]]
        for n in np.flatnonzero(ptdf[i]).tolist():
            own, h = terms.get((n, t), ([], [])), float(ptdf[i, n])
            coefs += [*(h * a for a in own[0]), -h]
            variables += [*own[1], fixed[n * structure.periods + t]]
        expression = LinearExpression(
            constant=float(flow.shift_flow_mw[structure.limited[i]]),
            linear_coefs=coefs,
            linear_vars=variables,
        )
        return expression <= 0 if side == "high" else expression >= 0

    model.flow_limit = pyo.Constraint(
        range(len(structure.limited)), range(structure.periods), ["low", "high"], rule=flow_limit
    )


def constrain_ramps(model: pyo.ConcreteModel, structure: Structure) -> None:
    """−down_u ≤ P_ut − P_u,t−1 ≤ up_u with P_ut = Σ side_c·x_c over the unit's orders (law 7).

    Period 0 is held against the dispatch before it, where that is known.
    """
    x, data = list(model.accepted.values()), model.data
    output: dict[tuple[int, int], tuple[list[float], list[object]]] = {}
    for c in np.flatnonzero(structure.ramp_of >= 0).tolist():
        own = output.setdefault((int(structure.ramp_of[c]), int(structure.period[c])), ([], []))
        own[0].append(float(structure.side[c]))
        own[1].append(x[c])

    def ramp(_: object, u: int, t: int, side: str) -> object:
        if t == 0 and not structure.ramp_start[u]:
            return pyo.Constraint.Skip
        now = output.get((u, t), ([], []))
        before = output.get((u, t - 1), ([], [])) if t else ([1.0], [data.previous_mw[u]])
        limit = (-1.0, data.ramp_up_mw[u]) if side == "high" else (1.0, data.ramp_down_mw[u])
        expression = LinearExpression(
            linear_coefs=[*now[0], *(-a for a in before[0]), limit[0]],
            linear_vars=[*now[1], *before[1], limit[1]],
        )
        return expression <= 0 if side == "high" else expression >= 0

    model.ramp = pyo.Constraint(
        range(len(structure.ramp_units)), range(structure.periods), ["low", "high"], rule=ramp
    )


def injection_terms(
    model: pyo.ConcreteModel, structure: Structure
) -> dict[tuple[int, int], tuple[list[float], list[object]]]:
    """Coefficients and variables of orders and links by (bus, period); injections count positive."""
    terms: dict[tuple[int, int], tuple[list[float], list[object]]] = {}

    def add(bus: int, period: int, coefficient: float, variable: object) -> None:
        own = terms.setdefault((bus, period), ([], []))
        own[0].append(coefficient)
        own[1].append(variable)

    x = list(model.accepted.values())
    columns = zip(structure.bus.tolist(), structure.period.tolist(), structure.side.tolist(), x, strict=True)
    for bus, period, side, variable in columns:
        add(bus, period, float(side), variable)
    grid, arrives = structure.grid, (1.0 - structure.grid.link_loss).tolist()
    for (k, t), variable in model.link.items():
        add(int(grid.link_from[k]), t, -1.0, variable)
        add(int(grid.link_to[k]), t, arrives[k], variable)
    return terms

"""Trading on a public grid with private lines as Pyomo models with quadratic rows (second-order cones).

Sets: buses n (0 the main grid's), public lines a, private lines b, agents i. Per unit throughout; money
in units of the main grid's price, so that the cost of one unit from the main grid is 1. Every number of
an instance is declared in `model.data`, so that a compiled model serves every instance with the same lines
(:mod:`clearing.arrays.conic_compiled`). Flows are measured at the midpoint of a line, and half of its loss is
withdrawn at each end. Equations and proofs: docs/mathematics-coalition.md. Source: the poster on
coalitions, which names the four models; their formulas are our reading of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr import LinearExpression


@dataclass(frozen=True, eq=False)
class TradingStructure:
    """Which lines join which buses: all that a compiled model depends on.

    Attributes
    ----------
    buses, main : number of buses, and the position of the main grid's.
    public_from, public_to : (public lines in service,) positions.
    lossy : (lossy lines,) positions among the public lines of those with a resistance above 0.
    private_from, private_to : (private lines,) positions of buses.
    """

    buses: int
    main: int
    public_from: np.ndarray
    public_to: np.ndarray
    lossy: np.ndarray
    private_from: np.ndarray
    private_to: np.ndarray

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for two structures exactly where one compiled model serves both."""
        arrays = (self.public_from, self.public_to, self.lossy, self.private_from, self.private_to)
        return (self.buses, self.main, *(part.astype(np.int64).tobytes() for part in arrays))


def build_integrated_model(structure: TradingStructure) -> pyo.ConcreteModel:
    """INTEGRATED: least supply of the main grid, every flow free.

    minimise G  subject to balance and losses.
    """
    with PauseGC():
        model = pyo.ConcreteModel(name="integrated trading")
        declare_numbers(model, structure)
        declare_public_lines(model, structure)
        declare_private_lines(model, structure)
        model.supply = pyo.Var()
        balance_buses(model, structure)
        cover_public_losses(model, structure)
        cover_private_losses(model, structure)
        model.cost = pyo.Objective(expr=1.0 * model.supply)
    return model


def build_cooperative_model(structure: TradingStructure) -> pyo.ConcreteModel:
    """COOPERATIVE: least supply of the main grid, public flows obey physics, private ones are free.

    minimise G  subject to balance, losses and physics.
    """
    model = build_integrated_model(structure)
    model.name = "cooperative trading"
    with PauseGC():
        obey_physics(model, structure)
    return model


def build_self_interested_model(structure: TradingStructure) -> pyo.ConcreteModel:
    """SELF-INTERESTED: each coalition (component of the private lines) trades at least bill.

    minimise Σ_i buy_price_i·b_i − sell_price·s_i  subject to balance of agents and private losses.
    Separable over coalitions, so one program solves all of them. Losses of public lines are in
    nobody's objective.
    """
    with PauseGC():
        model = pyo.ConcreteModel(name="self-interested trading")
        declare_numbers(model, structure)
        declare_private_lines(model, structure)
        agents = range(structure.buses)
        model.bought = pyo.Var(agents, bounds=(0.0, None))
        model.sold = pyo.Var(agents, bounds=(0.0, None))
        balance_agents(model, structure)
        cover_private_losses(model, structure)
        data = model.data
        model.cost = pyo.Objective(
            expr=pyo.quicksum(
                data.buy_price[i] * model.bought[i] - data.sell_price[i] * model.sold[i] for i in agents
            )
        )
    return model


def declare_numbers(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """Net endowments p, resistances r, reactances x, phase shifts and tariffs, by name."""
    model.data = pyo.Block()
    buses, public = range(structure.buses), range(len(structure.public_from))
    model.data.net = pyo.Var(buses)
    model.data.public_r = pyo.Var(range(len(structure.lossy)))
    model.data.public_x = pyo.Var(public)
    model.data.public_shift = pyo.Var(public)
    model.data.private_r = pyo.Var(range(len(structure.private_from)))
    model.data.buy_price = pyo.Var(buses)
    model.data.sell_price = pyo.Var(buses)


def declare_public_lines(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """Midpoint flow f_a of each public line, and loss l_a ≥ 0 of each one with a resistance."""
    model.flow = pyo.Var(range(len(structure.public_from)))
    model.loss = pyo.Var(range(len(structure.lossy)))


def declare_private_lines(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """Midpoint flow g_b and loss m_b of each private line; its owners control it in both directions."""
    model.private_flow = pyo.Var(range(len(structure.private_from)))
    model.private_loss = pyo.Var(range(len(structure.private_from)))


def balance_buses(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """p_n + [n = 0]·G = Σ_out f − Σ_in f + Σ_out g − Σ_in g + ½·Σ_at n l + ½·Σ_at n m   (F1).

    The dual is the nodal price: the increase of least cost per unit of extra demand at the bus (law 2).
    """
    terms = _withdrawals(model, structure, public=True)
    coefs, variables = terms[structure.main]
    coefs.append(-1.0)
    variables.append(model.supply)
    net = list(model.data.net.values())

    def balance(_: object, n: int) -> object:
        coefs, variables = terms[n]
        return (
            LinearExpression(linear_coefs=[*(-a for a in coefs), 1.0], linear_vars=[*variables, net[n]]) == 0
        )

    model.balance = pyo.Constraint(range(structure.buses), rule=balance)


def balance_agents(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """p_i + b_i − s_i = Σ_out g − Σ_in g + ½·Σ_at i m, for every agent."""
    terms = _withdrawals(model, structure, public=False)
    net, bought, sold = (
        list(part.values()) for part in (model.data.net, model.bought, model.sold)
    )  # fmt: skip

    def balance(_: object, i: int) -> object:
        coefs, variables = terms[i]
        return (
            LinearExpression(
                linear_coefs=[*(-a for a in coefs), 1.0, -1.0, 1.0],
                linear_vars=[*variables, bought[i], sold[i], net[i]],
            )
            == 0
        )

    model.balance = pyo.Constraint(range(structure.buses), rule=balance)


def cover_public_losses(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """l_a ≥ r_a·f_a²: tight wherever the nodal prices of the two ends add up to more than 0."""
    flow, loss, r = (list(part.values()) for part in (model.flow, model.loss, model.data.public_r))
    at = structure.lossy.tolist()

    def cover(_: object, k: int) -> object:
        return loss[k] - r[k] * flow[at[k]] ** 2 >= 0

    model.public_loss_covered = pyo.Constraint(range(len(at)), rule=cover)


def cover_private_losses(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """m_b ≥ r_b·g_b²: tight wherever the prices of the two ends add up to more than 0."""
    flow, loss = list(model.private_flow.values()), list(model.private_loss.values())
    r = list(model.data.private_r.values())

    def cover(_: object, b: int) -> object:
        return loss[b] - r[b] * flow[b] ** 2 >= 0

    model.private_loss_covered = pyo.Constraint(range(len(flow)), rule=cover)


def obey_physics(model: pyo.ConcreteModel, structure: TradingStructure) -> None:
    """x_a·f_a = θ_from − θ_to − shift_a on public lines, θ_0 = 0: the midpoint flow of the DC model."""
    model.angle = pyo.Var(range(structure.buses))
    model.angle[structure.main].setlb(0.0)
    model.angle[structure.main].setub(0.0)
    flow, angle = list(model.flow.values()), list(model.angle.values())
    x, shift = list(model.data.public_x.values()), list(model.data.public_shift.values())
    start, end = structure.public_from.tolist(), structure.public_to.tolist()

    def physics(_: object, a: int) -> object:
        return x[a] * flow[a] - angle[start[a]] + angle[end[a]] + shift[a] == 0

    model.physics = pyo.Constraint(range(len(flow)), rule=physics)


def _withdrawals(
    model: pyo.ConcreteModel, structure: TradingStructure, public: bool
) -> list[tuple[list[float], list[object]]]:
    """Coefficients and variables of what lines take out of each bus: flows out, and half of all losses."""
    terms: list[tuple[list[float], list[object]]] = [([], []) for _ in range(structure.buses)]

    def add(buses: np.ndarray, coefficient: float, variables: list[object]) -> None:
        for n, variable in zip(buses.tolist(), variables, strict=True):
            terms[n][0].append(coefficient)
            terms[n][1].append(variable)

    private_flow, private_loss = list(model.private_flow.values()), list(model.private_loss.values())
    groups = [(structure.private_from, structure.private_to, private_flow, private_loss, slice(None))]
    if public:
        flow, loss = list(model.flow.values()), list(model.loss.values())
        groups.append((structure.public_from, structure.public_to, flow, loss, structure.lossy))  # type: ignore[arg-type]
    for start, end, flows, losses, lossy in groups:
        add(start, 1.0, flows)
        add(end, -1.0, flows)
        add(start[lossy], 0.5, losses)
        add(end[lossy], 0.5, losses)
    return terms


BUILDERS: dict[str, Callable[[TradingStructure], pyo.ConcreteModel]] = {
    "integrated": build_integrated_model,
    "cooperative": build_cooperative_model,
    "self_interested": build_self_interested_model,
}

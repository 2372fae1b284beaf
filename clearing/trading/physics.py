"""Public flows with losses: the DC flow at line midpoints, half of each loss withdrawn at each end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from clearing.errors import InfeasibleError
from clearing.trading.instance import TradingInstance
from networks.checks import number

STEPS = 2000
CONVERGED = 1e-13  # of the largest flow: the last change of a flow


@dataclass(frozen=True, eq=False)
class PublicFlow:
    """Flows [MW], losses [MW] of every public line, and the main grid's supply [MW]."""

    flow_mw: np.ndarray
    loss_mw: np.ndarray
    supply_mw: float


def solve_public_flow(instance: TradingInstance, injection_mw: np.ndarray) -> PublicFlow:
    """The physical flow of given injections, the main grid supplying the rest.

    Fixed point of f = DC flow(injection − ½·Σ_at n r·f²). It contracts while marginal losses are
    below 1; where it does not, no flow of that kind carries the injections.

    Parameters
    ----------
    injection_mw : (buses,) what agents put into the public grid, negative for withdrawals [MW].

    Raises
    ------
    InfeasibleError
        naming the line with the greatest marginal loss.
    """
    grid, main = instance.grid, instance.main
    loss_factor = grid.r_pu / grid.base_mva
    ends = 0.5 * abs(grid.flow.incidence).T
    flow = np.zeros(len(grid.branches))
    for _ in range(STEPS):
        loss = loss_factor * flow**2
        load = injection_mw - ends @ loss
        load[main] -= load.sum()
        last, flow = flow, grid.flow.flows(load)
        size = float(np.abs(flow).max(initial=0.0))
        if not np.isfinite(size) or float((loss_factor * np.abs(flow)).max(initial=0.0)) > 1e3:
            break
        if float(np.abs(flow - last).max(initial=0.0)) <= CONVERGED * (instance.unit_mw + size):
            loss = loss_factor * flow**2
            return PublicFlow(flow, loss, float(loss.sum() - injection_mw.sum()))
    # the last step that was finite names the line
    margin = loss_factor * np.abs(last if not np.isfinite(flow).all() else flow)
    k = int(np.argmax(margin))
    raise InfeasibleError(
        f"public line {grid.branches[k]!r}: no physical flow carries the injections (its resistance is "
        f"{grid.r_pu[k]:g} p.u., and losses grow without bound); lower the injections near it, or it"
    )


def public_residuals(instance: TradingInstance, flow_mw: np.ndarray) -> float:
    """Largest deviation of flows from the DC flow of their own divergence, over 1 + largest flow."""
    grid = instance.grid
    divergence = grid.flow.incidence.T @ flow_mw
    return float(np.abs(grid.flow.flows(divergence) - flow_mw).max(initial=0.0)) / (
        1.0 + float(np.abs(flow_mw).max(initial=0.0))
    )


def private_withdrawal(instance: TradingInstance, flow_mw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What private lines take out of each bus [MW], half of their losses included, and their losses [MW]."""
    start, end = instance.private_ends
    loss = instance.private.r_pu / instance.grid.base_mva * flow_mw**2
    size = len(instance.grid.buses)
    out = np.bincount(start, flow_mw + 0.5 * loss, minlength=size)
    return out - np.bincount(end, flow_mw - 0.5 * loss, minlength=size), loss


def balance_residual(instance: TradingInstance, injection_mw: np.ndarray, flow: PublicFlow) -> np.ndarray:
    """(buses,) injections and main grid supply less what public lines take out of each bus [MW]."""
    incidence = instance.grid.flow.incidence
    left = injection_mw - incidence.T @ flow.flow_mw - 0.5 * (abs(incidence).T @ flow.loss_mw)
    left[instance.main] += flow.supply_mw
    return left


def settle_free_flow(instance: TradingInstance, injection_mw: np.ndarray, flow_mw: np.ndarray) -> PublicFlow:
    """Free public flows made exact: what a solver's tolerance leaves unbalanced is routed by the DC flow."""
    grid = instance.grid
    flow = flow_mw.copy()
    for _ in range(STEPS):
        loss = grid.r_pu / grid.base_mva * flow**2
        state = PublicFlow(flow, loss, float(loss.sum() - injection_mw.sum()))
        left = balance_residual(instance, injection_mw, state)
        if float(np.abs(left).max()) <= 10 * CONVERGED * (
            instance.unit_mw + float(np.abs(flow).max(initial=0.0))
        ):
            break
        flow = flow + grid.flow.flows(left) - grid.flow.shift_flow_mw
    return state


def price_nodes(instance: TradingInstance, flow_mw: np.ndarray) -> np.ndarray:
    """(buses,) cost of one more MW of demand at each bus, at these public flows [$/MWh].

    Stationarity in angles of the Lagrangian with losses eliminated (l = r·f²):
    Aᵀ·diag(b)·(A + diag(r·f)·|A|)·λ = 0 away from the main grid's bus, λ = supply price there; A is the
    incidence and b the susceptance. Where flows are free, each line has λ_to·(1 − r·f) = λ_from·(1 + r·f),
    which satisfies the same equations. By the envelope theorem private flows do not enter. It is as
    accurate as the flows, which a solver's own duals are not.
    """
    grid, main = instance.grid, instance.main
    incidence = grid.flow.incidence
    marginal = sparse.diags_array(grid.r_pu / grid.base_mva * flow_mw)
    rows = incidence.T @ sparse.diags_array(grid.susceptance_mw) @ (incidence + marginal @ abs(incidence))
    kept = np.flatnonzero(np.arange(len(grid.buses)) != main)
    price = np.full(len(grid.buses), instance.supply_price)
    if len(kept):
        system = sparse.csc_array(rows)[kept]
        right = -instance.supply_price * system[:, [main]].toarray().ravel()
        price[kept] = splu(sparse.csc_matrix(system[:, kept])).solve(right)
    return price


def calibrate_resistance(instance: TradingInstance, losses_mw: float) -> float:
    """The factor on r and x of all public lines at which trading without private lines loses `losses_mw`.

    Joint fixed point of the flow with losses and factor = losses_mw / Σ r·f²; a common factor on r and x
    changes no flow but through the losses.

    Raises
    ------
    InfeasibleError
        where no factor gives such losses: the public lines would have to carry more than they can.
    """
    grid, main = instance.grid, instance.main
    target = number("losses_mw", losses_mw, "MW", above=0.0)
    ends = 0.5 * abs(grid.flow.incidence).T
    resistance = np.where(grid.in_service, grid.r_pu / grid.base_mva, 0.0)
    flow, factor = np.zeros(len(grid.branches)), 0.0
    for _ in range(STEPS):
        load = instance.net_mw - ends @ (factor * resistance * flow**2)
        load[main] -= load.sum()
        flow = grid.flow.flows(load)
        lost = float(resistance @ flow**2)
        if lost == 0:
            raise InfeasibleError(
                "no public line with a resistance carries any flow, so none can lose energy"
            )
        last, factor = factor, target / lost
        if abs(factor - last) <= 1e-12 * factor:
            break
    scaled = replace(grid, r_pu=factor * grid.r_pu, x_pu=factor * grid.x_pu)
    try:  # the joint fixed point may be the branch of flows that no physics reaches
        reached = float(solve_public_flow(instance.with_grid(scaled), instance.net_mw).loss_mw.sum())
    except InfeasibleError:
        reached = np.nan
    if not abs(reached - target) <= 1e-6 * target:
        raise InfeasibleError(
            f"no factor on the public resistances gives losses of {target:g} MW; ask for fewer"
        )
    return factor

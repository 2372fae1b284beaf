"""From a solver's answer to the exact one: Newton's method on the conditions of optimality.

A conic solver leaves flows uncertain to about the root of its tolerance. At the optimum every loss is r·f²,
and a private line carries g = (λ_to − λ_from)/(r·(λ_to + λ_from)), so prices alone determine private flows
and the conditions are smooth equations, solved here to rounding from the solver's prices. Where the method
does not converge the solver's flows stand; the certificate judges either.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from clearing.trading.models import TradingStructure

STEPS = 30
SMALL = 1e-12  # residual, per unit over 1 + largest injection, at which the method stops
ENOUGH = 1e-9  # residual that is accepted when rounding lets it fall no further (short lines: 1e-16/r)
NEAR = 1e-6  # per unit: who trades more with the grid, at a price so near to a tariff, pays that tariff
IDLE = 1  # steps without halving the residual after which the method stops
RIDGE = 1e-11  # of the largest diagonal entry: decides what no equation decides
REACH = 1e-3  # residual at the start beyond which the solver's answer is no start for Newton's method


def polish_coalitions(
    structure: TradingStructure, numbers: dict[str, np.ndarray], price: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Exact private flows and prices of the self-interested model, or None.

    Its dual problem: min Σ λ_i·p_i + Σ (λ_to − λ_from)²/(2·r·(λ_to + λ_from)) over sell ≤ λ_i ≤ buy_i, smooth
    and convex; its slope at agent i is what i puts into the public grid. Projected Newton steps.
    """
    lines = (structure.private_from, structure.private_to, numbers["private_r"])
    low, high, net = numbers["sell_price"], numbers["buy_price"], numbers["net"]
    alone = np.bincount(np.concatenate(lines[:2]), minlength=len(net)) == 0
    middle = 0.5 * (low + high)  # of an agent that has nothing, needs nothing and has no line
    price = np.where(
        alone, np.where(net > 0, low, np.where(net < 0, high, middle)), np.clip(price, low, high)
    )
    size = 1.0 + float(np.abs(net).max(initial=0.0))
    traded = net - _private_outflow(price, *lines)
    price = np.where((traded > NEAR * size) & (price <= low + NEAR * high), low, price)
    price = np.where((traded < -NEAR * size) & (price >= high - NEAR * high), high, price)
    best, found, idle = np.inf, price, 0
    for _ in range(STEPS):
        injection = net - _private_outflow(price, *lines)
        held = ((price <= low) & (injection >= 0)) | ((price >= high) & (injection <= 0))
        free = np.flatnonzero(~held)
        worst = float(np.abs(injection[free]).max(initial=0.0)) / size
        idle = 0 if worst < 0.5 * best else idle + 1
        if worst < best:
            best, found = worst, price
        if best <= SMALL or idle > IDLE:
            break
        step = _solve(_curvature(price, *lines)[free][:, free], -injection[free])
        if step is None:
            break
        price = price.copy()
        price[free] = np.clip(price[free] + step, low[free], high[free])
    return (_private_flow(found, *lines), found) if best <= ENOUGH else None


def polish_grid(
    structure: TradingStructure,
    numbers: dict[str, np.ndarray],
    price: np.ndarray,
    flow: np.ndarray,
    physics: bool,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Exact private flows and public flows of the cooperative (`physics`) or integrated model, or None.

    Unknowns λ, f and, with physics, θ and π, away from the main grid's bus where λ = 1 and θ = 0:

        p − Aᵀ·f − ½·|A|ᵀ·r·f² − private outflow(λ) = 0,    A·λ + r·f·(|A|·λ) + x·π = 0,
        x·f − A·θ + shift = 0,    Aᵀ·π = 0        (without physics π = 0 and the last two are absent)

    Parameters
    ----------
    price, flow : the solver's nodal prices and public flows, per unit (money in units of the supply price).
    """
    n, count = structure.buses, len(structure.public_from)
    rest = np.flatnonzero(np.arange(n) != structure.main)
    lines = np.arange(count)
    shape = (count, n)
    ends = (np.tile(lines, 2), np.concatenate([structure.public_from, structure.public_to]))
    signed = sparse.csr_array((np.repeat([1.0, -1.0], count), ends), shape=shape)
    either = sparse.csr_array((np.ones(2 * count), ends), shape=shape)
    r = np.zeros(count)
    r[structure.lossy] = numbers["public_r"]
    x, shift, net = (numbers[name] for name in ("public_x", "public_shift", "net"))
    private = (structure.private_from, structure.private_to, numbers["private_r"])
    angle, multiplier = np.zeros(n), np.zeros(count)
    price = price.copy()
    price[structure.main] = 1.0
    flow = flow.copy()
    if physics:
        laplacian = (signed.T @ sparse.diags_array(1.0 / x) @ signed).tocsc()[rest][:, rest]
        angle[rest] = splu(sparse.csc_matrix(laplacian)).solve((signed.T @ (flow + shift / x))[rest])
        multiplier = -(signed @ price + r * flow * (either @ price)) / x
    size = 1.0 + float(np.abs(net).max(initial=0.0))
    best, idle = np.inf, 0
    found = None
    for _ in range(STEPS):
        if (price[private[0]] + price[private[1]] <= 0).any():
            break
        steep = either @ price
        balance = net - signed.T @ flow - 0.5 * (either.T @ (r * flow**2)) - _private_outflow(price, *private)
        slope = signed @ price + r * flow * steep + (x * multiplier if physics else 0.0)
        law = x * flow - signed @ angle + shift if physics else np.zeros(0)
        closed = (signed.T @ multiplier)[rest] if physics else np.zeros(0)
        residual = np.concatenate([balance[rest], slope, law, closed])
        worst = float(np.abs(residual).max(initial=0.0)) / size
        if best == np.inf and not worst <= REACH:
            break
        idle = 0 if worst < 0.5 * best else idle + 1
        if worst < best:
            best, found = worst, (_private_flow(price, *private), flow.copy())
        if best <= SMALL or idle > IDLE:
            break
        marginal = sparse.diags_array(r * flow)
        give = -(signed + marginal @ either).T.tocsr()[rest]
        bend = sparse.csr_array(_curvature(price, *private))[rest][:, rest]
        # a lossless line's flow may be undetermined (cycles): it then stays near where the solver left it
        grip = sparse.diags_array(np.where(r > 0, r * steep, RIDGE))
        blocks = [[bend, give], [-give.T, grip]]
        if physics:
            reach, wide = sparse.csr_array(signed)[:, rest], sparse.diags_array(x)
            blocks = [
                [bend, give, None, None],
                [-give.T, sparse.diags_array(r * steep), None, wide],
                [None, wide, -reach, None],
                [None, None, None, reach.T],
            ]
        try:
            step = splu(sparse.csc_matrix(sparse.block_array(blocks, format="csc"))).solve(-residual)
        except RuntimeError:
            break
        parts = np.split(step, np.cumsum([len(rest), count, *([len(rest)] * physics)]))
        price[rest] += parts[0]
        flow += parts[1]
        if physics:
            angle[rest] += parts[2]
            multiplier += parts[3]
    return found if best <= ENOUGH else None


def _private_flow(price: np.ndarray, start: np.ndarray, end: np.ndarray, r: np.ndarray) -> np.ndarray:
    return (price[end] - price[start]) / (r * (price[end] + price[start]))


def _private_outflow(price: np.ndarray, start: np.ndarray, end: np.ndarray, r: np.ndarray) -> np.ndarray:
    """(buses,) flows out of each bus, half of the losses included, at these prices."""
    flow = _private_flow(price, start, end, r)
    half = 0.5 * r * flow**2
    return np.bincount(start, flow + half, len(price)) - np.bincount(end, flow - half, len(price))


def _curvature(price: np.ndarray, start: np.ndarray, end: np.ndarray, r: np.ndarray) -> sparse.csc_array:
    """(buses, buses) second derivatives of Σ rents: −∂(private outflow)/∂λ."""
    first, second = price[start], price[end]
    scale = 4.0 / (r * (first + second) ** 3)
    values = np.concatenate([scale * second**2, scale * first**2, *[-scale * first * second] * 2])
    rows = np.concatenate([start, end, start, end])
    columns = np.concatenate([start, end, end, start])
    return sparse.csc_array((values, (rows, columns)), shape=(len(price), len(price)))


def _solve(matrix: sparse.csc_array, right: np.ndarray) -> np.ndarray | None:
    """matrix⁻¹·right with a small ridge: a component that trades with nobody has one free price level."""
    ridge = RIDGE * (float(matrix.diagonal().max(initial=0.0)) or 1.0)
    eye = sparse.eye_array(len(right), format="csc")
    try:
        return splu(sparse.csc_matrix(matrix + ridge * eye)).solve(right)
    except RuntimeError:
        return None

"""Why a trading model has no usable solution: the line, the bus and the missing MW."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from clearing.arrays.conic import ConicProgram, ConicSolution
from clearing.arrays.conic_compiled import CompiledConicModel
from clearing.errors import ClearingError
from clearing.solvers import solve_conic
from clearing.trading.instance import TradingInstance

PENALTY = 100.0  # of unserved energy, in units of the supply price: above any sane nodal price


def describe_overload(instance: TradingInstance, compiled: CompiledConicModel, program: ConicProgram) -> str:
    """The message for an infeasible program: which bus stays short, and the most loaded line near it.

    The program is solved once more with unserved energy at a high price.
    """
    p, balance = program.linear, compiled.rows["balance"]
    rows, columns = p.matrix.shape
    size = len(balance)
    values = np.concatenate([np.ones(size), -np.ones(size)])
    slack = sparse.csc_array((values, (np.tile(balance, 2), np.arange(2 * size))), shape=(rows, 2 * size))
    relaxed = replace(
        p,
        cost=np.append(p.cost, np.full(2 * size, PENALTY)),
        curvature=np.zeros(columns + 2 * size),
        matrix=sparse.csc_array(sparse.hstack([p.matrix, slack], format="csc")),
        low=np.append(p.low, np.zeros(2 * size)),
        high=np.append(p.high, np.full(2 * size, np.inf)),
    )
    head = "the lines cannot carry the injections"
    try:
        x = solve_conic(replace(program, linear=relaxed)).x
    except ClearingError:
        return f"{head}: no flow balances every bus (lower demand or resistance)"
    short = x[columns : columns + size] - x[columns + size :]
    bus = int(np.argmax(np.abs(short)))
    unit, buses = instance.unit_mw, instance.grid.buses
    loading = program.weight * np.abs(x[program.inner])
    loading *= 1.0 + 1e-3 * _touches(instance, compiled, bus)  # of equals, the one at the bus
    word = "demand cannot be served" if short[bus] > 0 else "surplus cannot leave"
    return (
        f"{head}: at bus {buses[bus]!r} {abs(short[bus]) * unit:.6g} MW of {word}; "
        f"{line_name(instance, compiled, int(np.argmax(loading)))} is the most loaded line: more flow on it "
        "delivers no more (lower demand or its resistance)"
    )


def describe_loose_cone(
    instance: TradingInstance, compiled: CompiledConicModel, program: ConicProgram, solution: ConicSolution
) -> str:
    """The message for a loose cone: the optimum would burn energy on a line, which no physics does."""
    gap = program.excess(solution.x)
    k = int(np.argmax(gap))
    beyond = instance.unit_mw * gap[k]
    return (
        f"{line_name(instance, compiled, k)}: the relaxed loss exceeds r·f² by {beyond:.3g} MW, so "
        "the solution is not physical (the nodal prices of its two ends add up to less than 0: there is more "
        "energy than the lines can take away); lower the endowments near it or its resistance"
    )


def line_name(instance: TradingInstance, compiled: CompiledConicModel, cone: int) -> str:
    """The line of a cone, for messages."""
    public = compiled.cones.get("public_loss_covered", np.zeros(0, dtype=np.int64))
    grid = instance.grid
    if cone in public:
        k = instance.in_service[instance.structure.lossy[int(np.flatnonzero(public == cone)[0])]]
        ends, name, kind = (grid.from_bus[k], grid.to_bus[k]), grid.branches[k], "public"
    else:
        k = int(np.flatnonzero(compiled.cones["private_loss_covered"] == cone)[0])
        start, end = instance.private_ends
        ends, name, kind = (start[k], end[k]), instance.private.lines[k], "private"
    return f"{kind} line {name!r} ({grid.buses[ends[0]]!r} to {grid.buses[ends[1]]!r})"


def _touches(instance: TradingInstance, compiled: CompiledConicModel, bus: int) -> np.ndarray:
    structure = instance.structure
    near = np.zeros(sum(len(part) for part in compiled.cones.values()), dtype=bool)
    if "public_loss_covered" in compiled.cones:
        start, end = structure.public_from[structure.lossy], structure.public_to[structure.lossy]
        near[compiled.cones["public_loss_covered"]] = (start == bus) | (end == bus)
    start, end = structure.private_from, structure.private_to
    near[compiled.cones["private_loss_covered"]] = (start == bus) | (end == bus)
    return near

"""Truthful schedules of homes: exact, unique by rule, with the marginal cost of every slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from clearing.arrays.compiled import CompiledModel
from clearing.arrays.programs import Program
from clearing.errors import InfeasibleError, InputError, NumericalError
from clearing.homes.home import Home
from clearing.homes.model import home_program
from clearing.homes.outcome import HomeSchedule, read_schedule
from clearing.pricing.exact import AT_LIMIT, Point, correct, restrict, solve_exactly
from clearing.solvers import TIME_LIMIT, solve
from networks.checks import real_array

TOGETHER = 25
"""Homes whose ties are shared in one program; their blocks do not touch, so this is about speed only."""

AT_ONCE = 3
"""Homes in one linear program; simplex slows down with more."""

FLEXIBLE = ("charged", "discharged", "appliance", "comfort", "bought", "sold", "generated", "sun")
WHOLE_TOLERANCE = 1e-6  # a binary further from 0 and 1 is no answer
TIED_CHOICE = 1e-6  # cost, in scaled units, below which two choices are equally good


def schedule_homes(
    homes: Sequence[Home],
    buy_price: float | np.ndarray,
    sell_price: float | np.ndarray,
    share_ties: bool = True,
    time_limit: float = TIME_LIMIT,
) -> list[HomeSchedule]:
    """The least-cost schedule of each home on its own under a tariff.

    Parameters
    ----------
    buy_price, sell_price : one number, or one per slot [$/MWh]; selling dearer than buying is refused.
    share_ties : among equally good schedules, the most comfort, then the least sum of squares, so that
        equal slots share; False takes the solver's (deterministic) choice, which is faster.

    Raises
    ------
    InputError
        prices, or a home that nothing can serve.
    InfeasibleError
        a home whose energy does not suffice, by name.
    TimeLimitError, NumericalError
    """
    out: list[HomeSchedule] = []
    for start in range(0, len(homes), TOGETHER):
        part = homes[start : start + TOGETHER]
        prices = [tariff_arrays(home, buy_price, sell_price) for home in part]
        built = [home_program(home, *price) for home, price in zip(part, prices, strict=True)]
        try:
            points = _solve_together([program for _, program in built], built, share_ties, time_limit)
        except InfeasibleError:
            _name_infeasible(part, built, time_limit)
            raise
        for home, price, (model, program), (x, dual) in zip(part, prices, built, points, strict=True):
            out.append(read_schedule(home, *price, model, program, x, dual))
    return out


def tariff_arrays(
    home: Home, buy_price: float | np.ndarray, sell_price: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(slots,) twice: checked prices."""
    arrays = []
    for name, value in (("buy_price", buy_price), ("sell_price", sell_price)):
        array = real_array(name, value)
        if array.shape not in ((), (home.slots,)) or not np.isfinite(array).all():
            raise InputError(f"{name} needs one finite number, or {home.slots}, in $/MWh")
        arrays.append(np.broadcast_to(array, (home.slots,)).copy())
    bad = np.flatnonzero(arrays[1] > arrays[0])
    if len(bad):
        t = int(bad[0])
        raise InputError(
            f"sell_price is {arrays[1][t]:g} and buy_price {arrays[0][t]:g} $/MWh in slot {t}: buying and "
            "selling at once would earn money; lower sell_price"
        )
    return arrays[0], arrays[1]


def _solve_together(
    programs: list[Program],
    built: list[tuple[CompiledModel, Program]],
    share_ties: bool,
    time_limit: float,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(x, row duals) of each block of one block-diagonal program."""
    parts = [
        _fix_choices(
            stack(programs[k : k + AT_ONCE]), _lateness(built[k : k + AT_ONCE]), share_ties, time_limit
        )
        for k in range(0, len(programs), AT_ONCE)
    ]
    found = [solve(part, time_limit=time_limit) for part in parts]
    x = np.concatenate([solution.x for solution in found])
    dual = np.concatenate([solution.row_dual for solution in found])
    if share_ties:
        whole = stack(parts)
        point = correct(whole, x, dual)
        x, dual = _share_ties(whole, point, built), point.dual
    columns = np.cumsum([0, *(p.matrix.shape[1] for p in programs)])
    rows = np.cumsum([0, *(p.matrix.shape[0] for p in programs)])
    return [(x[columns[k] : columns[k + 1]], dual[rows[k] : rows[k + 1]]) for k in range(len(programs))]


def _fix_choices(program: Program, late: np.ndarray, share_ties: bool, time_limit: float) -> Program:
    """The linear program that remains when yes-or-no decisions are taken as the proven optimum has them;
    of equally good starts of cycles, the earliest (least sum of starting slots)."""
    if program.integer is None:
        return program
    x = solve(program, time_limit=time_limit).x
    if share_ties and late.any():
        row = sparse.csc_array(program.cost[None, :])
        near = replace(
            program,
            cost=late,
            matrix=sparse.csc_array(sparse.vstack([program.matrix, row])),
            row_low=np.append(program.row_low, -np.inf),
            row_high=np.append(program.row_high, program.objective(x) + TIED_CHOICE),
        )
        x = solve(near, time_limit=time_limit).x
    found = x[program.integer]
    fixed = np.round(found)
    if np.abs(fixed - found).max(initial=0.0) > WHOLE_TOLERANCE:
        raise NumericalError("home: a yes-or-no decision is neither")
    low, high = program.low.copy(), program.high.copy()
    low[program.integer] = high[program.integer] = fixed
    return replace(program, low=low, high=high, integer=None)


def _lateness(built: Sequence[tuple[CompiledModel, Program]]) -> np.ndarray:
    """(columns,) starting slot of each start of a cycle, 0 for all else."""
    parts = []
    for model, program in built:
        late = np.zeros(len(program.cost))
        starts = model.variables["start"]
        slots = len(model.rows["balance"])
        late[starts] = np.arange(len(starts)) % slots
        parts.append(late)
    return np.concatenate(parts)


def _share_ties(program: Program, point: Point, built: list[tuple[CompiledModel, Program]]) -> np.ndarray:
    none = np.zeros(len(program.cost))
    comfort, weight = none.copy(), none.copy()
    start = 0
    for model, block in built:
        for name in FLEXIBLE:
            own = model.variables.get(name)
            if own is not None and len(own):
                weight[start + own] = 1.0 / np.maximum(block.high[own], 1e-3)
                if name == "comfort":
                    comfort[start + own] = -1.0
        start += len(block.cost)
    face = restrict(program, point)
    open_comfort = (comfort < 0) & (face.low < face.high)
    if open_comfort.any():
        second = solve_exactly(replace(face, cost=comfort, curvature=none))
        face = restrict(replace(face, cost=comfort, curvature=none), second)
    face = replace(face, cost=none, curvature=weight)
    found = solve(face)
    exact = correct(face, found.x, found.row_dual).x
    # a bound that is nearly met can be mistaken for an active one; then the solver's own answer stands
    return exact if _violation(face, exact) <= max(AT_LIMIT, _violation(face, found.x)) else found.x


def _violation(program: Program, x: np.ndarray) -> float:
    activity = program.matrix @ x
    beyond = [program.low - x, x - program.high, program.row_low - activity, activity - program.row_high]
    return max(float(part.max(initial=0.0)) for part in beyond)


def stack(programs: Sequence[Program]) -> Program:
    """Programs side by side."""
    integers = [p.integer if p.integer is not None else np.zeros(len(p.cost), dtype=bool) for p in programs]
    mask = np.concatenate(integers)
    return Program(
        cost=np.concatenate([p.cost for p in programs]),
        curvature=np.concatenate([p.curvature for p in programs]),
        matrix=sparse.csc_array(sparse.block_diag([p.matrix for p in programs], format="csc")),
        row_low=np.concatenate([p.row_low for p in programs]),
        row_high=np.concatenate([p.row_high for p in programs]),
        low=np.concatenate([p.low for p in programs]),
        high=np.concatenate([p.high for p in programs]),
        integer=mask if mask.any() else None,
    )


def _name_infeasible(
    homes: Sequence[Home], built: list[tuple[CompiledModel, Program]], time_limit: float
) -> None:
    for home, (_, program) in zip(homes, built, strict=True):
        try:
            solve(program, time_limit=time_limit)
        except InfeasibleError as error:
            raise InfeasibleError(
                f"home {home.label!r}: its connection, sun, battery and generator cannot serve its load and "
                "appliances over the horizon; raise connection_mw, or give value_of_lost_load"
            ) from error

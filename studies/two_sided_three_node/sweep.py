"""Which days are learned: one setting per cell, each named after the sweeps that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from networks.errors import InputError
from studies.study import Row

if TYPE_CHECKING:
    from studies.two_sided_three_node.study import Settings

NO_RAMP = 200.0  # Gen-A's capacity: a wider limit never binds

MINIMAL: dict[str, Any] = {
    "grid": "minimal", "rule": "high", "genco_rate": 0.5, "disco_rate": 0.5, "policy": "entropy",
    "alpha": 0.1, "gamma": 0.95, "ramp_mw": 4.0, "start": "200 MW", "disco_hours": "second",
    "objective": "margin", "who": "Gen-A and Disco-1",
}  # fmt: skip
POLICY_LEVELS = {
    "entropy": (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9),
    "epsilon-greedy": (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8),
    "fixed temperature": (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
}
"""Levels of the policies that are compared: exploration rate, ε, temperature [$]."""

GAME_KEYS = ("grid", "rule", "ramp_mw", "start", "disco_hours", "objective", "who")


def learning_cells(spec: Settings) -> list[Row]:
    """Cells of the sweeps, without repetition; `sweeps` lists what a cell is part of."""
    for name in ("rates", "gammas", "alphas", "ramps_mw"):
        if not getattr(spec, name):
            raise InputError(f"{name} is empty; give at least one number, or seeds=0 to learn nothing")
    found: dict[tuple[Any, ...], dict[str, Any]] = {}

    def add(sweep: str, rate: float | None = None, **changed: Any) -> None:
        cell = MINIMAL | {"alpha": spec.alpha, "gamma": spec.gamma, "ramp_mw": spec.ramp_mw}
        if rate is not None:
            cell |= {"genco_rate": rate, "disco_rate": rate}
        cell |= changed
        cell.setdefault("days", spec.days if cell["grid"] == "minimal" else spec.days_fine)
        key = tuple(cell.items())
        kept = found.setdefault(tuple(sorted(key)), cell | {"sweeps": ""})
        if sweep not in kept["sweeps"].split("; "):
            kept["sweeps"] = f"{kept['sweeps']}; {sweep}".strip("; ")

    rates, high = spec.rates, max(spec.rates)
    for rate in rates:
        for rule in ("low", "canonical", "high"):
            add("rate", rate, rule=rule)
            add("fine grid", rate, grid="fine", rule=rule)
        for other in rates:
            add("rates apart", genco_rate=rate, disco_rate=other)
        add("disco may interrupt in hour 1", rate, disco_hours="both")
        add("disco as cost minimiser", rate, objective="cost")
        add("passive disco", rate, who="Gen-A alone")
        add("all five learn", rate, who="all five")
        add("disco may interrupt in hour 1", rate, grid="fine", disco_hours="both")
    for genco, disco in ((0.05, 0.3), (0.7, 0.9), (0.75, 0.9), (0.8, 0.9)):
        add("rates apart, more", genco_rate=genco, disco_rate=disco)
    for gamma in spec.gammas:
        for rate in rates:
            add("discount", rate, gamma=gamma)
        for ramp in spec.ramps_mw:
            add("foresight", high, grid="fine", gamma=gamma, ramp_mw=ramp)
    for alpha in spec.alphas:
        for rate in rates:
            add("step size", rate, alpha=alpha)
        add("step size, long", alpha=alpha, days=spec.days_fine)
    for ramp in spec.ramps_mw:
        for start in ("200 MW", "free"):
            for rate in (min(rates), 0.5, high):
                add("ramp", rate, grid="fine", ramp_mw=ramp, start=start)
    add("fine grid, short", grid="fine", days=spec.days)
    for policy, levels in POLICY_LEVELS.items():
        for grid in ("minimal", "fine"):
            for level in levels:
                add("policies", level, policy=policy, grid=grid)
    return [{"part": "learning"} | cell for cell in found.values()]


def game_cells(cells: list[Row]) -> list[Row]:
    """The different games among learning cells, each to be solved."""
    games = {tuple((k, c[k]) for k in GAME_KEYS): None for c in cells if c["who"] != "all five"}
    return [{"part": "game"} | dict(game) for game in games]

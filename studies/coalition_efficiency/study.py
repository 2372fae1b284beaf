"""What it costs that owners of private lines trade for themselves, against the density of private lines.

The poster's table "effect of coordination on efficiency" on the IEEE 300-bus system. It gives no
impedances, endowments, tariffs or sample sizes; the default is the closest configuration that we found,
with two constants fitted to the table (docs/mathematics-coalition.md), so it can at best be consistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables

if TYPE_CHECKING:
    from clearing.trading.instance import TradingInstance

MAIN_BUS = 256  # a leaf: the main grid's supply crosses one line in every model
FIRST_GUESS = 1e-3  # per unit; the calibration scales it
BASE_MW = 100.0


@dataclass(frozen=True)
class Settings(Spec):
    """The sweep, and the constants of the configuration."""

    draws: int = setting(30, "independent draws of line parameters, positions and private lines", low=1)
    sides_km: tuple[float, ...] = setting((1.0, 100.0), "sides of the square", "km", low=1e-3)
    degrees: tuple[float, ...] = setting(
        (0.0, 0.01, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 2.8, 5.0, 15.0, 52.0),
        "mean numbers of private lines at an agent", low=0, high=298,
    )  # fmt: skip
    literal: bool = setting(True, "also edge probabilities 1/n², 1/n, 1/log n read literally, n = 299")
    losses_at_zero: float = setting(
        7.13, "losses without private lines, which the resistance of public lines is fitted to", "p.u.",
        low=0.01,
    )  # fmt: skip
    dispatch: float = setting(0.8625, "share of the case's generation, fitted to the table's floor", low=0)
    scatter: float = setting(0.1, "standard deviation of log(x/r) of public lines", low=0, high=1)
    r_pu_per_km: float = setting(4e-5, "resistance of private lines", "p.u./km", low=1e-9)
    spread: float = setting(0.1, "of nodal tariffs above the flat one", low=0, high=10)


def cells(spec: Settings) -> Sequence[Cell]:
    """One cell per draw: all densities and both areas of a draw have the same random numbers."""
    return [{"draw": draw} for draw in range(spec.draws)]


@lru_cache(maxsize=1)
def _markets() -> dict[str, Any]:
    """One market of each kind in each worker: areas and tariffs on the same lines share compiled models."""
    from clearing.trading import markets as trading

    return {
        "ad_hoc": trading.AdHocTrading(),
        "self_flat": trading.SelfInterestedTrading("flat"),
        "cooperative": trading.CooperativeTrading(),
        "integrated": trading.IntegratedTrading(),
    }


def agents_of(spec: Settings) -> list[Row]:
    """Every bus but the main grid's: fixed endowment and demand [MW]."""
    from clearing.trading.tables import ieee300_agents

    return [
        {
            "bus": row.bus,
            "endowment_mw": spec.dispatch * float(row.generation_mw) + float(row.static_mw),  # type: ignore[arg-type]
            "demand_mw": row.load_mw,
        }
        for row in ieee300_agents().itertuples()
        if row.bus != MAIN_BUS
    ]


def public_instance(spec: Settings, scatter_seed: np.random.SeedSequence) -> TradingInstance:
    """The instance without private lines, its public resistance such that losses are `losses_at_zero`."""
    import networks
    from clearing.trading.instance import TradingInstance
    from clearing.trading.physics import calibrate_resistance
    from networks.geography import equalise_resistance, keep_impedances

    own = keep_impedances(networks.load("ieee300").grid, taps=False)

    def grid_at(r_pu: float) -> Any:
        return equalise_resistance(own, r_pu, spec.scatter, np.random.default_rng(scatter_seed))

    base = TradingInstance.from_tables(grid_at(FIRST_GUESS), agents_of(spec), main_bus=MAIN_BUS)
    factor = calibrate_resistance(base, spec.losses_at_zero * BASE_MW)
    return base.with_grid(grid_at(FIRST_GUESS * factor))


def densities(spec: Settings, agents: int) -> list[dict[str, Any]]:
    """What the columns of the sweep are called, and the probability of a line between two agents."""
    rows = [{"density": f"{d:g}", "probability": d / (agents - 1), "literal": False} for d in spec.degrees]
    if spec.literal:
        literal = {"1/n²": 1.0 / agents**2, "1/n": 1.0 / agents, "1/log n": 1.0 / log(agents)}
        rows += [{"density": k, "probability": p, "literal": True} for k, p in literal.items()]
    return rows


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Losses of every model, area and density, for one draw."""
    from clearing.trading.markets import nodal_tariff
    from networks.private_lines import draw_random_lines

    scatter_seed, private_seed = rng.bit_generator.seed_seq.spawn(2)  # type: ignore[attr-defined]
    base = public_instance(spec, scatter_seed)
    nodal = nodal_tariff(base, spec.spread, _markets()["cooperative"])
    resistance = float(base.grid.r_pu[base.in_service[0]])
    rows: list[Row] = []
    for density in densities(spec, len(base.agents)):
        for side in spec.sides_km:
            lines = draw_random_lines(
                base.agents,
                np.random.default_rng(private_seed),
                probability=density["probability"],
                side_km=side,
                r_pu_per_km=spec.r_pu_per_km,
            )
            instance = base.with_private(lines)
            shared = density | {"side_km": side, "lines": len(lines.lines), "public_r_pu": resistance}
            rows += [shared | found for found in _clear(instance, nodal)]
    return {"losses": rows}


def _clear(instance: TradingInstance, nodal: np.ndarray) -> list[Row]:
    """The five models on one instance; a model without solution has its reason and no losses."""
    from clearing.errors import ClearingError

    markets = _markets()
    asked = [(model, markets[model], instance) for model in ("ad_hoc", "self_flat")]
    asked.append(("self_nodal", markets["self_flat"], instance.with_buy_price(nodal)))
    asked += [(model, markets[model], instance) for model in ("cooperative", "integrated")]
    rows = []
    for model, market, given in asked:
        row = {"model": model, "losses_pu": np.nan, "main_grid_pu": np.nan, "private_pu": np.nan,
               "worst_gap_pu": np.nan, "failure": ""}  # fmt: skip
        try:
            found = market.clear(given)
        except ClearingError as error:
            row["failure"] = f"{type(error).__name__}: {error}"
        else:
            gap = max(found.public_gap_mw.max(initial=0.0), found.private_gap_mw.max(initial=0.0))
            row |= {
                "losses_pu": found.losses_mw / BASE_MW,
                "main_grid_pu": found.main_grid_mw / BASE_MW,
                "private_pu": float(found.private_loss_mw.sum()) / BASE_MW,
                "worst_gap_pu": float(gap) / BASE_MW,
            }
        rows.append(row)
    return rows


def fingerprint(spec: Settings) -> str:
    """Changes when the case or the table of its dispatch does."""
    from hashlib import sha256

    from clearing.trading.tables import ieee300_agents
    from studies.study import case_fingerprint

    table = sha256(ieee300_agents().to_csv(index=False).encode()).hexdigest()
    return case_fingerprint("ieee300") + table


STUDY = Study(
    title="Losses on the IEEE 300-bus system when owners of private lines trade for themselves",
    question="What does it cost that owners of private lines trade for themselves, and how much do "
    "cooperation with the grid, or one hand on all lines, save, as private lines become denser?",
    method="299 agents with fixed endowments and demands on the public lines of the IEEE 300-bus system, the "
    "main grid at bus 256. Private lines are an Erdős–Rényi graph between agents placed uniformly in a "
    "square. On each draw five models are cleared exactly, with certificates: ad hoc trade between "
    "neighbours, self-interested coalitions at a flat tariff and at one that follows nodal costs, "
    "cooperation with the grid, and integrated control. Losses are r·f² on all lines. All densities, areas "
    "and models of a draw share their random numbers. Two constants are fitted to the poster's table: the "
    "resistance of public lines (losses of 7.13 without private lines) and the share of the case's "
    "generation (its floor); two more choices read its density columns as mean degrees 1.0 and 2.8.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=fingerprint,
    under_specified=(
        "The unit of the losses: only ratios can be compared; the scale is one free number.",
        "Endowments, impedances, tariffs, the number of samples, and the n of the density columns.",
        "The columns 1/n², 1/n, 1/log n as edge probabilities: at 1/n² most graphs have no edge at all, so "
        "no mean can fall as the table does. We read mean degrees near 1.0, 2.8 and 52.",
        "Whether the resistance of private lines grows with the square: the table's rows for 1 km and 100 km "
        "are almost equal, which follows if lengths are scaled away and is not so at our resistance per km.",
        "“Power of varying cost”: our nodal tariff is up to a tenth dearer where serving costs more.",
    ),
)

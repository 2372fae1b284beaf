"""Charts of trade over private lines: one network under several models, and losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from studies.pages.sentences import power, power_unit, sentence_case
from studies.pictures.charts import Bars, Chart, FlowMaps
from studies.pictures.charts_flows import DETAILED

if TYPE_CHECKING:
    from clearing.trading.instance import TradingInstance
    from clearing.trading.outcome import TradingOutcome

NEAR, OUTSIDE = 0.03, 0.2  # of the drawing's span: what is too near, and how far it is moved


def trade_charts(name: str, instance: TradingInstance, outcomes: Mapping[str, TradingOutcome]) -> list[Chart]:
    """The network under each model (words → outcome), and losses by model."""
    grid, found = instance.grid, list(outcomes.values())
    powers = [p for o in found for p in (o.public_flow_mw, o.private_flow_mw)]
    largest = max(float(np.abs(part).max(initial=0.0)) for part in [*powers, instance.net_mw])
    factor, unit = power_unit(largest)
    scale, loss_unit = power_unit(max(outcome.losses_mw for outcome in found))
    on = instance.in_service
    start, end = instance.private_ends
    panels = [
        (
            f"{sentence_case(words)}: losses {power(outcome.losses_mw)}",
            factor * np.concatenate([outcome.public_flow_mw[on], outcome.private_flow_mw]),
        )
        for words, outcome in outcomes.items()
    ]
    network = FlowMaps(
        name="trade",
        title=f"{name}: what flows where in the four models",
        caption=f"{unit} at the midpoint of each line; dotted lines carry nothing. Straight and grey: "
        "public; bent and purple: private. Blue agents have more than they need, vermilion ones less; "
        "the square is the main grid.",
        nodes=[str(bus) for bus in grid.buses],
        positions=_positions(instance),
        net_mw=factor * instance.net_mw,
        ends=np.concatenate([np.stack([grid.from_bus, grid.to_bus], 1)[on], np.stack([start, end], 1)]),
        private=np.arange(len(on) + len(start)) >= len(on),
        main=instance.main,
        panels=panels,
        unit=unit,
        wide=True,
    )
    losses = Bars(
        name="losses", title="Losses by model", caption="Public and private lines together.",
        labels=list(outcomes), values=[scale * outcome.losses_mw for outcome in found], x_label=loss_unit,
    )  # fmt: skip
    return [network, losses]


def _positions(instance: TradingInstance) -> np.ndarray:
    """Given positions of agents where there are any, else drawn by public and few private lines."""
    from networks.grid import Grid
    from networks.layout import bus_positions

    grid, spots = instance.grid, instance.private.positions_km
    if spots is not None:
        given = np.full((len(grid.buses), 2), np.nan)
        given[[grid.bus_position[bus] for bus in instance.private.buses]] = spots
        return _drawn_apart(bus_positions(grid, given), np.isfinite(given).all(axis=1))
    start, end = instance.private_ends
    if not 0 < len(start) <= DETAILED:  # many private lines would pull everything together
        return bus_positions(grid)
    rows = pd.DataFrame(
        {
            "branch": np.arange(len(grid.from_bus) + len(start)),
            "from_bus": np.concatenate([grid.from_bus, start]),
            "to_bus": np.concatenate([grid.to_bus, end]),
            "x_pu": 1.0,
        }
    )
    return bus_positions(Grid.from_tables(pd.DataFrame({"bus": np.arange(len(grid.buses))}), rows))


def _drawn_apart(at: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Positions in which a bus without a given place, which is laid on its only neighbour, stands outside."""
    at, centre = at.copy(), at.mean(axis=0)
    span = float(np.ptp(at, axis=0).max()) or 1.0
    for k in np.flatnonzero(~given).tolist():
        others = np.delete(at, k, axis=0)
        if np.hypot(*(others - at[k]).T).min(initial=np.inf) < NEAR * span:
            way = at[k] - centre
            length = float(np.hypot(*way))
            at[k] += OUTSIDE * span * (way / length if length > 0 else np.array([1.0, 0.0]))
    return at

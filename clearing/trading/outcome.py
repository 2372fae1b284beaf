"""What a trading model decides: flows, losses, prices, trades, costs, and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from clearing.certificate import Certificate
from clearing.result import labels_as_columns
from clearing.trading.flows import decompose_flows
from clearing.trading.instance import TradingInstance
from networks.checks import freeze_arrays

TradingModel = Literal["ad_hoc", "self_interested", "cooperative", "integrated"]

TOLERANCES = {
    "balance": 1e-9,
    "physics": 1e-9,
    "identity": 1e-9,
    "tightness": 1e-6,
    "optimality": 1e-6,
    "cuts": 1e-6,
}


def tolerances_of(model: TradingModel, verify: bool = False) -> dict[str, float]:
    """The rows that a model's certificate must have, and what they admit.

    They are recomputed from the outcome's flows: "balance", energy at every bus with every loss exactly r·f²;
    "physics", public flows against the DC flow of their own divergence; "identity", G = Σ losses − Σ net
    endowments; all over 1 + largest flow. For solved models also "tightness", the largest l − r·f² of the
    conic solution over 1 + total loss, and "optimality", cost less the Lagrangian bound over 1 + |cost|.
    With `verify` also "cuts", cost less the bound of a linear program of tangent cuts.
    """
    rows = {"balance", "identity"}
    if model != "integrated":
        rows.add("physics")
    if model != "ad_hoc":
        rows |= {"tightness", "optimality"}
    if verify:
        rows.add("cuts")
    return {row: tolerance for row, tolerance in TOLERANCES.items() if row in rows}


@dataclass(frozen=True, eq=False, repr=False)
class TradingOutcome:
    """The outcome of one trading model over one hour; tables are made when they are read.

    Attributes
    ----------
    instance, model, tariff : what was cleared, and how ("" where no tariff enters).
    public_flow_mw, public_loss_mw : (public lines,) positive from → to; 0 out of service.
    private_flow_mw, private_loss_mw : (private lines,).
    injection_mw : (buses,) what each agent puts into the public grid, negative for what it takes.
    main_grid_mw : supply of the main grid G; negative where it takes energy, at the same price.
    price : (buses,) $/MWh. Cooperative and integrated: nodal prices, the increase of the main grid's cost
        per MW of extra demand at the bus (law 2). Self-interested: the same for the coalitions' bill, NaN
        where there is no agent.
        Ad hoc: the tariff at which the agent's last MW is traded with the grid, NaN where it trades none.
    buy_price : (buses,) the tariff that was used.
    public_gap_mw, private_gap_mw : l − r·f² of each cone in the conic solution (0 where there is none).
    objective : what the model minimises [$]: the main grid's cost, or the agents' bill.
    bound : Lagrangian lower bound of the objective [$ for one hour], NaN for the ad hoc procedure.
    cut_bound : that of a linear program of tangent cuts, NaN unless asked for.
    certificate : the proof (:func:`tolerances_of`).
    """

    instance: TradingInstance
    model: TradingModel
    tariff: str
    public_flow_mw: np.ndarray
    public_loss_mw: np.ndarray
    private_flow_mw: np.ndarray
    private_loss_mw: np.ndarray
    injection_mw: np.ndarray
    main_grid_mw: float
    price: np.ndarray
    buy_price: np.ndarray
    public_gap_mw: np.ndarray
    private_gap_mw: np.ndarray
    objective: float
    certificate: Certificate
    bound: float = np.nan
    cut_bound: float = np.nan
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze_arrays(self)

    def __repr__(self) -> str:
        return (
            f"TradingOutcome({self.model}: losses {self.losses_mw:.6g} MW, main grid "
            f"{self.main_grid_mw:.6g} MW, {self.certificate})"
        )

    @property
    def status(self) -> str:
        """ "optimal"; "ad hoc" where a procedure, which optimises nothing, made it."""
        return "ad hoc" if self.model == "ad_hoc" else "optimal"

    @property
    def welfare(self) -> float:
        """Less what the main grid supplies costs; demand has no value of its own [$]."""
        return -self.supply_cost

    @property
    def summary(self) -> pd.Series:
        """losses_mw, private_losses_mw and main_grid_mw; supply_cost and agents_pay [$]."""
        return pd.Series(
            {
                "losses_mw": self.losses_mw,
                "private_losses_mw": float(self.private_loss_mw.sum()),
                "main_grid_mw": self.main_grid_mw,
                "supply_cost": self.supply_cost,
                "agents_pay": float(np.nansum(self.agent_cost)),
            }
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """public_lines, private_lines, agents and trades."""
        tables = {"public_lines": self.public_lines, "private_lines": self.private_lines}
        return labels_as_columns(tables | {"agents": self.agents}) | {"trades": self.trades}

    @property
    def losses_mw(self) -> float:
        """Losses of all public and private lines [MW]."""
        return float(self.public_loss_mw.sum() + self.private_loss_mw.sum())

    @property
    def supply_cost(self) -> float:
        """Cost of the main grid's supply [$]."""
        return self.instance.supply_price * self.main_grid_mw

    @cached_property
    def agent_cost(self) -> np.ndarray:
        """(buses,) what each agent pays [$], negative for what it receives.

        Ad hoc and self-interested: its own bill at the tariffs, before payments inside coalitions.
        Cooperative and integrated: −price·net endowment less half of the rent of each of its private
        lines; rent = (price received − price given up) of the line's two ends.
        """
        if self.model in ("ad_hoc", "self_interested"):
            bought, sold = np.maximum(-self.injection_mw, 0.0), np.maximum(self.injection_mw, 0.0)
            return self.buy_price * bought - self.instance.sell_price * sold
        start, end = self.instance.private_ends
        half = 0.5 * self.private_rent
        size = len(self.price)
        share = np.bincount(start, half, minlength=size) + np.bincount(end, half, minlength=size)
        return 0.0 - self.price * self.instance.net_mw - share

    @cached_property
    def private_rent(self) -> np.ndarray:
        """(private lines,) value of what a line delivers less that of what it takes, at the prices [$]."""
        start, end = self.instance.private_ends
        flow, loss = self.private_flow_mw, self.private_loss_mw
        return self.price[end] * (flow - 0.5 * loss) - self.price[start] * (flow + 0.5 * loss)

    @cached_property
    def traded_mw(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, buses) twice: MW sent and delivered over private lines, row seller, column buyer."""
        start, end = self.instance.private_ends
        size = len(self.price)
        return decompose_flows(size, start, end, self.private_flow_mw, self.private_loss_mw)

    @property
    def trades(self) -> pd.DataFrame:
        """Who traded with whom over private lines: seller, buyer, sent_mw, delivered_mw, largest first."""
        sent, delivered = self.traded_mw
        seller, buyer = np.nonzero(sent > 1e-7 * max(float(sent.max(initial=0.0)), 1e-300))
        buses = self.instance.grid.buses
        frame = pd.DataFrame(
            {
                "seller": pd.Series([buses[k] for k in seller], dtype=object),
                "buyer": pd.Series([buses[k] for k in buyer], dtype=object),
                "sent_mw": sent[seller, buyer],
                "delivered_mw": delivered[seller, buyer],
            }
        )
        return frame.sort_values("sent_mw", ascending=False, kind="stable", ignore_index=True)

    @property
    def agents(self) -> pd.DataFrame:
        """Index bus: endowment_mw, demand_mw, private_mw (received, negative: given), bought_mw, sold_mw,
        price, cost."""
        instance = self.instance
        who = np.flatnonzero(instance.agent)
        injection = self.injection_mw[who]
        return pd.DataFrame(
            {
                "endowment_mw": instance.endowment_mw[who],
                "demand_mw": instance.demand_mw[who],
                "private_mw": injection - instance.net_mw[who],
                "bought_mw": np.maximum(-injection, 0.0),
                "sold_mw": np.maximum(injection, 0.0),
                "price": self.price[who],
                "cost": self.agent_cost[who],
            },
            index=pd.Index(list(instance.agents), name="bus"),
        )

    @property
    def public_lines(self) -> pd.DataFrame:
        """Index line: from_bus, to_bus, flow_mw, loss_mw, gap_mw."""
        grid = self.instance.grid
        ends = (grid.from_bus, grid.to_bus)
        values = (self.public_flow_mw, self.public_loss_mw, self.public_gap_mw)
        return self._lines(grid.branches, ends, values)

    @property
    def private_lines(self) -> pd.DataFrame:
        """Index line: from_bus, to_bus, flow_mw, loss_mw, gap_mw."""
        values = (self.private_flow_mw, self.private_loss_mw, self.private_gap_mw)
        return self._lines(self.instance.private.lines, self.instance.private_ends, values)

    def _lines(
        self,
        labels: tuple,
        ends: tuple[np.ndarray, np.ndarray],
        values: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> pd.DataFrame:
        buses = self.instance.grid.buses
        columns = {
            name: pd.Series([buses[k] for k in side.tolist()], dtype=object)
            for name, side in zip(("from_bus", "to_bus"), ends, strict=True)
        }
        columns |= {
            name: pd.Series(part) for name, part in zip(("flow_mw", "loss_mw", "gap_mw"), values, strict=True)
        }
        return pd.DataFrame(columns).set_axis(pd.Index(list(labels), name="line", dtype=object), axis=0)

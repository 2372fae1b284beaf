"""Four models of trade on one instance, side by side: what to print, write and draw."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from networks.files import alone_with
from studies.pages.exports import plain, write_table

if TYPE_CHECKING:
    from clearing.payments.rules import Payments
    from clearing.trading.instance import TradingInstance
    from clearing.trading.outcome import TradingOutcome
    from studies.pictures.charts import Chart

WORDS = {
    "ad_hoc": "ad hoc",
    "self_interested": "self-interested",
    "cooperative": "cooperative",
    "integrated": "integrated",
}

NOTES = {
    "models": (
        "The four models",
        "Losses on all lines, the main grid's supply and cost, what agents pay in all, and the proof.",
    ),
    "public_lines": ("Public lines", "Flow at the midpoint, positive from → to; gap: l − r·f² of the cone."),
    "private_lines": (
        "Private lines",
        "Flow at the midpoint, positive from → to; gap: l − r·f² of the cone.",
    ),
    "agents": ("Agents", "private_mw: received over private lines; cost: paid, negative where received."),
    "trades": ("Who trades with whom", "Private flows decomposed by proportional sharing."),
    "payments": (
        "Payments of the tariff game, $",
        "Positive: received. Alone: an agent's worth by itself. Empty where there are too many agents.",
    ),
    "cores": ("Core tests", "Excess above 0: a coalition would rather be on its own."),
}


@dataclass(frozen=True, eq=False)
class TradeResult:
    """All models on one instance, and payments.

    Attributes
    ----------
    name : of the instance. outcomes : model → outcome. command : what made it.
    tariff : of self-interested agents, at which payments are computed as well.
    """

    name: str
    instance: TradingInstance
    outcomes: dict[str, TradingOutcome]
    payments: Payments
    tariff: str = "flat"
    command: str = ""

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name → table, its labels as columns."""
        return {
            "models": self.models,
            "public_lines": self._joined("public_lines"),
            "private_lines": self._joined("private_lines"),
            "agents": self._joined("agents"),
            "trades": self._joined("trades"),
            "payments": self.payments.table.reset_index(),
            "cores": self.cores,
        }

    @cached_property
    def models(self) -> pd.DataFrame:
        """One row per model."""
        rows = []
        for model, found in self.outcomes.items():
            certificate = found.certificate
            agent_cost = found.agent_cost
            rows.append(
                {
                    "model": model,
                    "losses_mw": found.losses_mw,
                    "private_losses_mw": float(found.private_loss_mw.sum()),
                    "main_grid_mw": found.main_grid_mw,
                    "supply_cost": found.supply_cost,
                    "agents_pay": float(np.nansum(agent_cost)),
                    "certificate": certificate.verdict,
                    "worst_row": certificate.worst[0],
                    "worst_residual": certificate.worst[1],
                    "bound": found.bound,
                    "cut_bound": found.cut_bound,
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def cores(self) -> pd.DataFrame:
        """Core tests of the tariff game's payments; dual prices alone where there are many agents."""
        if not self.payments.core:
            dual = self.payments.dual
            row = {"rule": "dual_price", "in_core": True, "excess": np.nan, "shortfall": -dual.surplus,
                   "test": "proof by dual prices"}  # fmt: skip
            return pd.DataFrame([row])
        return pd.DataFrame(
            [
                {"rule": rule, "in_core": check.holds(1e-6), "excess": check.excess,
                 "shortfall": check.shortfall, "test": "every coalition"}
                for rule, check in self.payments.core.items()
            ]
        )  # fmt: skip

    def _joined(self, name: str) -> pd.DataFrame:
        frames = []
        for model, found in self.outcomes.items():
            frame = getattr(found, name)
            frame = frame if frame.index.name is None else frame.reset_index()
            if len(frame):
                frames.append(frame.assign(model=model)[["model", *frame.columns]])
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"model": []})

    @cached_property
    def charts(self) -> list[Chart]:
        """The network under each model, and losses."""
        from studies.pictures.trade_charts import trade_charts

        return trade_charts(self.name, self.instance, {WORDS[m]: found for m, found in self.outcomes.items()})

    def write(self, folder: Path) -> list[Path]:
        """Page, picture and tables in a folder; returns the paths, the page first."""
        from studies.pictures.charts_png import draw_chart

        folder.mkdir(parents=True, exist_ok=True)
        with alone_with(folder):
            files = [
                self._write_page(folder / "index.html"),
                draw_chart(self.charts[0], folder / "trade.png"),
            ]
            for name, table in self.tables.items():
                files += write_table(table, folder / name)
        return files

    def _write_page(self, path: Path) -> Path:
        from studies.pages.page import asset, write_page
        from studies.report import chart_data, figure_section, table_data, table_section
        from studies.study import Summary

        summaries = {}
        for name, table in self.tables.items():
            numbers = {str(c): table[c].round(12) + 0.0 for c in table.select_dtypes("number").columns}
            if "worst_residual" in table:
                numbers["worst_residual"] = table["worst_residual"].map("{:.0e}".format)
            summaries[name] = Summary(NOTES[name][0], table.assign(**numbers), NOTES[name][1])
        note = f'<p class="note">{escape(self.left_out)}.</p>' if self.left_out else ""
        body = (
            f"<style>\n{asset('report.css')}</style><header><h1>{escape(self.name)}</h1>"
            '<p class="lead">Four models of trade over private lines, side by side.</p>'
            f'<p class="sentence">{escape(self.sentence)}</p>{note}</header>'
            f"{figure_section(self.charts)}{table_section(summaries)}"
        )
        data = {"charts": [chart_data(chart) for chart in self.charts], "tables": table_data(summaries)}
        scripts = ("tables.js", "report_page.js")
        return write_page(path, f"walras trade: {self.name}", body, data, scripts, self.command)

    @property
    def sentence(self) -> str:
        """What self-interest costs here, in words."""
        from studies.pages.sentences import power

        losses = {model: found.losses_mw for model, found in self.outcomes.items()}
        saved = losses["self_interested"] - losses["cooperative"]
        return (
            f"Self-interested coalitions lose {power(losses['self_interested'])}, with the grid's "
            f"cooperation {power(losses['cooperative'])} ({power(saved)} less), under one hand "
            f"{power(losses['integrated'])}; ad hoc trade loses {power(losses['ad_hoc'])}. Paying agents "
            f"by dual prices to cooperate leaves the grid {self.payments.grid_gain:,.4g} $ an hour, at the "
            f"{'nodal tariff' if self.tariff == 'nodal' else 'given tariffs'}."
        )

    @property
    def left_out(self) -> str:
        """What many agents leave out of the payments, in words; nothing where all was computed."""
        from clearing.payments.tariff import MOST_AGENTS

        if self.payments.game is not None:
            return ""
        words = (
            f"with more than {MOST_AGENTS} agents there is no table of all coalitions, so nucleolus and "
            "least core are left out; that dual prices are in the core is proved without one"
        )
        missing = int(self.payments.table["shapley"].isna().sum())
        if missing:
            words += f"; {missing} agents in larger coalitions have a Shapley value only with --samples"
        return words

    def document(self, files: list[Path]) -> str:
        """Everything as one JSON document."""
        content: dict[str, Any] = {
            "walras": version("walras"),
            "command": self.command,
            "name": self.name,
            "tariff": self.tariff,
            "grid_gain": self.payments.grid_gain,
            "left_out": self.left_out,
            "tables": {name: table.to_dict("records") for name, table in self.tables.items()},
            "files": [str(path) for path in files],
        }
        return json.dumps(plain(content), ensure_ascii=False, allow_nan=False)


def trade(
    folder: Path,
    tariff: str = "flat",
    verify: bool = False,
    samples: int = 0,
    seed: int = 0,
    command: str = "",
) -> TradeResult:
    """Every model on the instance in a folder of tables (see :mod:`clearing.trading.tables`).

    At the nodal tariff the payments are those of the tariff game at that tariff, so that what agents are paid
    to give up is what they have in the self-interested outcome beside it.
    """
    from clearing.payments.rules import pay_agents
    from clearing.trading import markets as trading

    instance = _read(folder)
    outcomes: dict[str, TradingOutcome] = {
        "ad_hoc": trading.AdHocTrading().clear(instance),
        "self_interested": trading.SelfInterestedTrading(tariff).clear(instance, verify),  # type: ignore[arg-type]
        "cooperative": trading.CooperativeTrading().clear(instance, verify),
        "integrated": trading.IntegratedTrading().clear(instance, verify),
    }
    generator = np.random.default_rng(seed) if samples else None
    at_tariff = instance.with_buy_price(outcomes["self_interested"].buy_price)
    payments = pay_agents(at_tariff, generator, samples or 200)
    return TradeResult(folder.resolve().name, instance, outcomes, payments, tariff, command)


def export_tables(folder: Path, target: Path) -> Path:
    """Write the tables of an instance to `target`; returns it."""
    from clearing.trading.tables import write_instance

    return write_instance(_read(folder), target)


def _read(folder: Path) -> TradingInstance:
    """The instance in a folder, or the one that comes along by name."""
    from clearing.trading.instance import TradingInstance
    from clearing.trading.tables import eight_node

    if str(folder) == "eight_node" and not folder.is_dir():
        return eight_node()
    return TradingInstance.from_folder(folder)

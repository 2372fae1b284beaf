"""Four models of trade on one instance, side by side: what to print, write and draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studies.pages.exports import Presentation

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


@dataclass(frozen=True, eq=False, kw_only=True)
class TradeResult(Presentation):
    """All models on one instance, and payments.

    Attributes
    ----------
    outcomes : model → outcome.
    tariff : of self-interested agents, at which payments are computed as well.
    """

    instance: TradingInstance
    outcomes: dict[str, TradingOutcome]
    payments: Payments
    tariff: str = "flat"

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
            proof = {
                "certificate": certificate.verdict,
                "worst_row": certificate.worst[0],
                "worst_residual": certificate.worst[1],
                "bound": found.bound,
                "cut_bound": found.cut_bound,
            }
            rows.append({"model": model, **found.summary, **proof})
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
            frame = found.tables[name]
            if len(frame):
                frames.append(frame.assign(model=model)[["model", *frame.columns]])
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"model": []})

    @cached_property
    def charts(self) -> list[Chart]:
        """The network under each model, and losses."""
        from studies.pictures.trade_charts import trade_charts

        return trade_charts(self.name, self.instance, {WORDS[m]: found for m, found in self.outcomes.items()})

    def draw(self, folder: Path) -> list[Path]:
        from studies.pictures.charts_png import draw_chart

        return [draw_chart(self.charts[0], folder / "trade.png")]

    def write_page(self, path: Path) -> Path:
        from studies.pages.sections import figure_section, table_section, write_chart_page
        from studies.study import Summary

        summaries = {}
        for name, table in self.tables.items():
            numbers = {str(c): table[c].round(12) + 0.0 for c in table.select_dtypes("number").columns}
            if "worst_residual" in table:
                numbers["worst_residual"] = table["worst_residual"].map("{:.0e}".format)
            summaries[name] = Summary(NOTES[name][0], table.assign(**numbers), NOTES[name][1])
        note = f'<p class="note">{escape(self.left_out)}.</p>' if self.left_out else ""
        head = (
            f"<header><h1>{escape(self.name)}</h1>"
            '<p class="lead">Four models of trade over private lines, side by side.</p>'
            f'<p class="sentence">{escape(self.sentence)}</p>{note}</header>'
        )
        sections = [head, figure_section(self.charts), table_section(summaries)]
        title = f"walras trade: {self.name}"
        return write_chart_page(path, title, sections, self.charts, summaries, self.command)

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

    @property
    def content(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "tariff": self.tariff,
            "grid_gain": self.payments.grid_gain,
            "left_out": self.left_out,
        }


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
    from clearing.market import market_named
    from clearing.payments.rules import pay_agents

    instance = _read(folder)
    outcomes = {
        "ad_hoc": market_named("ad_hoc")().clear(instance),
        "self_interested": market_named("self_interested")(tariff).clear(instance, verify),  # type: ignore[arg-type]
        "cooperative": market_named("cooperative")().clear(instance, verify),
        "integrated": market_named("integrated")().clear(instance, verify),
    }
    generator = np.random.default_rng(seed) if samples else None
    at_tariff = instance.with_buy_price(outcomes["self_interested"].buy_price)
    payments = pay_agents(at_tariff, generator, samples or 200)
    return TradeResult(
        name=folder.resolve().name,
        command=command,
        instance=instance,
        outcomes=outcomes,
        payments=payments,
        tariff=tariff,
    )


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

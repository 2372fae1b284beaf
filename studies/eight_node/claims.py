"""Our side of the poster's sentences about its eight-node example."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from studies.claims import Claim
from studies.eight_node.tables import line_flow
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries
from studies.verdicts import Published, verdict

EXACTLY = 0.1  # of “1 unit”, which the poster tells from “>1 unit”
TRADED = 1e-6  # MW


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Every listed trade, then what is said about payments."""
    return compare("eight_node", Figures(results))


@dataclass(frozen=True)
class Figures:
    """Flows and trades by model of behaviour [MW], and cores of games."""

    results: Results

    @property
    def _cores(self) -> dict[str, dict[Hashable, Any]]:
        return {str(row["name"]): row for row in self.results["cores"].to_dict("records")}

    def units(self, model: str, line: str, sign: float = 1.0) -> Ours:
        mw = sign * line_flow(self.results, model, line)
        return ours(mw, (mw / (1 + EXACTLY), mw / (1 - EXACTLY)), mw=mw)

    def above(self, model: str, line: str, least: float) -> Ours:
        mw = line_flow(self.results, model, line)
        return ours(verdict(mw, None, Published(above=least)) == "matches", mw=mw)

    def left_over(self, model: str, buyers: str) -> Ours:
        """Whether these agents alone buy from the grid."""
        rows = self.results["agents"].set_index(["name", "bus"]).loc[model]
        bought = {str(k): float(v) for k, v in sorted(rows["bought_mw"].items()) if v > TRADED}
        words = [f"{name} {mw:.2f}" for name, mw in bought.items()]
        words += [f"{name} sells {mw:.2f}" for name, mw in rows["sold_mw"].items() if mw > TRADED]
        return ours(set(bought) == set(buyers.split()), trades=", ".join(words))

    def halves(self, model: str) -> Ours:
        agent, grid = line_flow(self.results, model, "A1-A4"), -line_flow(self.results, model, "A4-G")
        return ours(max(abs(agent - 0.5), abs(grid - 0.5)) < 0.01, from_agent=agent, from_grid=grid)

    def market_core(self) -> Ours:
        market = self._cores["market"]
        inside = float(market["payment_excess"]) <= 1e-9 and not market["empty"]
        return ours(inside, where="in it" if inside else "outside")

    def supporting_payments(self) -> Ours:
        cores = self.results["cores"]
        charged = cores[cores["part"] == "charged"]
        empty = charged[charged["empty"].astype(bool)]
        least = ", ".join(f"{n} {e:.4f}" for n, e in zip(empty["name"], empty["least_excess"], strict=True))
        tariff = "no" if self._cores["tariff"]["empty"] else "yes"
        words = {"tariff": tariff, "empty": len(empty), "charged": len(charged), "least": least}
        return Ours(why="empty" if len(empty) else "", words=words)

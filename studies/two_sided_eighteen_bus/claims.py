"""Our side of the article's section 5, for each placement, and of what a reproduction study learned."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd

from learners.equilibria.shares import share_interval
from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries
from studies.two_sided_eighteen_bus.market import EXPERIMENTS, PLACEMENTS
from studies.two_sided_eighteen_bus.tables import SETTING, ends_table, flow_of, pick_end, price_of
from studies.verdicts import Published, verdict

NEAR = 0.5  # $/MWh: what the placements were fitted to within, on each price
NEAR_PROFIT = (
    0.02  # of a printed profit, as 0.5 is of a price; a margin of 7 $/MWh would otherwise pass when 7 % off
)
LEAST_SEEDS = 20  # of a learning setting
SAME_PRICE, SAME_MW, SAME_MONEY = 0.005, 0.5, 1.0  # smaller changes are none: $/MWh, MW, $
FULL = 1e-6  # MW below its limit at which a line is congested


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """All rows, placement by placement."""
    out = []
    table = ends_table(results) if "ends" in results.tables else pd.DataFrame()
    enough = len(table) > 0 and int(table["seeds"].min()) >= LEAST_SEEDS
    for placement in dict.fromkeys(results["experiments"]["placement"]):
        mine = table[table["placement"] == placement] if enough else pd.DataFrame()
        figures = (ArticleFigures(results, placement), LearnedFigures(results, placement, mine))
        name = f"{placement} placement" if placement in PLACEMENTS else "placement of the user"
        rows = compare("two_sided_eighteen_bus", *figures)
        out += [replace(row, variant=", ".join(filter(None, (name, row.variant)))) for row in rows]
    return out


@dataclass(frozen=True)
class ArticleFigures:
    """Prices [$/MWh], profits [$] and flows [MW] of the experiments on one placement."""

    results: Results
    placement: str

    def _number(self, experiment: str, agent: str, column: str) -> float:
        return price_of(self.results["experiments"], self.placement, experiment, agent, column)

    def _price(self, experiment: str, agent: str = "G1") -> float:
        return self._number(experiment, agent, "price")

    def _profit(self, experiment: str, agent: str = "G1") -> float:
        return self._number(experiment, agent, "profit")

    def _near(self, value: float, printed: float, digits: int, slack: float, found: str) -> Ours:
        """Consistent within the slack; no fitted number can be called a match."""
        if not math.isfinite(value):
            return Ours(value, why="infeasible", words={"found": "not feasible"})
        room = slack + 0.5 * 10.0**-digits
        away = abs(value / printed - 1)
        return ours(value, (value - room, value + room), found=found, away=away, slack=slack)

    def price_near(self, experiment: str, agent: str, printed: float, digits: int) -> Ours:
        value = self._price(experiment, agent)
        return self._near(value, printed, digits, NEAR, f"{value:.2f} $/MWh")

    def profit_near(self, experiment: str, printed: float) -> Ours:
        value = self._profit(experiment)
        return self._near(value, printed, 0, NEAR_PROFIT * printed, f"{value:.0f} $")

    def direct_profit(self) -> Ours:
        found = ((self._profit(key), EXPERIMENTS[key][1]) for key in ("direct 1060", "direct 1000"))
        return ours(found=" or ".join(f"{profit:,.0f} $ ({offer:g} MW)" for profit, offer in found))

    def forty_alone(self) -> Ours:
        base, forty = self._profit("base"), self._profit("alone 40")
        before, after = self._price("base"), self._price("alone 40")
        holds = forty < base and math.isclose(before, after, abs_tol=SAME_PRICE)
        return ours(holds, base=base, forty=forty, before=before, after=after)

    def rises(self, before: str, after: str, agent: str = "G1") -> Ours:
        old, new = self._profit(before, agent), self._profit(after, agent)
        return ours(new > old, old=old, new=new)

    def keeps(self, before: str, after: str, agent: str) -> Ours:
        old, new = self._profit(before, agent), self._profit(after, agent)
        return ours(abs(old - new) <= 0.02 * abs(old), old=old, new=new)

    def both_gain(self, disco: str) -> Ours:
        base, joint = self._profit("base"), self._profit(f"G1 {disco}")
        alone, joined = self._profit("base", disco), self._profit(f"G1 {disco}", disco)
        return ours(joint > base and joined > alone, base=base, joint=joint, alone=alone, joined=joined)

    def pays_more(self, better: str, worse: str) -> Ours:
        one, other = self._profit(better), self._profit(worse)
        return ours(one > other + SAME_MONEY, one=one, other=other)

    def helps_other_seller(self) -> Ours:
        before, after = self._price("base", "G4"), self._price("A defect", "G4")
        sold, sells = self._number("base", "G4", "mw"), self._number("A defect", "G4", "mw")
        holds = after > before + SAME_PRICE and sells > sold + SAME_MW
        return ours(holds, before=before, after=after, sold=sold, sells=sells)

    def price_falls(self, agent: str, experiment: str) -> Ours:
        before, after = self._price("base", agent), self._price(experiment, agent)
        return ours(after < before - SAME_PRICE, before=before, after=after)

    def _flow(self, experiment: str, line: int) -> tuple[float, float, bool]:
        """Flow, limit, and whether the line is congested."""
        flow, limit = flow_of(self.results, self.placement, experiment, line)
        return flow, limit, abs(flow) > limit - FULL

    def first_flow(self) -> Ours:
        return ours(self._flow("base", 4)[0])

    def congested(self, line: int, experiment: str) -> Ours:
        flow, limit, full = self._flow(experiment, line)
        return ours(full, flow=flow, limit=limit, found="congested" if full else "not")

    def joins_by_profit(self, before: str, after: str, line: int, joins: bool) -> Ours:
        """Whether D3 gains by joining, where the line's limit changes anything."""
        old, new = self._profit(before, "D3"), self._profit(after, "D3")
        words = {"old": old, "new": new}
        if line != 4 and not self._flow("base", line)[2]:
            return Ours(evidence="open", why="vacuous", words=words)
        return Ours((new > old) == joins, words=words)

    def stays_congested(self) -> Ours:
        held = [self._flow(experiment, 4) for experiment in ("300", "300, D1 D3", "300, D2 D3")]
        return ours(all(full for *_, full in held), flows=", ".join(f"{flow:.0f} MW" for flow, *_ in held))


@dataclass(frozen=True)
class LearnedFigures:
    """Ends of learning on one placement.

    Attributes
    ----------
    table : its learning settings; empty where seeds are too few.
    """

    results: Results
    placement: str
    table: pd.DataFrame

    def _ends(self, **wanted: object) -> pd.DataFrame:
        return pick_end(self.table, **wanted) if len(self.table) else self.table

    def _profits(self, ramp: bool) -> tuple[float, float] | None:
        """G1's mean profit beside passive and beside learning discos; None where either ramp was left out."""
        if not len(self._ends(ramp=True)) or not len(self._ends(ramp=False)):
            return None
        rows = self._ends(ramp=ramp)
        alone, joined = (rows[rows["discos"] == discos]["G1_profit"].mean() for discos in (False, True))
        return float(alone), float(joined)

    def needs_discos(self) -> Ours | None:
        found = self._profits(ramp=True)
        return found and ours(found[1] > 1.1 * found[0], alone=found[0], joined=found[1])

    def gains_by_discos(self) -> Ours | None:
        found = self._profits(ramp=False)
        return found and ours(found[1] > found[0], alone=found[0], joined=found[1])

    def joins_in_seeds(self, lines: str, joins: bool) -> Ours | None:
        """Whether D3 interrupts in the end in most seeds."""
        rows = self._ends(lines=lines, ramp=False)
        if not len(rows):
            return None
        share = float(rows["D3_joins"].mean())
        return ours((share > 0.5) == joins, share=share)

    def myopic(self) -> Ours | None:
        rows = self._ends(memory="own", ramp=False)
        if not len(rows) or len(set(rows["gamma"])) < 2:
            return None
        means = rows.groupby("gamma")[["D1_joins", "D2_joins"]].mean()
        near, far = means.loc[means.index.min()], means.loc[means.index.max()]
        holds = far["D2_joins"] > far["D1_joins"] and near["D1_joins"] > near["D2_joins"]
        return ours(bool(holds), least=means.index.min(), most=means.index.max(), near_1=near["D1_joins"],
                    near_2=near["D2_joins"], far_1=far["D1_joins"], far_2=far["D2_joins"])  # fmt: skip

    def iterations(self) -> Ours | None:
        return ours() if len(self.table) else None

    def _reproduced(self, **wanted: object) -> pd.DataFrame:
        """Settings of the placement that the reproduction study has."""
        return self._ends(**wanted) if self.placement == "fitted" else self.table.head(0)

    def _seeds(self, row: pd.Series) -> pd.DataFrame:
        """The seeds of one setting."""
        ends = self.results["ends"]
        for name in SETTING:
            ends = ends[ends[name] == row[name]]
        return ends

    def ends_at(self, rate: float, ramp: bool, offer: float) -> Ours | None:
        rows = self._reproduced(rate=rate, ramp=ramp, discos=False)
        if not len(rows):
            return None
        ends = self._seeds(rows.iloc[0])
        hits = int((ends["G1_mw"] == offer).sum())
        share = hits / len(ends)
        least, most = float(share_interval(15, 15)[0]), float(share_interval(hits, len(ends))[1])
        words = {"share": share, "seeds": len(ends), "profit": ends["G1_profit"].mean(), "least": least}
        return Ours(share == 1.0 or most >= least, why="all" if share == 1.0 else "most", words=words,
                    evidence="independent" if share == 1.0 else "weak")  # fmt: skip

    def profit_range(self, low: float, high: float) -> Ours | None:
        rows = self._reproduced(ramp=True, discos=True)
        if not len(rows):
            return None
        least, most = float(rows["G1_profit"].min()), float(rows["G1_profit"].max())
        inside = verdict(least, (least, most), Published(low=low, high=high)) == "matches"
        return ours(inside, least=least, most=most)

    def commonest_end(self) -> Ours | None:
        rows = self._reproduced(rate=0.5, ramp=False, discos=True)
        if not len(rows):
            return None
        ends = self._seeds(rows.iloc[0])
        same = (ends[["G1_mw", "D1_mw", "D2_mw", "D3_mw"]] == [1000, 40, 0, 40]).all(axis=1)
        return ours(share=float(same.mean()), commonest=rows["commonest"].iloc[0], most=rows["share"].iloc[0])

    def visited(self, about: int) -> Ours | None:
        rows = self._reproduced(rate=0.9, ramp=False, discos=True)
        if not len(rows):
            return None
        visited = int(self._seeds(rows.iloc[0])["visited"].max())
        return ours(abs(visited - about) <= round(0.1 * about), visited=visited)

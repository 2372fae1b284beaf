"""Published prices, profits and sentences of the article's section 5 beside ours, for each placement."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd

from studies.claims import Claim, compare_number, compare_open, compare_statement
from studies.sources import TWO_SIDED
from studies.study import Results, Summaries
from studies.two_sided_eighteen_bus.market import EXPERIMENTS, PLACEMENTS
from studies.two_sided_eighteen_bus.reproduction import reproduction_claims
from studies.two_sided_eighteen_bus.tables import ends_table, flow_of, pick_end, price_of
from studies.verdicts import Evidence

SECTION = "section 5"
ON_PROFITS, ON_BIDS = f"{SECTION}, on figure 4", f"{SECTION}, on figures 5 to 8"
ON_LINES, ON_RAMPS = f"{SECTION}, on figures 10 to 17", f"{SECTION}, on figure 18"
NEAR = 0.5  # $/MWh: what the placements were fitted to within, on each price
NEAR_PROFIT = (
    0.02  # of a printed profit, as 0.5 is of a price; a margin of 7 $/MWh would otherwise pass when 7 % off
)
FITTED = "the placement was fitted to this price: agreement by selection, no validation"
OURS = "the article does not say who stands at which bus: the placement is ours"

PRICES: tuple[tuple[str, str, float, int], ...] = (
    ("base", "G1", 20.5, 1), ("base", "D1", 26, 0), ("base", "D2", 28, 0), ("base", "D3", 29, 0),
    ("alone 40", "G1", 20.5, 1), ("G1 D1", "G1", 22.3, 1), ("G1 D1", "D1", 24, 0),
    ("G1 D1 D3", "G1", 26.8, 1), ("G1 D1 D3", "D3", 27, 0), ("A defect D3", "G1", 28.04, 2),
    ("A defect D3", "D3", 27.4, 1), ("G1 D2", "G1", 21.8, 1), ("G1 D2", "D2", 26, 0),
    ("G1 D2 D3", "G1", 27.4, 1),
)  # fmt: skip
"""Experiment, agent, published price [$/MWh], printed decimals."""

PROFITS = (
    ("G1 D1", 7700), ("G1 D1 D3", 11850), ("A defect D3", 10700), ("G1 D2", 7200), ("G1 D2 D3", 12400),
)  # fmt: skip
"""Experiment, published profit of G1 [$]."""


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """All rows, placement by placement."""
    out = []
    table = ends_table(results) if "ends" in results.tables else pd.DataFrame()
    for place in dict.fromkeys(results["experiments"]["placement"]):
        rows = _numbers(results, place) + _sentences(results, place)
        if len(table) and int(table["seeds"].min()) >= 20:
            rows += _learned(table, place)
            if place == "fitted":
                rows += reproduction_claims(table, results)
        name = f"{place} placement" if place in PLACEMENTS else "placement of the user"
        out += [replace(claim, variant=", ".join(filter(None, (name, claim.variant)))) for claim in rows]
    return out


def _near(
    words: str, published: float, ours: float, digits: int, slack: float, unit: str, said: str
) -> Claim:
    """Consistent within the slack; no fitted number can be called a match."""
    where = ON_BIDS if unit == "$/MWh" else ON_PROFITS
    if not math.isfinite(ours):
        why = "the grid cannot serve the demand with the agents at these buses"
        return compare_number(TWO_SIDED, where, words, published, ours, digits, unit, why,
        evidence="fitted",
                              published=said, shown="not feasible")  # fmt: skip
    room = slack + 0.5 * 10.0**-digits
    inside = abs(ours - published) <= room
    away = f"{abs(ours / published - 1):.1%} away, outside {slack:g} {unit}; the fit was on all 14 prices "
    "together"
    return compare_number(
        TWO_SIDED, where, words, published, ours, digits, unit, FITTED if inside else away,
        interval=(ours - room, ours + room), evidence="fitted", published=said,
        shown=f"{ours:.{2 if unit == '$/MWh' else 0}f} {unit}",
    )  # fmt: skip


def _numbers(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]
    out = [
        _near(f"price of {agent}, {EXPERIMENTS[key][0]}", value, price_of(frame, place, key, agent), digits,
        NEAR,
              "$/MWh", f"“${value:.{digits}f}/MWh”")
        for key, agent, value, digits in PRICES
    ]  # fmt: skip
    for key, value in PROFITS:
        ours = price_of(frame, place, key, "G1", "profit")
        said = f"“${value:,}”" if value >= 10_000 else f"“${value}”"
        out.append(
            _near(f"profit of G1, {EXPERIMENTS[key][0]}", value, ours, 0, NEAR_PROFIT * value, "$", said)
        )
    direct = {k: price_of(frame, place, k, "G1", "profit") for k in ("direct 1060", "direct 1000")}
    out.append(
        compare_open(
            TWO_SIDED, ON_PROFITS, "profit of G1 in direct collusion with D3", "“earns $9100”",
            " or ".join(f"{v:,.0f} $ ({EXPERIMENTS[k][1]:g} MW)" for k, v in direct.items()),
            "the offers of direct collusion are not given", printed=9100,
        )
    )  # fmt: skip
    return out


def _says(
    words: str,
    published: str,
    ours: str,
    holds: bool,
    reason: str = "",
    fitted: bool = True,
    variant: str = "",
    where: str = SECTION,
) -> Claim:
    """A sentence: at best consistent, where the placement was fitted to it or is ours."""
    evidence: Evidence = "fitted" if fitted else "weak"
    if holds:
        reason = reason or (FITTED.replace("price", "sentence") if fitted else OURS)
    return compare_statement(TWO_SIDED, where, words, published, ours, holds,
                             reason or "not so on this placement", evidence=evidence,
                             variant=variant)  # fmt: skip


def _sentences(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]

    def money(key: str, agent: str = "G1") -> float:
        return price_of(frame, place, key, agent, "profit")

    def price(key: str, agent: str = "G1") -> float:
        return price_of(frame, place, key, agent)

    def sold(key: str) -> float:
        return price_of(frame, place, key, "G4", "mw")

    base, forty, ninety = money("base"), money("alone 40"), money("alone 90")
    first, second, third = money("G1 D1 D3", "D1"), money("G1 D1 D3", "D3"), money("G1 D2 D3", "D3")
    out = [
        _says("withholding 40 MW alone changes no price and loses money",
              "“due to a reduction in quantity of the Genco (from 1100 MW to 1060 MW) without any change "
              "in price, its profit tends to decrease”",
              f"{base:,.0f} → {forty:,.0f} $, price {price('base'):.2f} → {price('alone 40'):.2f}",
              forty < base and math.isclose(price("base"), price("alone 40"), abs_tol=0.005), where=ON_RAMPS),
        _says("withholding 90 MW alone pays (no ramp limit)",
              "“the Genco can unilaterally withhold 90 MW of its capacity …, and thus it experiences an "
              "upward trend in "
              "its profit function”", f"{base:,.0f} → {ninety:,.0f} $", ninety > base, where=ON_RAMPS),
        *[
            _says(f"G1 and {disco} both gain by their 40 MW",
                  "“when G1 and D1 (D2) learn to collude with each other, their utilities are increased”",
                  f"G1 {base:,.0f} → {money(f'G1 {disco}'):,.0f} $, {disco} {money('base', disco):,.0f} → "
                  f"{money(f'G1 {disco}', disco):,.0f} $",
                  money(f"G1 {disco}") > base and money(f"G1 {disco}", disco) > money("base", disco))
            for disco in ("D1", "D2")
        ],
        _says("collusion with D1 pays G1 more than with D2",
              "“collusion with D1 has more profit than collusion with D2”",
              f"{money('G1 D1'):,.0f} against {money('G1 D2'):,.0f} $", money("G1 D1") > money("G1 D2") + 1),
        _says("in the end the way by D2 pays more than the way by D1",
              "“choosing the second method leads to higher aggregated profit than the first”",
              f"{money('G1 D2 D3'):,.0f} against {money('G1 D1 D3'):,.0f} $",
              money("G1 D2 D3") > money("G1 D1 D3") + 1),
        _says("D3 gains by joining G1 and D1", "“D3 experiences an upward trend in its profit”",
              f"{money('G1 D1', 'D3'):,.0f} → {second:,.0f} $", second > money("G1 D1", "D3")),
        _says("D1 keeps its profit when D3 joins", "“which leads to a fixed amount of profit as before”",
              f"{money('G1 D1', 'D1'):,.0f} → {first:,.0f} $",
              abs(money("G1 D1", "D1") - first) <= 0.02 * abs(money("G1 D1", "D1")),
              "D1's own price rises when G1 withholds 60 MW more"),
        _says("for D3 it makes no difference whether G1 colludes with D1 or D2",
              "“there is no difference for D3 when G1 colludes with either D1 or D2”",
              f"{second:,.0f} and {third:,.0f} $", abs(second - third) <= 0.02 * second),
        _says("after D1 defects, G1 at 850 MW sells for the benefit of G4: its price and quantity rise",
              "“the selling price and quantity of G4 increase”",
              f"G4 {price('base', 'G4'):.2f} → {price('A defect', 'G4'):.2f} $/MWh, {sold('base'):,.0f} → "
              f"{sold('A defect'):,.0f} MW",
              price("A defect", "G4") > price("base",
              "G4") + 0.005 and sold("A defect") > sold("base") + 0.5),
        _says("and the price at D1 falls, which convinces it",
              "“the price of the node that D1 has been located on it decreases, which convinces D1 to "
              "remain loyal”",
              f"{price('base', 'D1'):.2f} → {price('A defect', 'D1'):.2f} $/MWh",
              price("A defect", "D1") < price("base", "D1") - 0.005),
        _says("after D2 defects, G1 at 1030 MW lowers the price at D2",
              "“this strategy decreases the price of the node that D2 has been located on it”",
              f"{price('base', 'D2'):.2f} → {price('B defect', 'D2'):.2f} $/MWh",
              price("B defect", "D2") < price("base", "D2") - 0.005),
    ]  # fmt: skip
    return out + _line_sentences(results, place)


LINES = {
    "4=700": ("line 4 at 700 MW (case A): D3 does not join", False,
              "“when the limit of Line 4 increases, D3 does not enter into collusion with G1”"),
    "5=800": ("line 5 at 800 MW (case A): D3 still joins", True,
              "“when Line 5 is uncongested, D3 still colludes with G1”"),
    "4=900": ("line 4 at 900 MW (case B): D3 does not join", False,
              "“when Line 4 is not congested, D3 does not enter into collusion with G1 anymore”"),
    "8=800": ("line 8 at 800 MW (case B): D3 still joins", True,
              "“when the limit of Line 8 increases, the behavior of D3 does not change”"),
    "4=300": ("line 4 at 300 MW: D3 joins", True,
              "“whenever Line 4 is congested, D3 can learn to collude with G1”"),
}  # fmt: skip
"""Limit of a line [MW] → claim, whether D3 joins, printed words; tested by D3's profit and by what is
learned."""


def _line_sentences(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]

    def full(key: str, line: int) -> bool:
        flow, limit = flow_of(results, place, key, line)
        return abs(flow) > limit - 1e-6

    base4 = flow_of(results, place, "base", 4)[0]
    joining = "“when these lines are congested, D3 enters into collusion with G1”"
    out = [
        compare_number(TWO_SIDED, SECTION, "flow of line 4 before any collusion", 300, base4, 0, "MW",
                       f"what fits the prices here has line 4 near its limit; {OURS}", evidence="weak",
                       published="300 MW, “the level that flows through this line before forming collusion”"),
        _says("line 4 is congested when D3 joins (case A)", joining, "congested" if full("G1 D1",
        4) else "not",
              full("G1 D1", 4)),
    ]  # fmt: skip
    for case, key, line in (("A", "G1 D1", 5), ("B", "G1 D2", 8)):
        flow, limit = flow_of(results, place, key, line)
        out.append(
            _says(f"line {line} is congested when D3 joins (case {case})", joining,
                  f"{flow:.0f} of {limit:.0f} MW", full(key, line), "this line never binds on this placement")
        )  # fmt: skip
    for name, before, after, line in (
        ("4=700", "line 4, D1", "line 4, D1 D3", 4),
        ("5=800", "line 5, D1", "line 5, D1 D3", 5),
        ("4=900", "line 4 B, D2", "line 4 B, D2 D3", 4),
        ("8=800", "line 8, D2", "line 8, D2 D3", 8),
    ):
        words, joined, published = LINES[name]
        old, new = (price_of(frame, place, key, "D3", "profit") for key in (before, after))
        ours = f"{old:,.0f} → {new:,.0f} $"
        if line != 4 and not full("base", line):
            why = f"vacuous here: line {line} does not bind, so its limit changes nothing"
            out.append(compare_open(TWO_SIDED, SECTION, words, published, ours, why, variant="by its profit"))
            continue
        out.append(
            _says(words, published, ours, (new > old) == joined,
                  "G1's offer falls from 1060 to 1000 MW at the same time", variant="by its profit")
        )  # fmt: skip
    held = [flow_of(results, place, k, 4) for k in ("300", "300, D1 D3", "300, D2 D3")]
    out.append(
        _says("line 4 at 300 MW stays congested in both cases", "“Line 4 is always congested”",
              ", ".join(f"{flow:.0f} MW" for flow, _ in held),
              all(abs(f) > limit - 1e-6 for f, limit in held), fitted=False)
    )  # fmt: skip
    return [replace(claim, place=ON_LINES) for claim in out]


def _learned(table: pd.DataFrame, place: str) -> list[Claim]:
    """What the article says of learning."""
    out = []
    held, free = (pick_end(table, placement=place, ramp=r) for r in (True, False))
    if len(held) and len(free):
        alone, joined = (held[held["discos"] == d]["G1_profit"].mean() for d in (False, True))
        out.append(
            _says("learned: with the ramp limit G1 needs the discos",
                  "“with the introduction of ramp rate constraint, the generation side needs the demand "
                  "side to put effective collusion into practice”",
                  f"{alone:,.0f} $ beside passive, {joined:,.0f} $ beside learning discos",
                  joined > 1.1 * alone,
                  fitted=False)
        )  # fmt: skip
        base = float(free[free["discos"]]["G1_profit"].mean())
        solo = float(free[~free["discos"]]["G1_profit"].mean())
        out.append(
            _says("learned: without it G1 gains by colluding with D1 and D3",
                  "“both of them make a profit from this collusive behavior”",
                  f"{solo:,.0f} $ beside passive, {base:,.0f} $ beside learning discos", base > solo,
                  "without a ramp limit G1 frees its export lines alone, and the discos take part of the "
                  "gain",
                  fitted=False)
        )  # fmt: skip
    for lines, (words, joins, published) in LINES.items():
        rows = pick_end(table, placement=place, lines=lines, ramp=False)
        if len(rows):
            found = float(rows["D3_joins"].mean())
            agree = (found > 0.5) == joins
            reason = (
                f"by the majority of seeds; {OURS}"
                if agree
                else "share of seeds in which D3 interrupts in the end"
            )
            out.append(
                _says(
                    words,
                    published,
                    f"in {found:.0%} of seeds",
                    agree,
                    reason,
                    fitted=False,
                    variant="learned",
                )
            )
    rows = pick_end(table, placement=place, memory="own", ramp=False)
    if len(set(rows["gamma"])) > 1:
        means = rows.groupby("gamma")[["D1_joins", "D2_joins"]].mean()
        low, high = means.loc[means.index.min()], means.loc[means.index.max()]
        holds = high["D2_joins"] > high["D1_joins"] and low["D1_joins"] > low["D2_joins"]
        out.append(
            _says("learned: a myopic G1 ends with D1, a far-sighted one with D2",
                  "“If G1 is myopic, it chooses the first method, while foresight preference leads to "
                  "choosing the second method”",
                  f"γ {means.index.min():g}: D1 {low['D1_joins']:.0%}, D2 {low['D2_joins']:.0%}; "
                  f"γ {means.index.max():g}: D1 {high['D1_joins']:.0%}, D2 {high['D2_joins']:.0%}",
                  bool(holds),
                  "G1 remembers its own last offer here; what a state is, the article does not say; in one "
                  "state γ cannot matter at all", fitted=False)
        )  # fmt: skip
    out.append(
        compare_open(
            TWO_SIDED, ON_PROFITS, "iterations after which profits converge",
            "“final convergence of profit functions was obtained after almost 700 iterations”",
            "exploration never ends at a constant rate",
            "no rule of convergence is given; the three-node study measures settling days", printed=700,
        )
    )  # fmt: skip
    return out

"""Published prices, profits and sentences of the article's section 5 beside ours, for each placement."""

from __future__ import annotations

import math

import pandas as pd

from studies.study import Claim, Results, Verdict
from studies.two_sided.eighteen_bus import EXPERIMENTS, PLACEMENTS
from studies.two_sided.eighteen_bus_reproduction import reproduction_claims
from studies.two_sided.eighteen_bus_tables import ends_table, flow_of, pick_end, price_of

ARTICLE = "Energies 2017, 10, 2045 (two-sided tacit collusion), section 5"
NEAR = 0.5  # $/MWh: what the placements were fitted to within, on each price
FITTED = "the placement was fitted to this price: agreement by selection, no validation"

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


def list_claims(results: Results) -> list[Claim]:
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
        out += [Claim(c.document, f"{name}: {c.claim}", *_rest(c)) for c in rows]
    return out


def _rest(claim: Claim) -> tuple[str, str, Verdict, str]:
    return claim.published, claim.ours, claim.verdict, claim.reason


def _near(words: str, published: float, ours: float, digits: int, slack: float, unit: str) -> Claim:
    """Consistent within the slack that the fit had; no fitted number can be called a match."""
    if not math.isfinite(ours):
        why = "the grid cannot serve the demand with the agents at these buses"
        return Claim(ARTICLE, words, f"{published:.{digits}f} {unit}", "not feasible", "differs", why)
    inside = abs(ours - published) <= slack + 0.5 * 10.0**-digits
    reason = FITTED if inside else f"outside {slack:g} {unit}; the fit was on all 14 prices together"
    return Claim(
        ARTICLE, words, f"{published:.{digits}f} {unit}", f"{ours:.{2 if unit == '$/MWh' else 0}f} {unit}",
        "consistent" if inside else "differs", reason,
    )  # fmt: skip


def _numbers(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]
    out = [
        _near(f"price of {agent}, "
              f"{EXPERIMENTS[key][0]}", value, price_of(frame, place, key, agent), digits, NEAR,
              "$/MWh")
        for key, agent, value, digits in PRICES
    ]  # fmt: skip
    for key, value in PROFITS:
        slack = NEAR * EXPERIMENTS[key][1]
        ours = price_of(frame, place, key, "G1", "profit")
        out.append(_near(f"profit of G1, {EXPERIMENTS[key][0]}", value, ours, 0, slack, "$"))
    direct = {k: price_of(frame, place, k, "G1", "profit") for k in ("direct 1060", "direct 1000")}
    hit = any(abs(v - 9100) <= NEAR * 1060 for v in direct.values())
    out.append(
        Claim(
            ARTICLE, "profit of G1 in direct collusion with D3", "9100 $",
            " or ".join(f"{v:,.0f} $ ({EXPERIMENTS[k][1]:g} MW)" for k, v in direct.items()),
            "consistent" if hit else "under-specified", "the offers of direct collusion are not given",
        )
    )  # fmt: skip
    return out


def _says(words: str, published: str, ours: str, holds: bool, reason: str = "", fitted: bool = True) -> Claim:
    """A sentence: at best consistent where the placement was fitted to it."""
    if holds and fitted:
        return Claim(
            ARTICLE, words, published, ours, "consistent", reason or FITTED.replace("price", "sentence")
        )
    why = "" if holds else reason or "not so on this placement"
    return Claim(
        ARTICLE, words, published, ours, "matches" if holds else "differs", why if not holds else reason
    )


def _sentences(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]

    def money(key: str, agent: str = "G1") -> float:
        return price_of(frame, place, key, agent, "profit")

    def price(key: str, agent: str = "G1") -> float:
        return price_of(frame, place, key, agent)

    base, forty, ninety = money("base"), money("alone 40"), money("alone 90")
    out = [
        _says("withholding 40 MW alone changes no price and loses money", "loses", f"{base:,.0f} → "
                                                                                   f"{forty:,.0f} $, "
              f"price {price('base'):.2f} → {price('alone 40'):.2f}",
              forty < base and math.isclose(price("base"), price("alone 40"), abs_tol=0.005)),
        _says("withholding 90 MW alone pays (no ramp limit)", "gains", f"{base:,.0f} → {ninety:,.0f} "
                                                                       "$", ninety > base),
        _says("G1 and D1 both gain by their 40 MW", "both gain", f"G1 {base:,.0f} → {money('G1 D1'):,.0f} "
                                                                 "$, D1 "
              f"{money('base', 'D1'):,.0f} → {money('G1 D1', 'D1'):,.0f} $",
              money("G1 D1") > base and money("G1 D1", "D1") > money("base", "D1")),
        _says("G1 and D2 both gain by their 40 MW", "both gain", f"G1 {base:,.0f} → {money('G1 D2'):,.0f} "
                                                                 "$, D2 "
              f"{money('base', 'D2'):,.0f} → {money('G1 D2', 'D2'):,.0f} $",
              money("G1 D2") > base and money("G1 D2", "D2") > money("base", "D2")),
        _says("collusion with D1 pays G1 more than with D2", "more", f"{money('G1 D1'):,.0f} against "
              f"{money('G1 D2'):,.0f} $", money("G1 D1") > money("G1 D2") + 1),
        _says("in the end the way by D2 pays more than the way by D1", "more", f"{money('G1 D2 D3'):,.0f} "
                                                                               "against "
              f"{money('G1 D1 D3'):,.0f} $", money("G1 D2 D3") > money("G1 D1 D3") + 1),
        _says("D3 gains by joining G1 and D1", "gains", f"{money('G1 D1', 'D3'):,.0f} → "
              f"{money('G1 D1 D3', 'D3'):,.0f} $", money("G1 D1 D3", "D3") > money("G1 D1", "D3")),
        _says("D1 keeps its profit when D3 joins", "fixed profit", f"{money('G1 D1', 'D1'):,.0f} → "
              f"{money('G1 D1 D3', 'D1'):,.0f} $",
              abs(money("G1 D1", "D1") - money("G1 D1 D3", "D1")) <= 0.02 * abs(money("G1 D1", "D1")),
              "D1's own price rises when G1 withholds 60 MW more"),
        _says("for D3 it makes no difference whether G1 colludes with D1 or D2", "no difference",
              f"{money('G1 D1 D3', 'D3'):,.0f} and {money('G1 D2 D3', 'D3'):,.0f} $",
              abs(money("G1 D1 D3", "D3") - money("G1 D2 D3", "D3")) <= 0.02 * money("G1 D1 D3", "D3")),
        _says("after D1 defects, G1 at 850 MW sells for the benefit of G4: its price and quantity "
              "rise", "rise",
              f"G4 {price('base', 'G4'):.2f} → {price('A defect', 'G4'):.2f} $/MWh, "
              f"{price_of(frame, place, 'base', 'G4', 'mw'):,.0f} → "
              f"{price_of(frame, place, 'A defect', 'G4', 'mw'):,.0f} MW",
              price("A defect", "G4") > price("base", "G4") + 0.005
              and price_of(frame, place, "A defect", "G4", "mw")
              > price_of(frame, place, "base", "G4", "mw") + 0.5),
        _says("and the price at D1 falls, which convinces it", "falls",
              f"{price('base', 'D1'):.2f} → {price('A defect', 'D1'):.2f} $/MWh",
              price("A defect", "D1") < price("base", "D1") - 0.005),
        _says("after D2 defects, G1 at 1030 MW lowers the price at D2", "falls",
              f"{price('base', 'D2'):.2f} → {price('B defect', 'D2'):.2f} $/MWh",
              price("B defect", "D2") < price("base", "D2") - 0.005),
    ]  # fmt: skip
    return out + _line_sentences(results, place)


def _line_sentences(results: Results, place: str) -> list[Claim]:
    frame = results["experiments"]

    def joins(before: str, after: str) -> tuple[float, float]:
        return tuple(price_of(frame, place, k, "D3", "profit") for k in (before, after))  # type: ignore[return-value]

    def full(key: str, line: int) -> bool:
        flow, limit = flow_of(results, place, key, line)
        return abs(flow) > limit - 1e-6

    base4 = flow_of(results, place, "base", 4)[0]
    out = [
        _says("line 4 carries about 300 MW before any "
              "collusion", "300 MW", f"{base4:.0f} MW", abs(base4 - 300) <= 50,
              "what fits the prices here has line 4 near its limit"),
        _says("line 4 is congested when D3 joins (case "
              "A)", "congested", "congested" if full("G1 D1", 4) else "not",
              full("G1 D1", 4)),
    ]  # fmt: skip
    for case, key, line in (("A", "G1 D1", 5), ("B", "G1 D2", 8)):
        flow, limit = flow_of(results, place, key, line)
        out.append(
            _says(f"line {line} is congested when D3 joins (case {case})", "congested",
                  f"{flow:.0f} of {limit:.0f} MW", full(key, line),
                  "this line never binds on this placement")
        )  # fmt: skip
    for words, before, after, joined, line in (
        ("line 4 at 700 MW (case A)", "line 4, D1", "line 4, D1 D3", False, 4),
        ("line 5 at 800 MW (case A)", "line 5, D1", "line 5, D1 D3", True, 5),
        ("line 4 at 900 MW (case B)", "line 4 B, D2", "line 4 B, D2 D3", False, 4),
        ("line 8 at 800 MW (case B)", "line 8, D2", "line 8, D2 D3", True, 8),
    ):
        old, new = joins(before, after)
        vacuous = line != 4 and not full("base", line)
        out.append(
            _says(f"{words}: D3 {'still gains' if joined else 'does not gain'} by joining",
                  "gains" if joined else "no gain", f"{old:,.0f} → {new:,.0f} $", (new > old) == joined,
                  f"vacuous here: line {line} does not bind, so its limit changes nothing" if vacuous
                  else "G1's offer falls from 1060 to 1000 MW at the same time")
        )  # fmt: skip
    held = [flow_of(results, place, k, 4) for k in ("300", "300, D1 D3", "300, D2 D3")]
    out.append(
        _says("line 4 at 300 MW stays congested in both cases", "always congested",
              ", ".join(f"{flow:.0f} MW" for flow, _ in held),
              all(abs(f) > limit - 1e-6 for f, limit in held),
              fitted=False)
    )  # fmt: skip
    return out


def _learned(table: pd.DataFrame, place: str) -> list[Claim]:
    """What the article says of learning."""
    out = []

    def share(rows: pd.DataFrame, name: str) -> float:
        return float(rows[f"{name}_joins"].mean())

    held, free = (pick_end(table, placement=place, ramp=r) for r in (True, False))
    if len(held) and len(free):
        alone, joined = (held[held["discos"] == d]["G1_profit"].mean() for d in (False, True))
        out.append(
            _says("learned: with the ramp limit G1 needs the discos", "needs them",
                  f"{alone:,.0f} $ beside passive, {joined:,.0f} $ beside learning "
                  "discos", joined > 1.1 * alone,
                  fitted=False)
        )  # fmt: skip
        base = float(free[free["discos"]]["G1_profit"].mean())
        solo = float(free[~free["discos"]]["G1_profit"].mean())
        out.append(
            _says("learned: without it G1 gains by colluding with D1 and D3", "gains",
                  f"{solo:,.0f} $ beside passive, {base:,.0f} $ beside learning discos", base > solo,
                  "without a ramp limit G1 frees its export lines alone, and the discos take part of the "
                  "gain",
                  fitted=False)
        )  # fmt: skip
    for lines, joined in (
        ("5=800", True),
        ("4=700", False),
        ("8=800", True),
        ("4=900", False),
        ("4=300", True),
    ):
        rows = pick_end(table, placement=place, lines=lines, ramp=False)
        if len(rows):
            found = share(rows, "D3")
            words = lines.replace("=", " at ")
            reason = "" if (found > 0.5) == joined else "share of seeds in which D3 interrupts in the end"
            out.append(
                _says(f"learned: line {words} MW, D3 {'joins' if joined else 'does not join'}",
                      "joins" if joined else "does not", f"in {found:.0%} of seeds", (found > 0.5) == joined,
                      reason, fitted=False)
            )  # fmt: skip
    rows = pick_end(table, placement=place, memory="own", ramp=False)
    if len(set(rows["gamma"])) > 1:
        means = rows.groupby("gamma")[["D1_joins", "D2_joins"]].mean()
        low, high = means.loc[means.index.min()], means.loc[means.index.max()]
        holds = high["D2_joins"] > high["D1_joins"] and low["D1_joins"] > low["D2_joins"]
        out.append(
            _says("learned: a myopic G1 ends with D1, a far-sighted one with D2", "D1, then D2",
                  f"γ {means.index.min():g}: D1 {low['D1_joins']:.0%}, D2 {low['D2_joins']:.0%}; "
                  f"γ {means.index.max():g}: D1 {high['D1_joins']:.0%}, D2 "
                  f"{high['D2_joins']:.0%}", bool(holds),
                  "G1 remembers its own last offer here; what a state is, the article does not say; in one "
                  "state "
                  "γ cannot matter at all", fitted=False)
        )  # fmt: skip
    out.append(
        Claim(
            ARTICLE, "profits converge after almost 700 iterations", "700",
            "exploration never ends at a constant rate", "under-specified",
            "no rule of convergence is given; the three-node study measures settling days",
        )
    )  # fmt: skip
    return out

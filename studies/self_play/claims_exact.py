"""Exact figures of the reference calculations beside ours: equilibria, money, pay-offs, cycles."""

from __future__ import annotations

from typing import Any

from scipy.stats import binom

from studies.claims import Claim, Source, compare_number, compare_open, compare_statement
from studies.self_play.facts_five_bus import ROWS, STARTS, row_name
from studies.self_play.facts_prices import DISCRETE, SAME_PRICE, grid_words
from studies.self_play.tables import facts
from studies.study import Results

REFERENCE = Source(
    "Self-play in power markets: data, equilibria, prototype (reference calculations)", "cross-check"
)
FORMULAS = "section 3, situations"
FIVE_BUS = "section 2, reconstructed case"
SIMULATED = "sections 2 to 4, runs of the prototype"
SYMMETRIC = ("0, 10, 20", "0, 30, 60", "0, 50, 100", "0, 10, 100", "0, 60", "10, 20, 40, 80", "0, 1, 2")
MONEY = (
    (1055.75, 17322.49, 1185.57, 19563.82), (15109.92, 2792.66, 1431.41, 19333.99),
    (14856.00, 2790.53, 1580.21, 19226.74), (16055.75, 2322.49, 1185.57, 19563.82),
    (1086.34, 18882.76, 250.02, 20219.11), (3606.90, 15792.86, 0.0, 19399.76),
)  # fmt: skip
DISPATCH = (
    "184.88 166.06 149.07", "300.00 55.46 144.54", "45.45 300.00 154.55", "184.88 166.06 149.07",
    "246.45 244.46 9.09", "300.00 61.90 138.10",
)  # fmt: skip
PRICES = (
    "20.628 20.289 21.983 22.434 28.908", "48.707 48.298 50.343 50.888 58.704",
    "48.118 47.667 49.924 50.526 59.155", "50.628 50.289 51.983 52.434 58.908",
    "21.736 21.700 21.879 21.927 22.609", "28.414 28.414 28.414 28.414 28.414",
)  # fmt: skip
PAYOFFS = (
    "431,160,4923 2848,582,4806 5730,1137,4806 8612,1691,4806; "
    "473,2055,5174 2463,1630,4939 5730,1137,4806 8612,1691,4806; "
    "928,5177,5174 928,5177,5174 4271,3320,4956 8612,1691,4806; "
    "1382,8300,5174 1382,8300,5174 1382,8300,5174 5854,5230,4972"
)
TWO_BUS = {  # line → least, mean, profit, mean by Lemke-Howson, least in the cycle, period
    10: (81.82, 90.30, 9000, 90.31, 82, 19),
    25: (60.00, 76.62, 7500, 76.62, 60, 41),
    50: (33.33, 54.93, 5000, 55.21, 34, 67),
    75: (14.29, 32.43, 2500, None, 15, 86),
}


class Rows:
    """Rows of the ledger from exact facts."""

    def __init__(self, results: Results) -> None:
        self.numbers, self.words = facts(results)
        self.made: list[Claim] = []
        self.place = FORMULAS

    def number(self, name: str, published: float, digits: int, unit: str = "", reason: str = "") -> None:
        """A printed number beside the fact of this name; facts that need quantecon may be missing."""
        ours = self.numbers.get(name)
        if ours is None:
            why = reason or "needs quantecon (extra `equilibria`), or its path did not end"
            shown = f"{published:.{digits}f} {unit}".strip()
            self.made.append(compare_open(REFERENCE, self.place, name, shown, "none", why, printed=published))
            return
        self.made.append(compare_number(REFERENCE, self.place, name, published, ours, digits, unit, reason))

    def text(self, name: str, published: str, claim: str = "") -> None:
        """Printed words or vectors beside the fact of this name, equal or not."""
        ours = self.words.get(name, "none")
        self.made.append(
            compare_statement(REFERENCE, self.place, claim or name, published, ours, ours == published)
        )


def exact_claims(results: Results) -> list[Claim]:
    """Every exact figure of the reference calculations, situation by situation."""
    rows = Rows(results)
    _price_games(rows)
    _two_bus(rows)
    _five_bus(rows)
    return rows.made


def _price_games(rows: Rows) -> None:
    rows.number("many: gain of one who leaves zero", 0, 0, "$/h")
    rows.made.append(
        compare_statement(
            REFERENCE, FORMULAS, "many: residual supply above 1 for all, so mark-ups of 0", "RSI > 1",
            f"RSI {rows.numbers['many: least residual supply']:.2f}",
            rows.numbers["many: least residual supply"] > 1,
        )
    )  # fmt: skip
    rows.number("half load: top is an equilibrium", 1, 0)
    for grid, listed in zip(DISCRETE, SYMMETRIC, strict=True):
        rows.text(f"Bertrand: equilibria on {grid_words(grid)}", listed)
    rule = all(_follows_rule(grid, rows.words) for grid in DISCRETE)
    rows.made.append(
        compare_statement(
            REFERENCE, FORMULAS, "Bertrand: (m_k, m_k) is an equilibrium just where m_{k−1} ≤ m_k/2", "holds",
            f"{'holds' if rule else 'fails'} on {len(DISCRETE)} grids", rule,
        )
    )  # fmt: skip
    rows.number("capacity: indifference price", 160, 0, "$/MWh")
    for cap, ratio in SAME_PRICE:
        rows.number(f"capacity: indifference price at cap {cap:g}, D/K {ratio:g}", 160, 0, "$/MWh")
    for pair in ("100, 100", "120, 80", "90, 130"):
        rows.number(f"capacity: undercutting less the cap at p*, K = {pair}", 0, 2, "$/h")
    rows.number("capacity: pure equilibria on steps of 1", 122, 0)
    rows.number("capacity: with one at the cap", 122, 0)
    rows.number("capacity: greatest low bid", 60, 0, "$/MWh")
    rows.number("capacity: profit of the high bidder", 6000, 0, "$/h")
    rows.number("capacity: profit of the low bidder", 10000, 0, "$/h")
    slices = "the rival's mixture is cut into 20,001 equal slices"
    rows.number("capacity: least payoff against the mixture", 6000, 0, "$/h", slices)
    rows.number("capacity: greatest payoff against the mixture", 6000, 0, "$/h", slices)
    rows.number("pay-as-bid: pure equilibria on steps of 1", 0, 0)
    rows.number("pay-as-bid: least payoff against the mixture", 6000, 0, "$/h", slices)
    rows.number("pay-as-bid: greatest payoff against the mixture", 6000, 0, "$/h", slices)
    rows.number("pay-as-bid: profit by Lemke and Howson", 6000.0, 1, "$/h")
    rows.number("pay-as-bid: least mark-up by Lemke and Howson", 61, 0, "$/MWh")


def _follows_rule(grid: tuple[float, ...], words: dict[str, str]) -> bool:
    expected = [m for k, m in enumerate(grid) if k == 0 or grid[k - 1] <= m / 2]
    return words.get(f"Bertrand: equilibria on {grid_words(grid)}") == ", ".join(f"{m:g}" for m in expected)


def _two_bus(rows: Rows) -> None:
    for line, (low, mean, profit, found, least, period) in TWO_BUS.items():
        name = f"two buses, {line} MW"
        rows.number(f"{name}: pure equilibria", 0, 0)
        rows.number(f"{name}: least mark-up", low, 2, "$/MWh")
        rows.number(f"{name}: mean mark-up", mean, 2, "$/MWh")
        rows.number(f"{name}: profit", profit, 0, "$/h")
        rows.number(f"{name}: greatest payoff of a deviation", profit, 0, "$/h")
        if found is not None:
            rows.number(f"{name}: mean by Lemke and Howson", found, 2, "$/MWh")
        else:
            _lemke_howson_at_75(rows, name)
        rows.number(f"{name}: least bid in the cycle of best replies", least, 0, "$/MWh")
        rows.number(f"{name}: period of the cycle", period, 0, "moves")
    name = "two buses, loads 100 and 80 MW, 40 MW"
    rows.number(f"{name}: least mark-up", 42.86, 2, "$/MWh")
    rows.number(f"{name}: profit, first", 6000, 0, "$/h")
    rows.number(f"{name}: profit, second", 5142.9, 1, "$/h")
    rows.number(f"{name}: atom at the cap", 0.143, 3)
    rows.number(f"{name}: profit by Lemke and Howson, first", 6000, 0, "$/h")
    rows.number(f"{name}: profit by Lemke and Howson, second", 5142.9, 1, "$/h")
    rows.number(f"{name}: least mark-up by Lemke and Howson", 43, 0, "$/MWh")
    rows.number(f"{name}: atom by Lemke and Howson", 0.149, 3)


def _lemke_howson_at_75(rows: Rows, name: str) -> None:
    pair = [rows.numbers.get(f"{name}: profit by Lemke and Howson, {k}") for k in ("first", "second")]
    shown = "none" if None in pair else "/".join(f"{v:.0f}" for v in pair if v is not None)
    rows.made.append(
        compare_statement(
              REFERENCE, FORMULAS, f"{name}: profits by Lemke and Howson, asymmetric", "2334/2500 $/h",
              f"{shown} $/h", shown == "2334/2500",
              "the grid of 101 prices has several mixed equilibria, and the path chooses; from most first "
              "labels it does not end")
    )  # fmt: skip


def _five_bus(rows: Rows) -> None:
    rows.place = FIVE_BUS
    for k, (limit, markups) in enumerate(ROWS):
        name = row_name(limit, markups)
        rows.text(f"{name}: dispatch", DISPATCH[k])
        rows.text(f"{name}: LMP", PRICES[k])
        for key, value in zip(("PB", "CB", "CR", "total"), MONEY[k], strict=True):
            rows.number(f"{name}: {key}", value, 2, "$/h")
    rows.number("shift of all mark-ups by 7: change of CB", -3500, 0, "$/h")
    rows.text("pay-offs with G3 at 30", PAYOFFS, "pay-offs of all 16 profiles with G3 at 30, 48 numbers")
    rows.text("factors of line 2-5, bus 1 as slack", "0.0000 0.0286 -0.1143 -0.1524 -0.6984")
    rows.number("100 MW: pure equilibria on steps of 10", 2, 0)
    rows.text("100 MW: pure equilibria on steps of 10", "(0, 30, 30); (30, 0, 30)", "which they are")
    rows.number("100 MW: pure equilibria on steps of 1", 14, 0)
    listed = [f"({m}, 30, 30)" for m in range(9)] + [f"(30, {m}, 30)" for m in range(5)]
    rows.text("100 MW: pure equilibria on steps of 1", "; ".join(listed), "the 14 on steps of 1")
    rows.number("200 MW: pure equilibria on steps of 10", 2, 0)
    rows.number("200 MW: pure equilibria on steps of 5", 0, 0)
    rows.number("200 MW: pure equilibria on steps of 1", 0, 0)
    rows.number("mark-ups of 30 % by all: CB", 14302, 0, "$/h")
    _continuum(rows)
    _paths(rows)


def _continuum(rows: Rows) -> None:
    inside = max(
        rows.numbers[f"ε of {n} {w}"] for n in ("(m, 30, 30)", "(30, m, 30)") for w in ("at 0", "inside")
    )
    outside = min(rows.numbers[f"ε of {n} outside"] for n in ("(m, 30, 30)", "(30, m, 30)"))
    rows.made.append(
        compare_statement(
            REFERENCE, FIVE_BUS, "with continuous mark-ups the low bidder is anywhere in an interval from 0",
            "a continuum",
            f"ε at most {inside:.1e} $ inside [0, 8.54] and [0, 4.50], at least {outside:.0f} $ outside",
            inside < 1e-4 < outside,
            "ε against all mark-ups in [0, 30], by exact parametric best responses",
        )
    )  # fmt: skip


def _paths(rows: Rows) -> None:
    """Counts of random starts: consistent where both lie in one 95 % interval of the other's share."""
    for name, published in (("(low, 30, 30)", 209), ("(30, low, 30)", 91)):
        ours = int(rows.numbers[f"100 MW: starts that reach {name}"])
        low, high = sampled(published, ours, STARTS, STARTS)
        rows.made.append(
            compare_number(REFERENCE, FIVE_BUS, f"random starts, of 300, that best replies lead to {name}",
                           published, ours, 0, reason=f"ours {ours}; interval for another 300 starts",
                           interval=(low, high))
        )  # fmt: skip
    rows.number("100 MW: starts that cycle", 0, 0)
    rows.number("200 MW: starts that cycle", 300, 0)
    changes = rows.numbers.get("100 MW: median changes", float("nan"))
    counted = f"the last three turns change nothing; changes: {changes:.0f}"
    rows.number("100 MW: median turns until all stay", 7, 0, "moves", counted)


def sampled(published: float, ours: float, n_published: int, n_ours: int) -> tuple[float, float]:
    """Counts of `n_published` draws that agree with ours: 95 % of the binomial at our share, widened by its
    own error (Agresti and Coull's share for few runs)."""
    share = (ours + 2) / (n_ours + 4)
    error = 1.96 * (share * (1 - share) / (n_ours + 4)) ** 0.5
    low = binom.ppf(0.025, n_published, max(share - error, 0.0))
    high = binom.ppf(0.975, n_published, min(share + error, 1.0))
    return float(low), float(high)


def prototype_claims_that_cannot_be_made_again() -> list[Claim]:
    """What the reference calculations counted over draws that are not given."""
    searched = "the search over random systems is not described enough to be run again"
    rows: list[Any] = [
        ("random systems that fit the post's figures, and the share of them with a load of 500 MW",
         "2,296; 59 %", searched),
        ("random systems with both equilibria and the two exact figures", "43,132", searched),
    ]  # fmt: skip
    return [compare_open(REFERENCE, FIVE_BUS, claim, shown, "not run", why) for claim, shown, why in rows]

"""What the notes and the document say of colluding homes, beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.claims import (
    Claim,
    Source,
    compare_number,
    compare_open,
    compare_sampled,
    compare_share,
    compare_statement,
)
from studies.smart_homes.stage import CASES, NOTES, Printed, stage_game
from studies.smart_homes.tables import (
    agent_table,
    interval,
    market_sessions,
    stage_sessions,
)
from studies.sources import HOMES
from studies.study import Results, Summaries

PROTOTYPE = Source(NOTES, "cross-check")
YARDSTICKS, SESSIONS, TESTS = "yardsticks", "table of the sealed stage game", "tests of strategies"
POLICY = "“Policy Discussion”"
BUYERS = "Sell-side collusion might quickly founder on responses of the buy side"
BUYERS_PRINTED = (
    "“any attempts at sell-side collusion might quickly founder due to price signaling or responsive "
    "collusion from the buy-side”"
)
LEAST_SESSIONS = 20
SAME = 1e-9  # a spread of rounding errors
ERRORS = 3.0  # standard errors of the difference of two means, on either side
DIGITS = {"price": 3, "profit": 2, "welfare_share": 2}
WORDS = {
    "price": "price paid",
    "profit": "profit of all sellers",
    "welfare_share": "welfare, share of the greatest",
}
OTHER = (
    "outside three standard errors of the difference; both are means of few sessions of a learner that "
    "ends in many different cycles, and the notes do not say over what theirs average"
)
REASONS = {
    "price": "the notes do not say what price is seen or in which bins; ours is the mean price paid in "
    "eleven, under a uniform price one for each offer",
}


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """The stage game's table from at least 20 sessions, its yardsticks, and the document's sentences."""
    stage = stage_sessions(results)
    out: list[Claim] = []
    if len(stage) and int(stage.groupby("market").size().min()) >= LEAST_SESSIONS:
        out += (
            exact_claims() + table_claims(stage) + strategy_claims(stage, results.tables["stage_responses"])
        )
    return out + document_claims(results)


def exact_claims() -> list[Claim]:
    """Yardsticks that need no sessions."""
    from learners import Benchmarks, joint_optimum, pure_equilibria

    out = []
    uniform, table = stage_game(CASES["uniform"].game)
    ends = Benchmarks.of(table, uniform.competitive())
    heard = table.signals(np.array([uniform.truthful, joint_optimum(table).profile]))
    top = table.payoffs(np.array([[6, 6, 6]])).sum()
    out += [
        compare_number(PROTOTYPE, YARDSTICKS, "competitive price", 0.08, float(heard[0, 0]), 2),
        compare_number(
            PROTOTYPE, YARDSTICKS, "uniform price: lowest static Nash profit", 0.0, ends.nash_low, 2
        ),
        compare_number(
            PROTOTYPE, YARDSTICKS, "uniform price: highest static Nash profit", 0.20, ends.nash_high, 2
        ),
        compare_number(PROTOTYPE, YARDSTICKS, "joint optimum: profit", 0.60, ends.joint, 2),
        compare_number(
            PROTOTYPE, YARDSTICKS, "joint optimum: lower of its two prices", 0.18, float(heard[1, 0]), 2
        ),
        compare_number(PROTOTYPE, YARDSTICKS, "profit where all offer .20", 0.60, float(top), 2),
        compare_number(
            PROTOTYPE,
            YARDSTICKS,
            "welfare share at the joint optimum",
            0.811,
            float(heard[1, 1] / heard[0, 1]),
            3,
        ),
    ]
    bids, table = stage_game(CASES["bids"].game)
    out.append(
        compare_number(
            PROTOTYPE, YARDSTICKS, "pay-as-bid: highest static Nash profit", 0.36,
            Benchmarks.of(table, bids.competitive()).nash_high, 2,
        )
    )  # fmt: skip
    _, table = stage_game(CASES["vcg"].game)
    out.append(
        compare_number(
            PROTOTYPE, YARDSTICKS, "VCG: number of pure equilibria", 31, len(pure_equilibria(table)), 0
        )
    )
    dear, table = stage_game(CASES["costs"].game)
    ends = Benchmarks.of(table, dear.competitive())
    for words, published, ours in (("lowest", 0.24, ends.nash_low), ("highest", 0.30, ends.nash_high)):
        out.append(
            compare_number(
                PROTOTYPE, YARDSTICKS, f"costs .08, .10, .12: {words} static Nash profit", published, ours, 2
            )
        )
    return out


def table_claims(stage: pd.DataFrame) -> list[Claim]:
    """Price, profit and welfare of every printed case."""
    out = []
    for key, group in stage.groupby("market", sort=False):
        case = CASES[str(key)]
        if case.printed is None:
            continue
        for column, words in WORDS.items():
            published = {"price": case.printed.price, "profit": case.printed.profit,
                         "welfare_share": case.printed.welfare}[column]  # fmt: skip
            if published is None:
                continue
            out.append(
                _mean_claim(
                    f"{case.words}: {words}",
                    published,
                    group[column],
                    case.printed,
                    DIGITS[column],
                    REASONS.get(str(key).rpartition("_")[2], OTHER),
                )
            )
        if case.printed.low is not None and case.printed.high is not None:
            mean = float(group["price"].mean())
            inside = case.printed.low <= mean <= case.printed.high
            out.append(
                compare_statement(
                    PROTOTYPE, SESSIONS, f"{case.words}: range of the sessions' prices",
                    f"{case.printed.low:.3f} to {case.printed.high:.3f}",
                    f"mean {mean:.3f}, sessions {group['price'].min():.3f} to {group['price'].max():.3f}",
                    inside,
                    "our mean lies in their range" if inside else OTHER, evidence="weak",
                )
            )  # fmt: skip
    return out


def _mean_claim(
    words: str, published: float, values: pd.Series, printed: Printed, digits: int, why: str = OTHER
) -> Claim:
    """A mean of few sessions against ours: three standard errors of the difference, and the printed digit.

    The notes' spread is taken to be ours; where our sessions all end alike there is none.
    """
    x = values.to_numpy(dtype=float)
    mean = float(x.mean())
    error = float(x.std(ddof=1)) * np.sqrt(1 / len(x) + 1 / printed.sessions)
    ours = f"{mean:.{digits}f} ± {x.std(ddof=1) / np.sqrt(len(x)):.{digits + 1}f}, {len(x)} sessions"
    room = ERRORS * error if ERRORS * error > SAME else 0.0
    near = (
        f"within {room:.{digits + 1}f}: three standard errors of the difference, {printed.sessions} "
        "sessions in the notes"
    )
    return compare_sampled(PROTOTYPE, SESSIONS, words, published, mean, (mean - room, mean + room), digits,
                           near if room else "", shown=ours, outside=why)  # fmt: skip


def strategy_claims(stage: pd.DataFrame, responses: pd.DataFrame) -> list[Claim]:
    """Best-response losses, deviations, and the answer of two sellers."""
    out = []
    by = {str(key): group for key, group in stage.groupby("market", sort=False)}
    paid = "deviations that tempt but do not pay in the end"
    for key, words, column, low, high in (
        ("slower", "three sellers, β = 1e-5: best-response loss", "loss", 0.55, 0.59),
        ("slower", f"three sellers, β = 1e-5: {paid}", "unprofitable", 0.82, 0.85),
        ("coarse", "three sellers, 6 offers: best-response loss", "loss", 0.0, 0.0),
        ("two", "two sellers: best-response loss", "loss", 0.40, 0.49),
        ("two", f"two sellers: {paid}", "unprofitable", 0.75, 0.75),
        ("two_fast", f"two sellers, exploration 10 times as fast: {paid}", "unprofitable", 0.28, 0.28),
    ):
        if key not in by or int(by[key][column].notna().sum()) < 2:
            continue
        mean, lower, upper = interval(by[key][column].dropna())
        words = f"{words} ({low:.0%} to {high:.0%})" if low < high else words
        out.append(
            compare_share(
                PROTOTYPE, TESTS, words, (low + high) / 2, mean, (lower - (high - low) / 2,
                upper + (high - low) / 2),
                reason="95 % interval over sessions", published=f"{low:.0%}" if low == high else
                f"{low:.0%} to {high:.0%}", outside="ours is the mean over sellers and phases of the cycle "
                "of one-round best replies; the notes do not say which sellers and phases theirs tests",
            )
        )  # fmt: skip
    if "two" in by:
        out.append(
            _mean_claim("two sellers: price paid", 0.162, by["two"]["price"], Printed(0.162, 0, 0, 20), 3)
        )
        path = responses[responses["market"] == "two"].groupby("round")["rivals"].mean()
        back = path.loc[1] < 0 and path.loc[7:].abs().mean() < 0.25 * path.abs().max()
        out.append(
            compare_statement(
                PROTOTYPE, TESTS, "two sellers: the rival cuts after a forced deviation and is back by "
                "round 7",
                "−.057, −.015, −.015, 0", ", ".join(f"{v:+.3f}" for v in path.loc[1:7]), bool(back),
                "the pattern; sizes are means over sellers, phases and sessions of other deviations" if back
                else "the mean path of our sessions does not come back so soon", evidence="weak",
            )
        )  # fmt: skip
    return out


def document_claims(results: Results) -> list[Claim]:
    """Sentences of the document that a simulation can hold or refute."""
    from learners import welch_interval

    frame = market_sessions(results)
    hour = results.spec.hour

    def of(market: str, treatment: str = "memory", at: int = hour) -> pd.DataFrame:
        chosen = (frame["market"] == market) & (frame["treatment"] == treatment) & (frame["hour"] == at)
        return frame[chosen & np.isfinite(frame["index_competition"])]

    out = []
    main = of("auction")
    if len(main) > 1:
        mean, low, high = interval(main["index_competition"])
        top = float(main["at_nash_high"].iloc[0])
        holds = bool(low > top)
        out.append(
            compare_statement(
                HOMES, "“Motivation”", "Tacit collusion of algorithms could occur in principle in a "
                "microgrid",
                "“it is evident that tacit collusion could occur in principle”",
                f"index {mean:.2f} ({low:.2f} to {high:.2f}), highest static Nash {top:.2f}; without memory "
                f"{of('auction', 'forgetful')['index_competition'].mean():.2f}", holds,
                "one street, one hour, one way of learning" if holds else "learned profits are not above "
                "what static equilibria explain",
            )
        )  # fmt: skip
    pair = [of(key)["index_competition"] for key in ("two_sided", "one_sided")]
    if all(len(x) > 1 for x in pair):
        gap = welch_interval(pair[0].to_numpy(), pair[1].to_numpy())
        out.append(
            compare_statement(
                HOMES, POLICY, BUYERS, BUYERS_PRINTED,
                f"index {pair[0].mean():.2f} with learning buyers, {pair[1].mean():.2f} without: change "
                f"{gap.estimate:+.2f} ({gap.low:+.2f} to {gap.high:+.2f})", bool(gap.high < 0),
                "one street, one hour" if gap.high < 0 else "no clear fall of the index at this hour",
                variant="the street's auction",
            )
        )  # fmt: skip
    size = results.tables.get("sizes")
    if size is not None:
        best = float(size["gain"].max())
        out.append(
            compare_statement(
                HOMES, "“Motivation”", "A microgrid as a virtual plant could exercise local market power",
                "“could exercise local market power”",
                f"alone at bus {results.spec.bulk_bus} of {results.spec.bulk}, its best mark-up or shade "
                f"gains up to {best:,.0f} $/h, in {int((size['gain'] > 1.0).sum())} of {len(size)} sizes",
                best > 1.0,
                "at one bus of one network" if best > 1.0 else "no size gains at this bus",
            )
        )  # fmt: skip
    plants = of("plants", at=12)
    if len(plants) > 1:
        mean, low, high = interval(plants["index_competition"])
        top = float(plants["at_nash_high"].iloc[0])
        above = int((plants["index_competition"] > top + 0.05).sum())
        out.append(
            compare_statement(
                HOMES, "“Motivation”", "Virtual plants could collude with one another",
                "“or collude with their VPPs for more global exercise”",
                f"three that sell at noon: index {mean:.2f} ({low:.2f} to {high:.2f}), highest static "
                f"Nash {top:.2f}; above it in {above} of {len(plants)} sessions", bool(low > top),
                "three plants at one hour" if low > top
                else "the mean over sessions is not clearly above static Nash here",
            )
        )  # fmt: skip
    if {"agents", "competitive_agents"} <= set(results.tables):
        agents = agent_table(results)
        sellers = agents[agents["seller"] & (agents["hour"] == hour) & (agents["sold_kw"] > 0)]
        if len(sellers) and len(main):
            honest = float((sellers["price competitive"] - sellers["marginal_cost"]).mean())
            out.append(
                compare_statement(
                    HOMES, "“Evaluation”", "Prices and each agent's marginal costs suffice to establish "
                    "collusion",
                    "“These two time series should capture all the information necessary to establish "
                    "collusion between agents”",
                    f"at {hour} h sellers' price is {honest:.0f} $/MWh above their own marginal cost when "
                    f"all are honest; learned {float(sellers['margin'].mean()):.0f}",
                    honest <= 1,
                    "scarcity and lines lift prices above own cost without any conduct: competition and "
                    "static Nash of the same market are needed beside the two series" if honest > 1
                    else "no gap without conduct in this street", evidence="weak",
                )
            )  # fmt: skip
    years = float(main["years"].mean()) if len(main) else float("nan")
    out.append(
        compare_open(
            HOMES, "“Introduction”", "How long agents must learn in the market",
            "“Certain details surrounding its hypothetical implementation are necessarily left undeveloped”",
            f"{years:.0f} years of quarter hours at {hour} h; "
            f"{frame['years'].min():.0f} to {frame['years'].max():.0f} over all markets here",
            "the document names neither rounds nor time; ours stand beside every result",
        )
    )  # fmt: skip
    return out

"""The three-node study's question answered in sentences, each made from its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.study import Results, Summaries
from studies.two_sided_three_node.hour import RULES, SAME_MONEY, best_replies, pure_equilibria
from studies.two_sided_three_node.learning_tables import minimal_game, pick, share_table
from studies.two_sided_three_node.sweep import GAME_KEYS, MINIMAL
from studies.two_sided_three_node.tables import clearing_at
from studies.words import listed, share_words, span

PAIR = (199.0, 20.0)  # what the article calls collusion: Gen-A's offer and Disco-1's interruption [MW]


def answer(results: Results, summaries: Summaries) -> list[str]:
    """What the pair earns, whether it is an equilibrium, how often it is learned, and why not more."""
    out = []
    if "clearings" in results.tables:
        out += _profit_words(results["clearings"]) + _equilibrium_words(results)
    if "seeds" in results.tables:
        out += _learning_words(results)
    return out


def _profit_words(frame: pd.DataFrame) -> list[str]:
    apart, joint = (clearing_at(frame, 2, PAIR[0], cut) for cut in (0.0, PAIR[1]))
    if apart is None or joint is None:
        return []
    then, now = ([row["gen_a_canonical"], row["disco_1_canonical"]] for row in (apart, joint))
    gains = [b - a > SAME_MONEY for a, b in zip(then, now, strict=True)]
    verdict = {
        (True, True): "both earn more together",
        (True, False): "only the generator earns more together",
        (False, True): "only the retailer earns more together",
        (False, False): "neither earns more together",
    }[gains[0], gains[1]]
    return [
        f"In hour 2, with {PAIR[0]:g} MW offered by the generator (Gen-A), {verdict}: if the retailer "
        f"(Disco-1) interrupts {PAIR[1]:g} MW, Gen-A earns {now[0]:,.0f} $ and Disco-1 {now[1]:,.0f} $, "
        f"and if it interrupts nothing {then[0]:,.0f} $ and {then[1]:,.0f} $."
    ]


def _equilibrium_words(results: Results) -> list[str]:
    frame, spec = results["clearings"], results.spec
    if clearing_at(frame, 2, *PAIR) is None:
        return []
    holds = [rule for rule in RULES if PAIR in pure_equilibria(frame, 2, rule)]
    steps = f"in steps of {spec.offer_step_mw:g} MW offered and {spec.interrupted_step_mw:g} MW interrupted"
    if holds:
        which = (
            "any price rule"
            if len(holds) == len(RULES)
            else f"the price rule{'s' * (len(holds) > 1)} {listed(holds)}"
        )
        said = f"That pair is an equilibrium of the hour {steps} under {which}"
    else:
        replies = sorted({v for rule in RULES for v in best_replies(frame, 2, rule, PAIR[0])[0]})
        reply = f": Disco-1's best reply to {PAIR[0]:g} MW is to interrupt {span(replies, 0, 'MW')}"
        said = f"That pair is no equilibrium of the hour {steps}" + (reply if PAIR[1] not in replies else "")
    if "day_equilibria" in results.tables and len(minimal_game(results)):
        wanted = {k: MINIMAL[k] for k in GAME_KEYS if k != "ramp_mw"}
        days = pick(results["day_equilibria"], **wanted)
        found = bool((np.isclose(days["offer2_mw"], PAIR[0]) & np.isclose(days["cut2_mw"], PAIR[1])).any())
        link = "and" if found == bool(holds) else "but"
        is_one = "is part of an equilibrium" if found else "is part of none"
        said += f"; {link} it {is_one} of the day if the article's own two offers and interruptions are all"
    return [said + "."]


def _learning_words(results: Results) -> list[str]:
    table = share_table(results)
    out = []
    apart = pick(table, "rates apart")
    if len(apart):
        worst, best = (apart.sort_values("two-sided", kind="stable").iloc[k] for k in (0, -1))
        at = "when Gen-A explores at rate {:g} and Disco-1 at {:g}"
        said = (
            f"With the article's own actions, {share_words(best['two-sided'], best['low'], best['high'])} of "
            f"learners end in this two-sided collusion {at.format(best['genco_rate'], best['disco_rate'])}"
        )
        if best["low"] > worst["high"]:
            said += (
                f", but {share_words(worst['two-sided'], worst['low'], worst['high'])} "
                f"{at.format(worst['genco_rate'], worst['disco_rate'])}"
            )
        elif len(apart) > 1:
            said += ", and no other pair of rates differs by more than sampling error"
        out.append(said + ".")
    out += _bound_words(results, table)
    fine = pick(table, "fine grid", rule="high")
    if len(fine):
        known = fine["in equilibrium"].dropna()
        said = (
            f"On a grid of many offers ({results.spec.fine_step_mw:g} MW apart) "
            f"{span(100 * fine['two-sided'], 0, '%')} of the learners end two-sided, and in "
            f"{span(100 * fine['alone'], 0, '%')} Gen-A frees the line alone (least and greatest over the "
            "exploration rates)"
        )
        if len(known):
            said += f"; {span(100 * known, 0, '%')} of the ends are an equilibrium of the day"
        out.append(said + ".")
    return out


def _bound_words(results: Results, table: pd.DataFrame) -> list[str]:
    game = minimal_game(results)
    apart = pd.concat([pick(table, "rates apart"), pick(table, "rates apart, more")])
    if not len(game) or not len(apart):
        return []
    trust, bound = float(game["needed_trust"].iloc[0]), float(game["rate_bound"].iloc[0])
    if not 0 < bound < 1:
        return []
    above = apart["genco_rate"] > bound
    low, high = (apart.loc[side, "two-sided"] for side in (~above, above))
    said = (
        f"Interrupting pays Disco-1 only if Gen-A offers {PAIR[0]:g} MW with a probability above "
        f"{trust:.2g}, which no Gen-A with an exploration rate above {bound:.3f} can do"
    )
    if len(low) and len(high):
        said += (
            f": the share of two-sided ends averages {100 * low.mean():.0f} % over the settings up to that "
            f"rate and {100 * high.mean():.0f} % over those above it"
        )
    return [said + "."]

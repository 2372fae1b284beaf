"""Questions and answers of learning on three nodes, each sentence made from the shares."""

from __future__ import annotations

import pandas as pd

from studies.study import Results
from studies.two_sided_three_node.learning_tables import minimal_game, pick

MOVED = 0.2  # a share that moves by more than this is no sampling error


def findings(results: Results, table: pd.DataFrame) -> list[tuple[str, str]]:
    """Questions and answers, each made from the shares."""
    out = []
    apart = pick(table, "rates apart")
    if len(apart):
        worst, best = (apart.sort_values("two-sided", kind="stable").iloc[k] for k in (0, -1))
        out.append(
            (
                "How often does learning end in two-sided collusion?",
                f"In {best['two-sided']:.0%} of seeds at exploration rates {best['genco_rate']:g} (genco) "
                f"and {best['disco_rate']:g} (disco), in {worst['two-sided']:.0%} at "
                f"{worst['genco_rate']:g} and {worst['disco_rate']:g}: exploration "
                "alone decides between almost always and hardly ever."
                if best["two-sided"] - worst["two-sided"] > 0.5
                else f"In {worst['two-sided']:.0%} to {best['two-sided']:.0%} of seeds, whatever the rates.",
            )
        )
    out += _bound_finding(results, table) + _foresight_finding(table) + _policy_finding(table)
    rules = pick(table, "rate")
    if len(set(rules["rule"])) > 1:
        means = rules.groupby("rule")["two-sided"].mean()
        worst_at = rules[rules["genco_rate"] == rules["genco_rate"].max()].set_index("rule")["two-sided"]
        out.append(
            (
                "Does it matter which supporting price the market uses at a tie?",
                f"Mean share over the rates by rule: {_listing(means)}; at the highest rate "
                f"{_listing(worst_at)}. The dispatch is the same; only the price on the full line differs.",
            )
        )
    learned = pick(table, who="Gen-A and Disco-1", policy="entropy", objective="margin")
    if len(learned):
        moving = learned["still moving"]
        out.append(
            (
                "When has it converged?",
                f"The greedy path is settled after a median of {learned['median day'].min():,.0f} to "
                f"{learned['median day'].max():,.0f} days by setting; in {(moving > 0.5).mean():.0%} of the "
                "settings most seeds still change it in the last tenth of their days, because exploration "
                "never ends.",
            )
        )
        known = learned["in equilibrium"].dropna()
        out.append(
            (
                "Are the ends equilibria of the day?",
                f"On the minimal grid {_mean(learned, 'minimal'):.0%} of the ends, on the fine grid "
                f"{_mean(learned, 'fine'):.0%}; over all settings {known.min():.0%} to {known.max():.0%}.",
            )
        )
    both = pick(table, "disco may interrupt in hour 1")
    if len(both):
        out.append(
            (
                "What if Disco-1 may interrupt in hour 1 too (“all are able to learn”)?",
                f"Gen-A's greedy profit falls to a mean of {both['gen_a'].min():,.0f} to "
                f"{both['gen_a'].max():,.0f} $ (398 $ where Disco-1 is passive): Disco-1 makes Gen-A the "
                "marginal unit of hour 1.",
            )
        )
    return out


def _mean(table: pd.DataFrame, grid: str) -> float:
    return float(table.loc[table["grid"] == grid, "in equilibrium"].mean())


def _listing(series: pd.Series) -> str:
    return ", ".join(f"{name} {value:.0%}" for name, value in series.items())


def _bound_finding(results: Results, table: pd.DataFrame) -> list[tuple[str, str]]:
    game = minimal_game(results)
    apart = pd.concat([pick(table, "rates apart"), pick(table, "rates apart, more")])
    if not len(game) or not len(apart):
        return []
    trust, bound = float(game["needed_trust"].iloc[0]), float(game["rate_bound"].iloc[0])
    below, above = (
        apart[side]["two-sided"] for side in (apart["genco_rate"] <= bound, apart["genco_rate"] > bound)
    )
    if not len(below) or not len(above):
        return []
    return [
        (
            "Why can a genco that explores much not sustain it?",
            f"Interrupting pays Disco-1 only if Gen-A offers 199 MW with a probability above {trust:.2g}. A "
            "choice between two offers with that probability has an entropy of "
            f"{bound:.3f} of its maximum, so no Gen-A with an exploration rate above {bound:.3f} can "
            f"play it, whatever it learns. Mean share of two-sided ends: {below.mean():.0%} at rates below "
            f"the bound, {above.mean():.0%} above it.",
        )
    ]


def _foresight_finding(table: pd.DataFrame) -> list[tuple[str, str]]:
    fine = pick(table, "foresight")
    minimal = pick(table, "discount")
    if len(set(fine["gamma"])) < 2 or not len(minimal):
        return []
    low, high = fine["gamma"].min(), fine["gamma"].max()
    wide = fine.pivot_table(index="ramp_mw", columns="gamma", values="alone")
    change = (wide[high] - wide[low]).abs()
    moved = [float(ramp) for ramp in change.index[change > MOVED]]
    others = float(change[change <= MOVED].max()) if (change <= MOVED).any() else 0.0
    shares = minimal.pivot_table(index="genco_rate", columns="gamma", values="two-sided")
    where = " and ".join(
        f"{ramp:g} MW/h (from {wide.loc[ramp, low]:.0%} with γ {low:g} to {wide.loc[ramp, high]:.0%} with γ "
        f"{high:g})"
        for ramp in moved
    )
    return [
        (
            "Where does foresight matter?",
            (
                f"At ramp limits of {where}: Gen-A frees the line alone, because a low offer in hour 1 "
                "opens hour 2. "
                if moved
                else "At none of the ramp limits: "
            )
            + f"At the other limits the share moves by at most {others:.0%}; on the minimal grid, where "
            "hour 2 pays "
            "the same whatever was offered before, two-sided shares move by at most "
            f"{(shares[high] - shares[low]).abs().max():.0%} (sampling error about 7 %).",
        )
    ]


def _policy_finding(table: pd.DataFrame) -> list[tuple[str, str]]:
    policies = pick(table, "policies")
    if len(set(policies["policy"])) < 2:
        return []
    words = []
    for grid, group in policies.groupby("grid", sort=False):
        best = group.loc[group.groupby("policy")["gen_a_online"].idxmax()]
        parts = ", ".join(
            f"{r.policy} {r.gen_a_online:,.0f} $ (at {r.genco_rate:g})" for r in best.itertuples()
        )
        words.append(f"{grid} grid: {parts}")
    return [
        (
            "Is Boltzmann better than ε-greedy?",
            "Gen-A's mean profit while learning, each policy at its best level: " + "; ".join(words) + ".",
        )
    ]

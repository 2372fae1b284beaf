"""Pictures of learning on three nodes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.pictures.charts import Chart, HeatMap, Intervals, Lines
from studies.printed import read_claims
from studies.registry import claims_path
from studies.study import Results
from studies.two_sided_three_node.learning_tables import SETTING, minimal_game, pick, share_table


def finding(results: Results) -> list[Chart]:
    """The share of two-sided ends over both exploration rates: the study at a glance."""
    table = share_table(results)
    apart = pick(table, "rates apart")
    if not len(apart):
        return []
    wide = apart.pivot_table(index="disco_rate", columns="genco_rate", values="two-sided")
    bound = minimal_game(results)["rate_bound"]
    words = f" No genco beyond {bound.iloc[0]:.3f} can hold Disco-1's trust." if len(bound) else ""
    means = 100 * wide.mean()
    return [
        HeatMap(
            name="finding",
            title=f"Two-sided collusion: {means.iloc[0]:.0f} % of seeds where the genco explores at "
                f"{wide.columns[0]:g}, {means.iloc[-1]:.0f} % at {wide.columns[-1]:g}",
            caption=f"Share of {int(apart['seeds'].min())} seeds whose greedy actions end in two-sided "
                f"collusion (minimal grid, rule high).{words} Ringed: the article's situation of one "
                "rate for all.",
            x=[f"{v:g}" for v in wide.columns], y=[f"{v:g}" for v in wide.index],
            values=100 * wide.to_numpy(), x_label="exploration rate of Gen-A",
            y_label="exploration rate of Disco-1", unit="% of seeds", wide=True,
            marks=[(f"{v:g}", f"{v:g}") for v in wide.columns if v in wide.index],
            mark_words="same rate for both", opening=True,
        )
    ]  # fmt: skip


def learning_charts(results: Results) -> list[Chart]:
    """Published shares on our intervals, shares over days, rules, the foresight sweep, policies."""
    table = share_table(results)
    return [
        *_published(table), *_over_days(results), *_rules(table), *_foresight(table), *_policies(table)
    ]  # fmt: skip


def _published(table: pd.DataFrame) -> list[Chart]:
    labels, low, high, ours, paper = [], [], [], [], []
    for entry in read_claims(claims_path("two_sided_three_node")):
        if entry.figure != "share" or entry.of["column"] != "two-sided":
            continue
        wanted = {name: value for name, value in entry.of.items() if name not in ("column", "sweep")}
        found = pick(table, str(entry.of["sweep"]), **wanted)
        if len(found):
            row = found.iloc[0]
            labels.append(entry.claim.removeprefix("share of seeds, "))
            low.append(100 * row["low"])
            high.append(100 * row["high"])
            ours.append(100 * row["two-sided"])
            paper.append(100 * entry.printed)
    if not labels:
        return []
    return [
        Intervals(
            name="shares",
            title="Shares of seeds that end in two-sided collusion: reproduction study, and ours",
            caption="Bars are 95 % Wilson intervals of ours; the published ones have an error of about 7 %.",
            labels=labels, low=low, high=high, chosen=ours, published=paper, x_label="% of seeds", wide=True,
            interval_words="95 % interval of ours", chosen_words="ours",
        )
    ]  # fmt: skip


def _over_days(results: Results) -> list[Chart]:
    by_day = results["by_day"]
    series = []
    for genco, disco in ((0.1, 0.1), (0.5, 0.5), (0.9, 0.9), (0.1, 0.5), (0.1, 0.9)):
        chosen = pick(by_day, "rates apart", genco_rate=genco, disco_rate=disco)
        if len(chosen):
            one = chosen.groupby(list(SETTING), sort=False).ngroup() == 0
            rows = chosen[one]
            series.append((f"genco {genco:g}, disco {disco:g}", rows["day"].tolist(),
                           (100 * rows["two_sided"]).tolist()))  # fmt: skip
    if not series:
        return []
    return [
        Lines(
            name="days",
            title="How collusion comes and goes over the days",
            caption="Share of seeds whose greedy actions collude in hour 2, by day and by "
            "exploration rates (minimal grid, rule high).",
            series=series, x_label="day", y_label="% of seeds",
        )
    ]  # fmt: skip


def _rules(table: pd.DataFrame) -> list[Chart]:
    rows = pick(table, "rate")
    series = [
        (f"rule {rule}", group["genco_rate"].tolist(), (100 * group["two-sided"]).tolist())
        for rule, group in rows.sort_values("genco_rate").groupby("rule")
    ]
    if len(series) < 2:
        return []
    wide = 100 * rows.pivot_table(index="genco_rate", columns="rule", values="two-sided")
    spread = float((wide.max(axis=1) - wide.min(axis=1)).max())
    return [
        Lines(
            name="rules",
            title=f"The price rule at one degenerate point moves the share by up to {spread:.0f} points",
            caption="Share of two-sided ends with the same exploration rate for both, minimal grid. The "
            "rules differ only where the line is exactly full.",
            series=series, x_label="exploration rate", y_label="% of seeds",
        )
    ]  # fmt: skip


def _foresight(table: pd.DataFrame) -> list[Chart]:
    rows = pick(table, "foresight")
    ramps = sorted(rows["ramp_mw"].unique())
    series = [
        (f"γ {gamma:g}", np.arange(len(group)).tolist(), (100 * group["alone"]).tolist())
        for gamma, group in rows.sort_values("ramp_mw").groupby("gamma")
    ]
    if len(series) < 2:
        return []
    wide = rows.pivot_table(index="ramp_mw", columns="gamma", values="alone")
    change = (wide.max(axis=1) - wide.min(axis=1)).abs()
    where = change.index[change > 0.2]
    labels = ", ".join(f"{k} is {'no limit' if r >= 200 else f'{r:g} MW/h'}" for k, r in enumerate(ramps))
    return [
        Lines(
            name="foresight",
            title=f"Foresight matters at {len(where)} of {len(ramps)} ramp limits",
            caption="Share of seeds in which Gen-A frees the line in hour 2 without Disco-1 (fine grid, "
            f"highest exploration rate). Places on the axis: {labels}.",
            series=series, x_label="ramp limit, from tight to none", y_label="% of seeds",
        )
    ]  # fmt: skip


def _policies(table: pd.DataFrame) -> list[Chart]:
    rows = pick(table, "policies", grid="fine")
    series = []
    for policy, group in rows.groupby("policy", sort=False):
        ordered = group.sort_values("genco_rate")
        place = np.linspace(0, 1, len(ordered)).tolist()
        series.append((str(policy), place, ordered["gen_a_online"].tolist()))
    if len(series) < 2:
        return []
    return [
        Lines(
            name="policies",
            title="What Gen-A earns while learning, by policy",
            caption="Mean profit over all days of the fine grid; each policy from its lowest level of "
            "exploration (left) to its highest (right), as listed in the table of shares.",
            series=series, x_label="level of exploration, from least to most", y_label="$ per day",
        )
    ]  # fmt: skip

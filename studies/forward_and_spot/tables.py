"""Tables, sentences and pictures of the forward market."""

from __future__ import annotations

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.pictures.charts import Chart, HeatMap, Lines
from studies.study import Results, Summaries, Summary


def least_thresholds(results: Results) -> pd.DataFrame:
    """By network and side: the least and greatest position that ends a two-sided equilibrium [MW, share]."""
    if "thresholds" not in results.tables:
        return pd.DataFrame(columns=["network", "side", "least_mw", "most_mw", "least", "most", "players"])
    frame = results["thresholds"]
    side = np.where(frame["player"].str.startswith("G"), "genco", "discos")
    groups = frame.assign(side=side).groupby(["network", "side"], sort=False)
    return groups.agg(
        least_mw=("break_even_mw", "min"), most_mw=("break_even_mw", "max"), least=("share", "min"),
        most=("share", "max"), players=("player", lambda x: ", ".join(dict.fromkeys(x))),
    ).reset_index()  # fmt: skip


def learned_table(results: Results) -> pd.DataFrame:
    """Shares of seeds by network, rate and cover, with intervals."""
    frame = results["learned"]
    keys = ["network", "rate", "genco_cover", "disco_cover"]
    groups = frame.groupby(keys, sort=False)
    out = groups[["two_sided", "offer_mw", "cut_mw", "genco_price", "genco", "discos"]].mean().reset_index()
    count = groups.size().to_numpy()
    low, high = share_interval(np.round(np.asarray(out["two_sided"]) * count), count)
    return out.assign(seeds=count, low=low, high=high)


def summarise(results: Results) -> dict[str, Summary]:
    """All tables of the page."""
    out = {
        "findings": Summary(
            "What was found", pd.DataFrame(findings(results), columns=["question", "answer"]),
            "Sentences made from the tables below.",
        ),
        "thresholds": Summary(
            "How much cover ends taking part",
            _threshold_words(least_thresholds(results)),
            "From every two-sided equilibrium without cover: the position beyond which a player would "
            "rather offer "
            "everything, or interrupt nothing, the others unchanged. Least and greatest over these "
            "equilibria.",
        ),
        "equilibria": Summary(
            "Pure spot equilibria by cover",
            results["equilibria"].drop(columns=["cell", "replicate", "part"], errors="ignore").round(3),
            "Payoffs are uncovered spot payoffs: what positions pay is settled at the forward price.",
        ),
        "chosen_exact": Summary(
            "Cover chosen first, exactly",
            results["chosen_exact"].drop(columns=["cell", "replicate", "part"], errors="ignore").round(2),
            "Equilibria of choosing positions [MW], and what follows in the spot market [MW offered, "
            "interrupted]. "
            "Where some positions leave no pure spot equilibrium the stage is not solved.",
        ),
    }  # fmt: skip
    if "learned" in results.tables:
        out["learned"] = Summary(
            "Learned at given cover",
            learned_table(results).round(3),
            "Share of seeds with a two-sided end, 95 % Wilson interval; means of the greedy ends.",
        )
        chosen = results["chosen"].groupby(["network", "rate"], sort=False)
        means = chosen[["two_sided", "genco_cover", "disco_cover", "genco_price", "genco", "discos"]].mean()
        out["chosen"] = Summary(
            "Learned cover",
            means.assign(seeds=chosen.size()).reset_index().round(3),
            "Mean cover that the greedy learners take, and the share of seeds whose spot market then is "
            "two-sided.",
        )
    return out


def _threshold_words(table: pd.DataFrame) -> pd.DataFrame:
    words = {
        "least_mw": "least MW",
        "most_mw": "greatest MW",
        "least": "least share",
        "most": "greatest share",
    }
    out = table.rename(columns=words)
    return out.replace(np.inf, np.nan).round(3)


def findings(results: Results) -> list[tuple[str, str]]:
    """Questions and answers, each made from the results."""
    table = least_thresholds(results)
    out = _short_answer(results)
    for network, rows in table.groupby("network", sort=False):
        by = rows.set_index("side")
        parts = []
        for side in by.index:
            row = by.loc[side]
            if not np.isfinite(row["most_mw"]):
                parts.append(f"no position of the {side} ends it for sure")
            else:
                parts.append(
                    f"{side} ({row['players']}): {row['least_mw']:,.0f} to {row['most_mw']:,.0f} MW "
                    f"({row['least']:.0%} to {row['most']:.0%})"
                )
        out.append((f"How much cover ends it? ({network})", "; ".join(parts) + "."))
    frame = results["equilibria"]
    for network, rows in frame.groupby("network", sort=False):
        open_rows = rows[(rows["genco_cover"] == 0) & (rows["disco_cover"] == 0)]
        if not len(open_rows) or not int(open_rows["two_sided"].iloc[0]):
            out.append(
                (f"Does cover break it? ({network})", "There is no two-sided pure equilibrium even without.")
            )
            continue
        only_g = rows[(rows["disco_cover"] == 0) & (rows["two_sided"] == 0)]["genco_cover"].min()
        only_d = rows[(rows["genco_cover"] == 0) & (rows["two_sided"] == 0)]["disco_cover"].min()
        said = [
            f"cover of the {who} alone ends it from {share:.0%} of its {what} (of the shares that were tried)"
            if np.isfinite(share)
            else f"no cover of the {who} alone ends it"
            for who, share, what in (("genco", only_g, "capacity"), ("discos", only_d, "load"))
        ]
        sentence = "; ".join(said)
        out.append((f"Does cover break it? ({network})", sentence[0].upper() + sentence[1:] + "."))
    out += _chosen_findings(results)
    return out


def _short_answer(results: Results) -> list[tuple[str, str]]:
    """Over all markets that have a two-sided equilibrium without cover: whose full cover ends them."""
    frame = results["equilibria"]
    ended: dict[str, list[bool]] = {"genco": [], "discos": []}
    for _, rows in frame.groupby("network", sort=False):
        cells = rows.set_index(["genco_cover", "disco_cover"])["two_sided"]
        if (0.0, 0.0) not in cells.index or not cells[(0.0, 0.0)]:
            continue
        ended["genco"].append(not cells.loc[(rows["genco_cover"].max(), 0.0)])
        ended["discos"].append(not cells.loc[(0.0, rows["disco_cover"].max())])
    if not ended["genco"]:
        return []
    count = len(ended["genco"])
    return [
        (
            "Does a forward market break two-sided collusion?",
            f"Of {count} markets with a two-sided equilibrium, the discos' greatest cover that was tried "
            "ends all "
            f"such equilibria in {sum(ended['discos'])}, the genco's in {sum(ended['genco'])}. Below the "
            "thresholds that follow, a forward market changes nothing.",
        )
    ]


def _chosen_findings(results: Results) -> list[tuple[str, str]]:
    out = []
    exact = results["chosen_exact"]
    for network, rows in exact.groupby("network", sort=False):
        known = rows[rows["positions"] != "none"]
        if len(known):
            shares = known.groupby("expect")["two_sided"].mean()
            words = ", ".join(f"{share:.0%} if all expect what is {how}" for how, share in shares.items())
            out.append(
                (
                    f"Would they take positions that end it? ({network})",
                    f"Of the {len(known)} equilibria of choosing cover, two-sided in the spot market are "
                    f"{words}.",
                )
            )
    if "chosen" in results.tables:
        for network, rows in results["chosen"].groupby("network", sort=False):
            free = results["learned"]
            free = free[
                (free["network"] == network) & (free["genco_cover"] == 0) & (free["disco_cover"] == 0)
            ]
            without = (
                f"{free['two_sided'].mean():.0%} without a forward market" if len(free) else "unknown without"
            )
            out.append(
                (
                    f"What do learners do who may choose cover? ({network})",
                    f"They cover {rows['genco_cover'].mean():.0%} (genco) and "
                    f"{rows['disco_cover'].mean():.0%} "
                    f"(discos) on average; {rows['two_sided'].mean():.0%} of the seeds end two-sided, "
                    f"{without}.",
                )
            )
    return out


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """Break-even positions of the first network."""
    table = least_thresholds(results)
    if not len(table):
        return []
    first = table[table["network"] == table["network"].iloc[0]]
    return [
        (
            f"{row['least_mw']:,.0f} MW" if np.isfinite(row["least_mw"]) else "no limit",
            f"of forward {'sales' if row['side'] == 'genco' else 'purchases'} end the collusion of "
            f"{row['players']} "
            f"({row['least']:.0%} of the most; {row['network']})",
        )
        for _, row in first.iterrows()
    ]


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """Collusion over the cover of both sides, then along each side."""
    if "learned" not in results.tables:
        return _exact_maps(results)
    table = learned_table(results)
    rate = table["rate"].max()
    out = [
        _map(results, table[(table["rate"] == rate)], n, k == 0)
        for k, n in enumerate(table["network"].unique())
    ]
    out.insert(1, _along(table[table["rate"] == rate], "disco_cover", "genco_cover", "the discos'"))
    out.insert(2, _along(table[table["rate"] == rate], "genco_cover", "disco_cover", "the genco's"))
    return out


def _map(results: Results, table: pd.DataFrame, network: str, first: bool) -> Chart:
    rows = table[table["network"] == network]
    wide = 100 * rows.pivot_table(index="disco_cover", columns="genco_cover", values="two_sided")
    exact = results["equilibria"]
    held = exact[(exact["network"] == network) & (exact["two_sided"] > 0)]
    x, y = ([f"{100 * v:g}" for v in axis] for axis in (wide.columns, wide.index))
    title = _answer(results, network) if first else f"Learned two-sided ends by cover: {network}"
    return HeatMap(
        name="finding" if first else f"map_{network.replace(',', '').replace(' ', '_')}",
        title=title,
        caption="Share of seeds that end two-sided at given cover, exploration rate "
                f"{rows['rate'].iloc[0]:g}. "
        "Ringed: covers at which a two-sided pure equilibrium exists.",
        x=x, y=y, values=wide.to_numpy(), x_label="genco's forward sales, % of capacity",
        y_label="discos' forward purchases, % of load", unit="% of seeds", wide=first, opening=first,
        marks=[(f"{100 * g:g}", f"{100 * d:g}") for g, d in held[["genco_cover", "disco_cover"]].to_numpy()],
        mark_words="two-sided equilibrium exists",
    )  # fmt: skip


def _answer(results: Results, network: str) -> str:
    """The thresholds of both sides as a title."""
    table = least_thresholds(results)
    rows = table[table["network"] == network].sort_values("least")
    if not len(rows) or not np.isfinite(rows["least"].iloc[0]):
        return f"Learned two-sided ends by cover: {network}"
    first = rows.iloc[0]
    deed = {"genco": "Forward sales", "discos": "Forward purchases"}
    title = f"{deed[first['side']]} of {first['least_mw']:,.0f} MW ({first['least']:.0%}) end the collusion"
    if len(rows) > 1 and np.isfinite(rows["least"].iloc[1]):
        other = rows.iloc[1]
        title += f", {deed[other['side']].lower()} only {other['least_mw']:,.0f} MW ({other['least']:.1%})"
    return title


def _exact_maps(results: Results) -> list[Chart]:
    out: list[Chart] = []
    for k, (network, rows) in enumerate(results["equilibria"].groupby("network", sort=False)):
        wide = rows.pivot_table(index="disco_cover", columns="genco_cover", values="two_sided")
        out.append(
            HeatMap(
                name=f"exact_{k}", title=f"Two-sided pure equilibria by cover: {network}",
                caption="Number of pure spot equilibria that are two-sided.",
                x=[f"{100 * v:g}" for v in wide.columns], y=[f"{100 * v:g}" for v in wide.index],
                values=wide.to_numpy(), x_label="genco's forward sales, % of capacity",
                y_label="discos' forward purchases, % of "
                        "load", unit="equilibria", wide=k == 0, opening=k == 0,
            )
        )  # fmt: skip
    return out


def _along(table: pd.DataFrame, side: str, other: str, words: str) -> Chart:
    rows = table[table[other] == table[other].min()]
    series = [
        (str(network), (100 * group[side]).tolist(), (100 * group["two_sided"]).tolist())
        for network, group in rows.groupby("network", sort=False)
    ]
    return Lines(
        name=side, title=f"Two-sided ends over {words} cover",
        caption="Share of seeds, the other side without cover.",
        series=series, x_label="cover, %", y_label="% of seeds",
    )  # fmt: skip

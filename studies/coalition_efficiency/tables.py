"""Tables and figures of the coalition-efficiency study."""

from __future__ import annotations

from math import log10
from typing import Any

import numpy as np
import pandas as pd

from studies.pictures.charts import Bands, Chart
from studies.printed import read_claims
from studies.registry import claims_path
from studies.study import Results, Summaries, Summary, mean_and_error

WORDS = {
    "ad_hoc": "ad hoc",
    "self_nodal": "self-interested, nodal tariff",
    "self_flat": "self-interested, flat tariff",
    "cooperative": "cooperative",
    "integrated": "integrated",
}
ORDER = tuple(WORDS)
SAME = 1e-6  # relative: differences of losses below this are a solver's tolerance

PUBLISHED = {
    (float(entry.of["side"]), str(entry.of["model"]), str(entry.of["density"])): entry
    for entry in read_claims(claims_path("coalition_efficiency"))
    if entry.figure == "losses"
}
"""(square [km], model, mean degree as which we read a column) → what the poster's table prints."""


def mean_losses(results: Results) -> Any:
    """Index (side_km, density, model): replicates, losses_pu, its standard error, p10, p90."""
    frame = results["losses"].dropna(subset=["losses_pu"])
    keys = ["side_km", "density", "model"]
    out = mean_and_error(frame, keys, ["losses_pu"]).set_index(keys)
    groups = frame.groupby(keys, sort=False)["losses_pu"]
    out["p10"], out["p90"] = groups.quantile(0.1), groups.quantile(0.9)
    return out.rename(columns={"losses_pu ± s.e.": "error"})


def by_draw(results: Results) -> pd.DataFrame:
    """One row per draw, area and density, one column per model: losses [p.u.], NaN without solution."""
    keys = ["draw", "replicate", "side_km", "density"]
    wide = results["losses"].pivot_table(index=keys, columns="model", values="losses_pu", sort=False)
    return wide.reindex(columns=list(ORDER))  # also a model that failed on every draw


def summarise(results: Results) -> dict[str, Summary]:
    """Everything the page shows as tables."""
    means, wide = mean_losses(results), by_draw(results)
    losses = results["losses"]
    keys = ["side_km", "density"]
    lines = losses.drop_duplicates(["draw", "replicate", *keys]).groupby(keys, sort=False)["lines"].mean()
    rows = []
    for side, density in sorted(lines.index, key=lambda pair: float(pair[0])):
        row: dict[str, Any] = {"square km": f"{side:g}", "mean degree": _words(density)}
        row["lines"] = round(float(lines.loc[(side, density)]), 1)
        for model in ORDER:
            if (side, density, model) in means.index:
                row[WORDS[model]] = _text(means.loc[(side, density, model)])
        rows.append(row)
    out = {
        "losses": Summary(
            "Losses, p.u. of 100 MVA",
            pd.DataFrame(rows),
            "Mean over the draws ± standard error. Rows 1/n², 1/n and 1/log n are literal edge "
            "probabilities with n = 299 agents.",
        )
    }
    costs = []
    for (side, density), group in wide.groupby(keys, sort=False):
        row = {"square km": f"{side:g}", "mean degree": _words(str(density))}
        for model, other, words in (
            ("ad_hoc", "cooperative", "ad hoc − cooperative"),
            ("self_nodal", "cooperative", "self-interested (nodal) − cooperative"),
            ("self_flat", "cooperative", "self-interested (flat) − cooperative"),
            ("cooperative", "integrated", "cooperative − integrated"),
        ):
            gap = (group[model] - group[other]).dropna().to_numpy()
            error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.nan
            row[words] = f"{gap.mean():.3f} ± {error:.3f}" if len(gap) else "no solution"
        costs.append(row)
    out["costs"] = Summary(
        "What is lost without cooperation, p.u.",
        pd.DataFrame(costs),
        "Mean of the differences on the same draw ± standard error.",
    )
    out["checks"] = Summary("Checks on every draw", check_table(results), "Counted over all clearings.")
    return out


def ordering(results: Results) -> dict[str, tuple[int, int, float]]:
    """(instances where it holds, instances, worst violation relative to 1 + losses) by inequality."""
    wide = by_draw(results)
    out = {}
    for low, high in (
        ("integrated", "cooperative"),
        ("cooperative", "self_flat"),
        ("cooperative", "self_nodal"),
        ("cooperative", "ad_hoc"),
    ):
        both = wide[[low, high]].dropna()
        excess = (both[low] - both[high]) / (1.0 + both[high])
        words = f"{WORDS[low]} ≤ {WORDS[high]}"
        out[words] = (
            int((excess <= SAME).sum()),
            len(both),
            max(float(excess.max()), 0.0) if len(both) else 0.0,
        )
    return out


def check_table(results: Results) -> pd.DataFrame:
    """Orderings, equality without private lines, tightness, calibration, failures."""
    losses, wide = results["losses"], by_draw(results)
    rows = [
        {"check": words, "result": f"holds on {good:,} of {count:,}", "worst": worst}
        for words, (good, count, worst) in ordering(results).items()
    ]
    if "0" in results["losses"]["density"].to_numpy():
        none: Any = wide.xs("0", level="density")
        controlled = none[["ad_hoc", "self_flat", "self_nodal", "cooperative"]]
        values = controlled.dropna().to_numpy()
        spread = (values.max(axis=1) - values.min(axis=1)) / (1.0 + values.max(axis=1))
        rows.append(
            {"check": "ad hoc, self-interested and cooperative equal without private lines",
             "result": f"holds on {int((spread <= SAME).sum()):,} of {len(spread):,}",
             "worst": float(spread.max(initial=0.0))}
        )  # fmt: skip
        gap = (none["cooperative"] - none["integrated"]) / none["cooperative"]
        rows.append(
            {"check": "integrated below cooperative without private lines, share of losses",
             "result": f"mean {gap.mean():.2%}, at most {gap.max():.2%}", "worst": float(gap.max())}
        )  # fmt: skip
    failures = losses[losses["failure"] != ""]
    rows += [
        {"check": "cones tight: l − r·f², p.u.", "result": "raises above 1e-6 relative",
         "worst": float(losses["worst_gap_pu"].max())},
        {"check": "clearings without solution, left out of the means",
         "result": f"{len(failures):,} of {len(losses):,}", "worst": np.nan},
    ]  # fmt: skip
    public = losses.drop_duplicates(["draw", "replicate"])["public_r_pu"]
    rows.append(
        {"check": "resistance of every public line (calibrated), p.u.",
         "result": f"{public.min():.5f} to {public.max():.5f}", "worst": np.nan}
    )  # fmt: skip
    return pd.DataFrame(rows)


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """The sparse and the dense end, in the first area."""
    means = mean_losses(results)
    side = results.spec.sides_km[0]
    swept = [f"{d:g}" for d in results.spec.degrees]
    draws = results["losses"][["draw", "replicate"]].drop_duplicates()
    tiles = [(f"{len(draws)}", "draws of lines and positions")]
    for model in ("self_nodal", "cooperative"):
        rows = means.xs(side, level="side_km").query("model == @model").droplevel("model")["losses_pu"]
        rows = rows[[density for density in swept if density in rows.index]]
        if rows.empty:
            continue
        top = rows.idxmax() if model == "self_nodal" else rows.idxmin()
        place = "most" if model == "self_nodal" else "least"
        tiles.append((f"{rows.loc[top]:.2f} p.u.", f"{place}, {WORDS[model]}, at mean degree {top}"))
    return tiles


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """Losses against density for each area."""
    means = mean_losses(results)
    swept = sorted(results.spec.degrees)
    charts: list[Chart] = []
    for side in results.spec.sides_km:
        series = []
        for model in ORDER:
            rows = means.xs(side, level="side_km").query("model == @model").droplevel("model")
            known = [d for d in swept if f"{d:g}" in rows.index]
            part = rows.loc[[f"{d:g}" for d in known]]
            x = [_place(d, swept) for d in known]
            values = [part[name].tolist() for name in ("losses_pu", "p10", "p90")]
            series.append((WORDS[model], x, *values))
        points = [
            (WORDS.get(model, WORDS["self_nodal"]), _place(float(density), swept), entry.printed,
             f"{model.replace('_', ' ')}, column {entry.words['column']}")
            for (where, model, density), entry in PUBLISHED.items()
            if where == side
        ]  # fmt: skip
        charts.append(
            Bands(
                name=f"losses_{side:g}_km".replace(".", "_"),
                title=f"Losses against the density of private lines, agents in a square of {side:g} km",
                caption="Means of the draws; bands from the 10th to the 90th percentile. Stars: the poster's "
                "table, at the mean degrees where we read its columns (below the axis); star colours are "
                "those of the curves, the poster has one self-interested model. Two constants and the two "
                "inner readings were fitted to the table, so nearness of the lower curves is no proof.",
                series=series,
                points=points,
                ticks=[(_place(d, swept), _tick(d)) for d in swept],
                x_label="mean number of private lines at an agent (logarithmic, 0 set apart)",
                y_label="losses, p.u. of 100 MVA",
                point_words="poster's table",
                wide=True,
            )
        )
    return charts


def _place(degree: float, swept: list[float]) -> float:
    least = min((d for d in swept if d > 0), default=1.0)
    return log10(degree) if degree > 0 else log10(least) - 0.6


def _tick(degree: float) -> str:
    columns = {density: entry.words["column"] for (_, _, density), entry in PUBLISHED.items()}
    column = columns.get(f"{degree:g}") if degree else None
    return f"{degree:g}\n“{column}”" if column else f"{degree:g}"


def _words(density: str) -> str:
    return f"p = {density}" if density.startswith("1/") else density


def _text(row: Any) -> str:
    return f"{float(row['losses_pu']):.2f} ± {float(row['error']):.2f}"

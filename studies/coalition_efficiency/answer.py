"""The coalition-efficiency study's answer in sentences, each made from the results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.indices import mean_interval
from studies.coalition_efficiency.tables import by_draw
from studies.pages.sentences import sentence_case
from studies.study import Results, Summaries
from studies.words import mean_of

DUST = 1e-4  # p.u.; mean differences of losses below it are a solver's tolerance
SELVES = {"self_nodal": "at a tariff that follows nodal costs", "self_flat": "at a flat tariff"}


def answer(results: Results, summaries: Summaries) -> list[str]:
    """The price of self-interest, what cooperation and one hand save, and whether more lines can harm."""
    losses = results.tables.get("losses", pd.DataFrame())
    if not len(losses) or not losses["losses_pu"].notna().any():
        return []
    wide = by_draw(results)
    side = next((s for s in results.spec.sides_km if s in wide.index.unique("side_km")), None)
    if side is None:
        return []
    first: Any = wide.xs(side, level="side_km")
    found = _swept(results, first)
    out = [_selfish(first, found, model, words) for model, words in SELVES.items()]
    out.append(_saving(first, found))
    out.append(_harm(first, found))
    out.append(_areas(results, wide, side))
    failed = int((losses["failure"] != "").sum())
    if failed:
        out.append(f"{failed:,} of {len(losses):,} clearings have no solution and are left out.")
    return [sentence for sentence in out if sentence]


def _swept(results: Results, wide: pd.DataFrame) -> list[str]:
    """Densities of the sweep with private lines that came out, from sparse to dense."""
    known = set(wide.index.unique("density"))
    return [f"{d:g}" for d in sorted(set(results.spec.degrees)) if d > 0 and f"{d:g}" in known]


def _gap(wide: pd.DataFrame, density: str, model: str, other: str) -> np.ndarray:
    """Losses of `model` less those of `other` on the same draw."""
    rows = wide.xs(density, level="density")
    return (rows[model] - rows[other]).dropna().to_numpy()


def _means(wide: pd.DataFrame, found: list[str], model: str, other: str) -> pd.Series:
    """Mean gap by density, without densities at which both never came out on one draw."""
    gaps = {density: _gap(wide, density, model, other) for density in found}
    return pd.Series({density: gap.mean() for density, gap in gaps.items() if len(gap)}, dtype=float)


def _share(wide: pd.DataFrame, density: str, model: str, other: str) -> str:
    """Losses of `model` over those of `other` on the same draws, in percent."""
    rows: Any = wide.xs(density, level="density")[[model, other]].dropna().mean()
    more = 100 * (rows[model] / rows[other] - 1) if rows[other] > 0 else np.nan
    return f"{more:+.{0 if abs(more) >= 1 else 1}f} %".replace("-", "−")


def _surely(gap: np.ndarray) -> str:
    """What to add where the interval of a mean holds nothing, or one draw has none."""
    low = mean_interval(gap).low
    return "" if low > 0 else ", which these draws cannot tell from nothing"


def _lines(density: str) -> str:
    return f"{density} private line{'' if density == '1' else 's'} per agent"


def _selfish(wide: pd.DataFrame, found: list[str], model: str, words: str) -> str:
    means = _means(wide, found, model, "cooperative")
    if means.empty:
        return ""
    most, dense = str(means.idxmax()), str(means.index[-1])
    if means[most] <= DUST:
        return f"Owners who trade for themselves {words} lose no more than those who cooperate."
    gap = _gap(wide, most, model, "cooperative")
    said = (
        f"Owners who trade for themselves {words} lose {mean_of(gap, 'p.u.', 2)} more than cooperating ones "
        f"({_share(wide, most, model, 'cooperative')}) at {_lines(most)}{_surely(gap)}"
    )
    if len(means) == 1:
        return f"{said}."
    if dense == most:
        return f"{said}: the most of all densities, and the densest."
    last = _gap(wide, dense, model, "cooperative")
    end = "no more" if means[dense] <= DUST else mean_of(last, "p.u.", 2) + " more" + _surely(last)
    return f"{said}: the most of all densities; at {_lines(dense)}, the densest, {end}."


def _saving(wide: pd.DataFrame, found: list[str]) -> str:
    parts = []
    for better, worse, words in (
        ("cooperative", "ad_hoc", "cooperating with the grid instead of trading ad hoc"),
        ("integrated", "cooperative", "one hand on all lines, beyond cooperation,"),
    ):
        means = _means(wide, found, worse, better)
        if means.empty:
            continue
        most = str(means.idxmax())
        gap = _gap(wide, most, worse, better)
        saved = mean_of(gap, "p.u.", 2 if means[most] >= 0.05 else 4)
        parts.append(
            f"{words} saves at most {saved} ({_share(wide, most, better, worse)}), at {_lines(most)}"
            f"{_surely(gap)}"
            if means[most] > DUST
            else f"{words} saves nothing at any density"
        )
    return sentence_case(f"{'; '.join(parts)}.") if parts else ""


def _harm(wide: pd.DataFrame, found: list[str]) -> str:
    """Whether private lines raise losses of self-interested owners above those without any."""
    if "0" not in wide.index.unique("density"):
        return ""
    parts = []
    for model, words in SELVES.items():
        none = wide.xs("0", level="density")[model]
        rise = {d: (wide.xs(d, level="density")[model] - none).dropna().to_numpy() for d in found}
        rise = {d: gap for d, gap in rise.items() if len(gap)}
        if not rise:
            continue
        most = max(rise, key=lambda d: float(rise[d].mean()))
        parts.append(
            f"{words} private lines raise losses above those without any by up to "
            f"{mean_of(rise[most], 'p.u.', 2)}, at {most} per agent{_surely(rise[most])}"
            if rise[most].mean() > DUST
            else f"{words} private lines raise losses at no density above those without any"
        )
    return sentence_case(f"{'; '.join(parts)}.") if parts else ""


def _areas(results: Results, wide: pd.DataFrame, first: float) -> str:
    """The first sentence's greatest gap in each other square."""
    parts = []
    for side in results.spec.sides_km:
        if side == first or side not in wide.index.unique("side_km"):
            continue
        rows: Any = wide.xs(side, level="side_km")
        means = _means(rows, _swept(results, rows), "self_nodal", "cooperative")
        if len(means):
            gap = _gap(rows, str(means.idxmax()), "self_nodal", "cooperative")
            parts.append(f"{mean_of(gap, 'p.u.', 2)} in a square of {side:g} km")
    if not parts:
        return ""
    return f"All this is for a square of {first:g} km; the first figure is {'; '.join(parts)}."

"""Pictures of the self-play study."""

from __future__ import annotations

import numpy as np

from studies.pictures.charts import Chart, HeatMap, Lines, Multiple, Multiples
from studies.self_play.evolving import VARIANT_WORDS
from studies.self_play.facts import Known
from studies.self_play.situations import (
    LEVELS,
    title_of,
    top_of,
)
from studies.self_play.tables import (
    FIRST,
    benefits,
    bids,
    competitive_price,
    discrete_table,
    ends,
    exact_price,
    facts,
    near_equilibrium,
    played,
    theory,
)
from studies.self_play.tabular import LEARNER_WORDS
from studies.study import Results, Summaries

MOST_POINTS = 100  # generations drawn of a curve
MONEY = {"consumer": "consumers", "producer": "producers", "rent": "congestion rent", "welfare": "total"}


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """All bids at a glance, then Bertrand's starts, memory, benefits, few mark-ups, Q-learning."""
    if not played(results):
        return []
    makers = (_glance, _starts, _tables, _benefits, _memory, _demand, _few)
    return [chart for maker in makers if (chart := maker(results)) is not None]


def within(results: Results, situation: str, kind: str, slack: float) -> float:
    """Share of the runs whose bids end where an exact equilibrium of the situation is, within `slack`."""

    return float(near_equilibrium(situation, ends(results, situation, kind), facts(results), slack).mean())


def _glance(results: Results) -> Chart:
    """Every situation's bids over generations, on what theory says."""
    known = facts(results)
    shown = [name for name in played(results) if name != "demand_levels"]
    panels = [_panel(results, name, FIRST.get(name, "network"), known) for name in shown or played(results)]
    pure = [name for name in shown if not name.startswith("two_bus") and name != "capacity_pay_as_bid"]
    pure = [name for name in pure if name != "five_bus_200"]
    good = [within(results, name, "network", 0.05 * top_of(name)) for name in pure]
    words = "Evolved bids over generations, on the exact equilibria of their market"
    if pure:
        words = (
            f"Evolved bids end at a pure equilibrium in {np.mean(good):.0%} of the runs of the "
            f"{len(pure)} situations "
            "that have one"
        )
    mixed = [name for name in shown if name.startswith("two_bus")]
    if mixed:
        moves = [_swing(results, name) for name in mixed]
        words += (
            f", and keep moving where none is pure ({min(moves):.0f} to {max(moves):.0f} $/MWh up and down)"
        )
    return Multiples(
        name="bids",
        title=words,
        caption="Median mark-up of every seller's pool, one curve per seller and run. An equilibrium "
        "counts as "
        "reached within a twentieth of the greatest mark-up. Yellow: the support of the mixed equilibrium "
        "(two "
        "buses, pay-as-bid), or where the low bidder may be (uniform price). Dashed: pure equilibria, or "
        "the mean "
        "of the mixed one (two buses).",
        panels=panels,
        x_label="generation",
        y_label="mark-up, $/MWh",
        band_words="range of exact equilibria",
        level_words="pure equilibrium, or mean of the mixed one",
        wide=True,
        opening=True,
    )


def _swing(results: Results, situation: str) -> float:
    """Mean over sellers and runs of the range of the median bid in the second half of the run [$/MWh]."""
    table = bids(results, situation, "network")
    half = table.iloc[len(table) // 2 :]
    return float((half.max() - half.min()).mean())


def _panel(results: Results, situation: str, kind: str, known: Known, title: str = "") -> Multiple:
    table = bids(results, situation, kind)
    step = max(1, len(table) // MOST_POINTS)
    thin = table.iloc[::step]
    curves = []
    for player in sorted({p for _, p in table.columns}):
        name = f"seller {player}" if situation != "many" else "seller 1"
        for session in sorted({s for s, p in table.columns if p == player}):
            if situation != "many" or session == 0:
                curves.append((name, thin.index.tolist(), thin[(session, player)].tolist()))
    band, levels, _ = theory(situation, known)
    band = band if band is not None and np.isfinite(band).all() else None
    levels = [height for height in levels if np.isfinite(height)]
    top = top_of(situation)
    return Multiple(
        title=title or title_of(situation), curves=sorted(curves, key=lambda c: c[0]),
        band=band, levels=levels,
        low=-0.04 * top, high=1.04 * top,
    )  # fmt: skip


def _starts(results: Results) -> Chart | None:
    """Bertrand from three kinds of first pools: the document's figure 5, as mark-ups."""
    if "bertrand" not in played(results):
        return None
    known = facts(results)
    kinds = [k for k in ("network", "defecting", "cooperative") if not bids(results, "bertrand", k).empty]
    names = {
        "network": "random at first",
        "defecting": "defecting at first",
        "cooperative": "cooperative at first",
    }
    late = {k: float(bids(results, "bertrand", k).iloc[-1].max()) for k in kinds}
    return Multiples(
        name="bertrand_starts",
        title=f"Bertrand: whatever the first pools, mark-ups end at most at {max(late.values()):.1f} $/MWh",
        caption="Median mark-up of both sellers in every run. The document shows prices of 100 plus these.",
        panels=[_panel(results, "bertrand", k, known, names[k]) for k in kinds],
        x_label="generation",
        y_label="mark-up, $/MWh",
        level_words="pure equilibrium",
        wide=True,
    )


def _memory(results: Results) -> Chart | None:
    """Price by memory in the situations where it was varied."""
    frame = results["benefits"]
    kinds = ("constant", "no memory", "network", "three rounds")
    shown = [s for s in played(results) if set(kinds) <= set(frame.loc[frame["situation"] == s, "kind"])]
    if not shown:
        return None
    panels, spread = [], []
    for situation in shown:
        curves, last = [], []
        for kind in kinds:
            rows = frame[(frame["situation"] == situation) & (frame["kind"] == kind)]
            mean = rows.groupby("generation")["price"].mean()
            step = max(1, len(mean) // MOST_POINTS)
            curves.append((VARIANT_WORDS[kind], mean.index[::step].tolist(), mean.iloc[::step].tolist()))
            last.append(float(mean.tail(20).mean()))
        panels.append(Multiple(title=title_of(situation), curves=curves))
        spread.append((max(last) - min(last)) / top_of(situation))
    return Multiples(
        name="memory",
        title="What memory changes: final prices differ by "
        + ", ".join(f"{s:.0%}" for s in spread)
        + " of the greatest mark-up",
        caption="Mean price of all matches, mean over the runs, in: " + "; ".join(map(title_of, shown)) + ".",
        panels=panels,
        x_label="generation",
        y_label="mean price, $/MWh",
        wide=True,
    )


def _benefits(results: Results) -> Chart:
    """Consumers, producers, rent and total over generations, each situation."""
    frame, panels = results["benefits"], []
    for situation in played(results):
        rows = frame[(frame["situation"] == situation) & (frame["kind"] == FIRST.get(situation, "network"))]
        mean = rows.groupby("generation")[list(MONEY)].mean() / 1000
        if situation == "demand_levels":  # a generation's ten passes do not hold all levels equally often
            mean = mean.rolling(len(LEVELS)).mean().dropna()
        step = max(1, len(mean) // MOST_POINTS)
        thin = mean.iloc[::step]
        panels.append(
            Multiple(
                title=title_of(situation),
                curves=[(words, thin.index.tolist(), thin[name].tolist()) for name, words in MONEY.items()],
            )
        )
    return Multiples(
        name="benefits",
        title="Who gains while strategies evolve",
        caption="Mean over all matches and runs. Consumers value what they use at the greatest price "
        "possible.",
        panels=panels,
        x_label="generation",
        y_label="benefit, thousand $/h",
        wide=True,
    )


def _few(results: Results) -> Chart | None:
    """Mark-ups at the end of Bertrand's game by the number of equal steps."""
    if "discrete" not in results.tables:
        return None
    frame = discrete_table(results)
    even = frame[frame["even"]].sort_values("levels")
    if len(even) < 2:
        return None
    low, high = even.iloc[0], even.iloc[-1]
    return Lines(
        name="few_markups",
        title=f"Bertrand with {low['levels']:g} mark-ups ends at {low['mean mark-up at the end']:.0f} "
        f"$/MWh, with "
        f"{high['levels']:g} at {high['mean mark-up at the end']:.1f}",
        caption="Mark-ups in equal steps from 0 to 100. Cooperation is no accident of memory: (m, m) is an "
        "equilibrium where the next lower mark-up is at most m/2, and strategies end at the highest "
        "strict one.",
        series=[
            (
                "evolved, mean of the runs",
                np.log10(even["levels"]).tolist(),
                even["mean mark-up at the end"].tolist(),
            ),
            (
                "highest strict equilibrium",
                np.log10(even["levels"]).tolist(),
                even["highest strict one"].tolist(),
            ),
        ],
        x_label="number of mark-ups, as a power of ten",
        y_label="mark-up, $/MWh",
    )


def _demand(results: Results) -> Chart | None:
    """The price-setting bid at each level of demand, by what strategies see."""
    kinds = ("sees demand", "network", "constant")
    if "by_level" not in results.tables or not set(kinds) <= set(results["by_level"]["kind"]):
        return None
    pairs = results["by_level"].groupby(["kind", "level", "session"], sort=False)["markup"]
    higher = pairs.max().groupby(["kind", "level"], sort=False).mean()
    series, spread = [], {}
    for kind in kinds:
        values = [float(higher.loc[(kind, k)]) for k in range(len(LEVELS))]
        series.append((VARIANT_WORDS[kind], list(LEVELS), values))
        spread[kind] = values[-1] - values[0]
    return Lines(
        name="demand_levels",
        title=f"From off-peak to peak the higher bid rises by {spread['sees demand']:.0f} $/MWh where "
        "strategies "
        f"see demand, by {spread['network']:.0f} where they do not",
        caption="Mean of the higher of the two bids in the last generations. At 90 MW one seller can "
        "serve all, at "
        "160 MW both are needed, at 200 MW in full: exact higher bids are 0, 100 and 100.",
        series=[*series, ("exact equilibria", list(LEVELS), [0.0, 100.0, 100.0])],
        x_label="demand, MW",
        y_label="higher mark-up, $/MWh",
    )


def _tables(results: Results) -> Chart | None:
    """Final mean prices of everybody who learns beside the exact ones."""
    learned = results.tables.get("learned_benefits")
    shown = [s for s in played(results) if s != "demand_levels"]
    if learned is None or not shown:
        return None
    known = facts(results)
    rows = []
    for situation in shown:
        cost = competitive_price(situation, known)
        prices = [exact_price(situation, known)]
        prices += [float(benefits(results, situation, kind)["price"]) for kind in ("network", "constant")]
        part = learned[learned["situation"] == situation]
        prices += [float(part.loc[part["kind"] == kind, "price"].mean()) for kind in LEARNER_WORDS]
        rows.append([100 * (price - cost) / top_of(situation) for price in prices])
    values = np.array(rows)
    gap = np.abs(values - values[:, :1])
    return HeatMap(
        name="side_by_side",
        title=f"Distance from exact prices: evolved networks {np.nanmean(gap[:, 1]):.0f} points on average, "
        f"Q-learners {np.nanmean(gap[:, 3:]):.0f}",
        caption="Final mean price above competition, in percent of the greatest mark-up. Exact: the pure "
        "equilibrium, or the mean of the "
        "mixed one; "
        "(low, 30, 30) on five buses at 100 MW, none at 200 MW. Q-learners choose among few mark-ups, "
        "among which "
        "higher ones can be equilibria.",
        x=[
            "exact",
            "evolved\nnetworks",
            "evolved\nconstants",
            "Q-learning,\none round",
            "Q-learning,\nno memory",
        ],
        y=[title_of(s) for s in reversed(shown)],
        values=values[::-1],
        x_label="",
        y_label="",
        unit="% of the greatest mark-up",
        wide=True,
    )

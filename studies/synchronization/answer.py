"""The synchronization study's answer in sentences, each made from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clearing.explaining.wording import listed
from studies.pages.sentences import count, sentence_case
from studies.study import Results, Summaries
from studies.synchronization.tables import ratio, remedy_rows, world_table
from studies.words import mean_known, mean_of, side_of

SAME = 0.95  # share of decisions from which the price is called no reason
KEPT = 0.01  # rise of the midday price below which a remedy is named as one that works
GAIN = 1e-6  # $; a best reply that gains less is a rounding error
SHOWN, HIDDEN = 0.9, 0.6  # areas under ROC from which, and to which, meters show and do not show
KNOBS = {
    "ratchet": "prices keep {:g} of earlier peaks", "exponent": "price exponent {:g}",
    "share": "artificial demand of {:g} of own need", "storage_loss": "storage that loses {:g}",
    "elasticity": "real-time prices at elasticity {:g}",
    "response_payment": "{:g} $/MWh for demand not taken",
    "fine": "an expected fine of {:g} $ per slot",
}  # fmt: skip
BURSTS = "5 min"


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Why learners synchronize, what they earn by it, the honest equilibrium, remedies, meters."""
    out: list[str] = []
    if len(_worlds(results, "learned")):
        out += [_reason(results), _earned(results)]
    out += [_equilibrium(results), _plans(results), _remedies(results), _meters(results)]
    return [sentence for sentence in out if sentence]


def _worlds(results: Results, name: str) -> pd.DataFrame:
    return world_table(results, name) if name in results.tables else pd.DataFrame()


def _reason(results: Results) -> str:
    """Whether decisions change when prices ignore artificial demand."""
    agree = _worlds(results, "agreement")
    if not len(agree):
        return ""
    shares = {name: group["share_awake"].to_numpy() for name, group in agree.groupby("against")}
    blind = shares.get("literal, price-blind", np.zeros(0))
    found = mean_known(blind)
    if found is None:
        return ""
    start = (
        "The document's learner does not synchronize for the sake of the price"
        if found.estimate >= SAME
        else "The price is among the reasons why the document's learner synchronizes"
    )
    kept = mean_of(100 * blind, "%", 1)
    said = f"{start}: {kept} of its daytime decisions stay the same when prices ignore it"
    own = shares.get("own need above own sun")
    if own is not None and mean_known(own) is not None:
        said += f", and {mean_of(100 * own, '%', 1)} just say whether own need exceeds own sun"
    return f"{said}."


def _earned(results: Results) -> str:
    """What the literal accounting books beside what is earned."""
    learned = _worlds(results, "learned")
    own = learned[learned["variant"] == "literal"]
    if not len(own):
        return ""
    lost = mean_known(own["honest_profit"] - own["friendly_profit"])
    assert lost is not None
    verdict = side_of((lost.low, lost.high), 0.0, "more than", "less than", "not clearly other than")
    price = mean_of(100 * ratio(own, "midday_price"), "%", 1, "+")
    return (
        f"It books {mean_of(own['profit'], '$', 2)} a day, but with every own need paid it earns "
        f"{mean_of(own['honest_profit'], '$', 2)}, {verdict} the {own['friendly_profit'].mean():.2f} $ of "
        f"friendly days; the midday price changes by {price}."
    )


def _equilibrium(results: Results) -> str:
    found = _worlds(results, "equilibria")
    if not len(found):
        return ""
    settled = int(found["settled"].astype(bool).sum())
    price = 100 * ratio(found, "midday_price")
    rise = mean_known(price)
    if rise is None:
        return ""
    gains = found[["one_slot_gain", "two_slot_gain", "search_gain"]].to_numpy()
    most = float(np.nanmax(gains)) if np.isfinite(gains).any() else float("nan")
    left = (
        "no gain from changing one, two or (by search) more slots is left"
        if most <= GAIN
        else f"changing one, two or (by search) more slots would gain up to {100 * most:.1f} ¢ a day"
    )
    synced = side_of((rise.low, rise.high), 0.0, "Synchronizing is", *["Synchronizing is not clearly"] * 2)
    return (
        f"{synced} what best replies lead to when own energy is always paid (at rest in {settled} of "
        f"{count(len(found), 'neighbourhood')}): the midday price changes by {mean_of(price, '%', 1, '+')}, "
        f"consumers' bills by {mean_of(100 * ratio(found, 'bill'), '%', 1, '+')}, a prosumer's day by "
        f"{mean_of(found['profit'] - found['friendly_profit'], '$', 2, '+')}; {left}."
    )


def _plans(results: Results) -> str:
    plans = _worlds(results, "plan_learners")
    parts = []
    for reward, group in plans.groupby("reward", sort=False) if len(plans) else ():
        price = 100 * ratio(group, "midday_price")
        if mean_known(price) is not None:
            paid = "what their plan changes" if reward == "difference" else f"the {reward}"
            parts.append(f"{mean_of(price, '%', 1, '+')} when rewarded by {paid}")
    return f"Learners over whole-day plans move the midday price by {listed(parts)}." if parts else ""


def _remedies(results: Results) -> str:
    """Levels that keep the price, and the best level of knobs none of whose levels do."""
    if not len(_worlds(results, "remedies")):
        return ""
    means = remedy_rows(results).groupby(["knob", "level"], sort=False)["price change"].mean().dropna()
    works, fails = [], []
    tried = [knob for knob in dict.fromkeys(means.index.get_level_values("knob")) if knob != "none"]
    for knob in tried:
        levels = means.xs(knob, level="knob")
        good = [KNOBS[knob].format(level) for level in levels.index[levels < KEPT]]
        at = int(levels.to_numpy().argmin())
        works += good
        if not good:
            fails.append(f"{KNOBS[knob].format(levels.index[at])} ({levels.iloc[at]:+.0%})")
    if not tried:
        return ""
    said = (
        f"The midday price rises by less than {KEPT:.0%} over friendly days under: {'; '.join(works)}"
        if works
        else f"No remedy that was tried keeps the midday price from rising by {KEPT:.0%} over friendly days"
    )
    base = means.get(("none", 0.0))
    without = f" (without remedy {base:+.0%})" if base is not None else ""
    more = f"; the best of the others still leave: {'; '.join(fails)}" if fails else ""
    return f"{said}{without}{more}."


def _meters(results: Results) -> str:
    """Which reporting intervals show agreed bursts."""
    meters = results.tables.get("meters")
    if meters is None or not len(meters):
        return ""
    own = meters[meters["bursts"] == BURSTS].groupby("interval")[["area", "detected"]].mean()
    seen, lost = own[own["area"] > SHOWN], own[own["area"] < HIDDEN]
    between = own.drop([*seen.index, *lost.index])
    parts = []
    for rows, words in ((seen, "show"), (between, "partly show"), (lost, "hardly show")):
        if len(rows):
            minutes = listed([f"{m:g}" for m in rows.index])
            low, high = rows["detected"].min(), rows["detected"].max()
            share = f"{low:.0%}" if high - low < 0.005 else f"{low:.0%} to {high:.0%}"
            parts.append(f"every {minutes} minutes {words} them ({share} detected)")
    words = f"agreed bursts of 5 minutes and readings: {'; '.join(parts)}, at 5 % false alarms"
    return sentence_case(f"{words}.") if parts else ""

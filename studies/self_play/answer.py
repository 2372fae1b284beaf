"""The self-play study's question answered in sentences, each made from its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from learners.equilibria.indices import welch_interval
from studies.pages.sentences import count
from studies.self_play.evolving import NEAR, VARIANT_WORDS
from studies.self_play.facts import Capacity, Known
from studies.self_play.situations import title_of
from studies.self_play.tables import (
    FIRST,
    benefits,
    competitive_price,
    discrete_table,
    ends,
    exact_price,
    facts,
    near_equilibrium,
    played,
    rerun_table,
)
from studies.study import Results, Summaries
from studies.words import listed, span

PURE = ("many", "half_load", "bertrand", "capacity_uniform", "five_bus_100")
"""Situations whose pure equilibria are known as mark-ups."""
MEMORIES = ("no memory", "three rounds")


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Whether bids end in equilibria, what memory and few mark-ups do, and who gains."""
    out = []
    names, known = played(results), facts(results)
    if names:
        out += _equilibrium_words(results, names, known) + _mixed_words(results, names, known)
        out += _memory_words(results, names)
    if "discrete" in results.tables:
        out += _count_words(discrete_table(results))
    if "reruns" in results.tables:
        out += _rerun_words(rerun_table(results))
    if names and "benefits" in results.tables:
        out += _gain_words(results, names, known)
    return out


def _equilibrium_words(results: Results, names: list[str], known: Known) -> list[str]:
    """How many runs end near a pure equilibrium, and where most do not."""
    shares: dict[str, float] = {}
    hits = runs = 0
    for name in names:
        if name not in PURE or (
            name == "capacity_uniform" and not np.isfinite(known.of(Capacity).indifference)
        ):
            continue
        good = near_equilibrium(name, ends(results, name, FIRST.get(name, "network")), known, NEAR)
        shares[name] = float(good.mean())
        hits, runs = hits + int(good.sum()), runs + len(good)
    if not shares:
        return []
    missed = [f"{title_of(name)} ({100 * share:.0f} %)" for name, share in shares.items() if share < 1]
    said = (
        f"In {count(len(shares), 'situation')} with pure equilibria at known mark-ups, {hits} of {runs} runs "
        f"end within {NEAR:g} $/MWh of one"
    )
    return [said + (f"; by situation, where not all do: {listed(missed)}." if missed else ".")]


def _mixed_words(results: Results, names: list[str], known: Known) -> list[str]:
    """Where the exact equilibrium is mixed: learned prices beside its mean price."""
    if "benefits" not in results.tables:
        return []
    gaps = {}
    for name in names:
        exact = exact_price(name, known)
        found = float(benefits(results, name, FIRST.get(name, "network"))["price"])
        if (name.startswith("two_bus_") or name == "capacity_pay_as_bid") and np.isfinite(
            [exact, found]
        ).all():
            gaps[name] = found - exact
    if not gaps:
        return []
    above, below = (sum(sign * gap > NEAR for gap in gaps.values()) for sign in (1, -1))
    far = max(gaps, key=lambda name: abs(gaps[name]))
    return [
        f"Where equilibria are mixed ({count(len(gaps), 'situation')}), the mean price ends more than "
        f"{NEAR:g} $/MWh above that of the equilibrium in {above} and below it in {below}; the greatest "
        f"difference is {gaps[far]:+.1f} $/MWh ({title_of(far)})."
    ]


def _memory_words(results: Results, names: list[str]) -> list[str]:
    """Mean mark-ups of networks with other memories, against those that remember one round."""
    frame = results["bids"]
    known = set(zip(frame["situation"], frame["kind"], strict=True))
    compared, clear = 0, []
    for name in names:
        for kind in MEMORIES:
            if not {(name, kind), (name, "network")} <= known:
                continue
            other, one = (ends(results, name, k).mean(axis=1) for k in (kind, "network"))
            if min(len(other), len(one)) < 2:
                continue
            compared += 1
            if np.ptp(other) == np.ptp(one) == 0:  # no spread: a test has nothing to divide by
                continue
            found = welch_interval(other, one)
            if found.low > 0 or found.high < 0:
                clear.append((abs(found.estimate), name, kind, found))
    if not compared:
        return []
    if not clear:
        return [
            f"Memory does not show: in none of {count(compared, 'comparison')} does the mean mark-up of "
            "networks without memory, or with three rounds of it, differ from that with one round by more "
            "than its 95 % interval."
        ]
    _, name, kind, found = max(clear, key=lambda item: item[0])
    return [
        f"Memory moves the mean mark-up by more than its 95 % interval in {len(clear)} of "
        f"{count(compared, 'comparison')}, most for {VARIANT_WORDS[kind]} ({title_of(name)}): by "
        f"{found.estimate:+.1f} $/MWh (95 % interval {found.low:+.1f} to {found.high:+.1f}) against memory "
        "of one round."
    ]


def _count_words(table: pd.DataFrame) -> list[str]:
    """Bertrand with few mark-ups: ends at the highest strict equilibrium, and prices by their number."""
    said = []
    known = table[np.isfinite(table["highest strict one"].astype(float))]
    if len(known):
        said.append(
            f"{int(known['runs that end there'].sum())} of {int(known['runs'].sum())} runs end "
            "at the highest strict equilibrium of their grid"
        )
    even = table[table["even"].astype(bool)].sort_values("levels")
    if len(even) > 1:
        few, many = even.iloc[0], even.iloc[-1]
        said.append(
            f"the mean mark-up is {few['mean mark-up at the end']:.1f} $/MWh with {few['levels']} equally "
            f"spaced mark-ups and {many['mean mark-up at the end']:.1f} with {many['levels']}"
        )
    return [f"With few mark-ups between two equal sellers (Bertrand), {'; '.join(said)}."] if said else []


def _rerun_words(table: pd.DataFrame) -> list[str]:
    """On five buses, which of both equilibria repeated runs find."""
    rows = table[table["strategies"] == VARIANT_WORDS["network"]]
    if not len(rows) or not rows["of"].max():
        return []
    said = [
        f"{r['runs']} {'hold none' if r['equilibrium'] == 'none' else 'find ' + r['equilibrium']}"
        for r in rows.to_dict("records")
    ]
    return [
        f"Of {count(int(rows['of'].max()), 'run')} on five buses with the line at 100 MW, {listed(said)}."
    ]


def _gain_words(results: Results, names: list[str], known: Known) -> list[str]:
    """Prices against those where all bid at cost: sellers' gain, and who keeps it."""
    rises = {}
    for name in names:
        mean = benefits(results, name, FIRST.get(name, "network"))
        rises[name] = float(mean["price"]) - competitive_price(name, known)
    rises = {name: rise for name, rise in rises.items() if np.isfinite(rise)}
    if not rises:
        return []
    up = [name for name, rise in rises.items() if rise > NEAR]
    said = (
        f"Consumers pay more than {NEAR:g} $/MWh above the price of bids at cost in {len(up)} of "
        f"{count(len(rises), 'situation')}"
    )
    if up:
        said += f", by {span([rises[name] for name in up], 1, '$/MWh')} there"
        rents = [name for name in up if benefits(results, name, FIRST.get(name, "network"))["rent"] > NEAR]
        if rents:
            said += (
                f"; besides the sellers the grid earns there, by congestion rent, in {len(rents)} of these"
            )
    return [said + "."]

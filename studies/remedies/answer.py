"""The remedies study's answer in sentences, each made from the results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clearing.explaining.wording import listed
from studies.pages.sentences import sentence_case
from studies.remedies.tables import PLACE, changes, paired
from studies.remedies.treatments import NONE, REMEDIES
from studies.study import Results, Summaries
from studies.words import mean_of


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Without remedy; what works everywhere, what nowhere; bills; welfare; remedies together."""
    if not len(results.tables.get("sessions", ())):
        return []
    frame = paired(results)
    if frame.empty:
        return []
    out = [_without(frame)]
    table = changes(frame)
    if len(table):
        single = [str(name) for name in table.index if REMEDIES[str(name)].kind != "together"]
        together = [str(name) for name in table.index if REMEDIES[str(name)].kind == "together"]
        out += [*_index(frame, table, single), _bills(frame, table, single), _costs(table, single)]
        out.append(_together(table, together))
    return [sentence for sentence in out if sentence]


def _change(frame: pd.DataFrame, name: str, column: str) -> str:
    """`"−0.51 (...) in the sealed stage game, −0.60 (...) on the street"`."""
    parts = []
    for market, group in ((m, frame[(frame["market"] == m) & (frame["remedy"] == name)]) for m in PLACE):
        if len(group) and column == "d_index":
            parts.append(f"{mean_of(group[column], '', 2, '+')} {_where(market)}")
        elif len(group):
            parts.append(f"{mean_of(100 * group[column], '%', 1, '+')} {_where(market)}")
    return listed(parts)


def _where(market: str) -> str:
    return f"{'on' if market == 'street' else 'in'} the {PLACE[market]}"


def _names(names: Sequence[str]) -> str:
    return "; ".join(REMEDIES[name].words for name in names)


def _signs(table: pd.DataFrame, name: str, column: str) -> list[int]:
    """−1, 0 or 1 for each market in which the remedy was tried."""
    columns = [f"{m} {column} sign" for m in PLACE if f"{m} {column} sign" in table]
    signs = table.loc[[name], columns].to_numpy(dtype=float).ravel()
    return [int(sign) for sign in signs[np.isfinite(signs)]]


def _without(frame: pd.DataFrame) -> str:
    parts = []
    for market in PLACE:
        group = frame[(frame["market"] == market) & (frame["remedy"] == NONE)]
        if len(group):
            top = float(group["nash_high"].iloc[0])
            nash = f", against {100 * top:.0f} % in the highest static Nash equilibrium" if top == top else ""
            parts.append(f"{mean_of(100 * group['index'], '%')} {_where(market)}{nash}")
    if not parts:
        return ""
    return f"Without remedy homes get this far from competition to the joint optimum: {'; '.join(parts)}."


def _index(frame: pd.DataFrame, table: pd.DataFrame, single: list[str]) -> list[str]:
    """What lowers the index in all markets, the strongest with its numbers; and what in none."""
    signs = {name: _signs(table, name, "d_index") for name in single}
    works = [name for name in single if signs[name] and max(signs[name]) == -1]
    fails = [name for name in single if -1 not in signs[name]]
    part = [name for name in single if name not in works and name not in fails]
    if not single:
        return []
    columns = [f"{m} d_index" for m in PLACE if f"{m} d_index" in table]
    if works:
        best = str(table.loc[works, columns].mean(axis=1).idxmin())
        out = [
            f"Back towards competition in every market where they were tried: {_names(works)}; the furthest, "
            f"{REMEDIES[best].words}: change of the index {_change(frame, best, 'd_index')}."
        ]
    else:
        out = ["No single remedy brings homes back towards competition in every market where it was tried."]
    rest = (("in some market only", part), ("in no market", fails))
    parts = [f"{words}: {_names(names)}" for words, names in rest if names]
    return [*out, sentence_case(f"{'. '.join(sentence_case(p) for p in parts)}.")] if parts else out


def _bills(frame: pd.DataFrame, table: pd.DataFrame, single: list[str]) -> str:
    signs = {name: _signs(table, name, "d_bill") for name in single}
    good = [name for name in single if signs[name] and max(signs[name]) == -1]
    if not single:
        return ""
    raised = [name for name in single if 1 in signs[name]]
    more = f"; in some market it rises under: {_names(raised)}" if raised else ""
    if not good:
        return f"No single remedy lowers consumers' bill in every market where it was tried{more}."
    columns = [f"{m} d_bill" for m in PLACE if f"{m} d_bill" in table]
    best = str(table.loc[good, columns].mean(axis=1).idxmin())
    return (
        f"{len(good)} of {len(single)} single remedies lower consumers' bill in every market where they were "
        f"tried, most of all {REMEDIES[best].words}: change in percent of competition's bill "
        f"{_change(frame, best, 'd_bill')}{more}."
    )


def _costs(table: pd.DataFrame, single: list[str]) -> str:
    """Whether a remedy costs welfare somewhere."""
    hurt = [name for name in single if -1 in _signs(table, name, "d_welfare")]
    gain = [name for name in single if name not in hurt and 1 in _signs(table, name, "d_welfare")]
    if not single:
        return ""
    parts = [f"falls in some market under: {_names(hurt)}" if hurt else "clearly falls under none of them"]
    if gain:
        parts.append(f"rises in some and falls in no market under: {_names(gain)}")
    return f"Welfare {'; it '.join(parts)}."


def _together(table: pd.DataFrame, together: list[str]) -> str:
    """Combinations that lower index and bill everywhere."""
    if not together:
        return ""
    both = [
        name
        for name in together
        if all(max(_signs(table, name, c), default=0) == -1 for c in ("d_index", "d_bill"))
    ]
    return (
        f"{len(both)} of {len(together)} combinations lower index and bill in every market"
        f"{': ' if both else ''}{_names(both)}."
    )

"""The smart-homes study's answer in sentences, each made from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clearing.explaining.wording import listed
from studies.pages.sentences import count, sentence_case
from studies.smart_homes.tables import LEAST_ROOM, market_sessions
from studies.study import Results, Summaries
from studies.words import mean_known, mean_of, side_of

INDEX = "index_competition"
EQUILIBRIUM = 0.01  # share that may be given up against a best reply in what is called near an equilibrium

SEEN = {
    "all": "see all offers", "price": "see only the price", "own": "see only their own offer",
    "none": "remember nothing",
}  # fmt: skip


def answer(results: Results, summaries: Summaries) -> list[str]:
    """The main hour beside static Nash and the controls; all markets; buyers; years; hours without room."""
    if not len(results.tables.get("sessions", ())):
        return []
    frame = market_sessions(results)
    hour = results.spec.hour
    main = frame[(frame["market"] == "auction") & (frame["hour"] == hour)]
    memory = main[main["treatment"] == "memory"]
    out = [
        *_main(memory, hour, results.spec.memory),
        _controls(main),
        _markets(frame),
        _buyers(frame),
        _years(memory),
    ]
    return [sentence for sentence in [*out, _hours(results)] if sentence]


def _percent(group: pd.DataFrame) -> str:
    return mean_of(100 * group[INDEX].dropna(), "%") if group[INDEX].notna().any() else ""


def _main(memory: pd.DataFrame, hour: int, seen: str) -> list[str]:
    """The auction at the hour that everything is compared in."""
    if not len(memory):
        return []
    if not memory[INDEX].notna().any():
        return [f"At {hour} h competition and the joint optimum agree: there is nothing to collude about."]
    low, top = mean_known(memory[INDEX]), float(memory["at_nash_high"].iloc[0])
    assert low is not None
    nash = (
        "there is no static Nash equilibrium to compare with"
        if not np.isfinite(top)
        else f"{side_of((low.low, low.high), top)} the highest static Nash equilibrium, at {100 * top:.0f} %"
    )
    return [
        f"In the auction at {hour} h homes that {SEEN[seen]} end {_percent(memory)} of the way from "
        f"competition to the joint optimum: {nash}."
    ]


def _controls(main: pd.DataFrame) -> str:
    parts = []
    for way, words in (("myopic", "with no weight on the future (δ = 0)"), ("forgetful", "without memory")):
        group = main[main["treatment"] == way]
        if _percent(group):
            parts.append(f"{words} {_percent(group)}")
    return f"The controls, which cannot threaten, end at: {listed(parts)}." if parts else ""


def _markets(frame: pd.DataFrame) -> str:
    """Which markets end above their highest static Nash equilibrium."""
    above: list[str] = []
    rest: list[str] = []
    without = 0
    for words, group in frame[frame["treatment"] == "memory"].groupby("words", sort=False):
        found, top = mean_known(group[INDEX]), float(group["at_nash_high"].iloc[0])
        if found is None:
            without += 1
        elif np.isfinite(top):
            (above if found.low > top else rest).append(str(words))
    total = len(above) + len(rest)
    if not total:
        return ""
    said = f"Of {count(total, 'market')} in which learners have memory and something to collude about"
    said += f" ({without} more have nothing)" if without else ""
    said += f", {len(above)} end clearly above the highest static Nash equilibrium"
    if not above or not rest:
        return f"{said}."
    few, names = ("these", above) if len(above) <= len(rest) else ("all but", rest)
    return f"{said}, {few}: {'; '.join(names)}."


def _buyers(frame: pd.DataFrame) -> str:
    """The auction with and without buyers who learn, on the same four mark-ups."""
    sides = {key: frame[frame["market"] == key] for key in ("one_sided", "two_sided")}
    found = {key: mean_known(group[INDEX]) if len(group) else None for key, group in sides.items()}
    one, two = found["one_sided"], found["two_sided"]
    if one is None or two is None:
        return ""
    verdict = (
        "lowers this" if two.high < one.low else "raises this" if two.low > one.high
        else "does not clearly change this"
    )  # fmt: skip
    return (
        f"A club of buyers that learns too {verdict}: {_percent(sides['two_sided'])}, against "
        f"{_percent(sides['one_sided'])} with the same few mark-ups and honest buyers."
    )


def _years(rows: pd.DataFrame) -> str:
    """How long the auction's sessions take at the main hour, and what they leave to a best reply."""
    if not len(rows):
        return ""
    settled = rows[rows["stable"].astype(bool)]
    out = [
        f"play at that hour settles in {len(settled)} of {count(len(rows), 'session')}"
        + (f" and takes {mean_of(settled['years'], 'years', 1)} of quarter hours" if len(settled) else "")
    ]
    loss = mean_known(rows["loss"]) if "loss" in rows else None
    if loss is not None:
        close = loss.estimate <= EQUILIBRIUM
        out.append(
            "against a best reply to the others a learned strategy gives up "
            f"{mean_of(100 * rows['loss'].dropna(), '%')}, so that play is "
            f"{'close to' if close else 'not'} an equilibrium"
        )
    return sentence_case(f"{'; '.join(out)}.")


def _hours(results: Results) -> str:
    """Hours of the day in which competition and joint optimum agree."""
    hours = results.tables.get("hours")
    if hours is None or not len(hours):
        return ""
    room = (hours["joint"] - hours["competitive"]) > LEAST_ROOM * hours["joint"].abs()
    some = sorted(int(h) for h in hours.loc[room, "of_hour"])
    if not some:
        return "In no hour of the day is there anything to collude about."
    if len(some) == len(hours):
        return "In every hour of the day the joint optimum is above competition."
    spans: list[list[int]] = []
    for hour in some:
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    words = listed([f"{a} to {b} h" for a, b in spans])
    return f"There is something to collude about in {len(some)} of {len(hours)} hours: {words}."

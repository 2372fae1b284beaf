"""The nodal-collusion study's question answered in sentences, each made from its tables."""

from __future__ import annotations

import numpy as np

from studies.nodal_collusion.cells import COMPETITIVE, CYCLE, NASH
from studies.nodal_collusion.tables import (
    bus_changes,
    finished_cases,
    index_rows,
    line_effects,
    outcome,
    sessions,
    static_share,
    transfers,
)
from studies.pages.sentences import count
from studies.study import Results, Summaries
from studies.words import listed, mean_of, side_of

RIVALRY = {
    NASH[0]: "the static Nash equilibrium",
    NASH[1]: "the static Nash equilibrium of highest profit",
    CYCLE: "the cycle of best replies (there is no pure static equilibrium)",
}


def answer(results: Results, summaries: Summaries) -> list[str]:
    """For each finished case: more than rivalry or not; where it pays and who pays for it."""
    out = []
    for case in finished_cases(results):
        out += [_learned_words(results, case), _control_words(results, case), _paid_words(results, case)]
    return [sentence for sentence in out if sentence]


def _learned_words(results: Results, case: str) -> str:
    """The price that was learned, and the index of collusion over rivalry with its interval."""
    then, row = outcome(results, case, COMPETITIVE), index_rows(results, case, "memory")
    assert then is not None
    price = float(then["price"])
    rise = mean_of(sessions(results, case)["price"] - price, "$/MWh", 2, "+")
    said = f"On {case} learning moves the mean price by {rise} from the competitive {price:.2f}"
    index, half = row["Δ over rivalry"], row["± rivalry"]
    if not np.isfinite(index):
        return (
            f"{said}; how much of it rivalry explains is open, as no static equilibrium or cycle was found."
        )
    if not np.isfinite(half):
        than, ends = "more, in one session," if index > 0 else "no more, in one session,", ""
    else:
        than = side_of((index - half, index + half), 0.0, "more", "less", "neither clearly more nor less")
        ends = f" (95 % interval {index - half:+.2f} to {index + half:+.2f})"
    return (
        f"{said}; the firms earn {than} than {RIVALRY.get(row['rivalry is'], row['rivalry is'])} explains: "
        f"the index of collusion, 1 at the joint optimum, is {index:+.2f}{ends}."
    )


def _control_words(results: Results, case: str) -> str:
    """What the two controls reach, and whether deviations are punished."""
    said = []
    static = static_share(results, case)
    if np.isfinite(static):
        said.append(
            f"learners that do not value the future reach {100 * static:.0f} % of the firms' gain over "
            "competition"
        )
    row = index_rows(results, case, "memory")
    tempted, punished = row["tempted to deviate"], row["deviation does not pay"]
    if np.isfinite(tempted):
        words = f"a deviation would pay at once in {100 * tempted:.0f} % of the rounds"
        if tempted > 0 and np.isfinite(punished):
            words += f", and in {100 * punished:.0f} % of these it costs more later"
        said.append(words)
    return f"On {case} {'; '.join(said)}." if said else ""


def _paid_words(results: Results, case: str) -> str:
    """The branch whose limit adds most to the gain, what consumers pay, and at how many buses."""
    adds = line_effects(results, case).drop(["none", "all"], errors="ignore")["adds"].dropna()
    said = []
    if len(adds):
        most = float(adds.max())
        if most > 0.5:
            said.append(
                f"the limit of branch {adds.idxmax()} adds most to the firms' gain at the learned mark-ups, "
                f"{most:,.0f} $/h"
            )
        else:
            said.append("no branch's limit alone adds to the firms' gain at the learned mark-ups")
    extra = -transfers(results, case)["consumers"]
    words = f"consumers pay {abs(extra):,.0f} $/h {'more' if extra >= 0 else 'less'} than under competition"
    bills = bus_changes(results, case)["extra_bill"].dropna().sort_values(ascending=False)
    positive = bills[bills > 0]
    if extra > 0 and len(positive):
        half = int(np.searchsorted(positive.cumsum().to_numpy(), positive.sum() / 2) + 1)
        words += (
            f", half of all rises at {count(min(half, len(positive)), 'bus', 'buses')} of {len(bills)}, "
            f"most at bus {positive.index[0]} ({positive.iloc[0]:,.0f} $/h)"
        )
    return f"On {case} {listed([*said, words])}."

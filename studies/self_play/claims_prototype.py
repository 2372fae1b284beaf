"""Numbers of the prototype's runs in the reference calculations beside ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from studies.claims import Claim, compare_number, compare_open, compare_statement
from studies.self_play.claims_exact import REFERENCE, SIMULATED, sampled
from studies.self_play.claims_post import near_equilibrium
from studies.self_play.facts_prices import grid_words
from studies.self_play.tables import at, benefits, bids, discrete_table, ends, facts, rerun_table
from studies.study import Results

OTHER_ALGORITHM = "speed and spread depend on first weights, selection and mutation: not the prototype's"
WORDS = {"network": "networks", "no memory": "networks without inputs"}


def _range(
    claim: str,
    published: tuple[float, float],
    found: np.ndarray | None,
    digits: int = 1,
    scale: float = 100.0,
) -> Claim:
    """A printed range of mark-ups over runs: it holds where most of our runs lie in it.

    A single printed figure is consistent inside the range of our runs. A range over half of `scale`, what is
    possible, decides nothing.
    """
    low, high = published
    shown = f"{low:g} to {high:g}" if low != high else f"{high:g}"
    if found is None:
        return compare_open(REFERENCE, SIMULATED, claim, shown, "none", "the run is shorter")
    ours = f"{found.min():.{digits}f} to {found.max():.{digits}f}"
    half = 0.5 * 10.0**-digits
    if low == high:
        span = (float(found.min()) - half, float(found.max()) + half)
        inside = span[0] <= high <= span[1]
        why = "inside the range of our runs" if inside else OTHER_ALGORITHM
        return compare_number(REFERENCE, SIMULATED, claim, high, float(found.mean()), 0, reason=why,
        interval=span,
                              published=shown, shown=ours)  # fmt: skip
    if high - low >= 0.5 * scale:
        why = f"a range of {high - low:g} where {scale:g} is possible: agreement would say nothing"
        return compare_open(REFERENCE, SIMULATED, claim, shown, ours, why)
    share = float(((found >= low - half) & (found <= high + half)).mean())
    why = f"{share:.0%} of our runs lie in the printed range"
    return compare_statement(REFERENCE, SIMULATED, claim, shown, ours, share > 0.5,
                             why if share > 0.5 else f"{why}; {OTHER_ALGORITHM}",
                             evidence="weak")  # fmt: skip


def _counted(claim: str, published: int, of: int, ours: int, count: int) -> Claim:
    """Runs of a kind, out of few: consistent where another `of` runs could well have as many."""
    low, high = sampled(published, ours, of, count)
    agree = low <= published <= high
    why = f"another {of} runs would have {low:.0f} to {high:.0f}"
    if agree and high - low > 0.5 * of:
        return compare_open(REFERENCE, SIMULATED, claim, f"{published} of {of}", f"{ours} of {count}",
                            f"{why}: too few to tell", printed=published)  # fmt: skip
    return compare_number(REFERENCE, SIMULATED, claim, published, ours, 0,
                          reason=why if agree else f"{why}; {OTHER_ALGORITHM}", interval=(low, high),
                          published=f"{published} of {of}", shown=f"{ours} of {count}")  # fmt: skip


def evolved_claims(results: Results) -> list[Claim]:
    """Numbers of the prototype's runs."""

    def bid(situation: str, kind: str, generation: int) -> np.ndarray | None:
        return at(results, situation, kind, generation)

    many = [None if (found := bid("many", "network", g)) is None else found.mean(axis=1) for g in (5, 10)]
    rows = [
        _range("many: mean mark-up at generation 5", (1.7, 1.7), many[0]),
        _range("many: mean mark-up at generation 10", (0.0, 0.1), many[1]),
        _range("half load: mark-ups at generation 5", (99.2, 100.0), bid("half_load", "network", 5)),
        _range("half load: mark-ups at generation 10", (100.0, 100.0), bid("half_load", "network", 10)),
    ]
    for kind, words, points in (
        ("network", "random start", ((20, 23, 48), (80, 1, 1), (120, 0, 0.6), (200, 0, 0))),
        ("cooperative", "cooperative start", ((80, 3, 19), (160, 2, 9), (300, 0, 0))),
    ):
        rows += [
            _range(f"Bertrand, {words}: mark-ups at generation {g}", (low, high), bid("bertrand", kind, g))
            for g, low, high in points
        ]
    return [
        *rows,
        *_grid_rows(results),
        *_capacity_rows(results),
        *_two_bus_rows(results),
        *_five_bus_rows(results),
    ]


def _grid_rows(results: Results) -> list[Claim]:
    table = discrete_table(results).set_index("grid")
    rows = []
    for grid, end in (((0, 10, 20, 30), 10), ((0, 30, 60, 90), 30), ((0, 10, 100), 100), ((0, 60, 100), 60),
                      ((0, 50, 100), 50)):  # fmt: skip
        row: Any = table.loc[grid_words(grid)]
        runs, mean = int(row["runs"]), float(row["mean mark-up at the end"])
        there = int(row["runs that end there"]) if row["highest strict one"] == end else 0
        why = "" if there == runs else f"mean mark-up {mean:.0f} over the runs"
        rows.append(
            compare_statement(REFERENCE, SIMULATED, f"Bertrand: evolved on {grid_words(grid)}",
            f"12/12 → {end}",
                              f"{there}/{runs} → {end}", 2 * there > runs, why,
                              evidence="independent" if there == runs else "weak")
        )  # fmt: skip
    return rows


def _capacity_rows(results: Results) -> list[Claim]:
    table = bids(results, "capacity_uniform", "network")
    apart = []
    for session in sorted({s for s, _ in table.columns}):
        pair = table[session].to_numpy()
        good = (pair.max(axis=1) >= 95) & (pair.min(axis=1) <= 60)
        apart.append(int(np.argmax(good)) + 1 if good.any() else -1)
    when = np.array([g for g in apart if g > 0])
    low = ends(results, "capacity_uniform", "network").min(axis=1)
    strangers = ends(results, "capacity_uniform", "immigrants")
    price = float(benefits(results, "capacity_uniform", "immigrants")["price"])
    over, n = int((low > 60).sum()), len(low)
    return [
        _range("capacity: generation from which one is high and the other low", (4, 12),
               when if len(when) else None, 0, len(table)),
        _counted("capacity: runs whose low bidder drifts above 60", 2, 6, over, n),
        _range("capacity, 10 % immigrants: the high bids", (95, 100), strangers.max(axis=1), 0),
        _range("capacity, 10 % immigrants: the low bids, mostly", (0, 80), strangers.min(axis=1), 0),
        _range("capacity, 10 % immigrants: price", (185, 197), np.array([price]), 0),
    ]  # fmt: skip


def _two_bus_rows(results: Results) -> list[Claim]:
    numbers, rows = facts(results)[0], []
    published = {
        10: (86.1, 90.1, 90.1),
        25: (64.8, 73.5, 73.5),
        50: (32.3, 50.0, 74.0),
        75: (7.0, 23.0, 73.0),
    }
    for line, (least, low, high) in published.items():
        table = bids(results, f"two_bus_{line}", "network")
        half = table.iloc[len(table) // 2 :]
        means = half.T.groupby(level="session").mean().T.mean()
        rows.append(_range(f"two buses, {line} MW: mean of the median bids", (low, high), means.to_numpy()))
        floor = numbers[f"two buses, {line} MW: least mark-up"]
        pooled = half.T.groupby(level="session").median().T
        rows.append(
            compare_number(REFERENCE, SIMULATED,
                           f"two buses, {line} MW: least pooled median; the band begins at {floor:.0f}",
                           least,
                           float(pooled.min().min()), 1 if least % 1 else 0,
                           reason=f"the extreme of a run has no interval; {OTHER_ALGORITHM}")
        )  # fmt: skip
    return rows


def _five_bus_rows(results: Results) -> list[Claim]:
    found = ends(results, "five_bus_100", "network")
    money, wide = benefits(results, "five_bus_100", "network"), ends(results, "five_bus_200", "network")
    rows = [
        _range(f"five buses, 100 MW: final mark-up of G{k + 1}", span, found[:, k], scale=30.0)
        for k, span in enumerate(((0, 3), (30, 30), (30, 30)))
    ]
    rows += [
        _range("five buses, 100 MW: producers' benefit, last 20 generations", (15110, 15110),
               np.array([money["producer"]]), 0),
        _range("five buses, 100 MW: consumers' benefit, last 20 generations", (2793, 2793),
               np.array([money["consumer"]]), 0),
    ]  # fmt: skip
    rows += [
        _range(f"five buses, 200 MW: final mark-up of G{k + 1}", span, wide[:, k], scale=30.0)
        for k, span in enumerate(((0, 3), (3, 6), (0, 1)))
    ]
    after = results["benefits"]
    after = after[
        (after["situation"] == "five_bus_200") & (after["kind"] == "network") & (after["generation"] > 80)
    ]
    by_run = after.groupby("session")[["consumer", "producer"]].mean()
    rows += [
        _range(
            "five buses, 200 MW: consumers' benefit", (16900, 17800), by_run["consumer"].to_numpy(), 0, 2e4
        ),
        _range("five buses, 200 MW: producers' benefit", (2300, 3000), by_run["producer"].to_numpy(), 0, 2e4),
    ]
    return rows + _rerun_rows(results)


def _rerun_rows(results: Results) -> list[Claim]:
    frame, table = results["reruns"], rerun_table(results)
    rows = []
    for kind, n, counts in (("network", 40, {"(low, 30, 30)": 36, "(30, low, 30)": 3, "none": 1}),
                            ("no memory", 20, {"(low, 30, 30)": 20})):  # fmt: skip
        group = frame[frame["kind"] == kind]
        for name, published in counts.items():
            ours = int((group["equilibrium"] == name).sum())
            words = f"five buses, 100 MW, {WORDS[kind]}: runs that end in {name}"
            rows.append(_counted(words, published, n, ours, len(group)))
        first = group.loc[group["generation"] > 0, "generation"]
        published_median = {"network": 14, "no memory": 13}[kind]
        span = (float(first.quantile(0.1)), float(first.quantile(0.9)))
        rows.append(
            compare_number(REFERENCE, SIMULATED,
                           f"five buses, 100 MW, {WORDS[kind]}: median generation from which it holds",
                           published_median, float(first.median()), 0,
                           reason="80 % of our runs" if span[0] <= published_median <= span[1]
                           else OTHER_ALGORITHM, interval=span,
                           shown=f"{first.median():.0f} ({span[0]:.0f} to {span[1]:.0f} in 80 % of runs)")
        )  # fmt: skip
    shares = table[table["equilibrium"] == "(low, 30, 30)"].set_index("strategies")
    share = (shares["runs"] / shares["of"]).to_numpy()
    rows.append(
        compare_statement(REFERENCE, SIMULATED, "five buses: memory changes nothing, the same equilibrium "
        "without",
                          "the same",
                          f"(low, 30, 30) in {share[0]:.0%} with memory, {share[1]:.0%} without inputs",
                          bool(abs(share[0] - share[1]) <= 0.2))
    )  # fmt: skip
    strangers = bids(results, "five_bus_100", "immigrants").tail(50)
    third = strangers.xs(3, level="player", axis=1)
    rows.append(_range("five buses, 10 % immigrants: G3", (30, 30), third.to_numpy(), 0, 30.0))
    ending = near_equilibrium(
        "five_bus_100", ends(results, "five_bus_100", "immigrants"), facts(results)[0], 1.0
    )
    held = int(ending.sum())
    rows.append(
        _counted("five buses, 10 % immigrants: runs that hold an equilibrium", 3, 6, held, len(ending))
    )
    return rows

"""The statements and figures of the post beside what evolved."""

from __future__ import annotations

import numpy as np

from studies.bidding.claims_exact import REFERENCE
from studies.bidding.facts_five_bus import BOUND, STARTS
from studies.bidding.situations import COST
from studies.bidding.tables import benefits, bids, by_run, discrete_table, ends, facts, rerun_table
from studies.study import Claim, Results, Verdict, compare_number, compare_statement

POST = "Simulating power markets with competitive self-play (post on an article of 2009)"
RECONSTRUCTED = "the system is reconstructed so that it gives these figures; agreement is no evidence"


def near_equilibrium(
    situation: str, found: np.ndarray, numbers: dict[str, float], slack: float
) -> np.ndarray:
    """(sessions,) whether mark-ups (sessions, players) are those of a pure equilibrium, within `slack`.

    Where a bid does not set the price it may be anything that keeps the others' best replies as they are.
    """
    low, high = found.min(axis=1), found.max(axis=1)
    if situation in ("many", "bertrand"):
        return np.asarray(high <= slack)
    if situation == "half_load":
        return np.asarray(high >= 100 - slack)
    if situation == "capacity_uniform":
        edge = numbers["capacity: indifference price"] - COST
        return np.asarray((high >= 100 - slack) & (low <= edge + slack))
    if situation == "five_bus_100":
        one, two, three = found.T
        first = (one <= BOUND[0] + slack) & (two >= 30 - slack)
        second = (two <= BOUND[1] + slack) & (one >= 30 - slack)
        return np.asarray((three >= 30 - slack) & (first | second))
    return np.zeros(len(found), dtype=bool)


def _share_words(good: np.ndarray) -> str:
    return f"{int(good.sum())} of {len(good)} runs"


def _said(
    claim: str, good: np.ndarray, detail: str = "", reason: str = "", published: str = "holds"
) -> Claim:
    """A statement on how self-play ends: matches where all runs do, consistent where most do."""
    share = float(good.mean())
    verdict: Verdict = "matches" if share == 1 else "consistent" if share > 0.5 else "differs"
    why = reason if share == 1 or reason else "true of most runs" if share > 0.5 else "true of few runs"
    return Claim(
        POST, claim, published, f"{_share_words(good)}{'; ' + detail if detail else ''}", verdict, why
    )


def post_claims(results: Results) -> list[Claim]:
    """The statements and figures of the post."""
    return [_size_claim(), *_simple_claims(results), *_discrete_claims(results), *_capacity_claims(results),
            *_two_bus_claims(results), *_five_bus_claims(results)]  # fmt: skip


def _size_claim() -> Claim:
    """How much is played in a generation."""
    from learners.strategies.evolution import Evolution

    pool = Evolution()
    return compare_number(POST, "matches per generation: 50 strategies, each played ten times", 500,
                          pool.strategies * pool.matches, 0)  # fmt: skip


def _simple_claims(results: Results) -> list[Claim]:
    numbers, rows = facts(results)[0], []
    for situation, claim in (
        ("many", "many small generators with surplus capacity: mark-ups converge to zero"),
        ("half_load", "each of two serves exactly half the load: mark-ups converge to the highest allowed"),
    ):
        found = ends(results, situation, "network")
        shown = f"least {found.min():.1f}, greatest {found.max():.1f} $/MWh"
        rows.append(_said(claim, near_equilibrium(situation, found, numbers, 5.0), shown))
    for kind, words in (("network", "random"), ("defecting", "defecting"), ("cooperative", "co-operative")):
        found = ends(results, "bertrand", kind)
        rows.append(
            _said(f"Bertrand from a {words} population: the mark-up is eventually reduced to zero",
                  near_equilibrium("bertrand", found, numbers, 1.0), f"at most {found.max():.2f} $/MWh")
        )  # fmt: skip
    return rows


def _discrete_claims(results: Results) -> list[Claim]:
    table = discrete_table(results)
    grids, even = table[~table["even"]], table[table["even"]].sort_values("levels")
    few, many = even[even["levels"] <= 3], even[even["levels"] >= 101]
    last = grids["mean mark-up at the end"]
    predicted = float(table["runs that end there"].sum() / table["runs"].sum())
    return [
        compare_statement(
            POST, "with discrete levels the outcome is quite arbitrary and depends on the exact mark-ups",
            "depends on them", f"{last.min():.0f} to {last.max():.0f} $/MWh over {len(grids)} grids",
            bool(last.max() - last.min() > 10),
            f"not arbitrary: {predicted:.0%} of all runs end at the highest strict equilibrium of their grid",
        ),
        compare_statement(
            POST, "mutual cooperation is likely with few levels, and unlikely from a continuum", "holds",
            f"mean mark-up {few['mean mark-up at the end'].mean():.0f} with 2 or 3 levels, "
            f"{many['mean mark-up at the end'].mean():.1f} with 101 and more",
            bool(few["mean mark-up at the end"].mean() > 10 * many["mean mark-up at the end"].mean()),
            "because of the equilibria of the grids, not of cooperation between strategies",
        ),
    ]  # fmt: skip


def _capacity_claims(results: Results) -> list[Claim]:
    numbers = facts(results)[0]
    found = ends(results, "capacity_uniform", "network")
    high, low = found.max(axis=1), found.min(axis=1)
    first = (found.argmax(axis=1) == 0).sum()
    edge = numbers["capacity: indifference price"]
    drifting = bids(results, "capacity_uniform", "network").tail(50).std().max()
    return [
        Claim(POST, "price of indifference", "160 $/MWh", f"{edge:.0f} $/MWh", "consistent",
              "at 100 MW each, 160 MW of demand and a cap of 200 $/MWh, which the post does not give"),
        _said("one bid stays high", high >= 95, f"at {high.min():.0f} to {high.max():.0f} $/MWh above cost"),
        _said("the other stays below the threshold of 160", low <= edge - COST + 1,
              f"at most {low.max():.0f} above "
              "cost", "the low bidder's own bid does not set the price, so nothing holds it down but drift"),
        compare_statement(POST, "who ends up as the high bidder is entirely random", "both happen",
                          f"the first seller in {first} of {len(found)} runs", bool(0 < first < len(found)),
                          "" if 0 < first < len(found) else "with so few runs one side only can be luck"),
        compare_statement(POST, "due to random mutation the values do not stabilize entirely", "holds",
                          f"medians move by up to {drifting:.1f} $/MWh (s.d. of the last 50 generations)",
                          bool(drifting > 0.1)),
    ]  # fmt: skip


def _two_bus_claims(results: Results) -> list[Claim]:
    numbers, rows = facts(results)[0], []
    lines = (10, 25, 50, 75)
    none = all(numbers[f"two buses, {k} MW: pure equilibria"] == 0 for k in lines)
    rows.append(
        compare_statement(POST, "two buses: there is no equilibrium in pure strategies", "none",
                          f"none for K of {', '.join(map(str, lines))} MW" if none else "some", none,
                          "enumerated on steps of 1 $/MWh")
    )  # fmt: skip
    swings, means = [], []
    for line in lines:
        table = bids(results, f"two_bus_{line}", "network")
        half = table.iloc[len(table) // 2 :]
        swings.append(float((half.max() - half.min()).mean()))
        means.append(float(half.to_numpy().mean()))
    rows.append(
        compare_statement(POST, "two buses: a cyclical variation of the price over a simulation", "cycles",
                          "bids move by " + ", ".join(f"{v:.0f}" for v in swings) + " $/MWh for K of "
                          + ", ".join(map(str, lines)) + " MW", min(swings) > 2,
                          "ranges of the median bids in the second half, means over sellers and runs")
    )  # fmt: skip
    rows.append(
        compare_statement(REFERENCE, "two buses: the mean bid falls with K", "falls",
                          ", ".join(f"{v:.0f}" for v in means) + " $/MWh",
                          means == sorted(means, reverse=True))
    )  # fmt: skip
    return rows


def _five_bus_claims(results: Results) -> list[Claim]:
    numbers, words = facts(results)
    found = ends(results, "five_bus_100", "network")
    held = near_equilibrium("five_bus_100", found, numbers, 2.0)
    table = bids(results, "five_bus_100", "network").tail(40)
    moved = by_run(table.max() - table.min())
    steady = moved[:, 1:].max(axis=1) < 3
    reruns = rerun_table(results)
    kinds = reruns[(reruns["runs"] > 0) & (reruns["equilibrium"] != "none")]["equilibrium"].nunique()
    now, wide = (benefits(results, f"five_bus_{k}", "network") for k in (100, 200))
    rows = [
        Claim(POST, "five buses: two equilibria, generator 3 at its highest mark-up and either 1 or 2 too",
              "2", words["100 MW: pure equilibria on steps of 10"], "consistent", RECONSTRUCTED),
        _said("five buses: self-play finds the same equilibria", held, reason=RECONSTRUCTED),
        _said("five buses: no cyclical behaviour, the game stays in the equilibrium", steady & held,
              "bids that set prices move by less than 3 $/MWh in the last 40 generations"),
        compare_statement(POST, "to discover several equilibria the model must be rerun", "both are found",
                          f"{kinds} of 2 in {int(reruns['runs'].sum())} runs", kinds == 2,
                          f"the basins differ in size; best replies from {STARTS} random starts find both "
                          f"({numbers['100 MW: starts that reach (low, 30, 30)']:.0f} and "
                          f"{numbers['100 MW: starts that reach (30, low, 30)']:.0f})"),
    ]  # fmt: skip
    for claim, shown, ours in (
        ("consumers' benefit in the equilibrium", "about 2500", now["consumer"]),
        ("producers' benefit in the equilibrium", "about 15000", now["producer"]),
        ("producers' benefit at marginal cost", "1056", numbers["100 MW, (0, 0, 0): PB"]),
        ("consumers' benefit at marginal cost", "17322", numbers["100 MW, (0, 0, 0): CB"]),
    ):
        rows.append(Claim(POST, f"five buses: {claim}", shown, f"{ours:,.0f}", "consistent", RECONSTRUCTED))
    honest = numbers["100 MW, (0, 0, 0): PB"]
    excess = [float(now["producer"]) - honest, float(wide["producer"]) - numbers["200 MW, (0, 0, 0): PB"]]
    rows += [
        compare_statement(POST, "doubling the line's limit mostly eradicates market power", "mostly gone",
                          f"producers' excess over cost falls from {excess[0]:,.0f} to {excess[1]:,.0f} $/h",
                          excess[1] < 0.25 * excess[0]),
        compare_statement(POST, "doubling it slightly increases the total benefit", "increases",
                          f"{now['welfare']:,.0f} to {wide['welfare']:,.0f} $/h "
                          f"({wide['welfare'] / now['welfare'] - 1:+.1%})",
                          bool(0 < wide["welfare"] / now["welfare"] - 1 < 0.1)),
        _alternation_claim(results),
        Claim(POST, "five buses: reactances and generator data", "in a picture", "reconstructed",
              "under-specified", "the picture's numbers are not in the text"),
    ]  # fmt: skip
    return rows


def _alternation_claim(results: Results) -> Claim:
    """The earlier agent-based study, with learners that go on exploring."""
    frame = results["alternation"]
    both = (frame["first"] > 0.01) & (frame["second"] > 0.01) & (frame["switches"] >= 2)
    ours = (
        f"both are played in {int(both.sum())} of {len(frame)} runs, {frame['first'].mean():.0%} and "
        f"{frame['second'].mean():.0%} of the rounds, {frame['switches'].median():,.0f} switches in "
        f"{int(frame['rounds'].iloc[0]):,} rounds"
    )
    return Claim(
        POST,
        "the earlier study's agents alternated between the two equilibria in a cyclical fashion",
        "alternate",
        ours,
        "consistent" if both.mean() > 0.5 else "differs",
        "its learner's parameters are not given; ours: α = 0.1, always one choice in ten at random",
    )

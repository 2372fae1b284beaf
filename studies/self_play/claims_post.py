"""The statements and figures of the post beside what evolved."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.claims import Claim, compare_number, compare_open, compare_statement
from studies.self_play.claims_exact import REFERENCE, SIMULATED
from studies.self_play.facts_five_bus import BOUND, STARTS
from studies.self_play.situations import COST
from studies.self_play.tables import benefits, bids, by_run, discrete_table, ends, facts, rerun_table
from studies.sources import POST
from studies.study import Results
from studies.verdicts import Evidence

EVOLVING = "“Evolving strategies using a genetic algorithm”"
SIMPLE = "“Perfect competition and co-operative equilibria”"
CAPACITY = "“Competition with capacity constraints”"
TWO_BUS = "“Duopoly in a congested two-bus network”"
MESHED = "“Competition in a meshed and congested grid”"
RECONSTRUCTED = "the system is reconstructed so that it gives the post's figures; agreement is no evidence"
ABOUT = 0.05  # how far “about” may be, as a share


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
    place: str,
    claim: str,
    published: str,
    good: np.ndarray,
    detail: str = "",
    reason: str = "",
    evidence: Evidence = "independent",
    variant: str = "",
) -> Claim:
    """A statement on how self-play ends: it holds where most runs do so, and is weak where not all do."""
    share = float(good.mean())
    ours = f"{int(good.sum())} of {len(good)} runs{'; ' + detail if detail else ''}"
    if share < 1:
        why = "true of most runs, not of all" if share > 0.5 else "true of few runs"
        reason = f"{why}; {reason}" if reason else why
        evidence = "weak" if evidence == "independent" else evidence
    return compare_statement(POST, place, claim, published, ours, share > 0.5, reason, evidence=evidence,
                             variant=variant)  # fmt: skip


def post_claims(results: Results) -> list[Claim]:
    """The statements and figures of the post."""
    return [_size_claim(), *_simple_claims(results), *_discrete_claims(results), *_capacity_claims(results),
            *_two_bus_claims(results), *_five_bus_claims(results)]  # fmt: skip


def _size_claim() -> Claim:
    """How much is played in a generation."""
    from learners.strategies.evolution import Evolution

    pool = Evolution()
    return compare_number(
        POST, EVOLVING, "matches per generation: 50 strategies, each played ten times", 500,
        pool.strategies * pool.matches, 0, reason="a setting that was taken from the post, not a finding",
        evidence="input", published="“500 iterations per generation”",
    )  # fmt: skip


def _simple_claims(results: Results) -> list[Claim]:
    numbers, rows = facts(results)[0], []
    for situation, claim, published in (
        ("many", "many small generators with surplus capacity: mark-ups converge to zero",
         "“the markup converges to zero”"),
        ("half_load", "each of two serves exactly half the load: mark-ups converge to the highest allowed",
         "“the markup converges to the highest allowed markup”"),
    ):  # fmt: skip
        found = ends(results, situation, "network")
        shown = f"least {found.min():.1f}, greatest {found.max():.1f} $/MWh"
        good = near_equilibrium(situation, found, numbers, 5.0)
        rows.append(_said(SIMPLE, claim, published, good, shown, "within 5 $/MWh of it, on a scale of 100"))
    for kind, words in (("network", "random"), ("defecting", "defecting"), ("cooperative", "co-operative")):
        found = ends(results, "bertrand", kind)
        rows.append(
            _said(f"{SIMPLE}, figure 5", "Bertrand competition: the mark-up is eventually reduced to zero",
                  "“In all simulations, … the markup is eventually reduced to zero”",
                  near_equilibrium("bertrand", found, numbers, 1.0), f"at most {found.max():.2f} $/MWh",
                  "within 1 $/MWh of it", variant=f"{words} population")
        )  # fmt: skip
    return rows


def _discrete_claims(results: Results) -> list[Claim]:
    table = discrete_table(results)
    grids, even = table[~table["even"]], table[table["even"]].sort_values("levels")
    few, many = even[even["levels"] <= 3], even[even["levels"] >= 101]
    last = grids["mean mark-up at the end"]
    predicted = float(table["runs that end there"].sum() / table["runs"].sum())
    depends = bool(last.max() - last.min() > 10)
    part = (
        "in part: it does depend on the exact mark-ups" if depends else "nor does it depend on the mark-ups"
    )
    return [
        compare_statement(
            POST, SIMPLE, "with discrete levels the outcome is quite arbitrary and depends on the exact "
            "mark-ups",
            "“quite arbitrary and depends on the exact markups the players can choose from”",
            f"{last.min():.0f} to {last.max():.0f} $/MWh over {len(grids)} grids; {predicted:.0%} of all "
            "runs end at the highest strict equilibrium of their grid",
            depends and predicted < 0.5,
            f"{part}, but is not arbitrary: the grid's equilibria say where it ends" if predicted >= 0.5
            else "no rule that we tried says where it ends" if depends else part,
        ),
        compare_statement(
            POST, SIMPLE, "mutual cooperation is likely with few levels, and unlikely from a continuum",
            "“mutual cooperation is likely if the choice of each player is limited to only a few discrete "
            "price levels, but highly unlikely if the price can be selected from a continuum”",
            f"mean mark-up {few['mean mark-up at the end'].mean():.0f} with 2 or 3 levels, "
            f"{many['mean mark-up at the end'].mean():.1f} with 101 and more",
            bool(few["mean mark-up at the end"].mean() > 10 * many["mean mark-up at the end"].mean()),
            "the pattern alone: high mark-ups on few levels are equilibria of those grids, not cooperation; "
            "the "
            "post itself says next that the similarity to the Prisoner's Dilemma disappears there",
            evidence="weak",
        ),
    ]  # fmt: skip


def _capacity_claims(results: Results) -> list[Claim]:
    numbers = facts(results)[0]
    found = ends(results, "capacity_uniform", "network")
    high, low = found.max(axis=1), found.min(axis=1)
    edge = numbers["capacity: indifference price"]
    drifting = bids(results, "capacity_uniform", "network").tail(50).std().max()
    return [
        compare_number(POST, CAPACITY, "price of indifference", 160, edge, 0, "$/MWh",
                       "at 100 MW each, 160 MW of demand and a cap of 200 $/MWh, which the post does not "
                       "give and which we chose to have it", evidence="input",
                       published="“the price of indifference was 160”"),
        _said(CAPACITY, "one bid stays high", "“The bid of player 1 stays high”", high >= 95,
              f"at {high.min():.0f} to {high.max():.0f} $/MWh above cost"),
        _said(CAPACITY, "the other stays below the threshold of 160",
              "“the bid of player 2 stays below the threshold of 160”", low <= edge - COST + 1,
              f"at most {low.max():.0f} above cost",
              "the low bidder's own bid does not set the price, so nothing holds it down but drift"),
        _who_is_high((found.argmax(axis=1) == 0).sum(), len(found)),
        compare_statement(POST, CAPACITY, "due to random mutation the values do not stabilize entirely",
                          "“Due to random mutation in the genetic algorithm, the values don’t stabilize "
                          "entirely”",
                          f"medians move by up to {drifting:.1f} $/MWh (s.d. of the last 50 generations)",
                          bool(drifting > 0.1), "that they move is seen, that mutation is why is not tested",
                          evidence="weak"),
    ]  # fmt: skip


def _who_is_high(first: int, runs: int) -> Claim:
    """Chance itself cannot be seen in a few runs: at best they do not speak against even odds."""
    from scipy.stats import binomtest

    odds = binomtest(int(first), runs)
    low, high = odds.proportion_ci(method="wilson")
    return compare_statement(
        POST, CAPACITY, "who ends up as the high bidder is entirely random",
        "“Who ends up as the high bidder, and thus worse of, is entirely random”",
        f"the first seller in {first} of {runs} runs", bool(odds.pvalue > 0.05),
        f"a share between {low:.0%} and {high:.0%} with 95 % confidence: so few runs cannot tell even odds "
        "from uneven ones" if odds.pvalue > 0.05 else "even odds give this or less with probability "
        f"{odds.pvalue:.2g}",
        evidence="weak",
    )  # fmt: skip


def _two_bus_claims(results: Results) -> list[Claim]:
    numbers, rows = facts(results)[0], []
    lines = (10, 25, 50, 75)
    named = ", ".join(map(str, lines))
    none = all(numbers[f"two buses, {k} MW: pure equilibria"] == 0 for k in lines)
    rows.append(
        compare_statement(POST, TWO_BUS, "two buses: there is no equilibrium in pure strategies",
                          "“there is no NE in pure strategies”",
                          f"none for K of {named} MW" if none else "some",
                          none, "enumerated on steps of 1 $/MWh, at two loads of 100 MW")
    )  # fmt: skip
    means = [float(_late(results, f"two_bus_{line}").to_numpy().mean()) for line in lines]
    swings = [_swing(results, f"two_bus_{line}") for line in lines]
    noise = _swing(results, "capacity_uniform")
    still = [f"{line}" for line, swing in zip(lines, swings, strict=True) if swing <= noise]
    rows.append(
        compare_statement(POST, TWO_BUS, "two buses: a cyclical variation of the price over a simulation",
                          "“resulting in a cyclical variation in the price over the course of a simulation”",
                          "bids move by " + ", ".join(f"{v:.0f}" for v in swings) + " $/MWh for K of "
                          f"{named} MW",
                          len(still) < len(lines),
                          "mean ranges of the median bids in the second half: that they move is no cycle "
                          "yet, and "
                          f"no period is measured. Where pure equilibria hold, mutation alone moves them by "
                          f"{noise:.0f} $/MWh" + (f", as much as at K of {', '.join(still)} MW" if still
                          else ""),
                          evidence="weak")
    )  # fmt: skip
    rows.append(
        compare_statement(REFERENCE, SIMULATED, "two buses: the mean bid falls with K", "falls",
                          ", ".join(f"{v:.0f}" for v in means) + " $/MWh",
                          means == sorted(means, reverse=True))
    )  # fmt: skip
    return rows


def _late(results: Results, situation: str) -> pd.DataFrame:
    table = bids(results, situation, "network")
    return table.iloc[len(table) // 2 :]


def _swing(results: Results, situation: str) -> float:
    """Range of the median bids in the second half, mean over sellers and runs [$/MWh]."""
    half = _late(results, situation)
    return float((half.max() - half.min()).mean())


def _five_bus_claims(results: Results) -> list[Claim]:
    numbers, words = facts(results)
    found = ends(results, "five_bus_100", "network")
    held = near_equilibrium("five_bus_100", found, numbers, 2.0)
    table = bids(results, "five_bus_100", "network").tail(40)
    moved = by_run(table.max() - table.min())
    steady = moved[:, 1:].max(axis=1) < 3
    reruns = rerun_table(results)
    kinds = reruns[(reruns["runs"] > 0) & (reruns["equilibrium"] != "none")]["equilibrium"].nunique()
    pure = words["100 MW: pure equilibria on steps of 10"]
    rows = [
        compare_statement(POST, MESHED, "five buses: two equilibria, generator 3 at its highest mark-up "
        "and either 1 or 2 too", "“Two symmetrical NE were found; generator 3 should always bid its "
                          "highest markup while either generator 1 or 2 bids with the highest markup”", pure,
                          pure == "(0, 30, 30); (30, 0, 30)", RECONSTRUCTED, evidence="fitted"),
        _said(MESHED, "five buses: self-play finds the same equilibria", "“I find the same NE”", held,
              reason=RECONSTRUCTED, evidence="fitted"),
        _said(MESHED, "five buses: no cyclical behaviour, the game stays in the equilibrium",
              "“no cyclical behavior occurs. … the game stays in that equilibrium for the rest of the "
              "simulation”",
              steady & held, "bids that set prices move by less than 3 $/MWh in the last 40 generations",
              RECONSTRUCTED, evidence="fitted"),
        compare_statement(POST, MESHED, "to discover several equilibria the model must be rerun",
                          "“To discover several equilibria, the model must be rerun with random initial "
                          "conditions”",
                          f"{kinds} of 2 in {int(reruns['runs'].sum())} runs", kinds == 2,
                          f"the basins differ in size; best replies from {STARTS} random starts find both "
                          f"({numbers['100 MW: starts that reach (low, 30, 30)']:.0f} and "
                          f"{numbers['100 MW: starts that reach (30, low, 30)']:.0f}); {RECONSTRUCTED}",
                          evidence="fitted"),
    ]  # fmt: skip
    return [*rows, *_five_bus_money(results, numbers), _alternation_claim(results), compare_open(
        POST, f"{MESHED}, figure 12 and table 1", "five buses: reactances and generator data",
        "“The numbers close to the lines are reactances in per unit”", "reconstructed",
        "they stand in a picture; the text has none of them",
    )]  # fmt: skip


def _five_bus_money(results: Results, numbers: dict[str, float]) -> list[Claim]:
    """Benefits in the equilibrium and at marginal cost, and what a stronger line changes."""
    now, wide = (benefits(results, f"five_bus_{k}", "network") for k in (100, 200))
    honest = numbers["100 MW, (0, 0, 0): PB"]
    rows = []
    for claim, published, printed, ours, room in (
        ("consumers' benefit in the equilibrium", "“consumer benefit (about 2500)”", 2500,
         float(now["consumer"]), ABOUT),
        ("producers' benefit in the equilibrium", "“producer benefit (15000)”", 15000, float(now["producer"]),
        ABOUT),
        ("producers' benefit at marginal cost", "“producers benefit at 1056”", 1056, honest, 0.0),
        ("consumers' benefit at marginal cost", "“consumers benefit at 17322”", 17322,
         numbers["100 MW, (0, 0, 0): CB"], 0.0),
    ):  # fmt: skip
        apart = f"{abs(ours / printed - 1):.1%} apart, “about” taken as {room:.0%}; " if room else ""
        rows.append(
            compare_number(POST, MESHED, f"five buses: {claim}", printed, ours, 0, "$/h",
            apart + RECONSTRUCTED,
                           interval=(ours / (1 + room), ours / (1 - room)) if room else None,
                           evidence="fitted",
                           published=published, shown=f"{ours:,.0f} $/h")
        )  # fmt: skip
    excess = [float(now["producer"]) - honest, float(wide["producer"]) - numbers["200 MW, (0, 0, 0): PB"]]
    more = float(wide["welfare"] / now["welfare"] - 1)
    return [
        *rows,
        compare_statement(POST, MESHED, "doubling the line's limit mostly eradicates market power",
                          "“market power is mostly eradicated”",
                          f"producers' excess over cost falls from {excess[0]:,.0f} to {excess[1]:,.0f} $/h",
                          excess[1] < 0.25 * excess[0], RECONSTRUCTED, evidence="fitted"),
        compare_statement(POST, MESHED, "doubling it slightly increases the total benefit",
                          "“the total economic benefit to society increases slightly”",
                          f"{now['welfare']:,.0f} to {wide['welfare']:,.0f} $/h ({more:+.1%})",
                          0 < more < 0.1, RECONSTRUCTED, evidence="fitted"),
    ]  # fmt: skip


def _alternation_claim(results: Results) -> Claim:
    """The earlier agent-based study, with learners that go on exploring."""
    frame = results["alternation"]
    both = (frame["first"] > 0.01) & (frame["second"] > 0.01) & (frame["switches"] >= 2)
    return compare_statement(
        POST, MESHED, "the earlier study's agents alternated between the two equilibria in a cyclical "
        "fashion",
        "“alternated between the two equilibria in a cyclical fashion”",
        f"both are played in {int(both.sum())} of {len(frame)} runs, {frame['first'].mean():.0%} and "
        f"{frame['second'].mean():.0%} of the rounds, {frame['switches'].median():,.0f} switches in "
        f"{int(frame['rounds'].iloc[0]):,} rounds",
        bool(both.mean() > 0.5),
        "its learner's parameters are not given; ours: α = 0.1, always one choice in ten at random. "
        f"Switches are counted, no cycle is measured; {RECONSTRUCTED}",
        evidence="fitted",
    )  # fmt: skip

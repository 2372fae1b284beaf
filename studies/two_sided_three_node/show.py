"""How the study shows its stored tables: what was learned first, where anything was, then the game itself."""

from __future__ import annotations

from studies.pictures.charts import Chart
from studies.study import Results, Summaries, Summary
from studies.two_sided_three_node import learning_tables, tables
from studies.two_sided_three_node.answer import answer
from studies.two_sided_three_node.claims import claims
from studies.two_sided_three_node.learning_figures import finding, learning_charts

__all__ = ["answer", "claims", "figures", "headline", "summarise"]


def summarise(results: Results) -> Summaries:
    """Scenarios, equilibria under each price rule, and what a ramp limit allows."""
    frame = results["clearings"]
    spec = results.spec
    return (learning_tables.learning_summaries(results) if "seeds" in results.tables else {}) | {
        "scenarios": Summary(
            "Scenarios A, B and C",
            tables.scenario_table(frame),
            "Exact: nothing is random, so one replicate and no standard error. Intervals hold every "
            "price that supports the dispatch; where low and high agree the price is unique.",
        ),
        "equilibria": Summary(
            "Pure equilibria of each hour",
            tables.equilibria_table(frame),
            f"Gen-A offers {spec.offer_from_mw:g} to {spec.offer_to_mw:g} MW in steps of "
            f"{spec.offer_step_mw:g}, "
            f"Disco-1 interrupts 0 to {spec.interrupted_to_mw:g} MW in steps of "
            f"{spec.interrupted_step_mw:g}. The "
            "dispatch is the same under each rule; only the price on the degenerate line differs.",
        ),
        "ramps": Summary(
            "What Gen-A can earn alone in two hours under a ramp limit on its offers",
            tables.ramp_table(frame, spec.most_ramp_mw),
            "Best total profit with Disco-1 passive, rule high (least price for Gen-A where it is not "
            "unique). With and without an offer of 200 MW imposed before the first hour.",
        ),
    }


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The share of collusion over both exploration rates first, then learning, then the game itself."""
    if "seeds" not in results.tables:
        return tables.draw_figures(results, summaries)
    return [*finding(results), *learning_charts(results), *tables.draw_figures(results, summaries)]


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """What learning ends in, for the head of the page."""
    return learning_tables.headline(results) if "seeds" in results.tables else []

"""Charts of the microgrid markets' outcomes, for their pages and, of some, their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.elecbay.book import SUPPLIER
from studies.pages.sentences import power_unit
from studies.pictures.charts import Bars, Chart, GridMap, HeatMap, Intervals, Lines
from studies.pictures.curves import system_curves

if TYPE_CHECKING:
    from clearing.bilateral.outcome import BilateralOutcome
    from clearing.bilateral.processes import Process
    from clearing.elecbay.sequential import SequentialOutcome
    from clearing.homes.outcome import HomeSchedule
    from clearing.posted.outcome import PostedOutcome
    from studies.pages.facts import Facts

MOST_BARS = 30
ENERGY = {"MW": "MWh", "kW": "kWh", "W": "Wh"}


def elecbay_charts(facts: Facts, participants: pd.DataFrame, life_cycle: pd.DataFrame) -> list[Chart]:
    """Prices on the feeder, the curves, prices by period, who gains, and what kept orders out."""
    t, grid = facts.focus_period, facts.grid
    when = f" in period {t}" if facts.periods > 1 else ""
    stressed = [grid.branches[k] for k in np.flatnonzero(facts.is_binding[:, t]).tolist()]
    out: list[Chart] = [
        GridMap(
            name="prices",
            title=f"Price at each bus{when}",
            caption="Lines at their limit are thick and purple." if stressed else "No line is at its limit.",
            case=facts.case,
            values=facts.outcome.lmp[:, t],
            unit="$/MWh",
            stressed=stressed,
            signed=False,
            wide=True,
        ),
        _curves(facts, t, when),
    ]
    if facts.periods > 1:
        lmp = facts.outcome.lmp
        periods = list(range(facts.periods))
        ends = (("dearest bus", lmp.max(axis=0)), ("mean by demand", facts.mean_price),
                ("cheapest bus", lmp.min(axis=0)))  # fmt: skip
        out.append(
            Lines(
                name="history", title="Price by period", x_label="period", y_label="$/MWh",
                series=[(name, periods, values.tolist()) for name, values in ends],
            )
        )  # fmt: skip
    return [*out, _surpluses(participants["surplus"]), *_kept_out(life_cycle, facts.book.hours)]


def _curves(facts: Facts, t: int, when: str) -> Lines:
    curves = system_curves(facts, t)
    (_, right), (low, high) = curves.window()
    factor, unit = power_unit(right)
    series = [
        (name, factor * np.minimum(mw, right), np.clip(price, low, high))
        for name, mw, price in (
            ("offers", curves.supply_mw, curves.supply_price),
            ("bids", curves.demand_mw, curves.demand_price),
        )
        if len(mw) > 1
    ]
    return Lines(
        name="curves",
        title=f"Offers and bids{when}",
        caption="All orders by price, import and export at the supplier's prices among them; line limits and "
        "blocks are not in the curves, so with them the point is off the crossing.",
        series=[(name, mw.tolist(), price.tolist()) for name, mw, price in series],
        stars=[("mean price at what is served", factor * curves.served_mw, curves.mean_price)]
        if np.isfinite(curves.mean_price)
        else [],
        x_label=unit,
        y_label="$/MWh",
    )


def _surpluses(surplus: pd.Series) -> Bars:
    words = "Value less payments, and receipts less cost."
    return _ranked("surplus", "Who gains how much", words, surplus)


def _ranked(name: str, title: str, words: str, surplus: pd.Series) -> Bars:
    """Bars of money, the greatest first; of many the largest either way."""
    shown = surplus.sort_values(ascending=False, kind="stable", key=abs).iloc[:MOST_BARS]
    shown = shown.sort_values(ascending=False, kind="stable")
    more = f" The {MOST_BARS} largest of {len(surplus)}." if len(surplus) > MOST_BARS else ""
    return Bars(
        name=name,
        title=title,
        caption=f"{words}{more}",
        labels=[str(label) for label in shown.index],
        values=shown.tolist(),
        x_label="$",
    )


def _kept_out(life_cycle: pd.DataFrame, hours: float) -> list[Chart]:
    life_cycle = life_cycle[life_cycle["participant"] != SUPPLIER]  # its orders are ample
    missing = life_cycle["offered_mw"] - life_cycle["accepted_mw"]
    by_reason = (missing * hours).groupby(life_cycle["reason"]).sum()
    by_reason = by_reason[(by_reason.index != "") & (by_reason > 0)].sort_values(ascending=False)
    if by_reason.empty:
        return []
    factor, unit = power_unit(float(by_reason.iloc[0]))
    return [
        Bars(
            name="kept_out",
            title="What kept orders out",
            caption="Energy of orders that were not accepted, by the reason in their life cycle.",
            labels=[str(reason) for reason in by_reason.index[:MOST_BARS]],
            values=(factor * by_reason.iloc[:MOST_BARS]).tolist(),
            x_label=ENERGY[unit],
        )
    ]


def sequential_charts(outcome: SequentialOutcome) -> list[Chart]:
    """Welfare pair by pair beside the proven optimum, and which orders fare differently."""
    book = outcome.sealed.book
    steps = np.append(0.0, np.cumsum(outcome.trade_welfare))
    exact = outcome.exact.welfare
    last = len(steps) - 1
    out: list[Chart] = [
        Lines(
            name="welfare",
            title=f"Sequential auction: {outcome.efficiency:.2%} of the greatest welfare"
            if np.isfinite(outcome.efficiency)
            else "Sequential auction",
            caption="Welfare after each trade, in the order in which they are made, and the proven optimum "
            "of the same book.",
            series=[
                ("sequential, trade by trade", list(range(last + 1)), steps.tolist()),
                ("proven optimum", [0, max(last, 1)], [exact, exact]),
            ],
            x_label="trades",
            y_label="welfare, $",
            wide=True,
        )
    ]
    gap = pd.Series(outcome.accepted_mw - outcome.exact.accepted_mw, index=list(outcome.life_cycle.index))
    gap = gap[gap.abs() > 1e-9 * float(book.mw.max(initial=0.0))]
    if len(gap):
        shown = gap.sort_values(kind="stable", key=abs, ascending=False).iloc[:MOST_BARS]
        shown = shown.sort_values(kind="stable", ascending=False)
        factor, unit = power_unit(float(shown.abs().max()))
        several = book.periods > 1
        out.append(
            Bars(
                name="difference", title="Orders that fare differently",
                caption="Accepted in sequence less accepted by the optimum.",
                labels=[f"{order} in {t}" if several else str(order) for order, t in shown.index],
                values=(factor * shown).tolist(), x_label=unit,
            )
        )  # fmt: skip
    return [*out, *_kept_out(outcome.life_cycle, book.hours)]


def bilateral_charts(outcome: BilateralOutcome, runs: Mapping[str, Process]) -> list[Chart]:
    """Who trades with whom, each seller's price between its ends, who gains, and decentralised processes."""
    book = outcome.book
    factor, unit = power_unit(float(outcome.traded_mw.max(initial=0.0)))
    sells = np.flatnonzero(outcome.traded_mw.sum(axis=1) > 0)[:MOST_BARS]
    surplus = outcome.participants["surplus"]
    surplus.index = pd.Index([f"{name} ({side})" for side, name in surplus.index])
    return [
        HeatMap(
            name="trades",
            title="Who trades with whom",
            caption="White: the pair does not trade.",
            x=[str(label) for label in book.buyers],
            y=[str(label) for label in book.sellers],
            values=np.where(outcome.traded_mw > 0, factor * outcome.traded_mw, np.nan),
            x_label="buyer",
            y_label="seller",
            unit=unit,
            wide=True,
        ),
        Intervals(
            name="seller_prices",
            title="Price of each seller",
            caption="Along the bar, from best for buyers to best for sellers, no pair would rather trade "
            "otherwise; the rule picks the dot.",
            labels=[str(book.sellers[k]) for k in sells.tolist()],
            low=outcome.buyer_optimal.seller[sells].tolist(),
            high=outcome.seller_optimal.seller[sells].tolist(),
            chosen=outcome.prices.seller[sells].tolist(),
            published=book.seller_price[sells].tolist(),
            x_label="$/MWh",
            interval_words="supporting prices",
            chosen_words=f"price (rule {outcome.price_rule})",
            published_words="own cost of the first MW",
        ),
        _surpluses(surplus),
        *([_efficiencies(runs)] if runs else []),
    ]


def _efficiencies(runs: Mapping[str, Process]) -> Lines:
    return Lines(
        name="processes",
        title="Without a centre: share of the greatest welfare",
        caption="Round by round (of unit contracts: bid by bid), each process over its own length.",
        series=[
            (
                f"{name} ({run.rounds:,})",
                np.linspace(0.0, 1.0, len(run.efficiency)).tolist(),
                (100.0 * run.efficiency).tolist(),
            )
            for name, run in runs.items()
        ],
        x_label="share of the process",
        y_label="% of the greatest welfare",
    )


def posted_charts(outcome: PostedOutcome) -> list[Chart]:
    """Who serves demand, and prices, over the first day; and what sellers earn."""
    assert outcome.book.operator_price is not None
    hours = np.arange(outcome.price.shape[1] + 1) * outcome.book.hours
    local, rest = outcome.accepted_mw[0].sum(axis=1), outcome.operator_mw[0]
    factor, unit = power_unit(float((local + rest).max(initial=0.0)))
    days = outcome.price.shape[0]
    first = " of the first day" if days > 1 else ""
    earned = pd.Series(outcome.revenue.sum(axis=0), index=list(outcome.book.sellers))
    return [
        Lines(
            name="energy",
            title=f"Who serves demand{first}",
            caption="Prosumers first, the cheapest ahead; the operator sells the rest.",
            series=[
                _stairs("prosumers", hours, factor * local),
                _stairs("operator", hours, factor * rest),
                _stairs("demand", hours, factor * outcome.book.demand_mw[0]),
            ],
            x_label="hour",
            y_label=unit,
            wide=True,
        ),
        Lines(
            name="prices",
            title=f"Prices{first}",
            caption="Nobody buys dearer than from the operator.",
            series=[
                _stairs("operator's price", hours, outcome.book.operator_price[0]),
                _stairs("price of one more MW", hours, outcome.price[0]),
            ],
            x_label="hour",
            y_label="$/MWh",
        ),
        Bars(
            name="revenue", title="What sellers earn",
            caption="At the prices that they posted.", x_label="$",
            labels=[str(k) for k in earned.sort_values(ascending=False, kind="stable").index[:MOST_BARS]],
            values=earned.sort_values(ascending=False, kind="stable").iloc[:MOST_BARS].tolist(),
        ),
    ]  # fmt: skip


def homes_charts(plans: Sequence[HomeSchedule], table: pd.DataFrame) -> list[Chart]:
    """What all homes do together, what energy is worth to them, and their bills."""
    edges = np.arange(plans[0].home.slots + 1) * plans[0].home.hours
    together = {
        name: np.sum([getattr(plan, name) for plan in plans], axis=0)
        for name in ("bought", "sold", "sun", "charged", "discharged")
    }
    together["load and appliances"] = np.sum(
        [p.home.load_mw + p.appliances.sum(axis=0) for p in plans], axis=0
    )
    factor, unit = power_unit(max(float(series.max()) for series in together.values()))
    cost = np.array([plan.marginal_cost for plan in plans])
    return [
        Lines(
            name="together",
            title="What the homes do together",
            caption="Sun is what is used of it; charged and discharged: batteries.",
            series=[_stairs(name, edges, factor * series) for name, series in together.items()],
            x_label="hour",
            y_label=unit,
            wide=True,
        ),
        Lines(
            name="marginal_cost",
            title="What one MWh more costs a home",
            caption="The dual of its own balance: the dearest, the mean and the cheapest home.",
            series=[
                _stairs("dearest home", edges, np.nanmax(cost, axis=0)),
                _stairs("mean", edges, np.nanmean(cost, axis=0)),
                _stairs("cheapest home", edges, np.nanmin(cost, axis=0)),
            ],
            x_label="hour",
            y_label="$/MWh",
        ),
        _ranked("bills", "Bills", "Negative: the home receives.", table.set_index("home")["bill"]),
    ]


def _stairs(name: str, edges: np.ndarray, values: np.ndarray) -> tuple[str, list[float], list[float]]:
    """A step curve's corners."""
    return name, np.repeat(edges, 2)[1:-1].tolist(), np.repeat(values, 2).tolist()

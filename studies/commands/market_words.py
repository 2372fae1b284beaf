"""Outcomes of the microgrid markets in words and in the figures of a headline, all computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from clearing.elecbay.book import SUPPLIER
from studies.pages.sentences import cents, count, money, power_unit, price, price_sentence

if TYPE_CHECKING:
    from clearing.bilateral.outcome import BilateralOutcome
    from clearing.bilateral.processes import Process
    from clearing.elecbay.outcome import ElecBayOutcome
    from clearing.elecbay.sequential import SequentialOutcome
    from clearing.posted.outcome import PostedOutcome
    from studies.pages.facts import Facts

Words = tuple[str, list[tuple[str, str]]]

PAID = {
    "uniform": "Everybody pays and receives the price at the own bus and period; chosen blocks that lose at "
    "it are made whole by an uplift, which the platform pays.",
    "k": "Everybody pays and receives one price per bus and period, at the share k of the way from the "
    "lowest to the highest supporting one; chosen blocks that lose are made whole.",
    "pay_as_bid": "Each order pays or receives its own price; the platform keeps the welfare.",
    "vcg": "Each participant is paid what its presence is worth to the others; the platform may run a "
    "deficit.",
    "sequential pay_as_bid": "In each trade the bid pays its own price and the offer receives its own; the "
    "platform keeps the difference.",
    "sequential k": "Each trade is settled between the prices of offer and bid, at the share k of the way.",
    "bilateral": "The buyer pays the pair's price to the seller, and the network charge besides.",
    "posted": "Each seller receives the price that it posted; the operator sells the rest at its own.",
}


def elecbay_words(outcome: ElecBayOutcome, facts: Facts) -> Words:
    """Orders of players, what kept them out, prices, and where the money goes."""
    orders, summary = outcome.life_cycle, outcome.settlement.summary
    orders = orders[(orders["offered_mw"] > 0) & (orders["participant"] != SUPPLIER)]
    kept = orders.loc[orders["reason"] != "", "reason"].str.replace(r" of branch .*", "", regex=True)
    kept = kept.str.replace(r":.*", "", regex=True)
    reasons = ", ".join(f"{number:,} by {reason}" for reason, number in kept.value_counts().items())
    surplus = float(summary["platform_surplus"])
    kind = "keeps" if surplus >= 0 else "runs a deficit of"
    status = orders["status"].value_counts()
    words = (
        f"{status.get('accepted', 0):,} of {count(len(orders), 'order')} accepted whole, "
        f"{status.get('partly accepted', 0):,} in part{f'; not whole: {reasons}' if reasons else ''}. "
        f"{price_sentence(facts)} Buyers pay {small_money(summary['buyers_pay'])}, sellers get "
        f"{small_money(summary['sellers_get'])}, the platform {kind} {small_money(abs(surplus))}."
    )
    tiles = [
        (small_money(outcome.welfare), "welfare"),
        (f"{price(facts.overall_mean_price)} $/MWh", "mean price, weighted by demand"),
        (small_money(surplus), "platform's surplus"),
    ]
    if len(outcome.chosen):
        tiles.append((f"{int(outcome.chosen.sum()):,} of {len(outcome.chosen):,}", "blocks chosen"))
    if not facts.binding.empty:
        tiles.append((f"{facts.binding['branch'].nunique()}", "lines at their limit"))
    return words, tiles


def sequential_words(outcome: SequentialOutcome) -> Words:
    """What the sequence reaches of the exact optimum."""
    trades, apart = len(outcome.trade_mw), outcome.rejected_pairs
    lost = outcome.exact.welfare - outcome.welfare
    share = f"{outcome.efficiency:.2%}" if np.isfinite(outcome.efficiency) else "none"
    what = "of the greatest welfare" if outcome.exact.welfare >= 0 else "least cost relative to its own"
    verb = "reaches" if trades == 1 else "reach"
    words = (
        f"{count(trades, 'trade')} in sequence {verb} {share} {what}: {small_money(outcome.welfare)} of "
        f"{small_money(outcome.exact.welfare)}, which is proven; {small_money(max(lost, 0.0))} are lost. "
        f"{count(apart, 'pair was', 'pairs were')} kept apart by a line."
    )
    tiles = [
        (share, what),
        (small_money(outcome.welfare), "welfare in sequence"),
        (small_money(outcome.exact.welfare), "proven optimum of the same book"),
        (f"{apart:,}", "pairs kept apart by a line"),
    ]
    return words, tiles


def bilateral_words(outcome: BilateralOutcome) -> Words:
    """Volume, the range of prices, and stability."""
    book, summary = outcome.book, outcome.summary
    sells = outcome.traded_mw.sum(axis=1) > 0
    blocking = len(outcome.blocking_pairs())
    volume = energy(float(summary["volume_mwh"]))
    pairs = int((outcome.traded_mw > 0).sum())
    sizes = f"{len(book.sellers):,} sellers and {len(book.buyers):,} buyers"
    words = f"{count(pairs, 'pair')} of {sizes} trade {volume}"
    if sells.any():
        paid = outcome.prices.seller[sells]
        low, high = outcome.buyer_optimal.seller[sells], outcome.seller_optimal.seller[sells]
        words += f"; sellers get {price(float(paid.min()))} to {price(float(paid.max()))} $/MWh"
        widest = int(np.argmax(high - low))
        if high[widest] - low[widest] > 1e-6 * (1.0 + abs(high[widest])):
            name = np.array(book.sellers, dtype=object)[sells][widest]
            words += (
                f", where other prices support the same trades, such as {price(float(low[widest]))} to "
                f"{price(float(high[widest]))} for {name}"
            )
    stable = (
        "no pair would rather trade otherwise" if not blocking else f"{count(blocking, 'pair')} would leave"
    )
    tiles = [
        (small_money(outcome.welfare), "welfare"),
        (volume, "traded"),
        (small_money(float(summary["network_charges"])), "network charges"),
        (f"{blocking:,}", "blocking pairs"),
    ]
    return f"{words}. The outcome is {'stable' if not blocking else 'unstable'}: {stable}.", tiles


def process_words(runs: Mapping[str, Process]) -> str:
    """What decentralised processes reach of the optimum in the end."""
    ends = ", ".join(f"{name} {run.efficiency[-1]:.2%} after {run.rounds:,}" for name, run in runs.items())
    return f"Without a centre, of the greatest welfare: {ends} rounds or bids."


def posted_words(outcome: PostedOutcome) -> Words:
    """The prosumers' share of demand, what it saves, and who earns."""
    summary, book = outcome.summary, outcome.book
    assert book.operator_price is not None
    demand, local = float(summary["demand_mwh"]), float(summary["local_mwh"])
    alone = float((book.operator_price * book.demand_mw).sum() * book.hours)
    saved = alone - float(summary["bill"])
    share = f"{local / demand:.1%}" if demand > 0 else "none"
    words = (
        f"Prosumers serve {energy(local)} of {energy(demand)} ({share}). Consumers pay "
        f"{small_money(summary['bill'])}, {small_money(saved)} less than at the operator's price alone; "
        f"sellers get {small_money(summary['sellers_get'])}."
    )
    tiles = [
        (share, "of demand served by prosumers"),
        (small_money(summary["bill"]), "consumers' bill"),
        (small_money(saved), "saved against the operator's price alone"),
        (small_money(summary["sellers_get"]), "earned by sellers"),
    ]
    return words, tiles


def small_money(amount: float) -> str:
    """Money with five significant digits where it is below a hundred dollars."""
    amount = float(amount)
    if not np.isfinite(amount) or abs(amount) >= 100:
        return money(amount)
    if abs(amount) < 5e-10:
        return f"{cents(0.0)} $"
    return f"{amount:,.5g} $"


def energy(mwh: float) -> str:
    """`"12.3 kWh"`, `"1.2 MWh"`."""
    factor, unit = power_unit(mwh)
    return f"{factor * mwh:,.4g} {unit}h"

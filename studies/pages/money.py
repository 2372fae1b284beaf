"""A settlement as a short story: what demand pays, and into which pockets it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studies.pages.sentences import money

if TYPE_CHECKING:
    from clearing.settlement import Settlement

RULE_WORDS = {
    "lmp": "each bus at its locational price",
    "uniform": "one price per island as if no branch had a limit; moved orders at their own price",
    "pay_as_bid": "each order at its own price",
}

NOTHING = 1e-9
"""Amounts below this share of the turnover are rounding, and not shown."""


@dataclass(frozen=True, slots=True)
class Share:
    """One bar of the waterfall: from `start` by `amount` [$]."""

    label: str
    amount: float
    start: float = 0.0


def money_shares(settlement: Settlement) -> list[Share]:
    """What demand pays, then where it goes; the parts add up to the first. Empty where nothing is paid."""
    summary = settlement.summary
    paid = float(
        summary["buyers' payments"] + summary["fixed demand's payment"] + summary["grid shunts' payment"]
    )
    parts = {
        "cost of offers": float(summary["cost"]),
        "producers' surplus": settlement.producer_surplus,
        "congestion rents": float(summary["congestion rents"]),
        "phase shifters": float(summary["phase shifters' term"]),
        "link rents": float(summary["link rents"]),
        "redispatch": -settlement.redispatch_cost,
    }
    parts["operator"] = paid - sum(parts.values())
    turnover = abs(paid) + sum(abs(amount) for amount in parts.values())
    if turnover == 0.0:
        return []
    shares = [Share("demand pays", paid)]
    start = 0.0
    for label, amount in parts.items():
        if abs(amount) > NOTHING * turnover:
            shares.append(Share(label, amount, start))
            start += amount
    return shares


def settlement_sentence(settlement: Settlement) -> str:
    """The shares in a line: demand pays so much, of which so much goes where."""
    shares = money_shares(settlement)
    if not shares:
        return "no money changes hands"
    parts = ", ".join(f"{share.label} {money(share.amount)}" for share in shares[1:])
    text = f"demand pays {money(shares[0].amount)}: {parts}"
    if settlement.uplift > 0:
        text += f"; of which the operator pays {money(settlement.uplift)} uplift"
    if settlement.consumer_surplus > 0:
        text += f"; consumer surplus of accepted bids {money(settlement.consumer_surplus)}"
    return text

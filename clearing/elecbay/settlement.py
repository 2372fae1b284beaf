"""Who pays whom after a central auction: payments by rule, uplift for blocks, the platform's balance."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import SELL
from clearing.elecbay.book import SUPPLIER
from clearing.errors import NumericalError
from clearing.settlement import Settlement, settle
from networks.checks import freeze_arrays

if TYPE_CHECKING:
    from clearing.elecbay.outcome import ElecBayOutcome

BALANCED = 1e-9  # of the money that changes hands


@dataclass(frozen=True, eq=False)
class ElecBaySettlement:
    """Payments of one auction; all money in $ over the book's periods.

    Attributes
    ----------
    outcome, rule : what was settled, and how.
    order_paid : (order columns,) what a sale receives or a purchase pays; under VCG at its own price,
        with the rest in `bonus`.
    fixed_paid, shunt_paid : what fixed demand and shunts pay (locational price; under pay-as-bid the
        average price of accepted sales).
    bonus : participant → what VCG gives it beyond its own prices: W(N) − W(N without it).
    uplift : participant → what makes its chosen blocks whole.
    base : the nodal settlement below, with rents and identities S1 to S3.
    """

    outcome: ElecBayOutcome
    rule: str
    order_paid: np.ndarray
    fixed_paid: float
    shunt_paid: float
    bonus: dict[Hashable, float]
    uplift: dict[Hashable, float]
    base: Settlement

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def participants(self) -> pd.DataFrame:
        """Index participant: sold_mwh, bought_mwh, receives, pays, uplift, value, cost, surplus [$]."""
        book, rows = self.outcome.sealed.book, self.outcome.sealed.book.column_row
        names = list(dict.fromkeys(book.participants))
        position = {name: k for k, name in enumerate(names)}
        owner = np.array([position[name] for name in book.by_column(book.participants)], dtype=np.int64)
        sells = book.side[rows] == SELL
        x = self.outcome.nodal.accepted_mw
        worth = book.side[rows] * book.offered_cost(x) * book.hours

        def total(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
            return np.bincount(owner[chosen], values[chosen], minlength=len(names))

        frame = pd.DataFrame(
            {
                "sold_mwh": total(x, sells) * book.hours,
                "bought_mwh": total(x, ~sells) * book.hours,
                "receives": total(self.order_paid, sells),
                "pays": total(self.order_paid, ~sells),
                "uplift": [self.uplift.get(name, 0.0) for name in names],
                "value": total(worth, ~sells),
                "cost": total(worth, sells),
            },
            index=pd.Index(names, name="participant", dtype=object),
        )
        bonus = np.array([self.bonus.get(name, 0.0) for name in names])
        # a discount of what a pure buyer pays, else a receipt
        buys_only = (frame["sold_mwh"] == 0).to_numpy()
        frame["pays"] -= np.where(buys_only, bonus, 0.0)
        frame["receives"] += np.where(buys_only, 0.0, bonus)
        frame["surplus"] = (
            frame["value"] - frame["cost"] + frame["receives"] - frame["pays"] + frame["uplift"]
        )
        return frame

    @cached_property
    def payments(self) -> pd.DataFrame:
        """Index (order, period): participant, side, accepted_mw, limit_price, average_price, money [$]."""
        book, rows = self.outcome.sealed.book, self.outcome.sealed.book.column_row
        x = self.outcome.nodal.accepted_mw
        mwh = x * book.hours
        return pd.DataFrame(
            {
                "participant": book.by_column(book.participants),
                "side": np.where(book.side[rows] == SELL, "sell", "buy"),
                "accepted_mw": x,
                "limit_price": book.price[rows],
                "average_price": np.divide(
                    self.order_paid, mwh, out=np.full(len(mwh), np.nan), where=mwh > 0
                ),
                "money": self.order_paid,
            },
            index=self.outcome.life_cycle.index,
        )

    @cached_property
    def summary(self) -> pd.Series:
        """Totals [$]: what participants pay and receive, import and export, uplift, the platform's surplus.

        platform_surplus = buyers_pay + fixed_pays + shunts_pay + export_revenue − sellers_get −
        import_cost − uplift; negative is a deficit (VCG). congestion_rent = Σ |shadow price|·|limit|.
        """
        frame = self.participants
        players = frame.drop(index=[SUPPLIER], errors="ignore")
        supplier = frame.loc[[SUPPLIER]] if SUPPLIER in frame.index else frame.iloc[:0]
        out = {
            "welfare": self.outcome.welfare,
            "buyers_pay": players["pays"].sum(),
            "sellers_get": players["receives"].sum(),
            "import_cost": supplier["receives"].sum(),
            "export_revenue": supplier["pays"].sum(),
            "fixed_pays": self.fixed_paid,
            "shunts_pay": self.shunt_paid,
            "uplift": players["uplift"].sum(),
        }
        out["platform_surplus"] = (
            out["buyers_pay"] + out["fixed_pays"] + out["shunts_pay"] + out["export_revenue"]
            - out["sellers_get"] - out["import_cost"] - out["uplift"]
        )  # fmt: skip
        out["congestion_rent"] = float(self.base.branch_rent.sum())
        return pd.Series({key: float(value) for key, value in out.items()})

    @cached_property
    def identities(self) -> dict[str, float]:
        """Residuals, divided by 1 + turnover: S1 to S3 of the nodal settlement, and M, the surpluses of
        all participants, fixed demand's payment and the platform's balance add up to the welfare."""
        frame, summary = self.participants, self.summary
        turnover = 1.0 + float(frame[["receives", "pays", "value", "cost"]].abs().to_numpy().sum())
        kept = float(frame["surplus"].sum()) + summary["platform_surplus"]
        residual = kept - summary["fixed_pays"] - summary["shunts_pay"] - summary["welfare"]
        return self.base.identities | {"M": abs(residual) / turnover}


def settle_auction(outcome: ElecBayOutcome) -> ElecBaySettlement:
    """Settle an auction by its pricing.

    Raises
    ------
    NumericalError
        money does not balance.
    """
    own_price = outcome.pricing in ("pay_as_bid", "vcg")
    base = settle(outcome.nodal, rule="pay_as_bid" if own_price else "lmp")
    # fixed demand is no player of the mechanism: it pays the locational price under VCG
    market = settle(outcome.nodal, rule="lmp") if outcome.pricing == "vcg" else base
    uplift: dict[Hashable, float] = {}
    if not own_price:
        for name, amount in zip(outcome.blocks["participant"], outcome.blocks["uplift"], strict=True):
            uplift[name] = uplift.get(name, 0.0) + float(amount)
        if not outcome.sealed.blocks:  # minimum outputs of a plain book
            for (name, _), paid in zip(base.uplift_units, base.uplift_paid.tolist(), strict=True):
                uplift[name] = uplift.get(name, 0.0) + paid
    settlement = ElecBaySettlement(
        outcome=outcome,
        rule=outcome.pricing,
        order_paid=base.order_paid.copy(),
        fixed_paid=float(market.fixed_paid.sum()),
        shunt_paid=float(market.shunt_paid.sum()),
        bonus=dict(outcome.contributions or {}),
        uplift=uplift,
        base=base,
    )
    worst = settlement.identities["M"]
    if not worst <= BALANCED:
        raise NumericalError(f"ElecBay settlement: money is off by {worst:.1e} of {BALANCED:.0e}")
    return settlement

"""Pictures of the bilateral and the posted market."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from networks.files import replacing
from studies.pictures.figure_style import INK, MUTED, house_style

if TYPE_CHECKING:
    from clearing.bilateral.outcome import BilateralOutcome
    from clearing.posted.outcome import PostedOutcome

SLIDE, DOTS = (12.8, 7.2), 150
MOST_LABELS = 30


def draw_bilateral(outcome: BilateralOutcome, path: Path) -> Path:
    """Who trades with whom, and each seller's price between its ends; write a PNG."""
    book = outcome.book
    with house_style():
        figure = Figure(figsize=SLIDE, dpi=DOTS)
        _title(figure, "Bilateral trade", f"welfare {outcome.welfare:,.4g} $   {outcome.certificate}")
        left, right = figure.subplots(1, 2, width_ratios=[1.3, 1.0])
        figure.subplots_adjust(left=0.08, right=0.98, top=0.84, bottom=0.12, wspace=0.22)
        image = left.imshow(
            np.where(outcome.traded_mw > 0, outcome.traded_mw * 1e3, np.nan), aspect="auto", cmap="viridis"
        )
        figure.colorbar(image, ax=left, label="traded [kW]")
        left.set(xlabel="buyer", ylabel="seller", title="Trades")
        _label(left.set_xticks, book.buyers)
        _label(left.set_yticks, book.sellers)
        sells = np.flatnonzero(outcome.traded_mw.sum(axis=1) > 0)
        low, high = outcome.buyer_optimal.seller[sells], outcome.seller_optimal.seller[sells]
        place = np.arange(len(sells))
        right.hlines(place, low, high, color=MUTED, linewidth=5, alpha=0.4)
        right.plot(outcome.prices.seller[sells], place, "o", color=INK)
        right.plot(book.seller_price[sells], place, "|", color=INK, markersize=10)
        right.set(xlabel="$/MWh", title="Price of each seller, its supporting range, its cost (bar)")
        right.invert_yaxis()
        _label(right.set_yticks, tuple(book.sellers[k] for k in sells.tolist()))
        return _save(figure, path)


def draw_posted(outcome: PostedOutcome, path: Path) -> Path:
    """Local and operator energy and prices over the first day; write a PNG."""
    assert outcome.book.operator_price is not None
    with house_style():
        figure = Figure(figsize=SLIDE, dpi=DOTS)
        _title(figure, "Posted offers", f"bill {float(outcome.bill.sum()):,.4g} $   {outcome.certificate}")
        upper, lower = figure.subplots(2, 1, sharex=True)
        figure.subplots_adjust(left=0.08, right=0.98, top=0.84, bottom=0.1, hspace=0.15)
        hours = np.arange(outcome.price.shape[1] + 1) * outcome.book.hours
        local, rest = outcome.accepted_mw[0].sum(axis=1) * 1e3, outcome.operator_mw[0] * 1e3
        upper.stairs(local, hours, fill=True, alpha=0.6, label="prosumers")
        upper.stairs(local + rest, hours, baseline=local, fill=True, alpha=0.6, label="operator")
        upper.set(ylabel="energy bought [kW]")
        upper.legend(frameon=False)
        lower.stairs(outcome.book.operator_price[0], hours, baseline=None, label="operator's price")
        lower.stairs(outcome.price[0], hours, baseline=None, label="price of one more MW", linestyle="--")
        lower.set(xlabel="hour", ylabel="$/MWh")
        lower.legend(frameon=False)
        return _save(figure, path)


def _title(figure: Figure, name: str, words: str) -> None:
    figure.text(0.02, 0.935, name, fontsize=19, fontweight="bold", color=INK)
    figure.text(0.02, 0.895, words, fontsize=10.5, color=MUTED)


def _label(set_ticks: object, labels: tuple[object, ...]) -> None:
    if len(labels) <= MOST_LABELS:
        set_ticks(range(len(labels)), [str(label) for label in labels])  # type: ignore[operator]


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": "walras"})
    return path

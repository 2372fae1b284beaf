"""The sentence of a price's explanation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from clearing.explaining.explain import Explanation

NAMED = 4  # orders or branches named before the rest is counted
FELT = 1e-4  # share of the price below which a branch's contribution is not named as its cause
VISIBLE = 0.005  # MW per MW below which an order is counted, not named


def explain_in_words(found: Explanation) -> str:
    """What one more MW at the bus costs, who serves it and why, in one or two sentences."""
    where = f"bus {found.bus!r}" + (f" in period {found.period}" if found.periods > 1 else "")
    if not np.isfinite(found.high):
        return f"Nobody can serve one more MW at {where}{_obstacle(found)}: {_without_upper_bound(found)}"
    text = f"One more MW at {where} costs {money(found.high)}: {_service(found)}{_cause(found)}."
    if found.served_mw <= 0:
        text += " No demand is served in its island yet."
    if found.unique:
        return text
    saves = (
        f"One MW less saves {money(found.low)}"
        if np.isfinite(found.low)
        else "One MW less cannot be absorbed"
    )
    return f"{text} {saves}, so the price is not unique: {_used(found)}."


def money(value: float) -> str:
    """'31.20 $/MWh'; small prices keep three digits."""
    return f"{number(value)} $/MWh"


def number(value: float) -> str:
    if value != 0 and abs(value) < 0.01:
        return f"{value:.3g}" if abs(value) > 1e-9 else "0.00"
    return f"{value:,.2f}"


def listed(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def names(labels: Sequence[Hashable], one: str, many: str) -> str:
    """'branch 12', 'branches 3 and 12', 'branches 3, 4, 5, 6 and 9 more'."""
    if len(labels) == 1:
        return f"{one} {labels[0]!r}"
    shown = [repr(label) for label in labels[:NAMED]]
    if len(labels) > NAMED:
        shown.append(f"{len(labels) - NAMED} more")
    return f"{many} {listed(shown)}"


def _used(found: Explanation) -> str:
    return f"{money(found.price)} is used (rule {found.price_rule!r})"


def _without_upper_bound(found: Explanation) -> str:
    if np.isnan(found.price):
        return "it has no price."
    fall = (
        f"; one MW less saves {money(found.low)}"
        if np.isfinite(found.low)
        else "; one MW less cannot be absorbed either"
    )
    return f"its price has no upper bound{fall}, and {_used(found)}."


def _service(found: Explanation) -> str:
    """Who serves it: sales first, then purchases that give way, then the periods that ramps join."""
    frame = found.weights
    now = frame[frame["period"] == found.period]
    if now.empty:
        return "it moves no order"
    sales, bids = now[now["side"] == "sell"], now[now["side"] == "buy"]
    parts = [
        f"{_signed(w)} MW of {u!r} ({money(p)})"
        for u, w, p in zip(sales["unit"], sales["weight"], sales["marginal_price"], strict=True)
        if abs(w) >= VISIBLE
    ]
    parts += [
        f"{u!r} taking {number(abs(w))} MW {'less' if w > 0 else 'more'} ({money(p)})"
        for u, w, p in zip(bids["unit"], bids["weight"], bids["marginal_price"], strict=True)
        if abs(w) >= VISIBLE
    ]
    shown = parts[:NAMED]
    rest = len(now) - len(shown)
    if rest or not shown:
        shown.append(f"smaller changes of {rest} {'more ' if shown else ''}order{'s' if rest > 1 else ''}")
    text = f"it is served by {listed(shown)}"
    later = frame[frame["period"] != found.period]
    if later.empty:
        return text
    moves = [
        f"{_signed(w if side == 'sell' else -w)} MW of {u!r} in period {t} ({money(p)})"
        for u, t, side, w, p in zip(
            later["unit"],
            later["period"],
            later["side"],
            later["weight"],
            later["marginal_price"],
            strict=True,
        )
        if abs(w) >= VISIBLE
    ]
    if len(moves) > NAMED:
        moves = [*moves[:NAMED], f"{len(moves) - NAMED} more changes"]
    return f"{text}, with {listed(moves)}" if moves else text


def _signed(weight: float) -> str:
    return f"{'+' if weight >= 0 else '−'}{number(abs(weight))}"


def _limits(found: Explanation) -> tuple[list[Hashable], list[Hashable]]:
    frame = found.branches
    felt = frame["contribution"].abs() > FELT * (1.0 + abs(found.price)) if found.high < np.inf else True
    branches = frame[frame["binds"] & (felt | (frame["shadow_price"] == 0))]
    moved, now = set(found.weights["unit"]), (found.period, found.period + 1)
    ramps = [key for key in found.ramps.index[found.ramps["binds"]] if key[0] in moved or key[1] in now]
    return branches.index.tolist(), list(dict.fromkeys(unit for unit, _ in ramps))


def _cause(found: Explanation) -> str:
    branches, units = _limits(found)
    causes = []
    if branches:
        causes.append(f"{names(branches, 'branch', 'branches')} {'binds' if len(branches) == 1 else 'bind'}")
    if units:
        many = "the ramp limits of units"
        verb = "binds" if len(units) == 1 else "bind"
        causes.append(f"{names(units, 'the ramp limit of unit', many)} {verb}")
    return f" because {listed(causes)}" if causes else ""


def _obstacle(found: Explanation) -> str:
    branches, units = _limits(found)
    causes = []
    if branches:
        verb = "is at its limit" if len(branches) == 1 else "are at their limits"
        causes.append(f"{names(branches, 'branch', 'branches')} {verb}")
    if units:
        many = "the ramp limits of units"
        causes.append(
            f"{names(units, 'the ramp limit of unit', many)} {'is' if len(units) == 1 else 'are'} met"
        )
    return f" because {listed(causes)}" if causes else ", as no order that it can reach has room"

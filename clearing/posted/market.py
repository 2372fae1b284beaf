"""Posted offers: prosumers post a price, consumers buy the cheapest first, the operator sells the rest.

For each slot the market solves

    minimise Σ_i p_i·x_i + s·y   subject to   Σ_i x_i + y = L,  0 ≤ x_i ≤ q_i,  y ≥ 0

in closed form: offers with p_i ≤ s in order of price, x_(k) = min(q_(k), (L − Σ_{j<k} q_(j))⁺), y the rest.
All slots of all days are cleared at once. Who sells is paid the price it posted. Source: the market of
"Synchronization Games in P2P Energy Trading" (consumers never buy dearer than the operator's price s).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from clearing.errors import InputError
from clearing.posted.book import PostedBook
from clearing.posted.outcome import PostedOutcome, certify_posted
from clearing.pricing.prices import PriceRule, check_price_rule
from networks.checks import number, suggest

OperatorRule = Literal["given", "peak", "level", "pump"]


def operator_price(
    demand_mw: np.ndarray,
    rule: OperatorRule,
    reference_price: float,
    reference_mw: float,
    exponent: float = 2.0,
) -> np.ndarray:
    """The operator's price in each slot of each day [$/MWh], from the market's demand (days, slots) [MW].

    The document's rule s_{t+1} = s_t·(d_{t+1}/d_t)^e, "kept stable if no higher demand peak arises", read as

    - "peak": s_t = s_ref·(max_{τ ≤ t} d_τ / d_ref)^e, reset at midnight: the rule at new records of the day;
    - "level": s_t = s_ref·(d_t/d_ref)^e, to which the rule telescopes when it also holds on falls;
    - "pump": the rule on every rise and no change on falls; each noisy up-tick multiplies, so it explodes.
    """
    d = np.asarray(demand_mw, dtype=float)
    scale = number("reference_mw", reference_mw, "MW", above=0)
    number("reference_price", reference_price, "$/MWh", above=0)
    if rule == "peak":
        return reference_price * (np.maximum.accumulate(d, axis=-1) / scale) ** exponent
    if rule == "level":
        return reference_price * (d / scale) ** exponent
    if rule == "pump":
        if (d <= 0).any():
            raise InputError("demand_mw holds a 0, from which the rule 'pump' cannot rise; use 'peak'")
        steps = np.ones(d.shape)
        steps[..., 1:] = np.maximum(d[..., 1:] / d[..., :-1], 1.0) ** exponent
        return reference_price * (d[..., :1] / scale) ** exponent * np.cumprod(steps, axis=-1)
    rules = [r for r in get_args(OperatorRule) if r != "given"]
    raise InputError(f"rule is {rule!r}{suggest(rule, rules)}; use one of {', '.join(map(repr, rules))}")


class PostedOfferMarket:
    """Clears posted offers against the operator's price.

    Parameters
    ----------
    operator : "given" (the book has it), or a rule of :func:`operator_price`: "peak", "level", "pump".
    reference_price, reference_mw, exponent : of that rule [$/MWh, MW, 1].
    price_rule : which supporting price of a slot is reported where it is not unique (law 5); payments do
        not depend on it.
    """

    def __init__(
        self,
        operator: OperatorRule = "given",
        reference_price: float = 200.0,
        reference_mw: float | None = None,
        exponent: float = 2.0,
        price_rule: PriceRule = "canonical",
    ):
        check_price_rule(price_rule)
        if operator not in get_args(OperatorRule):
            names = ", ".join(map(repr, get_args(OperatorRule)))
            raise InputError(
                f"operator is {operator!r}{suggest(operator, get_args(OperatorRule))}; use one of {names}"
            )
        if operator != "given" and reference_mw is None:
            raise InputError(
                f"operator is {operator!r}; give reference_mw, the demand at the reference price"
            )
        self.operator, self.price_rule = operator, price_rule
        self.reference_price, self.reference_mw, self.exponent = reference_price, reference_mw, exponent

    def clear(self, book: PostedBook) -> PostedOutcome:
        """Clear every slot of every day.

        Offers of one price share in proportion to their MW (law 4); an offer at the operator's own price
        goes before the operator.

        Raises
        ------
        InputError
            the operator's price is neither in the book nor made by a rule.
        """
        book = self._complete(book)
        assert book.price is not None
        assert book.operator_price is not None
        shape = book.mw.shape
        rows = shape[0] * shape[1]
        price, mw = book.price.reshape(rows, -1), book.mw.reshape(rows, -1)
        cap, demand = book.operator_price.reshape(rows), book.demand_mw.reshape(rows)
        offered = np.where(price <= cap[:, None], mw, 0.0)
        x = fill_by_merit(price, offered, demand)
        rest = np.maximum(demand - x.sum(axis=1), 0.0)
        rest[rest <= _rounding(demand, mw.shape[1])] = 0.0
        low, high = _price_interval(price, offered, x, rest, cap)
        used = {"low": np.where(np.isfinite(low), low, high), "high": high, "canonical": _middle(low, high)}
        certificate = certify_posted(book, x.reshape(shape), rest.reshape(shape[:2]), low, high)
        return PostedOutcome(
            book=book,
            accepted_mw=x.reshape(shape),
            operator_mw=rest.reshape(shape[:2]),
            price=used[self.price_rule].reshape(shape[:2]),
            price_low=low.reshape(shape[:2]),
            price_high=high.reshape(shape[:2]),
            price_rule=self.price_rule,
            certificate=certificate.required("posted offers"),
        )

    def _complete(self, book: PostedBook) -> PostedBook:
        operator = book.operator_price
        if self.operator != "given":
            assert self.reference_mw is not None
            operator = operator_price(
                book.demand_mw, self.operator, self.reference_price, self.reference_mw, self.exponent
            )
        if operator is None:
            raise InputError("the book has no operator_price; give it, or a rule: operator='peak'")
        price = book.price
        if price is None:
            price = np.broadcast_to(operator[:, :, None], book.mw.shape)
        return replace(book, operator_price=operator, price=price)


def fill_by_merit(price: np.ndarray, offered: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """(rows, offers) MW taken, cheapest first, up to `demand` (rows,); equal prices share pro rata."""
    if price.shape[1] == 0:
        return np.zeros(price.shape)
    order = np.argsort(price, axis=1, kind="stable")
    q = np.take_along_axis(offered, order, axis=1)
    p = np.take_along_axis(price, order, axis=1)
    total = np.cumsum(q, axis=1)
    x = np.clip(demand[:, None] - (total - q), 0.0, q)
    # demand that ends where an offer ends leaves nothing of it, and takes nothing of the next
    ended = np.abs(total - demand[:, None]) <= _rounding(demand, q.shape[1])[:, None]
    x[ended] = q[ended]
    x[:, 1:][ended[:, :-1]] = 0.0
    starts = np.ones(p.shape, dtype=bool)
    starts[:, 1:] = p[:, 1:] != p[:, :-1]
    if not starts.all():
        group = np.cumsum(starts.ravel()) - 1
        taken, size = np.bincount(group, x.ravel()), np.bincount(group, q.ravel())
        share = np.divide(taken, size, out=np.zeros(len(size)), where=size > 0)
        x = np.minimum(share[group].reshape(q.shape), 1.0) * q
    out = np.empty(price.shape)
    np.put_along_axis(out, order, x, axis=1)
    return out


def _rounding(demand: np.ndarray, offers: int) -> np.ndarray:
    """(rows,) what is left of MW that are equal, after a sum of so many offers in double precision [MW]."""
    return 4.0 * (offers + 1) * np.finfo(float).eps * demand


def _price_interval(
    price: np.ndarray, offered: np.ndarray, x: np.ndarray, rest: np.ndarray, cap: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) twice: least and greatest supporting price: between the last offer taken and the next."""
    took, left = x > 0, (offered > 0) & (x < offered)
    low = np.where(took, price, -np.inf).max(axis=1, initial=-np.inf)
    high = np.minimum(np.where(left, price, np.inf).min(axis=1, initial=np.inf), cap)
    low = np.where(rest > 0, cap, low)
    return low, np.maximum(high, low)


def _middle(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(low), 0.5 * (low + high), high)

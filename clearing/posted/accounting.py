"""Prosumers of the synchronisation study: the demand that they make, what they offer, and what they earn.

A prosumer with need d and sun g is friendly (serves itself, sells the surplus) or plays "sync" in a slot:
it then adds a share of its own need to the market's demand without using it. What a sync slot costs is
open in the document, and the choice decides whether syncing pays; so it is an option.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, get_args

import numpy as np

from clearing.errors import InputError
from clearing.posted.book import PostedBook
from clearing.posted.outcome import PostedOutcome
from networks.checks import number, suggest

Accounting = Literal["literal", "balanced", "waste", "sales"]
SHARE = 0.5  # of its own need that a sync prosumer adds: "the half of his own demand"


def prosumer_book(
    consumers_mw: np.ndarray,
    need_mw: np.ndarray,
    sun_mw: np.ndarray,
    sync: np.ndarray | None = None,
    price: np.ndarray | None = None,
    accounting: Accounting = "literal",
    share: float = SHARE,
    sellers: Sequence[Hashable] | None = None,
    hours: float = 0.25,
) -> PostedBook:
    """Demand and offers of some days.

    L = consumers + Σ_i (d_i − g_i)⁺ + share·Σ_{i syncs} d_i;   q_i = (g_i − d_i)⁺ where friendly

    Parameters
    ----------
    consumers_mw : (days, slots) demand of pure consumers [MW].
    need_mw, sun_mw, sync : (days, slots, prosumers) need and sun [MW], and whether each syncs.
    price : posted prices likewise [$/MWh]; None posts the operator's price.
    accounting : see :func:`prosumer_cash`; under "sales" a sync prosumer still sells its surplus.
    """
    _check_accounting(accounting)
    share = number("share", share, "shares of the own need", minimum=0.0)
    need, sun = np.asarray(need_mw, dtype=float), np.asarray(sun_mw, dtype=float)
    plays = np.zeros(need.shape, dtype=bool) if sync is None else np.asarray(sync, dtype=bool)
    demand = consumers_mw + np.maximum(need - sun, 0.0).sum(axis=-1) + share * (need * plays).sum(axis=-1)
    surplus = np.maximum(sun - need, 0.0)
    offered = surplus if accounting == "sales" else np.where(plays, 0.0, surplus)
    names = (
        tuple(sellers) if sellers is not None else tuple(f"prosumer {k + 1}" for k in range(need.shape[-1]))
    )
    return PostedBook(names, demand, offered, price, None, hours)


def prosumer_cash(
    outcome: PostedOutcome,
    need_mw: np.ndarray,
    sun_mw: np.ndarray,
    sync: np.ndarray,
    accounting: Accounting = "literal",
    share: float = SHARE,
) -> np.ndarray:
    """(days, slots, prosumers) money earned less money spent [$].

    A friendly slot earns p_i·x_i − s·(d − g)⁺. A sync slot, by `accounting`:

    - "literal": nothing is earned or lost, so the own need is free (the document's words);
    - "balanced": the own need is paid, −s·(d − g)⁺; the artificial part is bought and resold at cost;
    - "waste": the artificial part is paid and lost, −s·((d − g)⁺ + share·d);
    - "sales": as balanced, and the surplus is sold as in a friendly slot.
    """
    _check_accounting(accounting)
    book = outcome.book
    assert book.price is not None
    assert book.operator_price is not None
    need, sun, plays = np.asarray(need_mw), np.asarray(sun_mw), np.asarray(sync, dtype=bool)
    s = book.operator_price[:, :, None]
    sold = book.price * outcome.accepted_mw
    bought = s * np.maximum(need - sun, 0.0)
    friendly = sold - bought
    synced = {
        "literal": np.zeros(friendly.shape),
        "balanced": -bought,
        "waste": -bought - s * share * need,
        "sales": friendly,
    }[accounting]
    return np.where(plays, synced, friendly) * book.hours


def _check_accounting(accounting: str) -> None:
    if accounting not in get_args(Accounting):
        names = ", ".join(map(repr, get_args(Accounting)))
        raise InputError(
            f"accounting is {accounting!r}{suggest(accounting, get_args(Accounting))}; use one of {names}"
        )

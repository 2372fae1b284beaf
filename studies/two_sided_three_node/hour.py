"""The game of the three-node study: payoffs over offers and interruptions, best replies, equilibria."""

from __future__ import annotations

import numpy as np
import pandas as pd

RULES = ("low", "high", "canonical")
SAME_MONEY = 1e-6  # $; payoffs closer than this are ties


def payoffs(frame: pd.DataFrame, hour: int, rule: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gen-A's and Disco-1's payoffs [$]: rows are interruptions, columns offers."""
    chosen = frame[frame["hour"] == hour]
    return tuple(  # type: ignore[return-value]
        chosen.pivot_table(index="interrupted_mw", columns="offer_mw", values=f"{who}_{rule}")
        for who in ("gen_a", "disco_1")
    )


def pure_equilibria(frame: pd.DataFrame, hour: int, rule: str) -> list[tuple[float, float]]:
    """(offer, interruption) pairs where neither gains by changing alone."""
    a, d = payoffs(frame, hour, rule)
    best_a = a.to_numpy() >= a.to_numpy().max(axis=1, keepdims=True) - SAME_MONEY
    best_d = d.to_numpy() >= d.to_numpy().max(axis=0, keepdims=True) - SAME_MONEY
    pairs = [(float(a.columns[j]), float(a.index[i])) for i, j in np.argwhere(best_a & best_d)]
    return sorted(pairs, reverse=True)


def best_replies(frame: pd.DataFrame, hour: int, rule: str, offer: float) -> tuple[list[float], float]:
    """Disco-1's best interruptions against an offer, and their utility [$]."""
    _, d = payoffs(frame, hour, rule)
    if offer not in d.columns:
        return [], float("nan")
    column = d[offer]
    top = float(column.max())
    return [float(v) for v in column.index[column >= top - SAME_MONEY]], top

"""Compiled profit of one prosumer under many plans of its own, slot by slot (what is sold, at what price)."""

from __future__ import annotations

import numpy as np

from learners.compiled import compiled


@compiled
def profit_rows(plans, level, stiff, elastic, rivals, own, numbers, out):
    """out[p, d] = profit of day d under plan p [$].

    Parameters
    ----------
    plans : (plans, slots) whether it syncs.
    level, stiff : (2, days, slots) demand that is priced, and that does not react, when it is friendly
        and when it syncs [MW]; elastic, rivals : (days, slots) what reacts, what the others offer [MW].
    own : (4, days, slots) surplus, short and need [MW], and what a friendly slot is paid besides [$].
    numbers : s_ref, d_ref, exponent, ratchet, share, elasticity, flat price, fine, hours, and the shares
        of sale, own need and artificial part that a sync slot settles.
    """
    s_ref, d_ref, exponent, ratchet, share, elasticity, flat, fine, hours, sale, bought, wasted = numbers
    square = exponent == 2.0
    for p in range(plans.shape[0]):
        for d in range(level.shape[1]):
            peak = 0.0
            raised = 0.0
            total = 0.0
            for t in range(level.shape[2]):
                a = 1 if plans[p, t] else 0
                x = level[a, d, t]
                if x > peak:
                    peak = x
                    r = peak / d_ref
                    raised = s_ref * (r * r if square else r**exponent)
                s = raised
                if ratchet < 1.0:
                    s = ratchet * raised + (1.0 - ratchet) * s_ref * (x / d_ref) ** exponent
                surplus, short, need = own[0, d, t], own[1, d, t], own[2, d, t]
                sells = surplus * (sale if a else 1.0)
                sold = 0.0
                if sells > 0.0:
                    c = elastic[d, t]
                    if elasticity > 0.0:
                        c = c * (s / flat) ** (-elasticity) if s > 0.0 else 0.0
                    demand = c + stiff[a, d, t]
                    offered = rivals[d, t] + sells
                    sold = sells * min(1.0, demand / offered)
                if a:
                    total += s * (sale * sold - bought * short - wasted * share * need) * hours - fine
                else:
                    total += s * (sold - short) * hours + own[3, d, t]
            out[p, d] = total


@compiled
def post_slots(demand, cap, surplus, syncs, memory, sold, posted):
    """Sales of one day under ±10 % posting; `memory` (sellers,) holds the posted prices and is changed.

    A seller that sells raises its price by a tenth, one that offers in vain (dearer than the operator, or
    too late) lowers it by a tenth; equal prices go in the order of sellers. Source: section IV of the
    document. Memory is never clipped to the operator's price, which would pin it to the night's 0.
    """
    slots, sellers = surplus.shape
    order = np.empty(sellers, dtype=np.int64)
    for t in range(slots):
        for i in range(sellers):
            posted[t, i] = memory[i]
            k = i
            while k > 0 and posted[t, order[k - 1]] > posted[t, i]:
                order[k] = order[k - 1]
                k -= 1
            order[k] = i
        left = demand[t]
        for k in range(sellers):
            i = order[k]
            sold[t, i] = 0.0
            if syncs[t, i] or surplus[t, i] <= 0.0:
                continue
            if posted[t, i] <= cap[t]:
                sold[t, i] = min(surplus[t, i], left)
                left -= sold[t, i]
            memory[i] *= 1.1 if sold[t, i] > 0.0 else 0.9

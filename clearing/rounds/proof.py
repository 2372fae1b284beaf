"""Certificate of a round from book and grid alone: rows P, D, C, G of docs/laws.md.

It sees X, LAM and MU, recomputes everything else, and knows nothing of bases or working sets.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, summing
from clearing.rounds.fields import (
    BSUM,
    BTMP,
    BTMP2,
    COST,
    FLOW,
    HIGH,
    INJ,
    LAM,
    LFHI,
    LFLO,
    LOW,
    MU,
    SHIFT,
    SLOPE,
    SUSC,
    THETA,
    X,
)  # fmt: skip
from clearing.rounds.store import BUSES, COLUMNS, LINES


@summing
def _columns(x, cost, slope, low, high, lam, into, out, n, edge):
    """(bound violation, stationarity, slackness, cost, |cost|, anything not finite), each summed over columns."""
    bound = 0.0
    stationarity = 0.0
    slack = 0.0
    spent = 0.0
    volume = 0.0
    finite = 0.0
    for j in range(n):
        v = x[j]
        d = cost[j] + slope[j] * v - lam[into[j]] + lam[out[j]]
        over = v - low[j]
        under = high[j] - v
        spent += (cost[j] + 0.5 * slope[j] * v) * v
        volume += abs(cost[j] * v)
        finite += d + v
        bound += (over if over < 0.0 else 0.0) + (under if under < 0.0 else 0.0)
        # least value of the Lagrangian over the box is at the bound that the sign of d asks for
        slack += d * over if d > 0.0 else -d * under
        stationarity += d if d > 0.0 and over > edge else 0.0
        stationarity -= d if d < 0.0 and under > edge else 0.0
    return -bound, stationarity, slack, spent, volume, finite


@inner
def prove(s, cost_scale, mw_scale):
    """(worst residual, objective): the worst of all rows, each over its own tolerance; ≤ 1 holds.

    INJ, THETA and FLOW are those of X (one sparse solve); here they are checked against each other.
    """
    nb = s.head[BUSES]
    lam = s.bus[LAM]
    lam[nb] = 0.0
    bound, stationarity, slack, spent, volume, finite = _columns(
        s.col[X], s.col[COST], s.col[SLOPE], s.col[LOW], s.col[HIGH], lam, s.into, s.out, s.head[COLUMNS],
        1e-6 * mw_scale,
    )  # fmt: skip
    flow = s.lin[FLOW]
    mu = s.lin[MU]
    b = s.lin[SUSC]
    shift = s.lin[SHIFT]
    theta = s.bus[THETA]
    low = s.lin[LFLO]
    high = s.lin[LFHI]
    rest = s.bus[BTMP]
    node = s.bus[BTMP2]
    inj = s.bus[INJ]
    for i in range(nb):
        rest[i] = inj[i]
        node[i] = 0.0
    primal = 0.0
    for line in range(s.head[LINES]):
        i = s.start[line]
        k = s.end[line]
        driven = b[line] * (theta[i] - theta[k])
        pull = b[line] * (lam[i] - lam[k] + mu[line])
        rest[i] -= driven
        rest[k] += driven
        node[i] += pull
        node[k] -= pull
        f = flow[line]
        bound = max(bound, max(low[line] - f, f - high[line]))
        primal = max(primal, abs(driven + shift[line] - f))
        finite += f + pull
        if mu[line] != 0.0:
            room = mu[line] * (high[line] - f) if mu[line] > 0.0 else -mu[line] * (f - low[line])
            slack += abs(room)
    nodal = 0.0
    weight = s.bus[BSUM]
    for i in range(nb):
        primal = max(primal, abs(rest[i]))
        nodal = max(nodal, abs(node[i]) / max(weight[i], 1e-300) if weight[i] > 0.0 else 0.0)
        finite += rest[i] + lam[i]
    worst = max(primal, bound) / (1e-6 * mw_scale)
    worst = max(worst, (stationarity + nodal) / (1e-5 * cost_scale))
    # the gap between cost and dual function is the sum of all slacknesses; it also bounds each (row C1)
    worst = max(worst, abs(slack) / max(1e-6 * (1.0 + volume), 1e-9 * mw_scale * cost_scale))
    if not (abs(finite) < 1e290 and abs(slack) < 1e290):
        worst = 1e300
    return worst, spent

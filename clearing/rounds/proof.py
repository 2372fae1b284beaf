"""Certificate of a round from book and grid alone: rows P, D, C, G of docs/laws.md.

It sees X, LAM and MU, recomputes everything else, and knows nothing of bases or working sets.
"""

from __future__ import annotations

from clearing.rounds.compiled import greater, merged, reduction, summing
from clearing.rounds.fields import (
    BIG,
    BSUM,
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


@reduction
def _beyond(flow, low, high, n):
    """Greatest excess of a flow over its limits (negative: room)."""
    most = -BIG
    for line in range(n):
        most = greater(most, greater(low[line] - flow[line], flow[line] - high[line]))
    return most


@summing
def _driven(flow, shift, b, theta, start, end, n):
    """(greatest difference of a flow from the one that the angles drive, anything not finite)."""
    most = 0.0
    finite = 0.0
    for line in range(n):
        most = greater(
            most, abs(b[line] * (theta[start[line]] - theta[end[line]]) + shift[line] - flow[line])
        )
        finite += flow[line]
    return most, finite


@merged
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
    low = s.lin[LFLO]
    high = s.lin[LFHI]
    node = s.bus[BTMP2]
    for i in range(nb):
        node[i] = 0.0
    for line in range(s.head[LINES]):
        v = mu[line]
        if v != 0.0:
            slack += abs(v * (high[line] - flow[line]) if v > 0.0 else v * (flow[line] - low[line]))
            node[s.start[line]] += b[line] * v
            node[s.end[line]] -= b[line] * v
    bound = max(bound, _beyond(flow, low, high, s.head[LINES]))
    theta = s.bus[THETA]
    primal, more = _driven(flow, s.lin[SHIFT], b, theta, s.start, s.end, s.head[LINES])
    finite += more
    nodal = 0.0
    weight = s.bus[BSUM]
    inj = s.bus[INJ]
    for i in range(nb):
        rest = inj[i]
        pull = node[i]
        for p in range(s.beside_start[i], s.beside_start[i + 1]):
            k = s.beside[p]
            rest -= s.tie[p] * (theta[i] - theta[k])
            pull += s.tie[p] * (lam[i] - lam[k])
        primal = max(primal, abs(rest))
        nodal = max(nodal, abs(pull) / max(weight[i], 1e-300) if weight[i] > 0.0 else 0.0)
        finite += rest + lam[i] + pull
    worst = max(primal, bound) / (1e-6 * mw_scale)
    worst = max(worst, (stationarity + nodal) / (1e-5 * cost_scale))
    # the gap between cost and dual function is the sum of all slacknesses; it also bounds each (row C1)
    worst = max(worst, abs(slack) / max(1e-6 * (1.0 + volume), 1e-9 * mw_scale * cost_scale))
    if not (abs(finite) < 1e290 and abs(slack) < 1e290):
        worst = 1e300
    return worst, spent

"""An independent clearing of small books: own susceptances, own angles, own duals; the tests' oracle.

Everything is dense, written out in bus angles, and solved by SciPy's linprog and by Clarabel. It shares
nothing with the code under test but the arrays of Grid and Book.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import linprog

AT = 1e-6  # a slack below this, in MW over the scale of the book, is none
DUAL = 1e-5  # a multiplier below this, in $/MWh over the scale of prices, is none


class ReferenceFailedError(RuntimeError):
    """The reference's own solver met numerical difficulty; the case proves nothing."""


@dataclass(frozen=True)
class Program:
    """minimise c·v + ½ v'diag(q)v, low ≤ A v ≤ high; column bounds are rows of A like all others."""

    c: np.ndarray
    q: np.ndarray
    A: np.ndarray
    low: np.ndarray
    high: np.ndarray


def susceptance_mw(grid) -> np.ndarray:
    """MW per radian of each branch, from the raw tables (law 8)."""
    if grid.convention == "matpower":
        b = grid.base_mva / (grid.x_pu * grid.tap)
    else:
        b = grid.base_mva * grid.x_pu / (grid.x_pu**2 + grid.r_pu**2)
    return b * grid.in_service


def shift_radian(grid) -> np.ndarray:
    return np.deg2rad(grid.shift_degree) * (grid.convention == "matpower")


def incidence(grid) -> np.ndarray:
    out = np.zeros((len(grid.branches), len(grid.buses)))
    out[np.arange(len(out)), grid.from_bus] += grid.in_service
    out[np.arange(len(out)), grid.to_bus] -= grid.in_service
    return out


def island_numbers(grid) -> np.ndarray:
    """(buses,) the least position of a bus of the same island: by spreading, not by a graph library."""
    number = np.arange(len(grid.buses))
    for _ in number:
        for f, t, on in zip(grid.from_bus, grid.to_bus, grid.in_service, strict=True):
            if on:
                number[f] = number[t] = min(number[f], number[t])
    return number


def well_posed(grid, limit: float = 1e6) -> bool:
    """Whether flows are determined: negative reactances may cancel."""
    a, number = incidence(grid), island_numbers(grid)
    laplacian = a.T @ (susceptance_mw(grid)[:, None] * a)
    kept = np.flatnonzero(number != np.arange(len(number)))
    return len(kept) == 0 or bool(np.linalg.cond(laplacian[np.ix_(kept, kept)]) < limit)


class Reference:
    """A book on a grid, as one dense program over orders, links and angles."""

    def __init__(self, grid, book):
        self.grid, self.book = grid, book
        self.T, self.N, self.L = book.periods, len(grid.buses), len(grid.branches)
        self.b, self.shift, self.inc = susceptance_mw(grid), shift_radian(grid), incidence(grid)
        place = {label: k for k, label in enumerate(grid.buses)}
        columns = []
        for k, t in enumerate(book.order_period.tolist()):
            columns += [(k, s) for s in range(self.T)] if t < 0 else [(k, t)]
        self.row, self.period = np.array(columns, dtype=int).reshape(-1, 2).T
        self.bus = np.array([place[book.order_bus[k]] for k in self.row], dtype=int)
        self.side = book.side[self.row]
        self.mw, self.min_mw = book.mw[self.row], book.min_mw[self.row]
        self.price, self.slope = book.price[self.row], book.slope[self.row]
        self.fixed = np.repeat(grid.shunt_mw[:, None], self.T, axis=1)
        for bus, mw, t in zip(book.fixed_bus, book.fixed_mw, book.fixed_period, strict=True):
            self.fixed[place[bus], slice(None) if t < 0 else t] += mw
        self.K, self.Z = len(self.row), len(grid.links) * self.T
        self.link, self.link_period = np.divmod(np.arange(self.Z), self.T)
        # an angle of 1 is what drives 1 MW over the strongest branch, so that all coefficients are near 1
        self.unit = 1.0 / max(np.abs(self.b).max(initial=0.0), 1.0)
        self.V = self.K + self.Z + self.N * self.T
        self.scale = 1.0 + max(np.abs(self.mw).max(initial=0), np.abs(self.fixed).max(initial=0))
        self.price_scale = 1.0 + np.abs(self.price).max(initial=0)

    def angle(self, n: int, t: int) -> int:
        return self.K + self.Z + n * self.T + t

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple]]:
        """All rows (balances, flow, angle and ramp limits, bounds), their bounds, and their names."""
        grid, book = self.grid, self.book
        A, low, high, names = [], [], [], []

        def add(name: tuple, entries: dict[int, float], lo: float, hi: float) -> None:
            v = np.zeros(self.V)
            for k, value in entries.items():
                v[k] += value
            A.append(v)
            low.append(lo)
            high.append(hi)
            names.append(name)

        for t in range(self.T):
            for n in range(self.N):
                v = np.zeros(self.V)
                for k in np.flatnonzero((self.bus == n) & (self.period == t)):
                    v[k] += self.side[k]
                for z in np.flatnonzero(self.link_period == t):
                    v[self.K + z] += (grid.link_to[self.link[z]] == n) * 1.0
                    v[self.K + z] -= (grid.link_from[self.link[z]] == n) * 1.0
                right = self.fixed[n, t]
                for line in range(self.L):
                    a = self.inc[line, n] * self.b[line]
                    if a:
                        v[self.angle(grid.from_bus[line], t)] -= a * self.unit
                        v[self.angle(grid.to_bus[line], t)] += a * self.unit
                        right -= a * self.shift[line]
                A.append(v)
                low.append(right)
                high.append(right)
                names.append(("balance", n, t))
            for line in np.flatnonzero(grid.in_service):
                f, to = self.angle(grid.from_bus[line], t), self.angle(grid.to_bus[line], t)
                b, s, limit = self.b[line], self.shift[line], grid.limit_mw[line]
                share = b * self.unit
                add(("flow", line, t), {f: share, to: -share}, b * s - limit, b * s + limit)
                ends = np.deg2rad([grid.angle_min_degree[line], grid.angle_max_degree[line]])
                if np.isfinite(ends).any():
                    add(("angle", line, t), {f: 1.0, to: -1.0}, *(ends / self.unit))
            for n in np.flatnonzero(island_numbers(grid) == np.arange(self.N)):
                add(("reference", n, t), {self.angle(n, t): 1.0}, 0.0, 0.0)
        for u, unit in enumerate(book.ramp_units):
            up, down, before = book.ramp_up_mw[u], book.ramp_down_mw[u], book.previous_mw[u]
            own = np.array([book.units[k] == unit for k in self.row], dtype=bool)
            for t in range(self.T):
                if not np.isfinite([up, down]).any() or (t == 0 and np.isnan(before)):
                    continue
                entries: dict[int, float] = {}
                for k in np.flatnonzero(own & (self.period == t)):
                    entries[k] = float(self.side[k])
                for k in np.flatnonzero(own & (self.period == t - 1)):
                    entries[k] = -float(self.side[k])
                shift = before if t == 0 else 0.0
                add(("ramp", u, t), entries, shift - down, shift + up)
        for k in range(self.K):
            add(("order", k), {k: 1.0}, self.min_mw[k], self.mw[k])
        for z in range(self.Z):
            line = self.link[z]
            add(("link", z), {self.K + z: 1.0}, grid.link_min_mw[line], grid.link_max_mw[line])
        matrix = np.array(A).reshape(-1, self.V)
        return matrix, np.array(low, dtype=float), np.array(high, dtype=float), names

    @cached_property
    def least_cost(self) -> Program:
        A, low, high, _ = self.rows
        rest = np.zeros(self.V - self.K)
        return Program(
            np.concatenate([self.side * self.price, rest]), np.concatenate([self.slope, rest]), A, low, high
        )

    @cached_property
    def feasible(self) -> bool:
        p = self.least_cost
        return bool(solve_linear(np.zeros(self.V), p.A, p.low, p.high) is not None)

    @cached_property
    def optimum(self) -> np.ndarray:
        p = self.least_cost
        if p.q.any():
            scale = self.price_scale
            return solve_quadratic(Program(p.c / scale, p.q / scale, p.A, p.low, p.high))[0]
        found = solve_linear(p.c, p.A, p.low, p.high)
        assert found is not None
        return found

    @cached_property
    def objective(self) -> float:
        """Offered cost less the value of accepted bids, $ per hour of each period."""
        p, v = self.least_cost, self.optimum
        return float(p.c @ v + 0.5 * p.q @ v**2)

    @cached_property
    def canonical(self) -> tuple[np.ndarray, np.ndarray]:
        """Accepted MW of every column and link flows: least cost, most demand, pro rata, least link use."""
        K, p = self.K, self.least_cost
        rest = np.zeros(self.V)
        demand, share, use = rest.copy(), rest.copy(), rest.copy()
        demand[:K] = np.where(self.side < 0, -1.0, 0.0)
        share[:K] = np.divide(1.0, self.mw, out=np.zeros(K), where=self.mw > 0)
        width = (self.grid.link_max_mw - self.grid.link_min_mw)[self.link]
        use[K : K + self.Z] = np.divide(1.0, width, out=np.zeros(self.Z), where=width > 0)
        none = np.zeros(self.V)
        stages = [
            (p.c / self.price_scale, p.q / self.price_scale, True),
            (demand, none, bool(demand.any())),
            (none, share, bool(share.any())),
            (none, use, bool(use.any())),
        ]
        low, high, v = p.low.copy(), p.high.copy(), np.zeros(self.V)
        for c, q, wanted in stages:
            if not wanted:
                continue
            v, dual = solve_quadratic(Program(c, q, p.A, low, high))
            tight_low, tight_high = dual > DUAL, dual < -DUAL
            high = np.where(tight_low, low, high)
            low = np.where(tight_high, high, low)
            # columns with curvature are unique; the order and link bounds are the last rows of A
            bounds = np.arange(len(low) - K - self.Z, len(low))
            settled = np.flatnonzero(q[: K + self.Z] > 0)
            # an interior point method stops short of a bound whose multiplier vanishes
            near = [np.where(np.abs(v - end) < 1e-3, end, v)[settled] for end in self._ends]
            value = np.where(near[0] == v[settled], near[1], near[0])
            low[bounds[settled]] = high[bounds[settled]] = value
        return v[:K], v[K : K + self.Z]

    @property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        rest = np.zeros(self.N * self.T)
        low, high = self.grid.link_min_mw[self.link], self.grid.link_max_mw[self.link]
        return np.concatenate([self.min_mw, low, rest]), np.concatenate([self.mw, high, rest])

    def flows(self, accepted: np.ndarray, links: np.ndarray) -> np.ndarray:
        """(branches, periods) by a dense least-squares solve of the angles."""
        injection = -self.fixed.copy()
        np.add.at(injection, (self.bus, self.period), self.side * accepted)
        np.add.at(injection, (self.grid.link_from[self.link], self.link_period), -links)
        np.add.at(injection, (self.grid.link_to[self.link], self.link_period), links)
        laplacian = self.inc.T @ (self.b[:, None] * self.inc)
        offset = -self.b * self.shift
        right = injection - (self.inc.T @ offset)[:, None]
        theta = np.linalg.lstsq(laplacian, right, rcond=1e-12)[0]
        return self.b[:, None] * (self.inc @ theta) + offset[:, None] * self.grid.in_service[:, None]

    def dual_face(self, accepted: np.ndarray, links: np.ndarray) -> DualFace:
        return DualFace(self, np.asarray(accepted, dtype=float), np.asarray(links, dtype=float).ravel())


class DualFace:
    """All duals that support a dispatch: λ (bus, period), μ (branch, period), ρ (unit, period).

    A μ or ρ is positive at the high limit and negative at the low one.
    """

    def __init__(self, reference: Reference, accepted: np.ndarray, links: np.ndarray):
        r, grid, book = reference, reference.grid, reference.book
        self.reference, tol = r, AT * reference.scale
        N, T, L, U = r.N, r.T, r.L, len(book.ramp_units)
        self.shape, self.first_mu, self.first_rho = (N, T), N * T, N * T + L * T
        self.size = self.first_rho + U * T
        flows = r.flows(accepted, links)
        low, high = -grid.limit_mw.copy(), grid.limit_mw.copy()
        for line in np.flatnonzero(grid.in_service):
            ends = r.b[line] * (
                np.deg2rad([grid.angle_min_degree[line], grid.angle_max_degree[line]]) - r.shift[line]
            )
            low[line], high[line] = max(low[line], ends.min()), min(high[line], ends.max())
        lower, upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        lower[self.first_mu :], upper[self.first_mu :] = 0.0, 0.0
        for line in np.flatnonzero(grid.in_service):
            for t in range(T):
                k = self.first_mu + line * T + t
                upper[k] = np.inf if flows[line, t] >= high[line] - tol else 0.0
                lower[k] = -np.inf if flows[line, t] <= low[line] + tol else 0.0
        output = np.zeros((U, T))
        place = {unit: u for u, unit in enumerate(book.ramp_units)}
        unit_of = np.array([place.get(book.units[k], -1) for k in r.row], dtype=int)
        for k in np.flatnonzero(unit_of >= 0):
            output[unit_of[k], r.period[k]] += r.side[k] * accepted[k]
        for u in range(U):
            for t in range(T):
                before = book.previous_mw[u] if t == 0 else output[u, t - 1]
                change, k = output[u, t] - before, self.first_rho + u * T + t
                if np.isfinite(change):
                    upper[k] = np.inf if change >= book.ramp_up_mw[u] - tol else 0.0
                    lower[k] = -np.inf if change <= -book.ramp_down_mw[u] + tol else 0.0
        A, lo, hi, self.groups = [], [], [], []
        for k in range(r.K):
            if r.mw[k] - r.min_mw[k] <= 0:
                continue
            n, t, u = r.bus[k], r.period[k], unit_of[k]
            v = np.zeros(self.size)
            v[n * T + t] = r.side[k]
            if u >= 0:
                v[self.first_rho + u * T + t] -= r.side[k]
                if t + 1 < T:
                    v[self.first_rho + u * T + t + 1] += r.side[k]
            marginal = r.side[k] * r.price[k] + r.slope[k] * accepted[k]
            at_low, at_high = accepted[k] <= r.min_mw[k] + tol, accepted[k] >= r.mw[k] - tol
            A.append(v)
            lo.append(marginal if not at_low else -np.inf)
            hi.append(marginal if not at_high else np.inf)
        for z in range(r.Z):
            line, t = r.link[z], r.link_period[z]
            if grid.link_max_mw[line] - grid.link_min_mw[line] <= 0:
                continue
            v = np.zeros(self.size)
            v[grid.link_to[line] * T + t] += 1.0
            v[grid.link_from[line] * T + t] -= 1.0
            A.append(v)
            lo.append(0.0 if links[z] > grid.link_min_mw[line] + tol else -np.inf)
            hi.append(0.0 if links[z] < grid.link_max_mw[line] - tol else np.inf)
        moving = len(A)
        weight = np.abs(r.inc).T @ np.abs(r.b)
        for t in range(T):
            for n in np.flatnonzero(weight > 0):
                v = np.zeros(self.size)
                for line in range(L):
                    a = r.inc[line, n] * r.b[line] / weight[n]
                    if a:
                        v[grid.from_bus[line] * T + t] += a
                        v[grid.to_bus[line] * T + t] -= a
                        v[self.first_mu + line * T + t] += a
                A.append(v)
                lo.append(0.0)
                hi.append(0.0)
        self.A = np.array(A).reshape(-1, self.size)
        self.low, self.high = np.array(lo, dtype=float), np.array(hi, dtype=float)
        self.lower, self.upper = lower, upper
        self.weights = self._served_demand(accepted)
        self.idle = self._idle(self.A[:moving])
        self.part = self._parts(self.A[:moving])

    def _served_demand(self, accepted: np.ndarray) -> np.ndarray:
        r = self.reference
        weights = np.maximum(r.fixed, 0.0)
        for k in np.flatnonzero(r.side < 0):
            weights[r.bus[k], r.period[k]] += accepted[k]
        number = island_numbers(r.grid)
        for i in np.unique(number):
            for t in range(r.T):
                if weights[number == i, t].sum() <= AT * r.scale:
                    weights[number == i, t] = 1.0
        return weights

    def _idle(self, moving: np.ndarray) -> np.ndarray:
        """(size,) shadow prices of flow limits that no order or link can feel, whatever else is priced."""
        r, (N, T) = self.reference, self.shape
        out = np.zeros(self.size, dtype=bool)
        number = island_numbers(r.grid)
        laplacian = r.inc.T @ (r.b[:, None] * r.inc)
        felt = moving[:, : N * T].any(axis=0).reshape(N, T) if len(moving) else np.zeros((N, T), dtype=bool)
        for line in np.flatnonzero(r.grid.in_service):
            lift = np.linalg.lstsq(laplacian, -r.inc[line] * r.b[line], rcond=1e-12)[0]
            for t in range(T):
                there = felt[:, t] & (number == number[r.grid.from_bus[line]])
                spread = np.ptp(lift[there]) if there.any() else 0.0
                out[self.first_mu + line * T + t] = spread < 1e-7
        return out

    def _parts(self, moving: np.ndarray) -> np.ndarray:
        """(buses, periods) number of the independent part: islands joined by links, periods by met ramps."""
        N, T = self.shape
        number = island_numbers(self.reference.grid)
        part = np.arange(N * T).reshape(N, T)
        for n in range(N):
            part[n] = part[number[n]]
        free = (self.lower < 0) | (self.upper > 0)
        for _ in range(N * T):
            for rho in range(self.first_rho, self.size):
                if free[rho]:
                    rows = np.flatnonzero(moving[:, rho])
                    buses = np.flatnonzero(moving[rows][:, : N * T].any(axis=0)) if len(rows) else []
                    self._join(part, buses)
            for row in moving:
                self._join(part, np.flatnonzero(row[: N * T]))
        return part

    def _join(self, part: np.ndarray, places: np.ndarray) -> None:
        if len(places) > 1:
            flat = part.ravel()
            old = np.unique(flat[places])
            flat[np.isin(flat, old)] = old.min()

    def extreme(self, c: np.ndarray, idle_at_zero: bool = False) -> float:
        """Least value of c·(λ, μ, ρ); −inf where the face is unbounded that way."""
        scale = self.reference.price_scale
        held = self.idle & idle_at_zero
        found = solve_linear(
            c,
            np.vstack([self.A, np.eye(self.size)]),
            np.concatenate([self.low, np.where(held, 0.0, self.lower)]) / scale,
            np.concatenate([self.high, np.where(held, 0.0, self.upper)]) / scale,
        )
        return -np.inf if found is None else float(c @ found) * scale

    def holds(self, duals: np.ndarray, tolerance: float = 1e-6) -> bool:
        scale = self.reference.price_scale * tolerance
        value = self.A @ duals
        rows = (value >= self.low - scale).all() and (value <= self.high + scale).all()
        return bool(rows and (duals >= self.lower - scale).all() and (duals <= self.upper + scale).all())

    def interval(self, n: int, t: int) -> tuple[float, float]:
        c = np.zeros(self.size)
        c[n * self.shape[1] + t] = 1.0
        return self.extreme(c), -self.extreme(-c)

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        both = np.array([[self.interval(n, t) for t in range(self.shape[1])] for n in range(self.shape[0])])
        return both[..., 0], both[..., 1]

    def weighted_ends(self) -> dict[int, tuple[float, float]]:
        """Part → least and greatest price weighted by served demand."""
        out = {}
        for p in np.unique(self.part):
            c = np.zeros(self.size)
            chosen = (self.part == p).ravel()
            c[: len(chosen)] = np.where(chosen, self.weights.ravel(), 0.0)
            out[int(p)] = (self.extreme(c, True), -self.extreme(-c, True))
        return out


def solve_linear(c: np.ndarray, A: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """A minimiser of c·v on low ≤ A v ≤ high; None where there is none (no point, or no bound)."""
    equal = low == high
    up, down = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    inequality = np.vstack([A[up], -A[down]])
    right = np.concatenate([high[up], -low[down]])
    found = linprog(
        c,
        A_ub=inequality if len(inequality) else None,
        b_ub=right if len(right) else None,
        A_eq=A[equal] if equal.any() else None,
        b_eq=low[equal] if equal.any() else None,
        bounds=(None, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status == 4:
        found = linprog(
            c, inequality, right, A[equal], low[equal], (None, None), "highs", options={"presolve": False}
        )
    return found.x if found.status == 0 else None


def solve_quadratic(p: Program) -> tuple[np.ndarray, np.ndarray]:
    """A minimiser by Clarabel, and the multiplier of every row, positive at its low bound."""
    equal = p.low == p.high
    up, down = ~equal & np.isfinite(p.high), ~equal & np.isfinite(p.low)
    A = np.vstack([p.A[equal], p.A[up], -p.A[down]])
    right = np.concatenate([p.high[equal], p.high[up], -p.low[down]])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int(up.sum() + down.sum()))]
    matrices = sparse.csc_matrix(np.diag(p.q)), p.c, sparse.csc_matrix(A), right, cones
    for tolerance in (1e-11, 1e-10, 1e-9):
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_iter = 500
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
        found = clarabel.DefaultSolver(*matrices, settings).solve()
        if found.status == clarabel.SolverStatus.Solved:
            break
    else:  # "almost solved" is as far as 5e-5 away
        raise ReferenceFailedError(str(found.status))
    z = np.asarray(found.z)
    dual = np.zeros(len(p.low))
    ends = np.cumsum([int(equal.sum()), int(up.sum())])
    dual[equal] = -z[: ends[0]]
    dual[up] -= z[ends[0] : ends[1]]
    dual[down] += z[ends[1] :]
    return np.asarray(found.x), dual

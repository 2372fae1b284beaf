"""An independent clearing of small books: own susceptances, own angles, own duals; the tests' oracle.

Everything is dense, written out in bus angles, and solved by SciPy's linprog and by Clarabel. It shares
nothing with the code under test but the arrays of Grid and Book.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from tests.support.reference_grid import incidence, island_numbers, shift_radian, susceptance_mw
from tests.support.reference_prices import DualFace
from tests.support.reference_programs import Program, solve_linear, solve_quadratic

DUAL = 1e-5  # a multiplier below this, in $/MWh over the scale of prices, is none


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
        sells = {(book.units[k], t) for k, t in zip(self.row, self.period, strict=True) if book.side[k] > 0}
        self.demand = np.array(
            [
                book.side[k] < 0 and (book.units[k], t) not in sells
                for k, t in zip(self.row, self.period, strict=True)
            ],
            dtype=bool,
        )
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
                    v[self.K + z] += (grid.link_to[self.link[z]] == n) * (1.0 - grid.link_loss[self.link[z]])
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
        demand[:K] = np.where(self.demand, -1.0, 0.0)
        offered = np.maximum(self.mw, -self.min_mw)
        share[:K] = np.divide(1.0, offered, out=np.zeros(K), where=offered > 0)
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
        arriving = links - self.grid.link_loss[self.link] * links
        np.add.at(injection, (self.grid.link_to[self.link], self.link_period), arriving)
        laplacian = self.inc.T @ (self.b[:, None] * self.inc)
        offset = -self.b * self.shift
        right = injection - (self.inc.T @ offset)[:, None]
        theta = np.linalg.lstsq(laplacian, right, rcond=1e-12)[0]
        return self.b[:, None] * (self.inc @ theta) + offset[:, None] * self.grid.in_service[:, None]

    def dual_face(self, accepted: np.ndarray, links: np.ndarray) -> DualFace:
        return DualFace(self, np.asarray(accepted, dtype=float), np.asarray(links, dtype=float).ravel())

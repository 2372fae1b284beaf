"""All prices that support a dispatch, independently of the code under test; the tests' oracle of law 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.support.reference_grid import island_numbers
from tests.support.reference_programs import solve_linear

if TYPE_CHECKING:
    from tests.support.reference_solver import Reference

AT = 1e-6  # a slack below this, in MW over the scale of the book, is none


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
            v[grid.link_to[line] * T + t] += 1.0 - grid.link_loss[line]
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
        for k in np.flatnonzero(r.demand):
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

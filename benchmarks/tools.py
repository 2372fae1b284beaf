"""Published tools that clear a DC market, on the rounds of :mod:`workloads`; imported where installed."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from pyomo.contrib import appsi
from workloads import Workload


class Pandapower:
    """pandapower's DC optimal power flow; bids are controllable loads."""

    largest = 57  # it does not converge from 118 buses on with a value of lost load

    def __init__(self, work: Workload):
        import pandapower as pp

        logging.getLogger("pandapower").setLevel(logging.ERROR)
        self.pp, self.work, grid = pp, work, work.grid
        self.net = net = pp.create_empty_network(sn_mva=100.0)
        for _ in grid.buses:
            pp.create_bus(net, vn_kv=100.0)
        ohm = 100.0**2 / np.where(grid.susceptance_mw > 0, grid.susceptance_mw, 1.0)
        for k in np.flatnonzero(grid.susceptance_mw > 0).tolist():
            pp.create_line_from_parameters(
                net, int(grid.from_bus[k]), int(grid.to_bus[k]), 1.0, 0.0, float(ohm[k]), 0.0,
                float(grid.limit_mw[k] / (np.sqrt(3) * 100.0)), max_loading_percent=100.0,
            )  # fmt: skip
        pp.create_ext_grid(net, 0, min_p_mw=0.0, max_p_mw=0.0)
        for j, side in enumerate(work.side.tolist()):
            make, kind = (pp.create_sgen, "sgen") if side > 0 else (pp.create_load, "load")
            element = make(
                net, int(work.bus[j]), p_mw=0.0, min_p_mw=0.0, max_p_mw=work.mw[j], controllable=True
            )
            pp.create_poly_cost(net, element, kind, cp1_eur_per_mw=0.0)
        self.sale = work.side > 0

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        net, sale = self.net, self.sale
        net.sgen["max_p_mw"], net.load["max_p_mw"] = mw[sale], mw[~sale]
        net.poly_cost["cp1_eur_per_mw"] = np.where(sale, price, -price)
        try:
            self.pp.rundcopp(net)
        except self.pp.OPFNotConverged:
            return np.nan
        return float(price[~sale] @ net.res_load.p_mw.to_numpy() - price[sale] @ net.res_sgen.p_mw.to_numpy())


class Pypsa:
    """PyPSA's `optimize`; bids are generators that withdraw."""

    largest = 300

    def __init__(self, work: Workload):
        import pypsa

        logging.disable(logging.WARNING)
        self.net, self.names, grid = pypsa.Network(), [f"o{j}" for j in range(len(work.price))], work.grid
        on = np.flatnonzero(grid.susceptance_mw > 0)
        bus = np.array([f"b{n}" for n in range(len(grid.buses))])
        self.net.add("Bus", bus, v_nom=1.0)
        self.net.add(
            "Line", [f"l{k}" for k in on], bus0=bus[grid.from_bus[on]], bus1=bus[grid.to_bus[on]],
            x=1.0 / grid.susceptance_mw[on], s_nom=grid.limit_mw[on],
        )  # fmt: skip
        self.net.add("Generator", self.names, bus=bus[work.bus], sign=work.side)
        self.side = work.side

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        generators = self.net.generators if hasattr(self.net, "generators") else self.net.c.generators.static
        generators["p_nom"], generators["marginal_cost"] = mw, self.side * price
        status, _ = self.net.optimize(solver_name="highs", log_to_console=False)
        return -float(self.net.objective) if status == "ok" else np.nan


class Egret:
    """Egret's B-θ model; bids are generators with negative output."""

    largest = 300

    def __init__(self, work: Workload):
        from egret.data.model_data import ModelData

        self.ModelData, self.work, grid = ModelData, work, work.grid
        buses = [str(n) for n in range(len(grid.buses))]
        b = grid.susceptance_mw
        self.elements: dict[str, Any] = {
            "bus": {n: {"base_kv": 1.0, "va": 0.0, "vm": 1.0, "v_min": 0.9, "v_max": 1.1} for n in buses},
            "load": {}, "shunt": {},
            "branch": {
                f"l{k}": {
                    "from_bus": buses[grid.from_bus[k]], "to_bus": buses[grid.to_bus[k]],
                    "branch_type": "line", "reactance": 100.0 / b[k], "resistance": 0.0,
                    "charging_susceptance": 0.0,
                    "rating_long_term": grid.limit_mw[k], "angle_diff_min": -90, "angle_diff_max": 90,
                    "in_service": True, "pf": None,
                }
                for k in np.flatnonzero(b > 0).tolist()
            },
        }  # fmt: skip

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        from egret.models.dcopf import create_btheta_dcopf_model

        generators = {}
        for j, (s, p, q) in enumerate(zip(self.work.side.tolist(), price, mw, strict=True)):
            cost = {
                "data_type": "cost_curve",
                "cost_curve_type": "polynomial",
                "values": {0: 0.0, 1: float(p)},
            }
            generators[f"o{j}"] = {
                "bus": str(self.work.bus[j]), "p_min": min(0.0, s * q), "p_max": max(0.0, s * q),
                "p_cost": cost, "generator_type": "thermal", "in_service": True, "pg": 0.0, "connected": True,
            }  # fmt: skip
        system = {"baseMVA": 100.0, "reference_bus": "0", "reference_bus_angle": 0.0}
        data = self.ModelData({"elements": self.elements | {"generator": generators}, "system": system})
        model, _ = create_btheta_dcopf_model(data)
        solver = appsi.solvers.Highs()
        result = solver.solve(model)
        solver.get_duals()
        return -float(result.best_feasible_objective)


TOOLS = {"pandapower": Pandapower, "pypsa": Pypsa, "egret": Egret}  # by the name of the package

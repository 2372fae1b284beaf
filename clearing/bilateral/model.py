"""The bilateral market as a Pyomo model: a transport problem between sellers and buyers."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr import LinearExpression

DATA = ("seller_mw", "seller_price", "seller_slope", "buyer_mw", "buyer_price", "buyer_slope")


def build_bilateral_model(
    sellers: int, buyers: int, pair: tuple[np.ndarray, np.ndarray]
) -> pyo.ConcreteModel:
    """Least cost less value of trades t_k between the pairs k = (i, j).

    minimise Σ_i c_i·x_i + ½ a_i·x_i² − Σ_j v_j·y_j − ½ b_j·y_j² − Σ_k (π_k − γ_k)·t_k
    """
    with PauseGC():
        model = pyo.ConcreteModel(name="bilateral market")
        model.data = pyo.Block()
        for name in DATA:
            setattr(model.data, name, pyo.Var(range(sellers if name.startswith("seller") else buyers)))
        model.data.pair_gain = pyo.Var(range(len(pair[0])))
        model.traded = pyo.Var(range(len(pair[0])), bounds=(0, None))
        model.sold, model.bought = pyo.Var(range(sellers)), pyo.Var(range(buyers))
        data = model.data
        model.cost = pyo.Objective(
            expr=pyo.quicksum(
                data.seller_price[i] * x + 0.5 * data.seller_slope[i] * x**2 for i, x in model.sold.items()
            )
            - pyo.quicksum(
                data.buyer_price[j] * y - 0.5 * data.buyer_slope[j] * y**2 for j, y in model.bought.items()
            )
            - pyo.quicksum(data.pair_gain[k] * t for k, t in model.traded.items())
        )
        limit_sales_and_purchases(model)
        add_up_trades(model, pair)
    return model


def limit_sales_and_purchases(model: pyo.ConcreteModel) -> None:
    """0 ≤ x_i ≤ q_i and 0 ≤ y_j ≤ d_j."""
    for name, variable, size in (
        ("sale", model.sold, model.data.seller_mw),
        ("purchase", model.bought, model.data.buyer_mw),
    ):
        for member in variable.values():
            member.setlb(0.0)
        rule = lambda _, n, v=variable, s=size: v[n] - s[n] <= 0  # noqa: E731
        setattr(model, f"{name}_limit", pyo.Constraint(range(len(variable)), rule=rule))


def add_up_trades(model: pyo.ConcreteModel, pair: tuple[np.ndarray, np.ndarray]) -> None:
    """x_i = Σ_j t_ij (its dual is the price P_i that seller i gets), y_j = Σ_i t_ij (−R_j, what energy is
    worth to buyer j)."""
    traded = list(model.traded.values())
    for name, total, member in (
        ("seller_total", model.sold, pair[0]),
        ("buyer_total", model.bought, pair[1]),
    ):
        groups: list[list[int]] = [[] for _ in range(len(total))]
        for k, n in enumerate(member.tolist()):
            groups[n].append(k)

        def rule(_: object, n: int, total: object = total, groups: list[list[int]] = groups) -> object:
            terms = [traded[k] for k in groups[n]]
            return (
                LinearExpression(
                    linear_coefs=[1.0, *[-1.0] * len(terms)],
                    linear_vars=[total[n], *terms],  # type: ignore[index]
                )
                == 0
            )

        setattr(model, name, pyo.Constraint(range(len(total)), rule=rule))

"""What the cells of the nodal-collusion study compute: yardsticks, learning sessions, and lines set free."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from studies.nodal_collusion.portfolios import Conduct, Portfolios, clear_profiles
from studies.study import Row

LINES = 12  # branches that are set free one by one, those of the greatest rents
LEAST_RENT = 1e-3  # $/h; a shadow price times a limit below it is rounding
NASH = ("static Nash", "static Nash of highest profit")
NEAREST, CYCLE, JOINT, COMPETITIVE = (
    "nearest to Nash",
    "cycle of best replies",
    "joint optimum",
    "competitive",
)
LEARNED = "learned"
RESPONSE_ROUNDS = 16
AT_LIMIT = 1e-6  # relative: a flow this near to its limit is at it
TREATMENTS = {
    "memory": "remember the last mark-ups of all",
    "myopic": "remember them, but do not value the future (δ = 0)",
    "forgetful": "value the future, but remember nothing",
}


def yardsticks(market: Portfolios) -> list[tuple[str, np.ndarray]]:
    """(name, profiles): competition, Nash or the least ε, the cycle of best replies, the joint optimum."""
    from learners import best_response_path, joint_optimum, pure_equilibria, regrets

    tensor = market.game.tensor()
    none = tuple(names.index(0.0) for names in tensor.labels)
    equilibria = sorted(pure_equilibria(tensor), key=lambda e: float(e.payoffs.sum()))
    out = [(COMPETITIVE, np.array([none]))]
    if equilibria:
        out.append((NASH[0], np.array([equilibria[0].profile])))
        if len(equilibria) > 1:
            out.append((NASH[1], np.array([equilibria[-1].profile])))
    else:
        regret = regrets(tensor)
        worst = (regret / np.maximum(tensor.values + regret, 1e-9)).max(axis=0)
        out.append((NEAREST, np.array([np.unravel_index(int(worst.argmin()), worst.shape)])))
    path = best_response_path(tensor, none)
    if path.cycle is not None:
        out.append((CYCLE, path.cycle))
    out.append((JOINT, np.array([joint_optimum(tensor).profile])))
    return out


def benchmark_tables(market: Portfolios) -> Row:
    """Money and prices by bus at every yardstick, ε certificates, and what each branch carries."""
    from learners import certify_equilibrium, pure_equilibria

    game, grid = market.game, market.case.grid
    outcomes, prices, certificates = [], [], []
    for name, profiles in yardsticks(market):
        mean = clear_profiles(game, profiles).mean(np.ones(len(profiles)))
        prices += bus_rows(market, mean, name)
        marks = [[game.labels[i][a] for i, a in enumerate(p)] for p in profiles.tolist()]
        row = {"outcome": name, "markups": "; ".join(_tuple(m) for m in marks), **money(market, mean)}
        outcomes.append(
            row | {f"profit {f}": float(p) for f, p in zip(market.firms, mean.profits[0], strict=True)}
        )
        if len(profiles) == 1 and name != COMPETITIVE:
            found = certify_equilibrium(game, marks[0])
            certificates.append(
                {"outcome": name, "markups": _tuple(marks[0]), "epsilon": found.epsilon,
                 "relative": found.relative, "proven": found.proven,
                 "best": _tuple([round(r.markup, 2) for r in found.responses]),
                 "clearings": sum(r.clearings for r in found.responses)}
            )  # fmt: skip
    firms = [
        {"firm": name, "units": len(units), "owned_mw": market.owned_mw[name],
         "capacity_mw": float(game.columns.mw[game.columns.side > 0].sum()),
         "load_mw": float(market.load_mw.sum()), "equilibria": len(pure_equilibria(game.tensor()))}
        for name, units in market.firms.items()
    ]  # fmt: skip
    rents = branch_rents(market)
    shown = {k for row in rents.values() for k, rent in enumerate(row) if rent > LEAST_RENT}
    lines = [
        {"outcome": name, "branch": str(grid.branches[k]), "from_bus": str(grid.buses[grid.from_bus[k]]),
         "to_bus": str(grid.buses[grid.to_bus[k]]), "limit_mw": float(grid.limit_mw[k]),
         "rent": float(row[k])}
        for name, row in rents.items()
        for k in sorted(shown)
    ]  # fmt: skip
    return {"outcomes": outcomes, "prices": prices, "certificates": certificates, "firms": firms,
            "rents": lines}  # fmt: skip


def branch_rents(market: Portfolios) -> dict[str, np.ndarray]:
    """Yardstick → (branches,) |shadow price|·limit [$/h], of its first profile."""
    out = {}
    for name, profiles in yardsticks(market):
        cleared = market.game.market.clear(market.game.book_of(profiles[0]))
        out[name] = np.abs(cleared.flow_dual * cleared.flow_mw)[:, 0]
    return out


@lru_cache(maxsize=4)
def lines_of_interest(market: Portfolios) -> tuple[int, ...]:
    """Branches that bind at some yardstick, of the greatest rents over all."""
    total = np.sum(list(branch_rents(market).values()), axis=0)
    order = np.argsort(-total, kind="stable")[:LINES]
    return tuple(int(k) for k in order if total[k] > LEAST_RENT)


@lru_cache(maxsize=64)
def _freed(market: Portfolios, branches: tuple[int, ...]) -> Any:
    return market.without_limit(branches)


def gains_without(market: Portfolios, branches: tuple[int, ...], profiles: np.ndarray) -> np.ndarray:
    """(profiles, 2) what the firms gain over competition, and the mean price does, without some limits."""
    game = _freed(market, branches) if branches else market.game
    none = np.array([[names.index(0.0) for names in game.labels]])
    paid = game.payoffs(np.vstack([none, profiles])).sum(axis=1)
    price = game.signals(np.vstack([none, profiles]))[:, 0]
    return np.stack([paid[1:] - paid[0], price[1:] - price[0]], axis=1)


def line_tables(market: Portfolios) -> Row:
    """What the joint optimum brings over competition when each branch alone, or all, has no limit."""
    from learners import joint_optimum

    every = tuple(range(len(market.case.grid.branches)))
    rows = []
    for branches in ((), *((k,) for k in lines_of_interest(market)), every):
        game = _freed(market, branches) if branches else market.game
        best = joint_optimum(game.tensor())
        gain, price = gains_without(market, branches, np.array([best.profile]))[0]
        rows.append(
            {"without": freed_name(market, branches), "markups": _tuple(list(best.labels)),
             "joint_gain": float(gain), "joint_price_rise": float(price)}
        )  # fmt: skip
    return {"joint_lines": rows}


def freed_name(market: Portfolios, branches: tuple[int, ...]) -> str:
    """What the tables call a set of branches without limits."""
    grid = market.case.grid
    if not branches:
        return "none"
    if len(branches) > 1:
        return "all"
    k = branches[0]
    ends = f"{grid.buses[grid.from_bus[k]]}–{grid.buses[grid.to_bus[k]]}"
    label = str(grid.branches[k])
    return f"{label} ({ends})"


def session_tables(
    market: Portfolios, treatment: str, rounds: int, beta: float, alpha: float, discount: float,
    first: int, count: int, seed: int,
) -> Row:  # fmt: skip
    """Sessions of Q-learners with falling exploration, and what their strategies do when one deviates."""
    from learners import EpsilonGreedy, Exponential, LastActions, QLearning, Session, Stopping
    from learners.strategies.policy_card import resting_cycle

    tensor = market.game.tensor()
    spec = QLearning(
        alpha, 0.0 if treatment == "myopic" else discount, EpsilonGreedy(Exponential(beta)),
        LastActions("none" if treatment == "forgetful" else "all"), initial="uniform_rivals",
    )  # fmt: skip
    session = Session(tensor, (spec,) * len(market.firms), Stopping(rounds, unchanged=max(rounds // 10, 1)))
    result = session.play(seed=seed, replicates=count)
    sessions, players, prices, lines, responses, binding = [], [], [], [], [], []
    for row, ended in enumerate(result.ended):
        number, policies = first + row, result.strategies(row)
        cycle = resting_cycle(policies, tensor.actions, ended.standing.tolist())
        mean = clear_profiles(market.game, cycle).mean(np.ones(len(cycle)))
        sessions.append(
            {"session": number, "rounds": ended.rounds, "stable": ended.stable, "cycle": len(cycle),
             **money(market, mean)}
        )  # fmt: skip
        found = tested_rows(market, number, policies, ended.standing, cycle, discount, mean)
        players += found[0]
        if treatment == "memory":
            responses += found[1]
            prices += [r | {"session": number} for r in bus_rows(market, mean, LEARNED)]
            binding += binding_rows(market, number, cycle)
            for branches in ((), *((k,) for k in lines_of_interest(market))):
                gain, price = gains_without(market, branches, cycle).mean(axis=0)
                lines.append(
                    {"session": number, "without": freed_name(market, branches), "gain": float(gain),
                     "price_rise": float(price)}
                )  # fmt: skip
    tables = {
        "sessions": sessions,
        "players": players,
        "learned_prices": prices,
        "responses": responses,
        "learned_lines": lines,
        "learned_binding": binding,
    }
    return {name: rows for name, rows in tables.items() if rows}


def tested_rows(
    market: Portfolios, number: int, policies: Any, standing: np.ndarray, cycle: np.ndarray,
    discount: float, mean: Conduct,
) -> tuple[list[Row], list[Row]]:  # fmt: skip
    """Each firm's conduct, and what follows its forced best reply where that pays at once.

    The second list has, round by round, own mark-up and mean of the rivals' less those without deviation.
    """
    from learners import best_response_loss, force_deviation

    tensor, start = market.game.tensor(), standing.tolist()
    players, responses = [], []
    for i, firm in enumerate(market.firms):
        test = force_deviation(tensor, policies, i, discount, start)
        loss = best_response_loss(tensor, policies, i, discount, start)
        labels = np.array(tensor.labels[i], dtype=float)
        tempting, returned = test.profitable_once, test.returns[test.profitable_once] >= 0
        any_tempting = bool(tempting.any())
        players.append(
            {"session": number, "firm": firm, "markup": float(labels[cycle[:, i]].mean()),
             "profit": float(mean.profits[0, i]), "tempted": float(tempting.mean()),
             "unprofitable": test.unprofitable_share, "loss": loss.on_path,
             "gain_share": float(test.shares[tempting].mean()) if any_tempting else np.nan,
             "returned": float(returned.mean()) if any_tempting else np.nan}
        )  # fmt: skip
        if any_tempting:
            path = test.by_phase[tempting].mean(axis=0)[:RESPONSE_ROUNDS]
            rivals = np.delete(path, i, axis=1).mean(axis=1)
            responses += [
                {"session": number, "firm": firm, "round": t, "own": float(own), "rivals": float(others)}
                for t, (own, others) in enumerate(zip(path[:, i], rivals, strict=True))
            ]
    return players, responses


def binding_rows(market: Portfolios, number: int, cycle: np.ndarray) -> list[Row]:
    """Branches at their limit, and in what share of the cycle's rounds."""
    grid = market.case.grid
    flow = np.abs(clear_profiles(market.game, cycle).flow)
    share = (flow >= grid.limit_mw * (1 - AT_LIMIT)).mean(axis=0)
    return [
        {"session": number, "branch": str(grid.branches[k]), "share": float(share[k])}
        for k in np.flatnonzero(share)
    ]


def money(market: Portfolios, conduct: Conduct) -> dict[str, float]:
    """One row's money [$/h] and mean price: Σ bill/Σ served demand [$/MWh]."""
    bill = float(conduct.bill.sum())
    return {
        "price": bill / float(conduct.served.sum()),
        "firms": float(conduct.profits.sum()),
        "fringe": float(conduct.fringe[0]),
        "bill": bill,
        "rent": float(conduct.rent[0]),
        "cost": float(conduct.cost[0]),
    }


def bus_rows(market: Portfolios, conduct: Conduct, outcome: str) -> list[Row]:
    """Price and bill at every bus."""
    buses, load = market.case.grid.buses, conduct.served[0]
    return [
        {"outcome": outcome, "bus": str(bus), "load_mw": float(mw), "lmp": float(lmp), "bill": float(paid)}
        for bus, mw, lmp, paid in zip(buses, load, conduct.lmp[0], conduct.bill[0], strict=True)
    ]


def _tuple(values: list[Any]) -> str:
    return "(" + ", ".join(f"{v:g}" for v in values) + ")"

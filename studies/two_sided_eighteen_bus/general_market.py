"""The general market of the article's section 2 on 18 buses: 24 hours, in which all 24 agents learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from studies.pictures.charts import Chart, Lines
from studies.study import Cell, Results, Row, Summary
from studies.two_sided_eighteen_bus.day_ahead_learning import DayAheadLearning, learn_day_ahead
from studies.two_sided_eighteen_bus.day_ahead_market import DayAheadMarket, DayAheadRules
from studies.two_sided_eighteen_bus.market import case_of, discos_of

if TYPE_CHECKING:
    from studies.two_sided_eighteen_bus.study import Settings

HOURS = 24
PEAKS = ((9.5, 0.85), (19.0, 1.0))  # hour and height of the morning's and the evening's demand
WIDTH = 3.0  # hours


def day_profile(least: float) -> tuple[float, ...]:
    """Demand by hour as a share of the peak: `least` at night, a morning and a higher evening bump."""
    hours = np.arange(HOURS)
    bumps = [height * np.exp(-(((hours - at) / WIDTH) ** 2)) for at, height in PEAKS]
    return tuple(np.round(least + (1 - least) * np.max(bumps, axis=0), 4).tolist())


def rules_of(spec: Settings, ramp: bool) -> DayAheadRules:
    """The rules that the settings ask for; the first action of everyone is the truth."""
    return DayAheadRules(
        offers=tuple((phi, sigma) for phi in spec.general_phi for sigma in spec.general_sigma),
        bids=tuple((mu, eta) for mu in spec.general_mu for eta in spec.general_eta),
        interruptible_mw=spec.general_interruptible_mw,
        price_cap=spec.general_price_cap,
        external_price=spec.general_external_price,
        profile=day_profile(spec.general_least),
        forecast_exponent=spec.general_forecast_exponent,
        forecast_error=spec.general_forecast_error,
        offer_ramp_mw=spec.general_offer_ramp_mw if ramp else np.inf,
        dispatch_ramp_mw=spec.general_dispatch_ramp_mw if ramp else None,
    )


def run_general(cell: Cell, spec: Any, seed: int) -> Row:
    """Each agent's greedy day in each seed beside the truthful day, and prices by hour."""
    import clearing

    case = case_of(cell["placement"])
    market = clearing.NodalMarket(case.grid, price_rule=spec.price_rule)
    game = DayAheadMarket(market, case, discos_of("eighteen_bus"), rules_of(spec, cell["ramp"]))
    learning = DayAheadLearning(cell["rate"], cell["rate"], spec.alpha, spec.general_gamma)
    found = learn_day_ahead(game, learning, spec.general_days, seed, spec.general_seeds)
    truth = game.clear(np.zeros((1, game.hours, len(game.players)), dtype=int))
    last = max(1, spec.general_days // 10)
    online = found.profits[:, -last:].mean(axis=1)
    rows = []
    offers, bids = np.array(game.rules.offers), np.array(game.rules.bids)
    for i, name in enumerate(game.players):
        genco = i < len(game.units)
        pairs = (offers if genco else bids)[found.greedy[:, :, i]].mean(axis=1)
        for row in range(len(pairs)):
            rows.append(
                {
                    "seed": row, "agent": name, "quantity": pairs[row, 0], "price": pairs[row, 1],
                    "profit": found.ends.profits[row, :, i].sum(), "online": online[row, i],
                    "truthful": truth.profits[0, :, i].sum(),
                    "external_mwh": 0.0 if genco else found.ends.external[row, :, i - len(game.units)].sum(),
                }
            )  # fmt: skip
    served = found.ends.served.sum(axis=2).mean(axis=0), truth.served[0].sum(axis=1)
    paid = [
        (c.lmp[..., case.fleet.load_bus] * c.served).sum(axis=(0, 2)) / c.served.sum(axis=(0, 2))
        for c in (found.ends, truth)
    ]
    by_hour = {
        "hour": np.arange(game.hours), "learned_price": paid[0], "truthful_price": paid[1],
        "learned_mw": served[0], "truthful_mw": served[1],
    }  # fmt: skip
    return {"general": rows, "general_hours": by_hour}


def general_summary(results: Results) -> Summary:
    """Means over seeds by placement, ramp limits and agent."""
    frame = results["general"]
    means = frame.groupby(["placement", "ramp", "agent"], sort=False)[
        ["quantity", "price", "profit", "online", "truthful", "external_mwh"]
    ].mean()
    out = means.reset_index()
    out["ramp"] = np.where(out["ramp"], "ramp limits", "none")
    words = {
        "ramp": "ramps", "quantity": "φ or μ", "price": "σ or η", "profit": "greedy day $",
        "online": "last days $", "truthful": "truthful day $", "external_mwh": "bought outside MWh",
    }  # fmt: skip
    return Summary(
        "The general market of section 2: 24 hours, all 24 agents learn",
        out.rename(columns=words).round(2),
        "Means over seeds and hours of the greedy day: gencos offer φ of their capacity at MC/(1 − σ), "
        "discos "
        "interrupt μ of their contract and bid η·F(q). Truthful: φ = 1, σ = 0, μ = 0, η = 1.",
    )


def general_findings(results: Results) -> list[tuple[str, str]]:
    """What learning changes for each side, in a sentence."""
    out = []
    for (place, ramp), rows in results["general"].groupby(["placement", "ramp"], sort=False):
        gain = (rows["profit"] - rows["truthful"]).groupby(rows["agent"].str.startswith("G")).sum()
        gain = gain / rows["seed"].nunique()
        hours = results["general_hours"]
        hours = hours[(hours["placement"] == place) & (hours["ramp"] == ramp)]
        old, new = (
            float(np.average(hours[f"{w}_price"], weights=hours[f"{w}_mw"])) for w in ("truthful", "learned")
        )
        words = "with ramp limits" if ramp else "without ramp limits"
        out.append(
            (
                f"The general market of 24 hours ({place} placement, {words})?",
                f"The mean price goes from {old:.2f} to {new:.2f} $/MWh; a day changes by "
                f"{gain[True]:+,.0f} $ for the "
                f"gencos together and by {gain[False]:+,.0f} $ for the discos.",
            )
        )
    return out


def general_charts(results: Results) -> list[Chart]:
    """Prices by hour, truthful and learned."""
    hours = results["general_hours"]
    place = hours["placement"].iloc[0]
    rows = hours[hours["placement"] == place]
    series: list[tuple[str, list[float], list[float]]] = []
    truths: list[list[float]] = []
    for ramp, group in rows.groupby("ramp", sort=False):
        words = "ramp limits" if ramp else "no ramp limits"
        series.append((f"learned, {words}", group["hour"].tolist(), group["learned_price"].tolist()))
        truth = group["truthful_price"].tolist()
        if not any(np.allclose(truth, known) for known in truths):
            series.append((f"truthful, {words}", group["hour"].tolist(), truth))
            truths.append(truth)
    if len(truths) == 1:
        series = [("truthful" if name.startswith("truthful") else name, x, y) for name, x, y in series]
    return [
        Lines(
            name="general", title="The general market: prices by hour",
            caption=f"Price weighted by served demand, mean over seeds of the greedy day, {place} placement.",
            series=series, x_label="hour", y_label="$/MWh",
        )
    ]  # fmt: skip

"""Tables and the figure of the eight-node study."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.eight_node.study import instance_of
from studies.pictures.charts import Bars, Chart, FlowMaps
from studies.study import Results, Summaries, Summary

WORDS = {
    "ad_hoc": "ad hoc",
    "self_interested": "self-interested",
    "cooperative": "cooperative",
    "integrated": "integrated",
}
PLACES = {
    "A1": (0.0, 1.0), "A6": (1.0, 0.75), "A2": (0.25, -0.15), "A3": (1.25, -0.55), "A4": (1.0, 1.5),
    "G": (2.05, 0.5), "A5": (2.0, 1.65), "A7": (2.9, 1.15),
}  # fmt: skip


def line_flow(results: Results, model: str, line: str) -> float:
    """Midpoint flow of a line in a model, in the direction of its name [MW]."""
    frame = results["lines"]
    rows = frame[(frame["name"] == model) & (frame["line"] == line)]
    return float(rows["flow_mw"].iloc[0])


def summarise(results: Results) -> dict[str, Summary]:
    """Everything the page shows as tables."""
    models = results["models"].set_index("name")
    lines, agents = results["lines"], results["agents"]
    order = [name for name in WORDS if name in models.index]
    flows = lines.pivot_table(index=["kind", "line"], columns="name", values="flow_mw", sort=False)[order]
    flows = flows.sort_index(level="kind", sort_remaining=False).rename(columns=WORDS).reset_index()
    flows = _rounded(flows)
    flows["line"] = flows["line"].str.replace("-", "→", regex=False)
    total = models.loc[order, ["losses_mw", "main_grid_mw", "objective", "bound", "cut_bound"]].reset_index()
    total["name"] = total["name"].map(WORDS)
    total.columns = pd.Index(
        ["model", "losses MW", "main grid MW", "minimised $", "Lagrangian bound $", "tangent cuts $"]
    )
    private = lines[lines["kind"] == "private"].groupby("name")["loss_mw"].sum()
    total.insert(2, "of them private MW", private.loc[order].to_numpy())
    exchange = agents.assign(net=agents["sold_mw"] - agents["bought_mw"])
    exchange = exchange.pivot_table(index="bus", columns="name", values="net", sort=False)[order]
    out = {
        "models": Summary(
            "Losses and supply",
            total,
            "Losses of public and private lines. Ad hoc trade minimises nothing; self-interested agents "
            "minimise their bill, the others the main grid's cost. Both bounds come from other "
            "computations than the flows.",
        ),
        "flows": Summary(
            "Flows, MW",
            flows,
            "At the midpoint of each line, in the direction named; half of a line's loss is withdrawn at "
            "each end.",
        ),
        "exchange": Summary(
            "Exchange with the public grid, MW",
            _rounded(exchange.rename(columns=WORDS).reset_index().rename(columns={"bus": "agent"})),
            "Positive: put in. Negative: taken.",
        ),
    }
    trades = results.tables.get("trades")
    if trades is not None:
        shown = trades[trades["sent_mw"] > 1e-3][["name", "seller", "buyer", "sent_mw", "delivered_mw"]]
        out["trades"] = Summary(
            "Who trades with whom over private lines",
            shown.assign(name=shown["name"].map(WORDS))
            .set_axis(["model", "seller", "buyer", "sent MW", "delivered MW"], axis=1)
            .reset_index(drop=True),
            "Private flows decomposed by proportional sharing; the difference is lost on the way.",
        )
    paid = _rounded(results["payments"]).rename(
        columns={"alone": "alone $", "dual_price": "dual prices $", "shapley": "Shapley value $",
                 "nucleolus": "nucleolus $"}
    )  # fmt: skip
    out["payments"] = Summary(
        "Payments of the tariff game",
        paid[["agent", "alone $", "dual prices $", "Shapley value $", "nucleolus $"]],
        "Positive: received. All three rules are in the core: no group of agents earns more by itself.",
    )
    out["cores"] = Summary(
        "Cores",
        core_table(results),
        "Least excess: the most that some coalition must go short of what it could have, at best. Above 0 "
        "the core is empty, and no payments keep everyone in.",
    )
    steps = results["partitions"]
    forms = steps[["kind", "step", "blocks"]].replace(
        {"kind": {"path": "merge and split", "stable": "stable, by enumeration"}}
    )
    out["partitions"] = Summary(
        "Coalitions that form when losses are charged",
        forms.rename(columns={"kind": "how", "blocks": "coalitions"}),
        "From single agents, each step the first merger or split that those concerned gain by.",
    )
    return out


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """A solver's zeros as zeros."""
    numbers = frame.select_dtypes("number").columns
    return frame.assign(**{str(name): frame[name].round(6) + 0.0 for name in numbers})


def core_table(results: Results) -> pd.DataFrame:
    """One row per game and convention."""
    frame = results["cores"]
    words = [
        "charged shares, outsiders: " + name if part == "charged" else f"{name} game"
        for part, name in zip(frame["part"], frame["name"], strict=True)
    ]
    return pd.DataFrame(
        {
            "game": words,
            "worth of all $": frame["worth_all"],
            "least excess $": frame["least_excess"],
            "core": np.where(frame["empty"].astype(bool), "empty", "not empty"),
            "rounds": frame["rounds"],
            "coalitions used": frame["rows"],
        }
    )


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """Losses of the extremes, and where payments exist."""
    models = results["models"].set_index("name")["losses_mw"]
    cores = results["cores"]
    empty = cores.loc[cores["part"] == "charged", "empty"].astype(bool)
    gain = float(cores.loc[cores["name"] == "tariff", "grid_gain"].iloc[0])
    return [
        (f"{models['ad_hoc']:.3f} → {models['cooperative']:.3f} MW", "losses, ad hoc to cooperative"),
        (f"{gain:.3f} $", "kept by the grid when it pays agents to cooperate"),
        (f"{int(empty.sum())} of {len(empty)}", "cores empty when losses are charged to users"),
    ]


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The network under each model, and losses."""
    models = results["models"].set_index("name")["losses_mw"]
    order = [name for name in WORDS if name in models.index]
    lines = results["lines"]
    instance = instance_of(results.spec)
    grid = instance.grid
    first = lines[lines["name"] == order[0]]
    place = {bus: k for k, bus in enumerate(grid.buses)}
    ends = np.array([[place[a], place[b]] for a, b in zip(first["from_bus"], first["to_bus"], strict=True)])
    panels = [
        (
            f"{WORDS[name].capitalize()}: losses {models[name]:.3f} MW",
            lines.loc[lines["name"] == name, "flow_mw"].to_numpy(),
        )
        for name in order
    ]
    network = FlowMaps(
        name="network",
        title="Who sends what where in the four models",
        caption="Numbers are MW at the midpoint of a line; dotted lines are not used; bent purple "
        "lines are private. Ad hoc, A3 buys from "
        "the grid although A1 could reach it through A2. Self-interested, A1 serves A2 and A3 and A5 serves "
        "A4, whatever that does to the public lines. Cooperating, A4 leaves A5's energy to A7 and takes half "
        "from A1's side and half from the grid's.",
        nodes=[str(bus) for bus in grid.buses],
        positions=np.array([PLACES[str(bus)] for bus in grid.buses]),
        net_mw=instance.net_mw,
        ends=ends,
        private=(first["kind"] == "private").to_numpy(),
        main=instance.main,
        panels=panels,
        wide=True,
    )
    losses = Bars(
        name="losses",
        title="Losses by model",
        caption="Public and private lines together.",
        labels=[WORDS[name] for name in order],
        values=[float(models[name]) for name in order],
        x_label="MW",
    )
    return [network, losses]

"""The eight-node study's answer in sentences, each made from the results."""

from __future__ import annotations

import pandas as pd

from clearing.explaining.wording import listed
from studies.eight_node.tables import WORDS
from studies.pages.sentences import sentence_case
from studies.study import Results, Summaries

SHOWN_MW = 1e-3  # trades below it are a solver's dust
EXACT = 1e-6  # $; a core's excess below it is one too


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Trades and losses of each model, then which games have payments that keep everyone in."""
    models = results.tables.get("models", pd.DataFrame(columns=["name", "losses_mw"]))
    losses = models.set_index("name")["losses_mw"].dropna()
    cores = results.tables.get("cores", pd.DataFrame())
    out = [_trades(results), *_losses(losses)]
    if len(cores):
        out += [*_payments(cores), *_charged(cores)]
    return [sentence for sentence in [*out, _partitions(results)] if sentence]


def _trades(results: Results) -> str:
    trades = results.tables.get("trades", pd.DataFrame(columns=["name", "seller", "buyer", "sent_mw"]))
    trades = trades[trades["sent_mw"] > SHOWN_MW]
    ran = set(results.tables.get("models", pd.DataFrame(columns=["name"]))["name"])
    parts = []
    for model, words in WORDS.items():
        own = trades[trades["name"] == model]
        pairs = [f"{r.seller} to {r.buyer} {r.sent_mw:.2f}" for r in own.itertuples()]
        if model in ran:
            parts.append(f"{words}: {', '.join(pairs) or 'nobody'}")
    return f"Who sends how many MW to whom over private lines: {'; '.join(parts)}." if parts else ""


def _losses(losses: pd.Series) -> list[str]:
    """Every model that was cleared, and what cooperation and one hand save."""
    shown = [f"{losses[model]:.3f} MW {words}" for model, words in WORDS.items() if model in losses]
    if not shown:
        return []
    out = [f"Losses are {listed(shown)}."]
    parts = []
    for better, worse, words, of in (
        ("cooperative", "ad_hoc", "cooperating with the grid", "of the losses of ad hoc trade"),
        ("cooperative", "self_interested", "cooperating", "of those of self-interested coalitions"),
        ("integrated", "cooperative", "one hand on all lines", "of the cooperative ones"),
    ):
        if better in losses and worse in losses and losses[worse] > 0:
            saved = 1 - losses[better] / losses[worse]
            verb = "saves" if saved >= 0 else "adds"
            parts.append(f"{words} {verb} {abs(saved):.0%} {of}")
    return [*out, sentence_case(f"{'; '.join(parts)}.")] if parts else out


def _payments(cores: pd.DataFrame) -> list[str]:
    """The games in which payments are computed: at tariffs, and without losses."""
    parts = []
    for name, words in (("tariff", "at the tariffs"), ("market", "in the market game without losses")):
        for row in cores[cores["name"] == name].to_dict("records"):
            if row["empty"]:
                parts.append(f"{words} no payments keep everyone in: a group goes short by "
                             f"{row['least_excess']:.4f} $ at best")  # fmt: skip
                continue
            inside = row["payment_excess"] <= EXACT
            kept = f", and the grid {'keeps' if row['grid_gain'] >= 0 else 'pays'} "
            kept = f"{kept}{abs(row['grid_gain']):.3f} $" if pd.notna(row["grid_gain"]) else ""
            paid = "those computed do" if inside else (
                f"those computed leave a group {row['payment_excess']:.4f} $ short"
            )  # fmt: skip
            parts.append(f"{words} payments exist that keep everyone in, and {paid}{kept}")
    return [sentence_case(f"{'; '.join(parts)}.")] if parts else []


def _charged(cores: pd.DataFrame) -> list[str]:
    charged = cores[cores["part"] == "charged"]
    empty = charged[charged["empty"].astype(bool)]
    if not len(charged):
        return []
    words = "When losses are charged to those who cause them, payments that keep everyone in "
    if not len(empty):
        return [f"{words}exist under every assumption about outsiders that was tried ({len(charged)})."]
    low, high = empty["least_excess"].min(), empty["least_excess"].max()
    short = f"{low:.4f} $" if high - low < 5e-5 else f"{low:.4f} to {high:.4f} $"
    return [
        f"{words}are missing under {len(empty)} of {len(charged)} assumptions about outsiders: some group "
        f"goes at least {short} short."
    ]


def _partitions(results: Results) -> str:
    steps = results.tables.get("partitions", pd.DataFrame(columns=["kind", "step", "blocks"]))
    path, stable = (steps[steps["kind"] == kind].sort_values("step") for kind in ("path", "stable"))
    if not len(path):
        return ""
    end = str(path["blocks"].iloc[-1])
    blocks = end.split(" | ")
    formed = [listed(block.split()) for block in blocks if " " in block]
    alone = [block for block in blocks if " " not in block]
    ends = (
        f"form {'one coalition' if len(formed) == 1 else f'{len(formed)} coalitions'} ({'; '.join(formed)})"
    )
    ends = f"{ends if formed else 'form no coalition'}{f' and leave {listed(alone)} alone' if alone else ''}"
    same = "one of" if end in set(stable["blocks"]) else "which is not among"
    found = f", {same} {len(stable)} stable divisions" if len(stable) else ""
    return f"Agents who merge and split while those concerned gain {ends}{found}."

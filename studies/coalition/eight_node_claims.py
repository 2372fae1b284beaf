"""The poster's sentences about its eight-node example beside our reconstruction."""

from __future__ import annotations

from studies.coalition.eight_node_tables import line_flow
from studies.study import Claim, Results, Verdict

POSTER = "Poster on coalitions of owners of private lines: eight-node example"
FITTED = (
    "in-sample: four impedances of our reconstruction were chosen so that the listed trades come out; "
    "the poster gives no numbers"
)


def list_claims(results: Results) -> list[Claim]:
    """Every listed trade, then what is said about payments."""

    def flow(model: str, line: str) -> float:
        return line_flow(results, model, line)

    def trade(
        words: str, published: str, ours: str, holds: bool, why: str = FITTED, good: Verdict = "consistent"
    ) -> Claim:
        return Claim(POSTER, words, published, ours, good if holds else "differs", why)

    def units(model: str, line: str, words: str, published: float, sign: float = 1.0) -> Claim:
        value = sign * flow(model, line)
        return trade(
            words, f"{published:g} unit" + ("s" if published > 1 else ""), f"{value:.3f}",
            round(value) == published,
        )  # fmt: skip

    def above(model: str, line: str, words: str, published: float) -> Claim:
        value = flow(model, line)
        return trade(words, f"> {published:g}", f"{value:.3f}", value > published)

    agents = results["agents"].set_index(["name", "bus"])

    def buyers(model: str) -> dict[str, float]:
        rows = agents.loc[model]
        bought = {str(k): float(v) for k, v in rows["bought_mw"].items() if v > 1e-6}
        return dict(sorted(bought.items()))

    def shown(model: str) -> str:
        sold = agents.loc[model]["sold_mw"]
        words = [f"{name} {mw:.2f}" for name, mw in buyers(model).items()]
        words += [f"{name} sells {mw:.2f}" for name, mw in sold.items() if mw > 1e-6]
        return ", ".join(words)

    own = set(buyers("self_interested")) == {"A4", "A5", "A7"}
    half = (flow("cooperative", "A1-A4"), -flow("cooperative", "A4-G"))
    rows = [
        units("ad_hoc", "A4-A5", "Ad hoc: A4 and A5 trade", 1, -1.0),
        above("ad_hoc", "A1-A2", "Ad hoc: A1 and A2 trade", 1),
        trade("Ad hoc: remaining requirements of A3, A4, A5, A7 and leftovers of A1 go through the grid",
              "A3, A4, A5, A7; A1 sells", shown("ad_hoc"), set(buyers("ad_hoc")) == {"A3", "A4", "A5", "A7"}),
        units("self_interested", "A4-A5", "Self-interested: A4 and A5 trade", 1, -1.0),
        units("self_interested", "A1-A2", "Self-interested: A1 and A2 trade", 2),
        units("self_interested", "A2-A3", "Self-interested: A2 and A3 trade", 1),
        trade("Self-interested: remaining requirements of A4, A5, A7 and leftovers of A1 go through the grid",
              "A4, A5, A7; A1 sells", shown("self_interested"), own,
              "A5 trades nothing with the grid: at its optimum the pair sends what A5 has and A4 alone stays "
              "short; a trade of exactly 1 unit would leave A5 short of half its loss"),
        above("cooperative", "A1-A2", "Cooperative: A1 and A2 trade", 1),
        above("cooperative", "A2-A3", "Cooperative: A2 and A3 trade", 0.5),
        trade("Cooperative: A4 receives half from A1 and half from the grid", "½ and ½",
              f"{half[0]:.3f} and {half[1]:.3f}", all(abs(v - 0.5) < 0.01 for v in half)),
        trade("Integrated: same as cooperative, but one agent receives 1 unit from another", "1 unit",
              f"A4 {flow('integrated', 'A1-A4'):.3f} from A1", True,
              "the names of both agents are lost in the text; we read A4 and A1, and the impedances were "
              "chosen on that reading", "under-specified"),
    ]  # fmt: skip
    return rows + _payment_claims(results)


def _payment_claims(results: Results) -> list[Claim]:
    cores = {str(row["name"]): row for row in results["cores"].to_dict("records")}
    charged = results["cores"][results["cores"]["part"] == "charged"]
    empty = charged[charged["empty"].astype(bool)]
    least = ", ".join(f"{n} {e:.4f}" for n, e in zip(empty["name"], empty["least_excess"], strict=True))
    market, tariff = cores["market"], cores["tariff"]
    in_core = float(market["payment_excess"]) <= 1e-9 and not market["empty"]
    return [
        Claim(
            POSTER,
            "The core of the market game (no losses) always exists and is easy to find",
            "exists",
            "competitive payments are in it" if in_core else "competitive payments are outside",
            "matches" if in_core else "differs",
            "" if in_core else "some coalition earns more by itself",
        ),
        Claim(
            POSTER,
            "Supporting payments: examples to date always have them",
            "always",
            f"tariff game: {'no' if tariff['empty'] else 'yes'}; charged shares: core empty under "
            f"{len(empty)} of {len(charged)} conventions",
            "under-specified",
            "the poster does not say who pays the losses or what outsiders do. At tariffs payments always "
            "exist (proof in docs/mathematics-coalition.md); when losses are charged to their causers they "
            f"need not: here the least excess is {least} $"
            if len(empty)
            else "which game is not said",
        ),
    ]

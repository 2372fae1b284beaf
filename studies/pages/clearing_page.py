"""The page of one clearing: headline, grid, curves, prices, orders, settlement, proof."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from studies.pages.money import RULE_WORDS, settlement_sentence
from studies.pages.page import html_table, write_page
from studies.pages.page_data import page_data
from studies.pages.proof import OPTIMALITY, proof_table, proof_tile
from studies.pages.sections import tile_list
from studies.pages.sentences import (
    congestion_sentence,
    count,
    megawatts,
    money,
    price,
    price_sentence,
    sentence_case,
    uniqueness_sentence,
)

if TYPE_CHECKING:
    from studies.pages.facts import Facts

NO_BREAK = "\u00a0"
SCRIPTS = ("tables.js", "clearing_figures.js", "clearing_page.js")


def write_clearing_page(facts: Facts, path: Path) -> Path:
    """Write the page of a clearing to `path`."""
    body = "\n".join(
        [
            _heading(facts),
            _grid_section(facts),
            _curve_section(facts),
            _price_section(facts),
            _order_section(),
            _settlement_section(facts),
            _proof_section(facts),
        ]
    )
    title = f"{facts.case.name}: market clearing"
    return write_page(path, title, body, page_data(facts), SCRIPTS, facts.command)


def _heading(facts: Facts) -> str:
    case = facts.case
    size = ", ".join(
        [
            count(len(case.grid.buses), "bus", "buses"),
            count(len(case.grid.branches), "branch", "branches"),
            count(len(facts.book.orders), "order"),
            count(facts.periods, "period"),
        ]
    )
    parts = [
        f"<h1>{escape(case.name)}</h1>",
        f'<p class="lead">{escape(case.title)}. {escape(size)}.</p>',
        _tiles(facts),
        f'<p class="sentence">{escape(price_sentence(facts))}</p>',
        f'<p class="quiet">Prices: {escape(uniqueness_sentence(facts))}. '
        f"Congestion: {escape(congestion_sentence(facts))}.</p>",
    ]
    parts += [f'<p class="explanation">{escape(str(item))}</p>' for item in facts.explanations]
    parts += [f'<p class="note">{escape(note)}</p>' for note in facts.notes]
    return "<header>" + "\n".join(parts) + "</header>"


def _tiles(facts: Facts) -> str:
    outcome = facts.outcome
    tiles = [("", money(outcome.cost), "cost of accepted offers")]
    if (facts.book.side < 0).any():
        tiles.append(("", money(outcome.welfare), "welfare: value of accepted bids less cost of offers"))
    tiles.append(_demand_tile(facts))
    tiles.append(("", f"{price(facts.overall_mean_price)} $/MWh", "mean price, weighted by demand"))
    if not facts.binding.empty:
        number = facts.binding["branch"].nunique()
        words = f"rents of {count(number, 'congested branch', 'congested branches')}"
        tiles.append(("congested", money(facts.congestion_rent), words))
    tiles.append(proof_tile(outcome.certificate, outcome.status))
    return tile_list((kind, _unbroken(value), words) for kind, value, words in tiles)


def _unbroken(value: str) -> str:
    """A number and its unit on one line."""
    return value.replace(" ", NO_BREAK) if value[:1] in "-0123456789" else value


def _demand_tile(facts: Facts) -> tuple[str, str, str]:
    total = facts.served_mw.sum(axis=0)
    if facts.periods == 1:
        return "", f"{megawatts(float(total[0]))} MW", "demand served"
    energy = float(total.sum()) * facts.book.hours
    words = f"demand served, peak {megawatts(float(total.max()))} MW in period {int(total.argmax())}"
    return "", f"{megawatts(energy)} MWh", words


def _grid_section(facts: Facts) -> str:
    hidden = " hidden" if facts.periods == 1 else ""
    return f"""<section aria-labelledby="grid-title">
<h2 id="grid-title">Grid</h2>
<div class="controls"{hidden}>
<label for="period">Period</label>
<input type="range" id="period" min="0" max="{facts.periods - 1}" step="1" value="{facts.focus_period}"
 aria-describedby="period-help">
<output id="period-now" for="period" aria-live="polite"></output>
<span class="quiet" id="period-help">arrow keys move it; all figures and tables follow</span>
</div>
<figure>
<div id="grid" class="plot" role="img" aria-label="{escape(_grid_words(facts))}"></div>
<figcaption>Colour: price. Width of a line: flow as a share of its limit. Squares inject, circles withdraw on
balance; their size is the power. Purple lines are at their limit, numbered by congestion rent. Point at a bus
or at the middle of a line for its figures; drag to move, scroll to zoom, double-click to see all. The tables
below hold the same numbers.</figcaption>
</figure>
</section>"""


def _grid_words(facts: Facts) -> str:
    return (
        f"Map of the {len(facts.grid.buses)} buses of {facts.case.name}, coloured by price. "
        f"{price_sentence(facts)} {congestion_sentence(facts)}."
    )


def _curve_section(facts: Facts) -> str:
    several = (
        '<figure class="wide"><h3 id="history-title">Price by period</h3>'
        '<div id="history" class="plot small-plot" role="img" aria-labelledby="history-title"></div>'
        "<figcaption>Mean weighted by demand; the band is the range over buses. Click a period to show it."
        "</figcaption></figure>"
        if facts.periods > 1
        else ""
    )
    congested = (
        " The curves ignore branch limits, so where prices differ they are only indicative: "
        "the grey bar is the range of nodal prices."
        if not facts.has_one_price.all()
        else ""
    )
    return f"""<section aria-labelledby="curves-title">
<h2 id="curves-title">Market</h2>
<div class="pair">
{several}
<figure><h3 id="supply-title">Supply and demand</h3>
<div id="curves" class="plot small-plot" role="img" aria-labelledby="supply-title"></div>
<figcaption>All orders by price; fixed demand has none and stands upright.{congested}</figcaption></figure>
<figure><h3 id="money-title">Where the money goes</h3>
<div id="money" class="plot small-plot" role="img" aria-labelledby="money-title"></div>
<figcaption>{escape(sentence_case(settlement_sentence(facts.settlement)))}.</figcaption></figure>
</div>
</section>"""


def _price_section(facts: Facts) -> str:
    binding = "" if facts.binding.empty else '<h3>Binding branches</h3><div id="binding-table"></div>'
    return f"""<section aria-labelledby="prices-title">
<h2 id="prices-title">Prices</h2>
{binding}
<h3>Buses</h3>
<p class="quiet">Price = energy (mean price of the island, weighted by demand) + congestion.</p>
<div id="bus-table"></div>
<h3>Branches</h3>
<div id="branch-table"></div>
</section>"""


def _order_section() -> str:
    return """<section aria-labelledby="orders-title">
<h2 id="orders-title">Orders</h2>
<p class="quiet">Own price: of the first MW. Money: what a sale receives or a purchase pays under
the settlement rule. Surplus: that against cost or value.</p>
<div id="order-table"></div>
</section>"""


def _settlement_section(facts: Facts) -> str:
    settlement = facts.settlement
    rows = [[str(name), money(float(amount))] for name, amount in settlement.summary.items() if amount]
    table = html_table(["", "$"], rows, "Sums over all periods", numbers_from=1)
    uplifts = ""
    if len(settlement.uplifts):
        paid = [
            [str(who), str(unit), money(amount)]
            for (who, unit), amount in zip(
                settlement.uplift_units, settlement.uplift_paid.tolist(), strict=True
            )
        ]
        uplifts = html_table(["participant", "unit", "uplift"], paid, "Units made whole", numbers_from=2)
    return f"""<section aria-labelledby="settlement-title">
<h2 id="settlement-title">Settlement</h2>
<p>Rule {escape(settlement.rule)}: {escape(RULE_WORDS[settlement.rule])}.
In short, {escape(settlement_sentence(settlement))}.</p>
<div class="pair"><div>{table}</div><div>{uplifts}</div></div>
<h3>Participants</h3>
<p class="quiet">Over all periods. Surplus is receipts less cost, and value less payments, with uplift;
fixed demand has no value of its own.</p>
<div id="participant-table"></div>
</section>"""


def _proof_section(facts: Facts) -> str:
    certificate, provenance = facts.outcome.certificate, facts.case.provenance
    table = proof_table(certificate, OPTIMALITY)
    source = " ".join(
        escape(text) for text in (provenance.source, provenance.licence, provenance.citation) if text
    )
    return f"""<section aria-labelledby="proof-title">
<h2 id="proof-title">Proof and source</h2>
<p>{escape(sentence_case(str(certificate)))}. The residuals are computed from orders and grid by walras
itself, not by the solver ({escape(facts.outcome.solver)}) that proposed the dispatch.</p>
<details open><summary>Conditions of optimality</summary>{table}</details>
<p class="quiet">Case data: {source} ({escape(provenance.status)}).
{f"SHA-256 <code>{escape(provenance.sha256)}</code>." if provenance.sha256 else ""}</p>
</section>"""

"""`walras clear CASE`: a case to proven prices, a page, a picture and tables."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import (
    AngleLimits,
    AngleLimitsOption,
    CaseArgument,
    Convention,
    ConventionOption,
    DebugOption,
    JsonOption,
    OutOption,
    command_line,
    hand_over,
    read_pairs,
)

if TYPE_CHECKING:
    from networks.case import Case
    from studies.commands.books import BookRequest
    from studies.pages.facts import Facts


class PriceRule(StrEnum):
    """Which supporting prices are used where they are not unique (law 5)."""

    low = "low"
    high = "high"
    canonical = "canonical"


class MarketName(StrEnum):
    """Which market clears."""

    nodal = "nodal"
    elecbay = "elecbay"
    bilateral = "bilateral"
    posted = "posted"


AUCTION, BILATERAL, POSTED = (f"Options of --market {name}" for name in ("elecbay", "bilateral", "posted"))
PANELS = {MarketName.elecbay: AUCTION, MarketName.bilateral: BILATERAL, MarketName.posted: POSTED}
"""Where help shows the options that only this market takes."""


class SettlementRule(StrEnum):
    """At which prices accepted orders are paid."""

    lmp = "lmp"
    uniform = "uniform"
    pay_as_bid = "pay_as_bid"


class Form(StrEnum):
    """The Pyomo formulation; both have the same solutions."""

    angle = "angle"
    ptdf = "ptdf"


def clear(
    context: typer.Context,
    case: CaseArgument,
    market: Annotated[
        MarketName,
        typer.Option(
            help="nodal; elecbay: a central auction on CASE; bilateral, posted: CASE is a folder of tables."
        ),
    ] = MarketName.nodal,
    orders: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Orders in place of the case's offers and bids: order, participant, bus, side, mw, price"
            "[, slope, min_mw, unit, period]; a sale with min_mw below 0 may also withdraw. Fixed demand "
            "stays the case's unless --fixed replaces it.",
        ),
    ] = None,
    fixed: Annotated[
        str | None,
        typer.Option(
            metavar="CSV",
            help="Fixed demand in place of the case's: bus, mw[, period]; rows of one bus and period add up. "
            "Or the word none.",
        ),
    ] = None,
    ramps: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Ramp limits: unit[, up_mw, down_mw, previous_mw]."),
    ] = None,
    periods: Annotated[int | None, typer.Option(help="Number of periods.", show_default=False)] = None,
    hours: Annotated[float, typer.Option(help="Length of a period in hours.")] = 1.0,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBERS|CSV",
            help='Multipliers of every load, one per period: "0.8,1,1.1", or a CSV with the column '
            "multiplier, where wanted beside period. None is negative.",
        ),
    ] = None,
    ramp_share: Annotated[
        float | None,
        typer.Option(help="Ramp limit of every unit per period, as a share of its capacity, such as 0.1."),
    ] = None,
    markup: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=$/MWH",
            help="Raise a participant's, unit's or order's offers: G1=10 by 10 $/MWh, G1=10% by a tenth.",
        ),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="Withhold a share of the offered MW: G1=0.2 or G1=20%."),
    ] = None,
    voll: Annotated[
        float | None,
        typer.Option(help="Value of lost load in $/MWh: fixed demand may go unserved at this price."),
    ] = None,
    price_rule: Annotated[
        PriceRule, typer.Option(help="Which prices are used where they are not unique.")
    ] = PriceRule.canonical,
    rule: Annotated[
        SettlementRule, typer.Option(help="Settlement: at which prices orders are paid.")
    ] = SettlementRule.lmp,
    supplier: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Import and export: bus, import_price, export_price[, import_mw, export_mw, period].",
            rich_help_panel=AUCTION,
        ),
    ] = None,
    pricing: Annotated[
        str,
        typer.Option(help="uniform, pay_as_bid, k, vcg or second_price.", rich_help_panel=AUCTION),
    ] = "uniform",
    mode: Annotated[
        str, typer.Option(help="exact, or sequential (pay_as_bid or k).", rich_help_panel=AUCTION)
    ] = "exact",
    k: Annotated[float, typer.Option(help="Share of pricing k, from 0 to 1.", rich_help_panel=AUCTION)] = 0.5,
    radial: Annotated[
        bool,
        typer.Option("--radial", help="Refuse a grid with a loop or an island.", rich_help_panel=AUCTION),
    ] = False,
    gate_closure: Annotated[
        float | None,
        typer.Option(help="Refuse orders submitted later.", show_default=False, rich_help_panel=AUCTION),
    ] = None,
    processes: Annotated[
        bool,
        typer.Option(
            "--processes", help="Also run three decentralised processes.", rich_help_panel=BILATERAL
        ),
    ] = False,
    operator: Annotated[
        str,
        typer.Option(
            help="The operator's price, given in demand.csv, or by rule peak, level or pump.",
            rich_help_panel=POSTED,
        ),
    ] = "given",
    reference_price: Annotated[
        float,
        typer.Option(help="The rule's price at the reference demand, $/MWh.", rich_help_panel=POSTED),
    ] = 200.0,
    reference_mw: Annotated[
        float | None,
        typer.Option(help="The rule's reference demand.", show_default="mean demand", rich_help_panel=POSTED),
    ] = None,
    explain: Annotated[
        list[str] | None,
        typer.Option(metavar="BUS", help="Say in a sentence why the price at a bus is what it is."),
    ] = None,
    convention: ConventionOption = None,
    angle_limits: AngleLimitsOption = AngleLimits.file,
    form: Annotated[Form, typer.Option(help="Pyomo formulation; the solutions are the same.")] = Form.angle,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds for one solve.", show_default=False)
    ] = None,
    out: OutOption = None,
    no_files: Annotated[bool, typer.Option("--no-files", help="Write no files.")] = False,
    as_json: JsonOption = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Clear a market: proven prices and dispatch, as a summary, tables, a picture and an offline page.

    --markup, --withhold and --explain may be given several times. With --json, files are written only
    where --out names a folder. Columns of the files of each market: examples/microgrid/README.md.

    \b
    walras clear pglib_ieee118 --explain 42
    walras clear feeder8 --market elecbay --orders examples/microgrid/elecbay_orders.csv \\
        --supplier examples/microgrid/elecbay_supplier.csv
    walras clear examples/microgrid/bilateral --market bilateral --processes
    walras clear examples/microgrid/posted --market posted --operator peak
    """
    with plain_errors(debug):
        start = time.perf_counter()
        refuse_idle_options(context, market)
        if market is not MarketName.nodal:
            from studies.commands.markets import MarketRequest, clear_market
            from studies.commands.terminal import print_market

            asked = {
                name: context.params[name] for name in MarketRequest.__annotations__.keys() & context.params
            }
            asked |= {"price_rule": price_rule.value, "source": case, "command": command_line(context)}
            result = clear_market(market.value, MarketRequest(**asked))
            hand_over(result, context, lambda files: print_market(result, files, time.perf_counter() - start))
            return
        from studies.commands.books import BookRequest
        from studies.commands.terminal import print_clearing
        from studies.pages.exports import NodalPresentation

        request = BookRequest(
            orders=orders,
            fixed=fixed,
            ramps=ramps,
            periods=periods,
            hours=hours,
            profile=profile,
            ramp_share=ramp_share,
            markup=tuple(read_pairs(markup or (), "--markup")),
            withheld=tuple(read_pairs(withhold or (), "--withhold")),
            value_of_lost_load=voll,
        )
        loaded = _load(case, convention, angle_limits)
        facts = _clear(loaded, request, price_rule, form, time_limit, rule, explain or (), context)
        cleared = time.perf_counter() - start

        def say(files: list[Path]) -> None:
            print_clearing(facts, files, cleared, time.perf_counter() - start)

        hand_over(NodalPresentation.of(facts), context, say)


ANYWHERE = {"case", "market", "hours", "out", "no_files", "as_json", "open_page", "debug"}
SHARED = {
    MarketName.elecbay: {"orders", "fixed", "periods", "time_limit"},
    MarketName.bilateral: {"price_rule"},
    MarketName.posted: {"price_rule"},
}
"""Options of the nodal market that another one takes as well."""


def refuse_idle_options(context: typer.Context, market: MarketName) -> None:
    """Raise InputError for an option that was given and that this market would not look at."""
    from networks.errors import InputError

    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        panel = getattr(parameter, "rich_help_panel", None)
        if panel is None:
            idle = market is not MarketName.nodal and name not in ANYWHERE | SHARED[market]
        else:
            idle = panel != PANELS.get(market)
        if idle and source is not None and source.name == "COMMANDLINE":
            raise InputError(
                f"{parameter.opts[0]} has no effect with --market {market.value}; leave it out"
                + ("" if market is not MarketName.nodal else ", or name the market that it is for")
            )


def _load(case: str, convention: Convention | None, angle_limits: AngleLimits) -> Case:
    import networks

    return networks.load(
        case, convention=None if convention is None else convention.value, angle_limits=angle_limits.value
    )


def _clear(
    case: Case,
    request: BookRequest,
    price_rule: PriceRule,
    form: Form,
    time_limit: float | None,
    rule: SettlementRule,
    explain: list[str] | tuple[()],
    context: typer.Context,
) -> Facts:
    import clearing
    from clearing.solvers import TIME_LIMIT
    from studies.commands.books import build_book, find_bus
    from studies.pages.facts import Facts

    explained = [find_bus(case.grid, word) for word in explain]
    book = build_book(case, request)
    market = clearing.NodalMarket(
        case.grid,
        price_rule=price_rule.value,
        form=form.value,
        time_limit=TIME_LIMIT if time_limit is None else time_limit,
    )
    outcome = market.clear(book)
    settlement = clearing.settle(outcome, book, rule=rule.value)
    facts = Facts(case, outcome, settlement, command_line(context))
    return facts.with_explanations(explained)

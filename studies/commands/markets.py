"""The microgrid markets from files: CSV in, cleared, and what to print, write and draw.

Columns of the files (examples in `examples/microgrid/`, every column in its README.md):

- elecbay, on a case: `--orders` with `order, participant, bus, side, mw, price[, slope, period, block,
  min_share, exclusive, submitted]`, `--supplier` with `bus, import_price, export_price[, import_mw,
  export_mw, period]`, `--fixed` with `bus, mw[, period]`;
- bilateral, on a folder: `sellers.csv` with `seller, mw, price[, slope]`, `buyers.csv` with `buyer, mw,
  price[, slope]`, and where wanted `pairs.csv` with `seller, buyer[, preference, charge]`;
- posted, on a folder: `offers.csv` with `seller, period, mw[, price]` and `demand.csv` with `period, mw[,
  operator_price]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from networks.csv_tables import read_tables, with_labels_of
from networks.errors import InputError
from studies.commands.market_result import MarketRequest, MarketResult
from studies.commands.market_words import (
    PAID,
    bilateral_words,
    elecbay_words,
    posted_words,
    process_words,
    sequential_words,
)

if TYPE_CHECKING:
    from clearing.bilateral.book import BilateralBook
    from clearing.bilateral.processes import Process
    from clearing.elecbay.outcome import ElecBayOutcome
    from clearing.elecbay.sequential import SequentialOutcome
    from networks.case import Case
    from studies.pictures.charts import Chart


MOST_UNITS = 20_000  # of contracts in the unit-contract auction


def clear_market(market: str, request: MarketRequest) -> MarketResult:
    """Clear one of "elecbay", "bilateral", "posted"."""
    import networks

    if market == "elecbay":
        return clear_elecbay(networks.load(request.source), request)
    clear_folder = clear_bilateral if market == "bilateral" else clear_posted
    return clear_folder(Path(request.source), request)


def clear_elecbay(case: Case, request: MarketRequest) -> MarketResult:
    """A central auction on a case's grid, from files."""
    from clearing.elecbay.book import SealedBook
    from clearing.elecbay.market import ElecBay
    from clearing.elecbay.sequential import SequentialOutcome
    from clearing.solvers import TIME_LIMIT

    if request.orders is None:
        raise InputError("--market elecbay needs --orders; see examples/microgrid/elecbay_orders.csv")
    fixed = None if request.fixed in (None, "none") else Path(str(request.fixed))
    tables = {
        name: with_labels_of(table, case.grid.buses)
        for name, table in read_tables(
            {"orders": request.orders, "supplier": request.supplier, "fixed": fixed}
        ).items()
    }
    book = SealedBook.from_tables(
        tables["orders"],
        periods=request.periods or _periods(tables),
        hours=request.hours,
        supplier=tables["supplier"],
        fixed=tables["fixed"],
        gate_closure=request.gate_closure,
    )
    market = ElecBay(
        case.grid,
        request.pricing,  # type: ignore[arg-type]
        request.mode,  # type: ignore[arg-type]
        k=request.k,
        radial=request.radial,
        time_limit=TIME_LIMIT if request.time_limit is None else request.time_limit,
    )
    outcome = market.clear(book)
    if isinstance(outcome, SequentialOutcome):
        return _sequential_result(case, outcome, request.command)
    return _elecbay_result(case, outcome, request.command)


def _elecbay_result(case: Case, outcome: ElecBayOutcome, command: str) -> MarketResult:
    from studies.pages.facts import Facts

    settlement = outcome.settlement
    tables = {
        "prices": outcome.prices.reset_index(),
        "orders": outcome.life_cycle.reset_index(),
        "payments": settlement.payments.reset_index(),
        "participants": settlement.participants.reset_index(),
        "flows": outcome.flows.reset_index(),
    }
    if len(outcome.chosen):
        tables["blocks"] = outcome.blocks.reset_index()
    facts = Facts(case, outcome.nodal, settlement.base, command)
    sentence, tiles = elecbay_words(outcome, facts)

    def charts() -> list[Chart]:
        from studies.pictures.market_charts import elecbay_charts

        return elecbay_charts(facts, settlement.participants, outcome.life_cycle)

    def draw(path: Path) -> Path:
        from studies.pictures.figures import draw_clearing

        return draw_clearing(facts, path)

    return MarketResult(
        market="elecbay",
        name=f"{case.name}_elecbay",
        title=f"ElecBay, a central auction with a security check, on {case.title}.",
        status=outcome.status,
        sentence=sentence,
        tiles=tiles,
        settled=PAID[outcome.pricing],
        summary=_numbers(settlement.summary),
        tables=tables,
        certificate=outcome.certificate,
        make_charts=charts,
        draw=draw,
        notes=outcome.notes + _about_the_picture(outcome),
        command=command,
    )


def _about_the_picture(outcome: ElecBayOutcome) -> tuple[str, ...]:
    if outcome.pricing != "vcg":
        return ()
    return ("the money in clearing.png is at the orders' own prices; payments by VCG are on the page",)


def _sequential_result(case: Case, outcome: SequentialOutcome, command: str) -> MarketResult:
    sentence, tiles = sequential_words(outcome)

    def charts() -> list[Chart]:
        from studies.pictures.market_charts import sequential_charts

        return sequential_charts(outcome)

    return MarketResult(
        market="elecbay",
        name=f"{case.name}_elecbay_sequential",
        title=f"ElecBay in sequence, the highest bid first, on {case.title}.",
        status=outcome.status,
        sentence=sentence,
        tiles=tiles,
        settled=PAID[f"sequential {outcome.pricing}"],
        summary=_numbers(outcome.summary),
        tables={"orders": outcome.life_cycle.reset_index(), "trades": outcome.trades_frame},
        certificate=outcome.certificate,
        make_charts=charts,
        notes=outcome.notes,
        command=command,
    )


def clear_bilateral(folder: Path, request: MarketRequest) -> MarketResult:
    """A bilateral market from a folder of tables."""
    from clearing.bilateral.book import BilateralBook
    from clearing.bilateral.market import BilateralMarket
    from studies.pictures.market_charts import bilateral_charts
    from studies.pictures.market_figures import draw_bilateral

    _check_files(folder, "bilateral", ("sellers.csv", "buyers.csv"))
    pairs = folder / "pairs.csv"
    book = BilateralBook.from_csv(
        folder / "sellers.csv", folder / "buyers.csv", pairs if pairs.is_file() else None, request.hours
    )
    outcome = BilateralMarket(request.price_rule).clear(book)  # type: ignore[arg-type]
    tables = {
        "trades": outcome.trades.reset_index(),
        "participants": outcome.participants.reset_index(),
        "blocking_pairs": outcome.blocking_pairs(),
    }
    sentence, tiles = bilateral_words(outcome)
    runs = run_processes(book) if request.processes else {}
    if runs:
        tables["processes"] = pd.concat(
            [run.history.reset_index().assign(process=name) for name, run in runs.items()], ignore_index=True
        )[["process", "round", "welfare", "efficiency"]]
        sentence += f" {process_words(runs)}"
    return MarketResult(
        market="bilateral",
        name=folder.resolve().name,
        title="Bilateral trade: the trades of greatest welfare, at prices that nobody would leave.",
        status=outcome.status,
        sentence=sentence,
        tiles=tiles,
        settled=PAID["bilateral"],
        summary=_numbers(outcome.summary),
        tables=tables,
        certificate=outcome.certificate,
        make_charts=lambda: bilateral_charts(outcome, runs),
        draw=lambda path: draw_bilateral(outcome, path),
        notes=outcome.notes,
        command=request.command,
    )


def run_processes(book: BilateralBook) -> dict[str, Process]:
    """Posted offers, pair prices and unit contracts; steps of a hundredth of the mean value, units that
    divide every quantity."""
    from clearing.bilateral.processes import adjust_pair_prices, auction_unit_contracts, run_posted_offers

    step = 0.01 * float(np.abs(book.buyer_price).mean())
    watts = np.round(1e6 * np.concatenate([book.seller_mw, book.buyer_mw])).astype(np.int64)
    unit = 1e-6 * float(max(np.gcd.reduce(watts), 1))
    units = 1e-6 * float(watts.sum()) / unit
    if units > MOST_UNITS:
        raise InputError(
            f"--processes: contracts of {unit * 1e6:g} W, the largest that divide every quantity, are "
            f"{units:,.0f}; round the mw to multiples of a larger unit (up to {MOST_UNITS:,} contracts)"
        )
    return {
        "posted offers, ±10 %": run_posted_offers(book),
        "one adjusted price per pair": adjust_pair_prices(book, step),
        "unit contracts": auction_unit_contracts(book, unit, step),
    }


def clear_posted(folder: Path, request: MarketRequest) -> MarketResult:
    """Posted offers from a folder of tables."""
    from clearing.posted.book import PostedBook
    from clearing.posted.market import PostedOfferMarket
    from studies.pictures.market_charts import posted_charts
    from studies.pictures.market_figures import draw_posted

    _check_files(folder, "posted", ("offers.csv", "demand.csv"))
    tables = read_tables({name: folder / f"{name}.csv" for name in ("offers", "demand")})
    book = PostedBook.from_tables(tables["offers"], tables["demand"], request.hours)
    if request.operator == "given" and book.operator_price is None:
        raise InputError(
            "table 'demand': column 'operator_price' is missing; give it, or a rule that makes it: "
            "--operator peak"
        )
    reference = request.reference_mw
    notes: tuple[str, ...] = ()
    if request.operator != "given":
        reference = float(book.demand_mw.mean()) if reference is None else reference
        notes = (
            f"operator's price by rule '{request.operator}': {request.reference_price:g} $/MWh at a demand "
            f"of {reference:g} MW{'' if request.reference_mw is not None else ' (the mean)'}",
        )
    market = PostedOfferMarket(
        request.operator,  # type: ignore[arg-type]
        request.reference_price,
        reference,
        price_rule=request.price_rule,  # type: ignore[arg-type]
    )
    outcome = market.clear(book)
    tables = {"prices": outcome.prices.reset_index(), "accepted": outcome.accepted.reset_index()}
    sentence, tiles = posted_words(outcome)
    return MarketResult(
        market="posted",
        name=folder.resolve().name,
        title="Posted offers: consumers buy the cheapest first, the operator sells the rest.",
        status=outcome.status,
        sentence=sentence,
        tiles=tiles,
        settled=PAID["posted"],
        summary=_numbers(outcome.summary),
        tables=tables,
        certificate=outcome.certificate,
        make_charts=lambda: posted_charts(outcome),
        draw=lambda path: draw_posted(outcome, path),
        notes=notes + outcome.notes,
        command=request.command,
    )


def _check_files(folder: Path, market: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"--market {market} takes a folder with {' and '.join(names)}; {str(folder)!r} has no "
            f"{missing[0]} (an example: examples/microgrid/{market})"
        )


def _numbers(series: pd.Series) -> dict[str, float]:
    """Totals; what is rounding beside the greatest is 0."""
    noise = 1e-13 * float(series.abs().max())
    return {str(label): 0.0 if abs(value) <= noise else float(value) for label, value in series.items()}


def _periods(tables: dict[str, pd.DataFrame | None]) -> int:
    """One more than the greatest period that a table names, 1 where none does."""
    last = 0.0
    for table in tables.values():
        if table is not None and "period" in table.columns:
            numbers = pd.to_numeric(table["period"], errors="coerce")
            last = max(last, float(numbers.max()) if numbers.notna().any() else 0.0)
    return int(last) + 1

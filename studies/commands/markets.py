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

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.market import market_named
from networks.csv_tables import read_tables, with_labels_of
from networks.errors import InputError
from studies.commands.books import periods_named
from studies.commands.market_words import (
    PAID,
    bilateral_words,
    elecbay_words,
    posted_words,
    process_words,
    sequential_words,
)
from studies.pages.market_page import MarketPresentation

if TYPE_CHECKING:
    from clearing.bilateral.book import BilateralBook
    from clearing.bilateral.processes import Process
    from clearing.elecbay.outcome import ElecBayOutcome
    from clearing.elecbay.sequential import SequentialOutcome
    from networks.case import Case
    from studies.pictures.charts import Chart


MOST_UNITS = 20_000  # of contracts in the unit-contract auction


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """What a command asks of a microgrid market.

    Attributes
    ----------
    source : a case (elecbay) or a folder of tables.
    orders, supplier, fixed : CSV files of an auction; `fixed` may be the word "none".
    periods, hours : number of periods (None: what the files say) and length of one [h].
    pricing, mode, k, radial, gate_closure, time_limit : of :class:`clearing.ElecBay` and its book.
    price_rule : of the bilateral and the posted market.
    processes : whether decentralised processes run beside the bilateral optimum.
    operator, reference_price, reference_mw : the posted market's operator rule [$/MWh, MW]; without
        `reference_mw` the mean demand.
    command : as typed.
    """

    source: str
    orders: Path | None = None
    supplier: Path | None = None
    fixed: str | None = None
    periods: int | None = None
    hours: float = 1.0
    pricing: str = "uniform"
    mode: str = "exact"
    k: float = 0.5
    radial: bool = False
    gate_closure: float | None = None
    time_limit: float | None = None
    price_rule: str = "canonical"
    processes: bool = False
    operator: str = "given"
    reference_price: float = 200.0
    reference_mw: float | None = None
    command: str = ""


def clear_market(market: str, request: MarketRequest) -> MarketPresentation:
    """Clear one of "elecbay", "bilateral", "posted"."""
    import networks

    if market == "elecbay":
        return clear_elecbay(networks.load(request.source), request)
    clear_folder = clear_bilateral if market == "bilateral" else clear_posted
    return clear_folder(Path(request.source), request)


def clear_elecbay(case: Case, request: MarketRequest) -> MarketPresentation:
    """A central auction on a case's grid, from files."""
    from clearing.elecbay.book import SealedBook
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
        periods=request.periods or periods_named(*tables.values()) or 1,
        hours=request.hours,
        supplier=tables["supplier"],
        fixed=tables["fixed"],
        gate_closure=request.gate_closure,
    )
    market = market_named("elecbay")(
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


def _elecbay_result(case: Case, outcome: ElecBayOutcome, command: str) -> MarketPresentation:
    from studies.pages.facts import Facts

    settlement = outcome.settlement
    facts = Facts(case, outcome.nodal, settlement.base, command)
    sentence, tiles = elecbay_words(outcome, facts)

    def charts() -> list[Chart]:
        from studies.pictures.market_charts import elecbay_charts

        return elecbay_charts(facts, settlement.participants, outcome.life_cycle)

    def draw(path: Path) -> Path:
        from studies.pictures.figures import draw_clearing

        return draw_clearing(facts, path)

    return MarketPresentation(
        market="elecbay",
        name=f"{case.name}_elecbay",
        title=f"ElecBay, a central auction with a security check, on {case.title}.",
        clearing=outcome,
        sentence=sentence,
        tiles=tiles,
        settled=PAID[outcome.pricing],
        make_charts=charts,
        draw_picture=draw,
        more_notes=_about_the_picture(outcome),
        command=command,
    )


def _about_the_picture(outcome: ElecBayOutcome) -> tuple[str, ...]:
    if outcome.pricing != "vcg":
        return ()
    return ("the money in clearing.png is at the orders' own prices; payments by VCG are on the page",)


def _sequential_result(case: Case, outcome: SequentialOutcome, command: str) -> MarketPresentation:
    sentence, tiles = sequential_words(outcome)

    def charts() -> list[Chart]:
        from studies.pictures.market_charts import sequential_charts

        return sequential_charts(outcome)

    return MarketPresentation(
        market="elecbay",
        name=f"{case.name}_elecbay_sequential",
        title=f"ElecBay in sequence, the highest bid first, on {case.title}.",
        clearing=outcome,
        sentence=sentence,
        tiles=tiles,
        settled=PAID[f"sequential {outcome.pricing}"],
        make_charts=charts,
        command=command,
    )


def clear_bilateral(folder: Path, request: MarketRequest) -> MarketPresentation:
    """A bilateral market from a folder of tables."""
    from clearing.bilateral.book import BilateralBook
    from studies.pictures.market_charts import bilateral_charts
    from studies.pictures.market_figures import draw_bilateral

    _check_files(folder, "bilateral", ("sellers.csv", "buyers.csv"))
    pairs = folder / "pairs.csv"
    book = BilateralBook.from_csv(
        folder / "sellers.csv", folder / "buyers.csv", pairs if pairs.is_file() else None, request.hours
    )
    outcome = market_named("bilateral")(request.price_rule).clear(book)  # type: ignore[arg-type]
    tables: dict[str, pd.DataFrame] = {}
    sentence, tiles = bilateral_words(outcome)
    runs = run_processes(book) if request.processes else {}
    if runs:
        tables["processes"] = pd.concat(
            [run.history.reset_index().assign(process=name) for name, run in runs.items()], ignore_index=True
        )[["process", "round", "welfare", "efficiency"]]
        sentence += f" {process_words(runs)}"
    return MarketPresentation(
        market="bilateral",
        name=folder.resolve().name,
        title="Bilateral trade: the trades of greatest welfare, at prices that nobody would leave.",
        clearing=outcome,
        sentence=sentence,
        tiles=tiles,
        settled=PAID["bilateral"],
        make_charts=lambda: bilateral_charts(outcome, runs),
        draw_picture=lambda path: draw_bilateral(outcome, path),
        more_tables=tables,
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


def clear_posted(folder: Path, request: MarketRequest) -> MarketPresentation:
    """Posted offers from a folder of tables."""
    from clearing.posted.book import PostedBook
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
    market = market_named("posted")(
        request.operator,  # type: ignore[arg-type]
        request.reference_price,
        reference,
        price_rule=request.price_rule,  # type: ignore[arg-type]
    )
    outcome = market.clear(book)
    sentence, tiles = posted_words(outcome)
    return MarketPresentation(
        market="posted",
        name=folder.resolve().name,
        title="Posted offers: consumers buy the cheapest first, the operator sells the rest.",
        clearing=outcome,
        sentence=sentence,
        tiles=tiles,
        settled=PAID["posted"],
        make_charts=lambda: posted_charts(outcome),
        draw_picture=lambda path: draw_posted(outcome, path),
        more_notes=notes,
        command=request.command,
    )


def _check_files(folder: Path, market: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"--market {market} takes a folder with {' and '.join(names)}; {str(folder)!r} has no "
            f"{missing[0]} (an example: examples/microgrid/{market})"
        )

"""`walras incubate`: a series of books beside the same books at truthful costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption, command_line, hand_over, read_pairs

if TYPE_CHECKING:
    from studies.incubator.result import IncubatorResult


def incubate(
    context: typer.Context,
    books: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BOOKS.csv]",
            help="Recorded offers: book, order, price[, mw, available_mw, slope]; orders as `walras clear "
            "CASE` names them. An order that a book leaves out stands at the case's cost and MW.",
            show_default=False,
        ),
    ] = None,
    case: Annotated[
        str, typer.Option(metavar="CASE", help="The grid and true costs: a named case, a file, or a folder.")
    ] = "",
    loads: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Demand: book, factor; or book, bus, mw. Without: the case's."),
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The monitor's costs where the case's are not: order, price."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Observed prices in place of cleared ones: book, bus, lmp."),
    ] = None,
    cost_error: Annotated[
        float,
        typer.Option(help="How wrong costs may be, as a share: 0.1 for about ten per cent; 0 for exact."),
    ] = 0.1,
    simulate: Annotated[
        int | None, typer.Option(metavar="HOURS", help="Simulate a series in place of recorded books.")
    ] = None,
    markup: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="Of a simulated series: G1=20% offers a fifth above cost."),
    ] = None,
    withhold: Annotated[
        list[str] | None, typer.Option(metavar="NAME=SHARE", help="Of a simulated series: G1=20%.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the series as books.csv and loads.csv.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Draws of wrong costs.", min=20)] = 400,
    block: Annotated[int, typer.Option(help="Neighbouring books resampled together.", min=1)] = 24,
    seed: Annotated[int, typer.Option(help="Of the simulation and of wrong costs.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the results.", show_default="results/incubator/CASE"
        ),
    ] = None,
    no_files: Annotated[bool, typer.Option("--no-files", help="Write no files.")] = False,
    as_json: JsonOption = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Compare a series of books with the same books at truthful costs: price gaps by book and seller.

    Says how large the gap is, whether costs that are wrong could explain it, and who fails the
    three-pivotal-supplier test. A first step: walras incubate --case pglib_ieee118 --simulate 168
    --markup G5=50%. With --json, files are written only where --out names a folder.
    """
    with plain_errors(debug):
        from networks.errors import InputError
        from studies.incubator.input import IncubatorRequest, write_series
        from studies.incubator.result import incubate as incubate_series

        if not case:
            raise InputError("--case is missing; name the grid and its costs, such as --case pglib_ieee118")
        start = time.perf_counter()
        request = IncubatorRequest(
            case=case, books=books, loads=loads, costs=costs, prices=prices, simulate=simulate,
            markup=tuple(read_pairs(markup or (), "--markup")),
            withheld=tuple(read_pairs(withhold or (), "--withhold")),
            sigma=cost_error, trials=trials, block=block, seed=seed,
        )  # fmt: skip
        result = incubate_series(request, command_line(context))
        saved = [] if save is None else write_series(result.assessment.found, save)

        def say(files: list[Path]) -> None:
            _print(result, files, saved, time.perf_counter() - start)

        hand_over(result, context, say, saved, ("incubator", result.name))


def _print(result: IncubatorResult, files: list[Path], saved: list[Path], seconds: float) -> None:
    from rich.text import Text

    from studies.commands.terminal import ROWS_SHOWN, make_console, print_table

    console = make_console()
    console.print(Text.assemble((result.name, "bold"), "  prices as offered beside truthful costs"))
    console.print()
    console.print(Text(result.assessment.sentence))
    console.print()
    agents = result.tables["agents"]
    columns = ("gap", "gain", "offered_markup", "withheld", "fails_three_pivotal")
    formats = ("{:,.2f}", "{:,.2f}", "{:.1%}", "{:.1%}", "{:.0%}")
    rows = [
        [str(row["seller"]), *("–" if row[c] != row[c] else f.format(row[c] + 0.0) for c, f in
                               zip(columns, formats, strict=True))]
        for row in agents.head(ROWS_SHOWN).to_dict("records")
    ]  # fmt: skip
    more = f" (the {ROWS_SHOWN} who gain most of {len(agents)})" if len(agents) > ROWS_SHOWN else ""
    headers = ["seller", "gap $/MWh", "gain $/book", "offers over cost", "withheld", "fails screen"]
    print_table(console, f"Sellers{more}", headers, rows, "lrrrrr")
    if len(result.lines):
        rows = [
            [
                str(r["branch"]),
                f"{r['relief_mw']:,.1f}",
                str(r["sellers"]),
                str(r["failing"]),
                str(r["names"]),
            ]
            for r in result.lines.to_dict("records")[:ROWS_SHOWN]
        ]
        headers = ["line", "relief MW", "sellers of relief", "fail", "who"]
        print_table(console, "Binding lines of the book with the greatest gap", headers, rows, "lrrrl")
    for path in saved:
        console.print(Text(f"Series   {path}"))
    if files:
        console.print(Text(f"Page     {files[0]}"))
        console.print(Text(f"Pictures {files[0].parent}/*.png"))
        console.print(Text(f"Tables   {files[0].parent}/{{{','.join(result.tables)}}}.{{csv,parquet}}"))
    console.print(Text(f"Read, cleared twice and assessed in {seconds:.1f} s.", style="dim"))

"""`walras trade DIR`: four models of trade over private lines on an instance of tables."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption, command_line, hand_over

if TYPE_CHECKING:
    from studies.commands.trade_results import TradeResult


class TariffName(StrEnum):
    """At which tariff self-interested agents buy."""

    flat = "flat"
    nodal = "nodal"


def trade(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Tables buses.csv, public_lines.csv, private_lines.csv and trade.toml (see "
            "examples/trading/village), or the name eight_node.",
            show_default=False,
        ),
    ],
    tariff: Annotated[
        TariffName, typer.Option(help="Tariff of self-interested agents: as given, or dearer by nodal cost.")
    ] = TariffName.flat,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Only write the tables, ready to be edited.", show_default=False),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also bound each optimum by a linear program of tangent cuts.")
    ] = False,
    samples: Annotated[
        int,
        typer.Option(help="Random orders for Shapley values of coalitions beyond 12 agents; 0: none.", min=0),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the random orders.", min=0)] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the results.", show_default="results/NAME"),
    ] = None,
    no_files: Annotated[bool, typer.Option("--no-files", help="Write no files.")] = False,
    as_json: JsonOption = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Clear four models of trade over private lines side by side, with payments that support cooperation.

    `walras trade eight_node --export my_village` writes tables to start from.
    Ad hoc, self-interested, cooperative and integrated, as a summary, tables, a picture and an offline
    page. With --json, files are written only where --out names a folder.
    """
    with plain_errors(debug):
        from studies.commands.trade_results import export_tables
        from studies.commands.trade_results import trade as clear_all

        if export is not None:
            typer.echo(f"Tables   {export_tables(folder, export)}")
            return
        start = time.perf_counter()
        result = clear_all(folder, tariff.value, verify, samples, seed, command_line(context))
        hand_over(result, context, lambda files: _print(result, files, time.perf_counter() - start))


def _print(result: TradeResult, files: list[Path], seconds: float) -> None:
    from rich.text import Text

    from studies.commands.terminal import ROWS_SHOWN, make_console, print_table
    from studies.commands.trade_results import WORDS
    from studies.pages.sentences import count, power_unit

    console = make_console()
    instance = result.instance
    size = (
        f"{count(len(instance.agents), 'agent', 'agents')}, "
        f"{count(len(instance.in_service), 'public line', 'public lines')}, "
        f"{count(len(instance.private.lines), 'private line', 'private lines')}"
    )
    console.print(Text.assemble((result.name, "bold"), f"  ({size}, main grid at {instance.main_bus})"))
    console.print()
    columns = ("losses_mw", "private_losses_mw", "main_grid_mw", "agents_pay")
    (scale, unit), (main_scale, main_unit) = (
        power_unit(float(result.models[name].abs().max())) for name in ("losses_mw", "main_grid_mw")
    )
    factors = dict(zip(columns, (scale, scale, main_scale, 1.0), strict=True))
    rows = []
    for row in result.models.to_dict("records"):
        proof = f"{row['certificate']}, {row['worst_row']} at {row['worst_residual']:.0e}"
        numbers = (f"{row[name] * factors[name] + 0.0:,.4f}" for name in columns)
        rows.append([WORDS[str(row["model"])], *numbers, proof])
    headers = ["model", f"losses {unit}", "of them private", f"main grid {main_unit}", "agents pay $"]
    headers.append("certificate")
    print_table(console, "Models", headers, rows, "lrrrrl")
    _print_trades(result)
    table = result.payments.table
    tariff = "the nodal tariff" if result.tariff == "nodal" else "given tariffs"
    rows = [
        [str(agent), *("–" if row[c] != row[c] else f"{row[c]:,.4f}" for c in list(table.columns)[:4])]
        for agent, row in list(table.iterrows())[:ROWS_SHOWN]
    ]
    more = f" (the first {ROWS_SHOWN} of {len(table)})" if len(table) > ROWS_SHOWN else ""
    headers = ["agent", "alone $", "dual prices $", "Shapley $", "nucleolus $"]
    print_table(console, f"Payments of the tariff game at {tariff}{more}", headers, rows, "lrrrr")
    console.print(Text(result.sentence))
    if result.left_out:
        console.print(Text(f"Note: {result.left_out}", style="yellow"))
    if files:
        console.print()
        console.print(Text(f"Page     {files[0]}"))
        console.print(Text(f"Picture  {files[1]}"))
        console.print(Text(f"Tables   {files[0].parent}/{{{','.join(result.tables)}}}.{{csv,parquet}}"))
    console.print(Text(f"Read, cleared and paid in {seconds:.1f} s.", style="dim"))


def _print_trades(result: TradeResult) -> None:
    from studies.commands.terminal import ROWS_SHOWN, make_console, print_table
    from studies.commands.trade_results import WORDS
    from studies.pages.sentences import power_unit

    trades = result.tables["trades"]
    if not len(trades):
        return
    seen = trades[trades["sent_mw"] > 1e-3 * trades["sent_mw"].max()]
    wide = seen.pivot_table(index=["seller", "buyer"], columns="model", values="sent_mw", sort=False)
    models = [model for model in WORDS if model in wide.columns]
    order = wide.max(axis=1).sort_values(ascending=False, kind="stable").index
    factor, unit = power_unit(float(trades["sent_mw"].max()))
    rows = [
        [str(seller), str(buyer)]
        + ["–" if wide.loc[(seller, buyer), m] != wide.loc[(seller, buyer), m]
           else f"{factor * wide.loc[(seller, buyer), m]:,.3f}" for m in models]
        for seller, buyer in order[:ROWS_SHOWN]
    ]  # fmt: skip
    more = f" (the {ROWS_SHOWN} largest of {len(wide)})" if len(wide) > ROWS_SHOWN else ""
    headers = ["seller", "buyer", *(WORDS[model] for model in models)]
    print_table(
        make_console(), f"Sent over private lines, {unit}{more}", headers, rows, "ll" + "r" * len(models)
    )

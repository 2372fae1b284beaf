"""`walras homes FEEDER`: homes by one seed, their truthful plans, and what energy is worth to each."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption, command_line, hand_over


class TariffKind(StrEnum):
    """At which retail tariff homes plan."""

    flat = "flat"
    time_of_use = "time_of_use"
    net_metering = "net_metering"


def homes(
    context: typer.Context,
    feeder: Annotated[
        str,
        typer.Argument(
            metavar="FEEDER",
            help="A case whose grid is a tree: feeder8, feeder33, cigre_lv, or a file or folder.",
            show_default=False,
        ),
    ],
    count: Annotated[
        int | None,
        typer.Option(help="Number of homes.", show_default="25; with --load one per column of the file"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of places, loads, sun and what homes have.", min=0)] = 0,
    slots: Annotated[
        int | None,
        typer.Option(
            help="Slots of a day: 24 for hourly rows in --load.",
            show_default="96; with --load what its column time says",
            min=1,
        ),
    ] = None,
    load: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Loads in kW, of any number of days: slot (0, 1, …) or time, then one column per home. "
            "Nothing else is drawn but what an option asks for.",
            show_default="drawn",
        ),
    ] = None,
    sun: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Sun in kW, columns as in --load.", show_default="drawn; none with --load"
        ),
    ] = None,
    battery_share: Annotated[
        float | None,
        typer.Option(help="Share of homes with a battery.", show_default="0.25; with --load 0"),
    ] = None,
    vehicle_share: Annotated[
        float | None, typer.Option(help="Share of homes with a vehicle.", show_default="0.2; with --load 0")
    ] = None,
    appliance_share: Annotated[
        float | None,
        typer.Option(help="Share of homes with a shiftable appliance.", show_default="0.5; with --load 0"),
    ] = None,
    comfort: Annotated[
        bool | None,
        typer.Option(
            "--comfort/--no-comfort",
            help="Comfort beside the load, bought where it is worth its price.",
            show_default="drawn homes have it; with --load none",
        ),
    ] = None,
    tariff: Annotated[TariffKind, typer.Option(help="Retail tariff.")] = TariffKind.time_of_use,
    price: Annotated[float, typer.Option(help="Price of energy bought, $/MWh.")] = 200.0,
    peak_price: Annotated[float, typer.Option(help="Price from 16 to 21 h by time of use, $/MWh.")] = 320.0,
    feed_in: Annotated[float, typer.Option(help="Price of energy sold, $/MWh.")] = 60.0,
    compare: Annotated[bool, typer.Option("--compare", help="Also plan at the other two tariffs.")] = False,
    orders_at: Annotated[
        float | None,
        typer.Option(
            metavar="HOUR",
            help="Also write orders.csv and supplier.csv of an auction of the slot at this hour: what each "
            "home would truthfully sell and buy.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the results.", show_default="results/FEEDER_homes"
        ),
    ] = None,
    no_files: Annotated[bool, typer.Option("--no-files", help="Write no files.")] = False,
    as_json: JsonOption = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Plan homes on a feeder: bills, storage, marginal cost of every slot, as tables, picture and page.

    Each home minimises what it pays, exactly and on its own. With --json, files are written only where
    --out names a folder.
    """
    with plain_errors(debug):
        from studies.commands.homes_results import HomesRequest, plan_homes
        from studies.commands.terminal import print_market

        start = time.perf_counter()
        asked = {name: context.params[name] for name in HomesRequest.__annotations__.keys() & context.params}
        asked |= {"tariff": tariff.value, "command": command_line(context)}
        result = plan_homes(HomesRequest(**asked))
        hand_over(result, context, lambda files: print_market(result, files, time.perf_counter() - start))

"""`walras show CASE`: what is in a case, drawn and exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import (
    AngleLimits,
    AngleLimitsOption,
    CaseArgument,
    ConventionOption,
    DebugOption,
    JsonOption,
)

if TYPE_CHECKING:
    from networks.case import Case
    from networks.summary import Summary


def show(
    case: CaseArgument,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the tables that `walras clear DIR` reads back.", show_default=False
        ),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the grid as FILE.png.", show_default=False)
    ] = None,
    convention: ConventionOption = None,
    angle_limits: AngleLimitsOption = AngleLimits.file,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what is in a case: buses, branches, units, loads, costs, limits, islands, provenance."""
    with plain_errors(debug):
        import networks
        from networks.errors import InputError

        if png is not None and png.suffix.lower() != ".png":
            raise InputError(f"--png is '{png}'; the picture is a PNG: give a name that ends in .png")
        loaded = networks.load(
            case, convention=None if convention is None else convention.value, angle_limits=angle_limits.value
        )
        files = []
        if export is not None:
            files.append(("Tables", loaded.export(export)))
        if png is not None:
            from studies.pictures.figures import draw_case

            files.append(("Picture", draw_case(loaded, png)))
        summary = loaded.summary()
        if as_json:
            _print_json(summary, [str(path) for _, path in files])
        else:
            _print_summary(loaded, summary, files)


def _print_json(summary: Summary, files: list[str]) -> None:
    import dataclasses
    import json

    from studies.pages.exports import plain

    typer.echo(json.dumps(plain(dataclasses.asdict(summary) | {"files": files}), ensure_ascii=False))


def _print_summary(case: Case, summary: Summary, files: list[tuple[str, Path]]) -> None:
    from rich.text import Text

    from studies.commands.terminal import make_console, print_facts

    console = make_console()
    console.print(Text.assemble((case.name, "bold"), f"  {case.title}"))
    console.print()
    rows = []
    for quantity, value, unit in summary.frame().itertuples(index=False):
        rows.append((str(quantity).capitalize(), f"{value} {unit}".strip()))
    rows += [
        (name, text)
        for name, text in (
            ("Licence", case.provenance.licence),
            ("Citation", case.provenance.citation),
            ("SHA-256", case.provenance.sha256),
        )
        if text
    ]
    print_facts(console, rows)
    if summary.notes:
        console.print()
    for note in summary.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    if files:
        console.print()
    for what, path in files:
        console.print(Text(f"{what:8} {path}"))

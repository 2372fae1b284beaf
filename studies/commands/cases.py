"""`walras cases`: the named cases, with sizes and what they are good for."""

from __future__ import annotations

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption


def cases(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """List the named cases that `walras show` and `walras clear` take."""
    with plain_errors(debug):
        import networks

        frame = networks.catalogue()
        if as_json:
            import json

            from studies.pages.exports import plain

            typer.echo(json.dumps(plain(frame.to_dict("records")), ensure_ascii=False))
            return
        from studies.commands.terminal import make_console, print_table

        rows = [
            [
                row["name"],
                *(f"{row[column]:,.0f}" for column in ("buses", "branches", "units", "load_mw")),
                str(row["limits"]),
                str(row["good_for"]),
            ]
            for row in frame.to_dict("records")
        ]
        headers = ["case", "buses", "branches", "units", "load MW", "limits bind", "good for"]
        justify = "lrrrrll"
        print_table(make_console(), f"{len(rows)} named cases", headers, rows, justify)

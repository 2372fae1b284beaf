"""Option types that several commands share, and the reading of `KEY=VALUE` words."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from networks.errors import InputError
from networks.files import safe_name

if TYPE_CHECKING:
    from studies.pages.exports import Presentation


class Convention(StrEnum):
    """How susceptances are made (law 8)."""

    matpower = "matpower"
    powermodels = "powermodels"


class AngleLimits(StrEnum):
    """Whether angle limits of the file hold."""

    file = "file"
    ignore = "ignore"


CaseArgument = Annotated[
    str,
    typer.Argument(
        metavar="CASE",
        help="A named case (see `walras cases`), a MATPOWER .m file, a pandapower .json file, "
        "or a folder of tables.",
        show_default=False,
    ),
]
ConventionOption = Annotated[
    Convention | None,
    typer.Option(
        help="Branch model: 'matpower' is 1/(x·tap) with shifters, 'powermodels' is x/(r²+x²) without taps.",
        show_default="matpower",
    ),
]
AngleLimitsOption = Annotated[AngleLimits, typer.Option(help="Keep or ignore angle limits.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results.", show_default="results/CASE"),
]


def default_folder(*names: str) -> Path:
    """Where results go without --out: below `results`, by the name of what was cleared.

    A name comes from a file, perhaps of somebody else: it is one folder's name, never a path.
    """
    return Path("results").joinpath(*map(safe_name, names))


def hand_over(
    result: Presentation,
    context: typer.Context,
    say: Callable[[list[Path]], None],
    saved: Sequence[Path] = (),
    folder: Sequence[str] = (),
) -> None:
    """Write the files of a result, print it, and open its page, as --out, --no-files, --json and --open ask.

    Parameters
    ----------
    say : prints the result where no JSON is asked for; takes the written files.
    saved : other files that the document lists.
    folder : names below `results` without --out, the result's own where there is none.
    """
    out, as_json = context.params["out"], context.params["as_json"]
    quiet = context.params["no_files"] or (as_json and out is None)
    files = [] if quiet else result.write(out or default_folder(*(folder or (result.name,))))
    if as_json:
        typer.echo(result.document([*files, *saved]))
    else:
        say(files)
    if context.params["open_page"] and files:
        typer.launch(files[0].resolve().as_uri())


def read_pairs(words: Sequence[str], option: str) -> list[tuple[str, float, bool]]:
    """`["G1=10", "G2=5%"]` as (key, number, whether it was a percentage); a key may contain `=`."""
    pairs = []
    for word in words:
        key, equals, text = word.rpartition("=")
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not equals or not key.strip() or value != value:
            raise InputError(f"{option} is {word!r}; give NAME=NUMBER, such as {option} G1=10")
        pairs.append((key.strip(), value, text.strip().endswith("%")))
    return pairs


def command_line(context: typer.Context) -> str:
    """The command as it would be typed again: only what was given on the command line."""
    words = ["walras", str(context.info_name)]
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        flag = next((o for o in parameter.opts if o.startswith("--")), None)
        if flag is None:
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(flag)
        else:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                words += [flag, str(item)]
    return shlex.join(words)

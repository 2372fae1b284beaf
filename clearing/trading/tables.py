"""A folder of tables as a trading instance, and the folders that come with the toolkit."""

from __future__ import annotations

import json
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clearing.trading.instance import TradingInstance
from networks.checks import Table, number, shown, suggest
from networks.csv_tables import LABELS, read_table, typed_tables, write_csv
from networks.csv_text import read_cells, unguarded
from networks.errors import InputError
from networks.files import replacing
from networks.grid import Grid
from networks.named_cases import data_folder
from networks.private_lines import PrivateNetwork
from networks.table_reader import read_settings

SETTINGS = {
    "name", "title", "base_mva", "main_bus", "supply_price", "buy_price", "sell_price", "r_pu_per_km",
    "notes", "provenance",
}  # fmt: skip


def read_instance(folder: Path | Traversable) -> TradingInstance:
    """The trading instance in a folder (labels are text).

    - `buses.csv`: `bus[, endowment_mw, demand_mw, buy_price, x_km, y_km]`. A bus with an endowment and
      a demand (0 counts) is an agent; one where both are empty is none.
    - `public_lines.csv`: `line, from_bus, to_bus, r_pu, x_pu[, in_service]`.
    - `private_lines.csv` (may be missing): `line, from_bus, to_bus[, r_pu, length_km]`.
    - `trade.toml`: `main_bus`; and, where they differ from the defaults, `base_mva` (100),
      `supply_price` (1), `buy_price` (1), `sell_price` (0.5), `r_pu_per_km`; `name`, `title`, `notes` and
      `provenance` are for people.

    Raises
    ------
    InputError
        naming folder, table, row, column, value and remedy (law 11).
    """
    try:
        settings = _settings(folder)
        buses = _read(folder, "buses")
        spots = [column for column in ("x_km", "y_km") if column in buses]
        table = Table(buses, "buses", ["bus"], ["endowment_mw", "demand_mw", "buy_price", "x_km", "y_km"])
        labels = table.labels("bus", unique=True)
        lines = _read(folder, "public_lines").rename(columns={"line": "branch"})
        grid = Grid.from_tables(buses[["bus"]], lines, base_mva=settings.get("base_mva", 100.0))
        agents, who = _agents(buses)
        positions = None
        if len(spots) == 2:
            positions = np.column_stack([table.numbers(axis, "km", missing=np.nan)[who] for axis in spots])
        private = PrivateNetwork.none([labels[k] for k in who])
        if folder.joinpath("private_lines.csv").is_file():
            rows = _read(folder, "private_lines")
            if len(rows):
                private = PrivateNetwork.from_tables(
                    private.buses, rows, settings.get("r_pu_per_km"), positions
                )
        tariffs = {
            key: number(f"trade.toml: {key}", settings[key], "$/MWh")
            for key in ("supply_price", "buy_price", "sell_price")
            if key in settings
        }
        return TradingInstance.from_tables(
            grid, agents, private, main_bus=str(settings["main_bus"]), **tariffs
        )
    except InputError as error:
        raise InputError(f"folder '{folder}': {error}") from error


def write_instance(instance: TradingInstance, folder: Path, name: str = "") -> Path:
    """Write the tables that :func:`read_instance` reads back (labels as text); returns the folder.

    The folder is made if needed and its tables are replaced: a start for instances of one's own.
    """
    grid, private = instance.grid, instance.private
    agents = instance.agents_frame.set_index("bus")
    buses = pd.DataFrame({"bus": list(grid.buses)}).set_index("bus").join(agents)
    if private.positions_km is not None:
        spots = pd.DataFrame(private.positions_km, index=list(private.buses), columns=["x_km", "y_km"])
        buses = buses.join(spots)
    columns = ["branch", "from_bus", "to_bus", "r_pu", "x_pu", "tap", "shift_degree", "in_service"]
    public = grid.branches_frame[columns].rename(columns={"branch": "line"})
    usual = (("tap", 1.0), ("shift_degree", 0.0), ("in_service", True))
    public = public.drop(columns=[column for column, value in usual if (public[column] == value).all()])
    settings = {
        "name": name or folder.resolve().name,
        "base_mva": float(grid.base_mva),
        "main_bus": str(instance.main_bus),
        "supply_price": float(instance.supply_price),
        "sell_price": float(instance.sell_price),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(buses.reset_index(), folder / "buses.csv")
    write_csv(public, folder / "public_lines.csv")
    write_csv(private.lines_frame, folder / "private_lines.csv")
    text = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
    with replacing(folder / "trade.toml") as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
    return folder


def eight_node() -> TradingInstance:
    """The poster's eight-node example as reconstructed by us; per unit on a base of 1 MVA.

    Four impedances were chosen so that its listed trades come out, so it is a reconstruction, not the
    original; the poster gives no numbers.
    """
    return read_instance(data_folder().joinpath("eight_node"))


def ieee300_agents() -> pd.DataFrame:
    """Dispatched generation, demand and static injections of the IEEE 300-bus case, by bus [MW].

    Columns bus, generation_mw, load_mw, static_mw (negative loads that the case holds as generators).
    The coalition study takes endowment = share·generation + static and demand = load.
    """
    path = data_folder().joinpath("ieee300_trading", "agents.csv")
    return read_table(path, "agents").astype({"bus": int})


def _settings(folder: Path | Traversable) -> dict[str, Any]:
    if not folder.joinpath("trade.toml").is_file():
        raise InputError("file 'trade.toml' is missing; it must at least name main_bus")
    settings = read_settings(folder, "trade.toml")
    for key in settings:
        if key not in SETTINGS:
            raise InputError(
                f"file 'trade.toml': setting {shown(key)} is unknown{suggest(key, SETTINGS)}; known are "
                f"{', '.join(sorted(SETTINGS))}"
            )
    if "main_bus" not in settings:
        raise InputError("file 'trade.toml': main_bus is missing; name the bus of the main grid")
    return settings


def _read(folder: Path | Traversable, name: str) -> pd.DataFrame:
    path = folder.joinpath(f"{name}.csv")
    if not path.is_file():
        raise InputError(f"file '{name}.csv' is missing; an instance needs buses.csv and public_lines.csv")
    cells = read_cells(path, name)
    text = {kind: lambda cell: unguarded(cell) or None for kind in LABELS.values()}
    return typed_tables({name: cells}, decoders=text)[name]


def _agents(buses: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows of `buses` with an agent, and their positions; half-filled rows are left to be refused."""
    columns = ["endowment_mw", "demand_mw"]
    for column in columns:
        if column not in buses:
            raise InputError(f"table 'buses': column '{column}' is missing; give MW, empty for no agent")
    who = np.flatnonzero(~buses[columns].isna().all(axis=1).to_numpy())
    kept = ["bus", *columns, *(["buy_price"] if "buy_price" in buses else [])]
    return buses.iloc[who][kept].reset_index(drop=True), who

"""The physical half of a pandapower net: buses, branches and links through pandapower's conversion.

pandapower turns a net into PYPOWER arrays for its OPF (`pandapower.pd2ppc`). The same conversion
runs here on a copy, so that switches, three-winding transformers, impedances, wards and elements
out of service come out as `pandapower.rundcopp` has them. Its tables are then given labels again.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from networks.errors import InputError
from networks.notes import left_out, plural

NOT_MODELLED = ("tcsc", "vsc", "vsc_stacked", "vsc_bipolar", "line_dc", "load_dc", "source_dc")
"""Elements that carry active power but have no place in a DC market model."""

NUMBERED = (
    "bus", "line", "trafo", "trafo3w", "impedance", "switch", "dcline", "ext_grid", "gen", "sgen", "load",
    "storage", "ward", "xward", "motor", "shunt", "asymmetric_load", "asymmetric_sgen",
)  # fmt: skip
"""Tables whose rows are named by their index."""

REACTIVE_ONLY = ("svc", "ssc")

SWITCH_RX_RATIO = 0.5
"""Default of `pandapower.rundcopp`, so that impedances of switches agree with it."""

NAMED = 5
"""Fused buses that a note names; the table of prices has them all."""

NO_LIMIT = 1e9
"""What pandapower's conversion writes for a limit that is not given [MW]."""


@dataclass(frozen=True)
class Converted:
    """The converted net.

    Attributes
    ----------
    net : the converted copy, with pandapower's internal lookups.
    ppc : its PYPOWER arrays (not `net._ppc`, which lacks what pandapower holds isolated).
    buses, branches, links : tables for `Grid.from_tables`.
    label_of : label of each row of pandapower's bus array, None where the bus is left out.
    base_mva : power base of the branch table [MVA].
    fused : (bus, bus that stands for it) of buses that closed switches join to another.
    notes : what was left out or fused.
    """

    net: Any
    ppc: Any
    buses: pd.DataFrame
    branches: pd.DataFrame
    links: pd.DataFrame
    label_of: np.ndarray
    base_mva: float
    fused: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]

    def labels_at(self, bus_indices: np.ndarray) -> np.ndarray:
        """Labels of the grid's buses for pandapower bus indices (fused ones share a label)."""
        return self.label_of[self.net._pd2ppc_lookups["bus"][np.asarray(bus_indices, dtype=np.int64)]]


def convert(net: Any) -> Converted:
    """Buses, branches and links of a pandapower net; the net stays unchanged."""
    _refuse_what_is_not_modelled(net)
    net = _prepared_copy(net)
    dclines = net.dcline.copy()
    net.dcline = net.dcline.iloc[:0]
    ppc = _run_conversion(net)
    label_of = _bus_labels(net, ppc)
    branches, dangling = _branches(net, ppc, label_of)
    kept = [label for label in label_of if label is not None]
    shunt = ppc["bus"][[label is not None for label in label_of], 4]
    order = np.argsort([_rank(net, label) for label in kept], kind="stable")
    buses = pd.DataFrame({"bus": [kept[k] for k in order], "shunt_mw": shunt[order]})
    links, link_notes = _links(net, dclines, label_of)
    fused = _fused(net, label_of)
    notes = [
        *left_out(
            int((~net.bus.in_service.astype(bool)).sum()), "bus out of service", "buses out of service"
        ),
        *_fused_words(fused),
        *left_out(dangling, "branch open at one end", "branches open at one end"),
        *link_notes,
        *left_out(sum(len(net[table]) for table in REACTIVE_ONLY), "reactive compensator"),
    ]
    base_mva = float(ppc["baseMVA"])
    return Converted(net, ppc, buses, branches, links, label_of, base_mva, fused, tuple(notes))


@contextmanager
def quiet() -> Iterator[None]:
    """pandapower without its log lines and warnings."""
    logger = logging.getLogger("pandapower")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _refuse_what_is_not_modelled(net: Any) -> None:
    for name in NOT_MODELLED:
        table = net[name] if name in net else pd.DataFrame()
        on = table["in_service"].astype(bool) if "in_service" in table else pd.Series(True, table.index)
        if len(table) and on.any():
            raise InputError(
                f"table '{name}', row {table.index[on][0]}: this element is not modelled in a DC market; "
                "take it out of service, or replace it (a controllable DC connection can be a 'dcline')"
            )
    for name, table in net.items():
        if isinstance(table, pd.DataFrame) and name in NUMBERED and not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(
                f"table '{name}': the index {twice} appears twice; number its rows anew "
                f"(net.{name}.reset_index(drop=True) where nothing refers to them)"
            )
    if not len(net.bus):
        raise InputError("table 'bus': there is no row; a grid needs at least one bus")


def _prepared_copy(net: Any) -> Any:
    """A copy without cost tables, which pandapower cannot mix; they are read by their own rules."""
    net = copy.deepcopy(net)
    for name in REACTIVE_ONLY:
        if name in net:
            net[name] = net[name].iloc[:0]
    return net


def _run_conversion(net: Any) -> Any:
    """pandapower's PYPOWER arrays, with every element that is in service and none dropped as isolated."""
    from pandapower.auxiliary import _init_rundcopp_options
    from pandapower.pd2ppc import _pd2ppc

    costs = {name: net[name] for name in ("poly_cost", "pwl_cost")}
    try:
        with quiet():
            _init_rundcopp_options(
                net,
                check_connectivity=False,
                switch_rx_ratio=SWITCH_RX_RATIO,
                delta=0.0,
                trafo3w_losses="hv",
            )
            net._options["enforce_p_lims"] = False
            for name, table in costs.items():
                net[name] = table.iloc[:0]
            ppc, _ = _pd2ppc(net)
    except Exception as error:
        raise InputError(
            f"pandapower cannot convert the net ({type(error).__name__}: {error}); "
            "run pandapower.diagnostic(net) to find out why"
        ) from error
    finally:
        for name, table in costs.items():
            net[name] = table
    return ppc


def _bus_labels(net: Any, ppc: Any) -> np.ndarray:
    """Per row of the bus array the least index of its buses in service, or the star point's name."""
    labels = np.full(len(ppc["bus"]), None, dtype=object)
    lookup = net._pd2ppc_lookups["bus"]
    for index in sorted(net.bus.index[net.bus.in_service.astype(bool)], reverse=True):
        labels[lookup[index]] = int(index)
    for index, aux, on in zip(
        net.trafo3w.index, net._pd2ppc_lookups["aux"].get("trafo3w", ()), net.trafo3w.in_service, strict=True
    ):
        if on:
            labels[lookup[aux]] = f"trafo3w {index} star"
    return labels


def _fused(net: Any, label_of: np.ndarray) -> tuple[tuple[int, int], ...]:
    on = [int(index) for index in net.bus.index[net.bus.in_service.astype(bool)]]
    stands = label_of[net._pd2ppc_lookups["bus"][np.array(on, dtype=np.int64)]]
    return tuple((bus, int(other)) for bus, other in zip(on, stands.tolist(), strict=True) if bus != other)


def _fused_words(fused: tuple[tuple[int, int], ...]) -> list[str]:
    if not fused:
        return []
    named = ", ".join(f"{bus} with {other}" for bus, other in fused[:NAMED])
    more = f" and {len(fused) - NAMED} more" if len(fused) > NAMED else ""
    count = plural(len(fused), "bus", "buses")
    return [f"{count} fused with another by closed switches, whose price it has: {named}{more}"]


def _rank(net: Any, label: Any) -> int:
    """Position in the net's bus table; star points follow."""
    return len(net.bus) if isinstance(label, str) else int(net.bus.index.get_loc(label))


def _branches(net: Any, ppc: Any, label_of: np.ndarray) -> tuple[pd.DataFrame, int]:
    """The branch table, and how many branches in service end at no bus, so that they carry no flow.

    The inner branch of an extended ward is no branch of the net, and its source gives no active power.
    """
    from pandapower.pypower.idx_brch import BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP

    values = np.real(ppc["branch"])
    rate, tap = values[:, RATE_A], values[:, TAP]
    frame = pd.DataFrame(
        {
            "branch": _branch_names(net, len(values)),
            "from_bus": label_of[values[:, F_BUS].astype(np.int64)],
            "to_bus": label_of[values[:, T_BUS].astype(np.int64)],
            "r_pu": values[:, BR_R],
            "x_pu": values[:, BR_X],
            "limit_mw": np.where((rate == 0) | np.isnan(rate), np.inf, rate),
            "tap": np.where(tap == 0, 1.0, tap),
            "shift_degree": values[:, SHIFT],
            "in_service": values[:, BR_STATUS].astype(bool),
        }
    )
    open_end = frame["from_bus"].isna() | frame["to_bus"].isna()
    looped = frame["from_bus"] == frame["to_bus"]
    inner = np.array([name.startswith("xward ") for name in frame["branch"]], dtype=bool)
    dangling = ((open_end & frame["in_service"]) | looped) & ~inner
    return frame[~open_end & ~looped], int(dangling.sum())


def _branch_names(net: Any, count: int) -> list[str]:
    names = [""] * count
    for table, (start, end) in net._pd2ppc_lookups["branch"].items():
        if table == "trafo3w":
            rows = [f"trafo3w {k} {side}" for side in ("hv", "mv", "lv") for k in net.trafo3w.index]
        elif table == "switch":
            rows = [f"switch {k}" for k in net.switch.index[net._impedance_bb_switches]]
        else:
            rows = [f"{table} {k}" for k in net[table].index]
        names[start:end] = rows
    return names


def _links(net: Any, dclines: pd.DataFrame, label_of: np.ndarray) -> tuple[pd.DataFrame, list[str]]:
    """DC lines as links between 0 and max_p_mw in the direction of p_mw, as pandapower's OPF has them."""
    lookup = net._pd2ppc_lookups["bus"]
    on = dclines[dclines.in_service.astype(bool)]
    start = label_of[lookup[on.from_bus.to_numpy(dtype=np.int64)]]
    end = label_of[lookup[on.to_bus.to_numpy(dtype=np.int64)]]
    connected = ~(pd.isna(start) | pd.isna(end))
    missing = on.index[on.max_p_mw.isna().to_numpy() & connected]
    if len(missing):
        raise InputError(f"table 'dcline', dcline {missing[0]}: column 'max_p_mw' is missing; give it in MW")
    forward = on.p_mw.to_numpy() > 0
    most = on.max_p_mw.to_numpy(dtype=float)
    frame = pd.DataFrame(
        {
            "link": [f"dcline {k}" for k in on.index],
            "from_bus": start,
            "to_bus": end,
            "min_mw": np.where(forward, 0.0, -most),
            "max_mw": np.where(forward, most, 0.0),
        }
    )
    notes = left_out(len(dclines) - int(connected.sum()), "DC line out of service", "DC lines out of service")
    if (on[["loss_mw", "loss_percent"]].to_numpy()[connected] != 0).any():
        notes.append("the losses of DC lines are left out")
    return frame[connected], notes

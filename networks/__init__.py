"""What exists physically and who owns it: grids, fleets, cases and their readers.

Names load when they are first used, so that `import networks` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from networks.case import Case, Provenance, load
    from networks.errors import InputError
    from networks.fleet import Fleet
    from networks.flows import DcFlow
    from networks.geography import equalise_resistance, keep_impedances, proportion_to_length
    from networks.grid import Grid
    from networks.named_cases import catalogue, companion_table
    from networks.private_lines import PrivateNetwork, draw_near_lines, draw_random_lines

__all__ = [
    "Case",
    "DcFlow",
    "Fleet",
    "Grid",
    "InputError",
    "PrivateNetwork",
    "Provenance",
    "catalogue",
    "companion_table",
    "draw_near_lines",
    "draw_random_lines",
    "equalise_resistance",
    "keep_impedances",
    "load",
    "proportion_to_length",
]

_ROOMS = {
    "Case": "case",
    "DcFlow": "flows",
    "Fleet": "fleet",
    "Grid": "grid",
    "InputError": "errors",
    "PrivateNetwork": "private_lines",
    "Provenance": "case",
    "catalogue": "named_cases",
    "companion_table": "named_cases",
    "draw_near_lines": "private_lines",
    "draw_random_lines": "private_lines",
    "equalise_resistance": "geography",
    "keep_impedances": "geography",
    "load": "case",
    "proportion_to_length": "geography",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return getattr(import_module(f"networks.{_ROOMS[name]}"), name)
    raise AttributeError(f"module 'networks' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

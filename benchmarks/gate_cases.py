"""The cases of the gate: how a case is named and found, and what of a cleared market is compared.

A case is a function without arguments that returns its outputs by name. A name that a package does not export is
looked for in the package's sources, so that the same cases run on both sides of a move.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from gate_digest import digest_parts

Outputs = Mapping[str, Any]
Cases = dict[str, Callable[[], Outputs]]
ROOT = Path(__file__).parents[1]  # inputs are those of the script's own checkout


class Missing(Exception):
    """A public name is nowhere in a package: the gate has to learn its new one."""


@cache
def public(package: str, name: str) -> Any:
    """`package.name`, wherever in the package it is defined.

    Raises
    ------
    Missing
        no module of the package defines it.
    """
    top = import_module(package)
    if name in getattr(top, "__all__", ()):
        return getattr(top, name)
    assert top.__file__ is not None
    folder = Path(top.__file__).parent
    defined = re.compile(rf"^(?:class|def) {name}\b|^{name}(?:: .*)? = ", re.MULTILINE)
    for path in sorted(folder.rglob("*.py")):
        if defined.search(path.read_text(encoding="utf-8")):
            parts = path.relative_to(folder).with_suffix("").parts
            return getattr(import_module(".".join((package, *(p for p in parts if p != "__init__")))), name)
    raise Missing(f"{package} defines no {name!r}; name what it became in benchmarks/gate_*.py")


@cache
def built_in(name: str) -> Any:
    """A built-in case, read once."""
    import networks

    return networks.load(name)


def all_cases() -> Cases:
    """Every case by name, in the order in which they run."""
    import gate_batches
    import gate_commands
    import gate_equilibria
    import gate_learning
    import gate_markets
    import gate_nodal

    rooms = (gate_nodal, gate_batches, gate_markets, gate_commands, gate_learning, gate_equilibria)
    found: Cases = {}
    for room in rooms:
        for name, case in room.cases().items():
            if name in found:
                raise ValueError(f"two cases are named {name!r}; give each a name of its own")
            found[name] = case
    return found


def run(cases: Cases, wanted: Iterable[str] = ()) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Digests by case and part, and what went wrong by case.

    Parameters
    ----------
    wanted : beginnings of names; all cases by default.
    """
    beginnings = tuple(wanted)
    digests: dict[str, dict[str, str]] = {}
    failed: dict[str, str] = {}
    for name, case in cases.items():
        if beginnings and not name.startswith(beginnings):
            continue
        try:
            digests[name] = digest_parts(case())
        except Exception as error:  # noqa: BLE001 - one broken case must not hide what the others say
            failed[name] = f"{type(error).__name__}: {error}"
    return digests, failed


def refusal(work: Callable[[], object]) -> dict[str, str]:
    """Type and text of the error that `work` must raise.

    Raises
    ------
    AssertionError
        it raises none.
    """
    from clearing import ClearingError, InputError

    try:
        work()
    except (ClearingError, InputError) as error:
        return {"error": type(error).__name__, "text": str(error)}
    raise AssertionError("an error was expected, and none came")


def proof(certificate: Any) -> dict[str, Any]:
    """A certificate: its verdict, its rows and its sentence."""
    return {
        "holds": certificate.holds,
        "rows": sorted(certificate.residuals),
        "residuals": dict(certificate.residuals),
        "tolerances": tuple(sorted(certificate.tolerances.items())),
        "text": str(certificate),
    }


def nodal(outcome: Any) -> dict[str, Any]:
    """A nodal outcome: numbers, tables, words and proof."""
    low, high = outcome.intervals
    return {
        "status": outcome.status,
        "welfare": outcome.welfare,
        "cost": outcome.cost,
        "mw": outcome.accepted_mw,
        "lmp": outcome.lmp,
        "low": low,
        "high": high,
        "energy": outcome.energy,
        "flow": outcome.flow_mw,
        "link": outcome.link_mw,
        "flow_dual": outcome.flow_dual,
        "ramp_dual": outcome.ramp_dual,
        "unique": outcome.unique_prices,
        "solver": outcome.solver,
        "notes": outcome.notes,
        "accepted": outcome.accepted,
        "prices": outcome.prices,
        "flows": outcome.flows,
        "links": outcome.links,
        "binding": outcome.binding,
        "certificate": proof(outcome.certificate),
    }


def settled(settlement: Any) -> dict[str, Any]:
    """A settlement of a nodal outcome."""
    frames = (
        "summary",
        "payments",
        "totals",
        "orders",
        "redispatch",
        "fixed",
        "rents",
        "link_rents",
        "uplifts",
    )
    return {name: getattr(settlement, name) for name in frames} | {
        "identities": tuple(sorted(settlement.identities.items())),
        "notes": settlement.notes,
    }


def attributes(found: Any, *names: str) -> dict[str, Any]:
    """Public attributes of a result by name."""
    return {name: getattr(found, name) for name in names}

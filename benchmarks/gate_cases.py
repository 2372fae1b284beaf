"""The cases of the gate: how a case is named and found, and what of a cleared market is compared.

A case is a function without arguments that returns its outputs by name. A name that a package does not export
is looked for in its sources, then in those of the packages to its right, so that the same cases run on both
sides of a move.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from gate_digest import digest, digest_parts

Outputs = Mapping[str, Any]
Cases = dict[str, Callable[[], Outputs]]
PACKAGES = ("networks", "clearing", "learners", "studies")
SHOWN = 6  # parts of a case that are named one by one
ROOT = Path(__file__).parents[1]  # inputs are those of the script's own checkout


class Missing(Exception):
    """A public name is nowhere in a package: the gate has to learn its new one."""


@cache
def public(package: str, name: str) -> Any:
    """`package.name`, wherever it is defined in the package or in one to its right.

    Raises
    ------
    Missing
        none of their modules defines it.
    """
    defined = re.compile(rf"^(?:class|def) {name}\b", re.MULTILINE)
    for place in PACKAGES[PACKAGES.index(package) :]:
        top = import_module(place)
        if name in getattr(top, "__all__", ()):
            return getattr(top, name)
        assert top.__file__ is not None
        folder = Path(top.__file__).parent
        for path in sorted(folder.rglob("*.py")):
            if defined.search(path.read_text(encoding="utf-8")):
                parts = path.relative_to(folder).with_suffix("").parts
                module = ".".join((place, *(part for part in parts if part != "__init__")))
                return getattr(import_module(module), name)
    raise Missing(f"{package} defines no {name!r}; say in benchmarks/gate_*.py what it became")


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
    import gate_trading

    rooms = (
        gate_nodal,
        gate_batches,
        gate_markets,
        gate_trading,
        gate_learning,
        gate_equilibria,
        gate_commands,
    )
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
        except Exception as error:  # one broken case must not hide what the others say
            failed[name] = f"{type(error).__name__}: {error}"
    return digests, failed


def total(parts: Mapping[str, str]) -> str:
    """One digest of all parts of a case."""
    return digest(sorted(parts.items()))


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """A line per case that is not equal, or failed, on two sides; each side has "cases" and "failed"."""
    lines = []
    names = dict.fromkeys([*here["cases"], *here["failed"], *there["cases"], *there["failed"]])
    for name in names:
        mine, other = here["cases"].get(name), there["cases"].get(name)
        if mine is not None and mine == other:
            continue
        failed = [
            f"{side} {f['failed'][name]}"
            for side, f in (("here", here), ("there", there))
            if name in f["failed"]
        ]
        if mine is None or other is None:
            lines.append(f"{name}: {'; '.join(failed) or 'only on one side'}")
            continue
        parts = [part for part in {**mine, **other} if mine.get(part) != other.get(part)]
        more = f" and {len(parts) - SHOWN} more of {len(mine)}" if len(parts) > SHOWN else f" of {len(mine)}"
        lines.append(f"{name}: {', '.join(parts[:SHOWN])}{more}")
    return lines


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

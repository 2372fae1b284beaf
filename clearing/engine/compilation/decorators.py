"""How the engine's functions are compiled: once each, without the global interpreter lock, cached."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from clearing.compilation import digest_of, renew_with
from clearing.engine.compilation.no_unroll import Rolled
from clearing.tolerances import TIE_WIDTH

PACKAGE, FOLDER = "clearing.engine.", Path(__file__).parents[1]

_COMMON: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "pipeline_class": Rolled,
}
_INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_ORDERED = {"contract", "nsz"}
_SUMS = {"contract", "nsz", "reassoc"}
_FINITE = {"contract", "nsz", "reassoc", "nnan"}


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """Compiled, kept on disk, and renewed with any source of the engine that it depends on."""
    module = function.__module__
    return renew_with(lambda: _sources(module), njit(**_COMMON, **options)(function))


@cache
def _sources(module: str) -> str:
    """A digest of what the code of a module depends on; of a module elsewhere, on all of the engine."""
    if not module.startswith(PACKAGE):
        return f"{digest_of(FOLDER)} {TIE_WIDTH}"
    digest = sha256(str(TIE_WIDTH).encode())
    for part in dependencies(module):
        digest.update(part.encode() + b"\0" + _file(part).read_bytes())
    return digest.hexdigest()[:16]


def dependencies(module: str) -> list[str]:
    """Files of the engine whose code is linked into that of a module: itself and what it imports, however
    far.

    What is called by address (see `by_address`) is not among them: it is compiled by itself.
    """
    parts = [
        module.removeprefix(PACKAGE),
        "memory.store",
    ]  # whose layout makes attributes that nobody imports
    for part in parts:  # grows
        for node in ast.walk(ast.parse(_file(part).read_bytes())):
            if not isinstance(node, ast.ImportFrom) or not f"{node.module}.".startswith(PACKAGE):
                continue
            names = [f"{node.module}.{name.name}".removeprefix(PACKAGE) for name in node.names]
            found = [name if _file(name).exists() else name.rpartition(".")[0] for name in names]
            parts += [name for name in sorted(set(found)) if name not in parts]
    return parts


def _file(part: str) -> Path:
    return FOLDER / f"{part.replace('.', '/')}.py"


def _plain_types(dispatcher: Any) -> Any:
    """Compile for int64 where numba would also compile for each literal integer it meets."""
    resolve = dispatcher.get_call_template

    def get_call_template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        return resolve(tuple(types.unliteral(a) for a in args), kws)

    dispatcher.get_call_template = get_call_template
    return dispatcher


def inner(function: Callable[..., Any]) -> Any:
    """A function that only compiled functions call and that allocates nothing (no reference counts)."""
    return _plain_types(_compile(function, **_INNER, _nrt=False, fastmath=_ORDERED))


def merged(function: Callable[..., Any]) -> Any:
    """An inner function that is short, or has one caller: merged into it, which spares the call."""
    return _plain_types(_compile(function, **_INNER, _nrt=False, forceinline=True, fastmath=_ORDERED))


def allocating(function: Callable[..., Any]) -> Any:
    """The same for the rare functions that need arrays of their own."""
    return _plain_types(_compile(function, **_INNER, _nrt=True, fastmath=_ORDERED))


def summing(function: Callable[..., Any]) -> Any:
    """An inner function whose sums the compiler may order (once, for every caller's data)."""
    return _plain_types(_compile(function, **_INNER, _nrt=False, fastmath=_SUMS))


def reduction(function: Callable[..., Any]) -> Any:
    """The same for maxima and minima of data known to be free of NaN."""
    return _plain_types(_compile(function, **_INNER, _nrt=False, fastmath=_FINITE))


def part(function: Callable[..., Any]) -> Any:
    """A piece of its only caller, split off for the reader: merged before compilation."""
    return _compile(function, inline="always", _nrt=False, fastmath=_ORDERED)


def door(function: Callable[..., Any]) -> Any:
    """A function that Python calls."""
    return _plain_types(_compile(function, _nrt=False, fastmath=_ORDERED))


@intrinsic
def short_loops(context):
    """Keeps the compiler from spreading the loops of the function it stands in over vectors.

    They run over the few rows of a basis: to find out whether their arrays overlap takes longer than they do.
    """

    def generate(context, builder, signature, args):
        builder.function.attributes.add("noimplicitfloat")
        return context.get_dummy_value()

    return types.none(), generate


def _instruction(name: str) -> Any:
    """Two numbers to one by an instruction that the compiler can do to many at a time; NaN is not allowed."""

    @intrinsic
    def apply(context, a, b):
        def generate(context, builder, signature, args):
            kind = ir.DoubleType()
            function = builder.module.declare_intrinsic(name, (kind,), ir.FunctionType(kind, (kind, kind)))
            return builder.call(function, args, fastmath=("nnan", "nsz"))

        return types.float64(types.float64, types.float64), generate

    return apply


lesser = _instruction("llvm.minnum")
greater = _instruction("llvm.maxnum")

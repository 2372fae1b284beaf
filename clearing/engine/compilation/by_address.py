"""Calls by address: compiled functions that are not linked into their callers, and loaded when first called.

numba copies every compiled function into each that calls it, and optimises the copies again at every level.
What is called by address is compiled once, by itself; and what most books never need, as all that belongs to
slopes or ties, only where a round asks for it. The addresses lie in the store. Where one is missing, the call
returns the status LOAD + place instead, as every caller hands on to Python, which loads the function and
resumes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from clearing.engine.memory import store
from clearing.engine.memory.statuses import LOAD

FLOAT, INT, BOOL, STORE = types.float64, types.int64, types.boolean, store.STORE
FLOATS, INTS, MATRIX = (types.Array(kind, n, "C") for kind, n in ((FLOAT, 1), (INT, 1), (FLOAT, 2)))
STATUS, STATUS_ROWS, STATUS_ROWS_RANK = INT, types.UniTuple(INT, 2), types.UniTuple(INT, 3)

_MODULE = "clearing.engine."
_FUNCTIONS: list[tuple[str, str, types.Type, tuple[types.Type, ...]]] = []
_loaded: dict[int, tuple[int, Any]] = {}  # place: address and dispatcher, which keeps the code alive


def _by_address(module: str, name: str, returns: types.Type, *arguments: types.Type) -> Any:
    """What compiled code calls instead of the function: status first in what it returns."""
    place = len(_FUNCTIONS)
    _FUNCTIONS.append((module, name, returns, arguments))

    def declare() -> tuple[Any, Any]:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            if arguments[0] is STORE:
                ints = cgutils.create_struct_proxy(STORE)(context, builder, values[0]).ints
            else:
                ints = context.make_array(INTS)(context, builder, values[1]).data
            address = builder.load(store.entry_of(builder, ints, "addresses", place))
            result = cgutils.alloca_once(builder, context.get_value_type(returns))
            with builder.if_else(cgutils.is_null(builder, address), likely=False) as (missing, present):
                with missing:
                    status = ir.Constant(ir.IntType(64), LOAD + place)
                    kept = context.get_constant_null(returns)
                    if returns is not STATUS:
                        kept = builder.insert_value(kept, status, 0)
                    builder.store(status if returns is STATUS else kept, result)
                with present:
                    convention = context.call_conv
                    kind = convention.get_function_type(returns, arguments).as_pointer()
                    function = builder.inttoptr(address, kind)
                    failed, found = convention.call_function(builder, function, returns, arguments, values)
                    with cgutils.if_unlikely(builder, failed.is_error):
                        convention.return_status_propagate(builder, failed)
                    builder.store(found, result)
            return builder.load(result)

        return returns(*arguments), generate

    names = ", ".join(f"value{k}" for k in range(len(arguments)))  # an intrinsic has a fixed number of them
    scope: dict[str, Any] = {"declare": declare}
    exec(f"def {name}(context, {names}):\n    return declare()", scope)
    return intrinsic(scope[name])


clear_rounds = _by_address(
    "batch", "clear_rounds", STATUS_ROWS,
    FLOATS, INTS, *[MATRIX] * 5, INT, INT, *[MATRIX] * 5, FLOATS, MATRIX,
)  # fmt: skip
clear_round = _by_address("batch", "clear_round", STATUS, STORE, INT, INT, INT, INT)
dual_simplex = _by_address("lp.dual_simplex", "dual_simplex", STATUS, STORE, FLOAT, FLOAT, INT)
find_anchor = _by_address("lp.starting_basis", "find_anchor", STATUS, STORE, FLOAT, FLOAT, FLOAT)
recompute = _by_address(
    "canonical.recompute", "recompute", STATUS_ROWS_RANK, STORE, INT, INT, FLOAT, BOOL, INT, FLOAT, INTS
)
recompute_until_tight = _by_address(
    "canonical.recompute",
    "recompute_until_tight",
    STATUS_ROWS_RANK,
    STORE,
    INT,
    INT,
    FLOAT,
    BOOL,
    INT,
    FLOAT,
    INTS,
)
solve_singular = _by_address("canonical.recompute", "solve_singular", STATUS_ROWS, STORE, INT, INT, BOOL)
settle_freedom = _by_address(
    "proof.dual_freedom", "settle_freedom", STATUS, STORE, INT, INT, INT, INT, FLOAT, INTS
)
choose_duals = _by_address("proof.dual_face", "choose_duals", STATUS, STORE, INT, INT, INT, FLOAT, INTS)
bus_intervals = _by_address(
    "proof.price_intervals", "bus_intervals", STATUS, STORE, INT, INT, FLOAT, FLOATS, FLOATS
)
apply_tie_rule = _by_address(
    "canonical.tie_rule", "apply_tie_rule", STATUS_ROWS, STORE, INT, FLOAT, FLOAT, BOOL
)
share_near_ties = _by_address(
    "canonical.tie_prices", "share_near_ties", STATUS_ROWS_RANK, STORE, INT, INT, FLOAT, FLOAT, INT, FLOAT, INTS
)  # fmt: skip
solve_sloped = _by_address(
    "qp.sloped", "solve_sloped", STATUS_ROWS_RANK, STORE, INT, INT, FLOAT, FLOAT, FLOAT, FLOAT, INT, INTS
)
solve_columns = _by_address(
    "canonical.sloped_columns", "solve_columns", STATUS_ROWS_RANK, STORE, INT, INT, INT, FLOAT, INTS
)


def count() -> int:
    """How many functions are called by address."""
    return len(_FUNCTIONS)


def loaded() -> list[str]:
    """Names of those that this process has loaded."""
    return [_FUNCTIONS[place][1] for place in _loaded]


def load(place: int) -> int:
    """The address of a function, compiled if need be."""
    if place not in _loaded:
        module, name, returns, arguments = _FUNCTIONS[place]
        dispatcher = getattr(import_module(_MODULE + module), name)
        dispatcher.compile(returns(*arguments))
        compiled = dispatcher.overloads[arguments]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        _loaded[place] = address, dispatcher
    return _loaded[place][0]


def fill(addresses: np.ndarray) -> None:
    """Addresses of what this process has loaded, into the field `addresses` of a store."""
    for place, (address, _) in list(_loaded.items()):  # another thread may load one more
        addresses[place] = address

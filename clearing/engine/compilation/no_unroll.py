"""A pipeline of numba whose loops are not unrolled.

For some processors LLVM repeats the body of every short loop eight times. A round runs through a hundred
loops of a few steps each, once: unrolled, their code is larger than what a processor keeps at hand, and a
round waits for its own instructions.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import BaseNativeLowering, NativeLowering


class _Lower(Lower):
    """Tells LLVM of each loop not to unroll it."""

    def post_lower(self) -> None:
        super().post_lower()
        for branch in _ways_back(self.function.blocks):
            branch.set_metadata("llvm.loop", _rolled(self.module))


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(BaseNativeLowering):
    _name = "rolled_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        return _Lower


class Rolled(CompilerBase):
    """numba's own pipeline with that in place of its lowering."""

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state, "rolled")
        manager.passes[:] = [
            (_Lowering if kind is NativeLowering else kind, words) for kind, words in manager.passes
        ]
        manager.finalize()
        return [manager]


def _ways_back(blocks: list[Any]) -> list[Any]:
    """Branches from within a loop to its head, found by walks in depth from the first blocks on."""
    found: list[Any] = []
    met: set[str] = set()
    for first in blocks:  # numba joins the entry to the rest only later
        if first.name in met:
            continue
        met.add(first.name)
        walk = [(first, iter(_targets(first)))]
        within = {first.name}
        while walk:
            block, targets = walk[-1]
            for target in targets:
                if target.name in within:
                    found.append(block.terminator)
                elif target.name not in met:
                    met.add(target.name)
                    within.add(target.name)
                    walk.append((target, iter(_targets(target))))
                    break
            else:
                walk.pop()
                within.discard(block.name)
    return found


def _targets(block: Any) -> list[Any]:
    end = block.terminator
    return [] if end is None else [v for v in end.operands if isinstance(v, ir.Block)]


def _rolled(module: Any) -> Any:
    """A mark for one loop; its first entry is itself, which tells it from the marks of other loops."""
    mark = ir.MDValue(module, [], name=str(len(module.metadata)))
    mark.operands = (mark, module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")]))
    return mark

"""Lowered: a typed kernel with everything that was found out about it, ready to be rendered."""

from __future__ import annotations

from dataclasses import dataclass

from . import ir
from .bounds import Certificate
from .extent import Extent
from .interface import Interface


@dataclass(frozen=True)
class Lowered:
    """One kernel on its way to C."""

    source: ir.Kernel  #: untyped, as parsed
    kernel: ir.Kernel  #: typed
    extent: Extent
    interface: Interface
    certificate: Certificate
    unchecked: bool  #: no index is checked, and none was proved

    @property
    def extent_text(self) -> str:
        """How many work items there are, in words."""
        if self.extent.kind == "lengths":
            return f"the length of {', '.join(self.extent.arrays)}"
        return "given by the caller" if self.extent.expr is None else ir.text(self.extent.expr)

"""The ops of the default runtime: hologram_core.ops.sigmoid, hologram_core.ops["my.op"].

The module is its own namespace: names are found in the default runtime and kept as ordinary
attributes while they mean the same, so that a second look-up costs what any module attribute does. Ops of the default
runtime pickle and copy as their names.
"""

from __future__ import annotations

import copyreg
import sys
import types
from typing import TYPE_CHECKING

from ._native import Op
from .default import default_runtime

if TYPE_CHECKING:
    from ._native import OpFunction


class _OpsModule(types.ModuleType):
    """A module that answers for every op."""

    def __getattr__(self, name: str) -> OpFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        return default_runtime().keep_function(name, self.__dict__)

    def __getitem__(self, name: str) -> OpFunction:
        return default_runtime().op(name).function

    def __contains__(self, name: object) -> bool:
        return name in default_runtime().op_names()

    def __dir__(self) -> list[str]:
        return default_runtime().op_names()


def _find(name: str) -> Op:
    return default_runtime().op(name)


def _reduce(op: Op) -> tuple[object, ...]:
    if op.name not in default_runtime().op_names() or _find(op.name) is not op:
        raise TypeError(f"cannot pickle op {op.name!r}: it belongs to a runtime of its own")
    return _find, (op.name,)


copyreg.pickle(Op, _reduce)  # type: ignore[arg-type]  # the stub wants a tuple of strings
sys.modules[__name__].__class__ = _OpsModule
